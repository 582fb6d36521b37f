"""Signatures: what a trusted key of the right role signed, word for word, and nothing else."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.certificate import Certificate, Erased
from audit.ledger import Amendment, Checkpoint, LedgerEntry
from audit.record import Integrity
from audit.signing import (
    Role,
    certificate_statement,
    checkpoint_statement,
    entry_statement,
    record_statement,
)
from storage.keys import SigningKey, TrustedKey, encoded_key, signing_key
from storage.records.memory import MemoryLedger
from storage.records.signed_ledger import SigningLedger, signed, signed_certificate, signed_record
from storage.signing import Ed25519Signer, TrustedKeys, signed_checkpoint
from tests.contract.samples import a_checkpoint, a_record, an_entry, number, record_id

# Bytes of RFC 8032, section 7.1, test 1: an empty statement.
RFC_SECRET = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
RFC_PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
RFC_SIGNATURE = bytes.fromhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
    "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
)
S = TypeVar("S", bound=msgspec.Struct)

GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493


def a_key(seed: int) -> SigningKey:
    """A signing key that is the same in every run."""
    return signing_key(encoded_key(bytes([seed]) * 32))


def trusting(**keys: SigningKey) -> TrustedKeys:
    """Trust in one key for each role that is named."""
    return TrustedKeys(
        TrustedKey(Role(role), key.key_id, key.public_key) for role, key in keys.items()
    )


TAP, WORKER = a_key(1), a_key(2)
TRUST = trusting(tap=TAP, worker=WORKER)
CERTIFICATE = Certificate(
    order="o",
    at="2026-11-20T10:00:00.000000Z",
    why="asked for",
    erased=(Erased(id=record_id(1), number=number(1), before="stored"),),
)
INTEGRITY = Integrity(commitment="aa", record_digest="bb", salt="cc")
STATEMENTS = {
    "checkpoint": checkpoint_statement(a_checkpoint(0)),
    "entry": entry_statement(an_entry(1)),
    "record": record_statement(record_id(1), INTEGRITY),
    "certificate": certificate_statement(CERTIFICATE),
}


def test_a_signature_is_that_of_the_rfc() -> None:
    """The key id, a colon, and what RFC 8032 gives for its first test key."""
    key = signing_key(encoded_key(RFC_SECRET))
    assert key.public_key == RFC_PUBLIC
    text = Ed25519Signer(key).sign(b"")
    assert text == f"{key.key_id}:{base64.b64encode(RFC_SIGNATURE).decode()}"
    assert trusting(tap=key).bears_out(Role.TAP, b"", text)


@given(st.binary(max_size=100), st.sampled_from(list(Role)))
def test_what_was_signed_is_borne_out_in_its_role_only(statement: bytes, role: Role) -> None:
    """A tap's key speaks for taps and a worker's for workers, never one for the other."""
    keys = {Role.TAP: TAP, Role.WORKER: WORKER}
    signature = Ed25519Signer(keys[role]).sign(statement)
    assert [each for each in Role if TRUST.bears_out(each, statement, signature)] == [role]


@given(st.binary(min_size=1, max_size=60), st.data())
def test_an_altered_statement_is_not_borne_out(statement: bytes, data: st.DataObject) -> None:
    """Any flipped bit, and anything cut off or added, is refused."""
    signature = Ed25519Signer(TAP).sign(statement)
    altered = bytearray(statement)
    altered[data.draw(st.integers(0, len(altered) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    for other in (bytes(altered), statement[:-1], statement + b"\0"):
        assert not TRUST.bears_out(Role.TAP, other, signature)


@given(st.data())
def test_an_altered_signature_is_not_borne_out(data: st.DataObject) -> None:
    """Not one character of a signature's text can be another, not even a spelling of the same."""
    signature = Ed25519Signer(TAP).sign(b"statement")
    at = data.draw(st.integers(0, len(signature) - 1))
    mark = data.draw(st.characters().filter(lambda each: each != signature[at]))
    assert not TRUST.bears_out(Role.TAP, b"statement", signature[:at] + mark + signature[at + 1 :])


