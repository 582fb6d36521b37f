"""What a worker signs, and whose word it takes."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from audit.digest import record_digest
from audit.errors import SignatureInvalid
from audit.ledger import Checkpoint
from audit.record import RedactedRecord
from audit.signing import Role, checkpoint_statement, record_statement
from audit.value import from_json, to_json
from storage.keys import TrustedKey, encoded_key, signing_key
from storage.queue.port import Message, MessageKind
from storage.records.signed_ledger import signed_record
from storage.signing import Ed25519Signer, TrustedKeys, signed_checkpoint
from tests.contract.samples import BOOT, a_checkpoint, number, record_id
from tests.unit.workers.parts import Bench, a_remnant, a_sealed_record
from workers.carrier import Carried

TAP, WORKER = (signing_key(encoded_key(bytes([seed]) * 32)) for seed in (1, 2))
TRUST = TrustedKeys(
    TrustedKey(role, key.key_id, key.public_key)
    for role, key in ((Role.TAP, TAP), (Role.WORKER, WORKER))
)


def vouched(checkpoint: Checkpoint) -> bool:
    """Believe what a trusted tap has signed."""
    return TRUST.bears_out(Role.TAP, checkpoint_statement(checkpoint), checkpoint.signature)


def sign_record(record: RedactedRecord) -> RedactedRecord:
    """Sign as the worker."""
    return signed_record(record, Ed25519Signer(WORKER))


def sent(checkpoint: Checkpoint) -> Message:
    """The message that a checkpoint travels in."""
    body = to_json(checkpoint)
    return Message(f"tap/{BOOT}#{checkpoint.index}", MessageKind.CHECKPOINT, number(0), body)


@pytest.mark.parametrize("message", [a_sealed_record(1), a_remnant(1)])
async def test_a_record_is_stored_with_its_signature(message: Message) -> None:
    """Over its id and the digest of what was stored, whichever way it came."""
    bench = Bench(sign_record=sign_record)
    assert await bench.carrier().carry(message) is Carried.STORED
    stored = from_json(bench.records.documents[record_id(1)], RedactedRecord)
    assert stored.integrity.record_digest == record_digest(stored)
    statement = record_statement(stored.id, stored.integrity)
    assert TRUST.bears_out(Role.WORKER, statement, stored.integrity.signature)


def forgeries() -> Iterator[Checkpoint]:
    """Checkpoints that no trusted tap has signed as they are."""
    true = signed_checkpoint(a_checkpoint(0), Ed25519Signer(TAP))
    yield a_checkpoint(0)
    yield msgspec.structs.replace(true, opened=1)
    yield msgspec.structs.replace(true, boot="0199f3c0a1b2-0002")
    yield msgspec.structs.replace(true, signature=true.signature and true.signature[:-2])
    yield signed_checkpoint(a_checkpoint(0), Ed25519Signer(WORKER))


@pytest.mark.parametrize("forged", list(forgeries()))
async def test_a_forged_checkpoint_does_not_take_the_place_of_the_true_one(
    forged: Checkpoint,
) -> None:
    """It is set aside with a code, the ledger stays as it is, and the true one is entered."""
    bench = Bench(vouched=vouched)
    with pytest.raises(SignatureInvalid) as caught:
        await bench.carrier().carry(sent(forged))
    assert caught.value.code == "signature.invalid"
    true = signed_checkpoint(a_checkpoint(0), Ed25519Signer(TAP))
    assert await bench.carrier().carry(sent(true)) is Carried.CHECKPOINT
    assert [each async for each in bench.ledger.checkpoints()] == [true]
