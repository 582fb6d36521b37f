"""Data remembers its keys: another installation's are refused, lost ones are not replaced."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from audit.errors import KeyMissing, WrongKey
from audit.signing import Role
from storage.key_binding import BINDING, Signatory, bind, prepare_keys
from storage.key_folder import FINGERPRINT, FolderKeys
from storage.key_making import rotate
from storage.keys import KeyKind, TapKeys

A, B = (TapKeys(name, b"", b"f" * 32) for name in ("aaaa", "bbbb"))
TAP_ONE, TAP_TWO = Signatory(Role.TAP, "t1"), Signatory(Role.TAP, "t2")


def start(keys: Path, data: Path) -> None:
    """Prepare and bind as a start of all parts does."""
    prepare_keys(keys, data)
    held = FolderKeys(keys)
    trusted = held.trusted()
    signatories = [
        Signatory(
            role,
            held.signing(role).key_id,
            frozenset(key.key_id for key in trusted if key.role is role),
        )
        for role in Role
    ]
    bind(data, held.tap(), held.worker().key_ids, signatories)


def test_data_remembers_its_key(tmp_path: Path) -> None:
    """A data folder takes its own key again and refuses another, naming the folder."""
    bind(tmp_path, A)
    bind(tmp_path, A)
    with pytest.raises(WrongKey, match=str(tmp_path)):
        bind(tmp_path, B)
    bind(tmp_path, B, also={"aaaa"})
    bind(tmp_path, B)


def test_a_tap_alone_may_go_on_under_a_rotated_key(tmp_path: Path) -> None:
    """It holds no private key, but knows which public key came before."""
    bind(tmp_path, A)
    bind(tmp_path, replace(B, earlier=frozenset({"aaaa"})))
    assert json.loads((tmp_path / BINDING).read_bytes())["key_ids"] == ["aaaa", "bbbb"]


def test_data_remembers_who_signed_it(tmp_path: Path) -> None:
    """Another signing key is refused unless the one before it is still trusted."""
    bind(tmp_path, A, signatories=[TAP_ONE])
    bind(tmp_path, A)
    with pytest.raises(WrongKey, match="made with the tap's signing key t1, not with t2"):
        bind(tmp_path, A, signatories=[replace(TAP_TWO, trusted=frozenset({"t2"}))])
    bind(tmp_path, A, signatories=[replace(TAP_TWO, trusted=frozenset({"t1", "t2"}))])
    bind(tmp_path, A, signatories=[TAP_TWO, Signatory(Role.WORKER, "w1")])
    bound = json.loads((tmp_path / BINDING).read_bytes())
    assert (bound["tap_ids"], bound["worker_ids"]) == (["t1", "t2"], ["w1"])


def test_data_remembers_its_fingerprint_key(tmp_path: Path) -> None:
    """The same sealing key with another fingerprint key is refused, and no key is written down."""
    bind(tmp_path, A)
    with pytest.raises(WrongKey, match="made with the fingerprint key"):
        bind(tmp_path, replace(A, fingerprint_key=b"g" * 32), also={"aaaa"})
    digest = hashlib.sha256(b"fingerprint" + b"f" * 32).hexdigest()[:16]
    assert json.loads((tmp_path / BINDING).read_bytes()) == {
        "key_ids": ["aaaa"],
        "fingerprint_id": digest,
        "tap_ids": [],
        "worker_ids": [],
    }


def test_a_binding_of_an_earlier_version_is_completed(tmp_path: Path) -> None:
    """Where only the sealing key was remembered, the next start adds the others."""
    (tmp_path / BINDING).write_text('{"key_ids":["aaaa"]}')
    bind(tmp_path, A, signatories=[TAP_ONE])
    with pytest.raises(WrongKey):
        bind(tmp_path, replace(A, fingerprint_key=b"g" * 32))
    with pytest.raises(WrongKey):
        bind(tmp_path, A, signatories=[TAP_TWO])


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"key_ids":[]}', "\udcff"])
def test_a_damaged_binding_is_not_taken_for_a_new_folder(tmp_path: Path, text: str) -> None:
    """Text that names no key stops the start instead of binding the folder anew."""
    (tmp_path / BINDING).write_text(text, errors="surrogateescape")
    with pytest.raises(WrongKey, match="is damaged"):
        bind(tmp_path, A)


def test_no_new_key_is_made_for_data_of_an_old_one(tmp_path: Path) -> None:
    """With its keys folder gone, bound data raises `KeyMissing`; it is not sealed anew."""
    keys, data = tmp_path / "keys", tmp_path / "data"
    start(keys, data)
    for file in keys.iterdir():
        file.unlink()
    with pytest.raises(KeyMissing, match="was made with a key"):
        prepare_keys(keys, data)
    assert not list(keys.iterdir())


@pytest.mark.parametrize("role", list(Role))
def test_a_deleted_signing_key_is_not_replaced(tmp_path: Path, role: Role) -> None:
    """For bound data its absence raises `KeyMissing`; a rotation makes a new one on purpose."""
    keys, data = tmp_path / "keys", tmp_path / "data"
    start(keys, data)
    for file in [keys / f"sign.{role}.current", *keys.glob(f"sign.{role}.*.key")]:
        file.unlink()
    with pytest.raises(KeyMissing, match=f"was made with a {role}'s signing key"):
        prepare_keys(keys, data)
    assert not (keys / f"sign.{role}.current").exists()
    rotate(keys, KeyKind.of(role))
    start(keys, data)


def test_a_deleted_fingerprint_key_is_not_replaced(tmp_path: Path) -> None:
    """For bound data its absence raises `KeyMissing`; for data not bound yet it is made."""
    keys, data = tmp_path / "keys", tmp_path / "data"
    prepare_keys(keys, data)
    (keys / FINGERPRINT).unlink()
    start(keys, data)
    (keys / FINGERPRINT).unlink()
    with pytest.raises(KeyMissing, match="a fingerprint key"):
        prepare_keys(keys, data)
    assert not (keys / FINGERPRINT).exists()


def test_rotated_keys_are_remembered_beside_the_first(tmp_path: Path) -> None:
    """After several rotations a start is accepted and the folder knows every key it was given."""
    keys, data = tmp_path / "keys", tmp_path / "data"
    start(keys, data)
    for kind in KeyKind:
        rotate(keys, kind)
        rotate(keys, kind)
    start(keys, data)
    bound = json.loads((data / BINDING).read_bytes())
    assert [len(bound[name]) for name in ("key_ids", "tap_ids", "worker_ids")] == [2, 2, 2]
    assert bound["key_ids"][-1] == FolderKeys(keys).tap().key_id