def test_another_spelling_of_the_same_bytes_is_not_borne_out() -> None:
    """Base64's unused bits, spaces, and RFC 8032's s + L would each give a second valid text."""
    signature = Ed25519Signer(TAP).sign(b"statement")
    key_id, _, text = signature.partition(":")
    raw = base64.b64decode(text)
    respelt = text[:-3] + chr(ord(text[-3]) + 1) + "=="
    assert base64.b64decode(respelt) == raw
    scalar = int.from_bytes(raw[32:], "little") + GROUP_ORDER
    shifted = base64.b64encode(raw[:32] + scalar.to_bytes(32, "little")).decode()
    texts = (respelt, shifted, text + "\n", " " + text, text.rstrip("="))
    for each in (*(f"{key_id}:{t}" for t in texts), f"{key_id.upper()}:{text}", text):
        assert not TRUST.bears_out(Role.TAP, b"statement", each)


@given(st.none() | st.text() | st.from_regex(r"[0-9a-f]{16}:[A-Za-z0-9+/]{86}==", fullmatch=True))
def test_text_that_is_no_signature_is_refused_without_an_exception(text: str | None) -> None:
    """Whatever stands where a signature should be, the answer is no."""
    assert not TRUST.bears_out(Role.TAP, b"statement", text)
    named = f"{TAP.key_id}:{(text or '').partition(':')[2]}"
    assert not TRUST.bears_out(Role.TAP, b"statement", named)


def test_a_strangers_key_is_not_believed_whatever_it_calls_itself() -> None:
    """A signature by an unknown key fails under its own id and under a trusted one."""
    signature = Ed25519Signer(a_key(9)).sign(b"statement")
    borrowed = f"{TAP.key_id}:{signature.partition(':')[2]}"
    for each in (signature, borrowed):
        assert not TRUST.bears_out(Role.TAP, b"statement", each)
    assert not TrustedKeys([]).bears_out(Role.TAP, b"statement", signature)


def test_an_old_key_stays_trusted_beside_the_new_one() -> None:
    """Several keys of one role are believed at once, so that a rotation disowns nothing."""
    old, new = a_key(3), a_key(4)
    trust = TrustedKeys(TrustedKey(Role.TAP, key.key_id, key.public_key) for key in (old, new))
    for key in (old, new):
        assert trust.bears_out(Role.TAP, b"statement", Ed25519Signer(key).sign(b"statement"))
    assert (trust.knows(Role.TAP), trust.knows(Role.WORKER)) == (True, False)


@pytest.mark.parametrize("kind", STATEMENTS)
def test_a_signature_of_one_kind_of_statement_serves_no_other(kind: str) -> None:
    """What was signed as a checkpoint cannot be shown for an entry, a record or a certificate."""
    signature = Ed25519Signer(WORKER).sign(STATEMENTS[kind])
    borne_out = [
        other
        for other, statement in STATEMENTS.items()
        if TRUST.bears_out(Role.WORKER, statement, signature)
    ]
    assert borne_out == [kind]


def _entry_changes(entry: LedgerEntry) -> dict[str, object]:
    amendment = Amendment(at="2026", kind="hold", record_digest="cd")
    return {
        "number": number(2),
        "id": record_id(2),
        "state": type(entry.state).ERASED,
        "consumer": "other",
        "day": "2026-01-01",
        "commitment": "cd",
        "record_digest": "cd",
        "amendments": (amendment,),
        "at": "2026",
        "records": 2,
    }


def _checkpoint_changes(checkpoint: Checkpoint) -> dict[str, object]:
    return {
        "tap": "other",
        "boot": "0199f3c0a1b2-0002",
        "index": checkpoint.index + 1,
        "opened": checkpoint.opened - 1,
        "chain": "ff",
        "at": "2026",
        "predecessor": "0199f3c0a1b2-0000",
        "predecessor_opened": 0,
        "predecessor_chain": "ff",
        "unrecorded": ((1, 2, "spool.full"),),
        "final": True,
    }


def test_every_field_of_an_entry_is_covered() -> None:
    """An entry with any one field changed no longer bears its signature out."""
    entry = signed(an_entry(1), Ed25519Signer(WORKER))
    _assert_covered(entry, _entry_changes(entry), entry_statement, Role.WORKER)


