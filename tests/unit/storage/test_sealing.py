"""The seal: only the workers open, and nothing altered is ever given out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import EnvelopeDamaged, KeyMissing, SignatureInvalid
from storage.seal import FrameSealer
from storage.sealing import MAX_SEALED, HpkeOpener, HpkeSealer
from storage.signing import Ed25519Signer
from tests.unit.storage.kit import (
    OPENER,
    SEALER,
    SIGNER,
    TRUST,
    some_keys,
    some_signing_key,
    wrapped,
)


def sealed_by(sealer: FrameSealer, counter: int, payload: bytes, header: bytes) -> bytes:
    """Seal into room of its own."""
    sealed = bytearray(len(payload) + 16)
    sealer.seal_into(counter, payload, header, memoryview(sealed))
    return bytes(sealed)


@given(st.binary(max_size=200), st.binary(max_size=60), st.integers(0, 2**64 - 1))
def test_what_is_sealed_opens_to_the_same(payload: bytes, header: bytes, counter: int) -> None:
    """A payload comes back exactly, sixteen bytes of seal longer while sealed."""
    sealer = SEALER.new_segment()
    sealed = sealed_by(sealer, counter, payload, header)
    opener = OPENER.segment(wrapped(sealer, SEALER))
    assert opener.open(counter, sealed, header) == payload


@given(st.data())
def test_an_altered_frame_does_not_open(data: st.DataObject) -> None:
    """A flipped bit in payload or header, or another counter, is refused."""
    sealer = SEALER.new_segment()
    sealed, header = sealed_by(sealer, 7, b"payload", b"header"), b"header"
    opener = OPENER.segment(wrapped(sealer, SEALER))
    at = data.draw(st.integers(0, len(sealed) + len(header) - 1))
    joined = bytearray(sealed + header)
    joined[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(EnvelopeDamaged):
        opener.open(7, bytes(joined[: len(sealed)]), bytes(joined[len(sealed) :]))
    with pytest.raises(EnvelopeDamaged):
        opener.open(8, sealed, header)


def test_a_nonce_is_never_used_twice() -> None:
    """A counter that does not rise is refused, as is a payload over one mebibyte."""
    sealer = SEALER.new_segment()
    sealed_by(sealer, 1, b"a", b"")
    for counter in (0, 1):
        with pytest.raises(ValueError, match="counter"):
            sealed_by(sealer, counter, b"b", b"")
    with pytest.raises(ValueError, match="1 MiB"):
        sealed_by(sealer, 2, bytes(MAX_SEALED + 1), b"")


def test_another_key_says_that_the_key_is_missing() -> None:
    """A worker without the private key gets `KeyMissing`; a damaged wrapping `EnvelopeDamaged`."""
    stranger, _ = some_keys()
    sealer = HpkeSealer(stranger, SIGNER).new_segment()
    with pytest.raises(KeyMissing):
        OPENER.segment(wrapped(sealer, SEALER))
    mine = wrapped(SEALER.new_segment(), SEALER)
    with pytest.raises(EnvelopeDamaged):
        OPENER.segment(replace(mine, wrapped_key=mine.wrapped_key[:-1] + b"\0"))


def test_a_key_that_no_trusted_tap_vouches_for_opens_nothing() -> None:
    """The public key is no secret: what a stranger sealed for the worker is refused."""
    mine = wrapped(SEALER.new_segment(), SEALER)
    stranger = Ed25519Signer(some_signing_key()).sign(mine.statement)
    for signature in (None, "", stranger):
        with pytest.raises(SignatureInvalid):
            OPENER.segment(replace(mine, signature=signature))
    with pytest.raises(SignatureInvalid):
        OPENER.segment(replace(mine, statement=b"another head"))
    OPENER.segment(mine)
    with pytest.raises(SignatureInvalid):
        OPENER.segment(replace(mine, signature=None))


def test_keys_and_ciphers_do_not_show_themselves() -> None:
    """No `repr` of key material contains key material."""
    tap, worker = some_keys()
    raw = next(iter(worker.private_keys.values()))
    shown = f"{tap!r} {worker!r} {HpkeOpener(worker, TRUST)!r} {SEALER.new_segment()!r}"
    assert repr(raw)[2:-1] not in shown
    assert repr(tap.fingerprint_key)[2:-1] not in shown
