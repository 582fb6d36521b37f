"""A worker that runs through a rotation opens and believes what newer parts seal and sign."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.errors import KeyMissing
from audit.signing import Role
from storage.key_folder import FolderKeys
from storage.key_making import make_keys, rotate
from storage.key_renewal import RenewedOpener, RenewedTrust
from storage.keys import KeyKind, TrustedKey
from storage.sealing import HpkeSealer
from storage.signing import Ed25519Signer
from tests.unit.storage.kit import wrapped


@pytest.fixture
def keys(tmp_path: Path) -> FolderKeys:
    """The keys of a folder that was just made."""
    make_keys(tmp_path)
    return FolderKeys(tmp_path)


def opens(opener: RenewedOpener, keys: FolderKeys) -> bool:
    """Whether a segment that is sealed now can be opened: a wrong key does not unwrap it."""
    sealer = HpkeSealer(keys.tap(), Ed25519Signer(keys.signing(Role.TAP)))
    opener.segment(wrapped(sealer.new_segment(), sealer))
    return True


def test_what_was_sealed_for_a_new_key_is_opened(tmp_path: Path, keys: FolderKeys) -> None:
    """A rotation behind its back costs the worker one more look at the folder."""
    opener = RenewedOpener(keys.worker, RenewedTrust(keys.trusted))
    assert opens(opener, keys)
    rotate(tmp_path, KeyKind.SEAL)
    assert opens(opener, keys)


def test_a_key_that_is_nowhere_is_still_missing(tmp_path: Path, keys: FolderKeys) -> None:
    """Looking again finds no more, or nothing at all, and the answer is that of the port."""
    opener = RenewedOpener(keys.worker, RenewedTrust(keys.trusted))
    make_keys(tmp_path / "strange")
    for _ in range(2):
        with pytest.raises(KeyMissing):
            opens(opener, FolderKeys(tmp_path / "strange"))
        for file in tmp_path.glob("seal.*.key"):
            file.unlink()
    assert opens(opener, keys)


def test_a_signature_by_a_new_key_is_believed(tmp_path: Path, keys: FolderKeys) -> None:
    """As soon as its public half is among the trusted keys; the old one stays believed."""
    trust = RenewedTrust(keys.trusted)
    old = Ed25519Signer(keys.signing(Role.TAP)).sign(b"statement")
    rotate(tmp_path, KeyKind.SIGN_TAP)
    new = Ed25519Signer(keys.signing(Role.TAP)).sign(b"statement")
    assert trust.bears_out(Role.TAP, b"statement", new)
    assert trust.bears_out(Role.TAP, b"statement", old)
    assert not trust.bears_out(Role.WORKER, b"statement", new)


@pytest.mark.parametrize("signature", [None, "", "0123456789abcdef:x"])
def test_what_nobody_signed_is_not_believed_and_raises_nothing(
    tmp_path: Path, keys: FolderKeys, signature: str | None
) -> None:
    """Not even when the keys can no longer be read."""
    trust = RenewedTrust(keys.trusted)
    assert not trust.bears_out(Role.TAP, b"statement", signature)
    next(tmp_path.glob("sign.tap.*.pub")).write_text("no key")
    assert not trust.bears_out(Role.TAP, b"statement", signature)


def test_what_another_thread_has_just_learnt_is_believed(tmp_path: Path, keys: FolderKeys) -> None:
    """Deliveries are opened side by side: the one that finds nothing new any more looks again."""
    answers: list[bool] = []

    def read() -> tuple[TrustedKey, ...]:
        found = keys.trusted()
        if reads.pop():
            answers.append(trust.bears_out(Role.TAP, b"statement", new))
        return found

    reads = [False, True, False]
    trust = RenewedTrust(read)
    rotate(tmp_path, KeyKind.SIGN_TAP)
    new = Ed25519Signer(keys.signing(Role.TAP)).sign(b"statement")
    assert trust.bears_out(Role.TAP, b"statement", new)
    assert answers == [True]