def test_every_field_of_a_checkpoint_is_covered() -> None:
    """A checkpoint with any one field changed no longer bears its signature out."""
    checkpoint = signed_checkpoint(a_checkpoint(0), Ed25519Signer(TAP))
    _assert_covered(checkpoint, _checkpoint_changes(checkpoint), checkpoint_statement, Role.TAP)


def test_every_field_of_a_records_integrity_is_covered() -> None:
    """Digest, commitment, salt and the id; the digest stands for the rest of the record."""
    record = signed_record(a_record(1), Ed25519Signer(WORKER))
    changes: dict[str, object] = {"commitment": "ff", "record_digest": "ff", "salt": "ff"}

    def statement(integrity: Integrity) -> bytes:
        return record_statement(record.id, integrity)

    _assert_covered(record.integrity, changes, statement, Role.WORKER)
    moved = record_statement(record_id(2), record.integrity)
    assert not TRUST.bears_out(Role.WORKER, moved, record.integrity.signature)


def test_what_speaks_of_one_record_is_signed_as_before_there_were_several() -> None:
    """Word for word what earlier versions have signed; the number is covered beyond one."""
    assert STATEMENTS["entry"] == (
        b'auditstream ledger entry 1\n{"amendments":[],"at":null,"commitment":null,'
        b'"consumer":null,"day":null,"id":"0199f3c0-a1b2-7000-8000-000000000001",'
        b'"number":{"boot":"0199f3c0a1b2-0001","seq":1,"tap":"tap"},"record_digest":"ab",'
        b'"signature":null,"state":"stored"}'
    )
    assert STATEMENTS["certificate"] == (
        b'auditstream certificate 1\n{"at":"2026-11-20T10:00:00.000000Z","erased":['
        b'{"before":"stored","commitment":null,"id":"0199f3c0-a1b2-7000-8000-000000000001",'
        b'"number":{"boot":"0199f3c0a1b2-0001","seq":1,"tap":"tap"},"record_digest":null}],'
        b'"order":"o","signature":null,"why":"asked for"}'
    )
    several = msgspec.structs.replace(CERTIFICATE.erased[0], records=2)
    certificate = msgspec.structs.replace(CERTIFICATE, erased=(several,))
    assert certificate_statement(certificate) != STATEMENTS["certificate"]


def test_every_field_of_a_certificate_is_covered() -> None:
    """A certificate with any one field changed no longer bears its signature out."""
    certificate = signed_certificate(CERTIFICATE, Ed25519Signer(WORKER))
    changes: dict[str, object] = {"order": "p", "at": "2026", "why": "not asked for", "erased": ()}
    _assert_covered(certificate, changes, certificate_statement, Role.WORKER)


def _assert_covered(
    value: S, changes: dict[str, object], statement: Callable[[S], bytes], role: Role
) -> None:
    """Each field, changed alone, breaks the signature; and no field was forgotten here."""
    assert set(changes) == set(value.__struct_fields__) - {"signature"}
    signature: str = msgspec.structs.asdict(value)["signature"]
    assert TRUST.bears_out(role, statement(value), signature)
    for field, other in changes.items():
        changed = msgspec.structs.replace(value, **{field: other})
        assert not TRUST.bears_out(role, statement(changed), signature), field


async def test_a_signing_ledger_signs_what_is_entered_and_passes_on_the_rest() -> None:
    """Entries are kept with the worker's signature; checkpoints keep that of their tap."""
    kept = MemoryLedger()
    ledger = SigningLedger(kept, Ed25519Signer(WORKER))
    checkpoint = signed_checkpoint(a_checkpoint(0), Ed25519Signer(TAP))
    await ledger.checkpoint(checkpoint)
    assert await ledger.enter(an_entry(1))
    assert not await ledger.enter(an_entry(1))
    entry = await ledger.entry(number(1))
    assert entry is not None
    assert TRUST.bears_out(Role.WORKER, entry_statement(entry), entry.signature)
    assert [each async for each in kept.checkpoints()] == [checkpoint]


def test_signers_and_keys_do_not_show_themselves() -> None:
    """No `repr` of a signing key, a signer or a trust holds key material."""
    shown = f"{TAP!r} {Ed25519Signer(TAP)!r} {TRUST!r}"
    assert repr(TAP.private_key)[2:-1] not in shown
    assert encoded_key(TAP.private_key) not in shown
