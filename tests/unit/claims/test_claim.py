"""Claims: what they say is exact, and nothing else is ever taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.errors import AuditStreamError, EnvelopeDamaged, FormatUnknown
from audit.ids import ExchangeNumber
from audit.value import to_json
from storage.blobs.port import is_blob_name
from storage.queue.claim import (
    CLAIMS,
    MAGIC,
    ClaimedBody,
    claim_for,
    claim_in,
    claim_of,
    claimed_body,
)
from storage.queue.port import Message, MessageKind
from storage.spool.frame import Kind
from storage.spool.ops import Append
from storage.spool.segments import Journal, SegmentHead
from tests.contract.samples import BOOT, a_checkpoint, a_message, number, record_id
from tests.model.faulty_disk import FaultyDisk
from tests.unit.storage.kit import SEALER

names = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)
boots = st.from_regex(r"[0-9a-f]{12}-[0-9a-f]{4}", fullmatch=True)
seqs = st.integers(1, 2**63 - 1)


def a_claim(seq: int = 1, body: bytes = b"a large body") -> Message:
    """A message that carries a claim."""
    message = a_message(seq, body)
    return Message(message.id, message.kind, message.number, claim_for(message).encoded())


@given(st.binary())
def test_a_claim_comes_back_as_it_was(body: bytes) -> None:
    """Name, size and digest survive the message, and the body it was drawn up for meets it."""
    claim = claim_for(a_message(1, body))
    message = a_message(1, claim.encoded())
    assert claim_of(message) == claim
    assert claim.is_met_by(body)


@given(st.binary(), st.binary())
def test_another_body_does_not_meet_a_claim(body: bytes, other: bytes) -> None:
    """Only the very bytes do."""
    assert claim_for(a_message(1, body)).is_met_by(other) is (body == other)


def test_a_claim_is_small() -> None:
    """With the longest names there are it fits into any message."""
    number = ExchangeNumber(tap="t" * 64, boot=BOOT, seq=2**63 - 1)
    claim = claim_for(Message(record_id(1), MessageKind.RECORD, number, b"x"))
    assert len(claim.encoded()) < 300


@given(names, boots, seqs)
def test_a_name_says_whose_body_it_is(tap: str, boot: str, seq: int) -> None:
    """Tap, boot, number and id can be read off the name, which any store of blobs takes."""
    place = ExchangeNumber(tap=tap, boot=boot, seq=seq)
    claim = claim_for(Message(record_id(1), MessageKind.RECORD, place, b"x"))
    assert is_blob_name(claim.name)
    assert claim.name.startswith(CLAIMS)
    assert claimed_body(claim.name) == ClaimedBody(place, record_id(1))


@given(names, boots, st.integers(0, 10**6))
def test_a_checkpoints_name_says_whose_it_is(tap: str, boot: str, index: int) -> None:
    """A checkpoint with very many gaps may be large too; its id comes back from the name."""
    place = ExchangeNumber(tap=tap, boot=boot, seq=0)
    name = f"{tap}/{boot}#{index}"
    claim = claim_for(Message(name, MessageKind.CHECKPOINT, place, b"x"))
    assert is_blob_name(claim.name)
    assert claimed_body(claim.name) == ClaimedBody(place, name)


def test_what_was_sealed_again_has_a_name_of_its_own() -> None:
    """A tap that sends an exchange again, sealed anew, does not claim the first body."""
    assert claim_for(a_message(1, b"one")).name != claim_for(a_message(1, b"two")).name


@given(st.text())
def test_any_other_name_is_nobodys(name: str) -> None:
    """Reading a blob's name never raises; what is no claimed body's is told apart."""
    found = claimed_body(name)
    assert found is None or name.startswith(CLAIMS)


@pytest.mark.parametrize(
    "name",
    [
        "records/2026-11-20/id",
        "claims.tap/boot/1.id",
        "claims.tap/boot/01.id." + "a" * 32,
        "claims.tap/boot/1.id." + "A" * 32,
        "claims.tap/boot/-1.id." + "a" * 32,
        "claims.tap/boot/1.i/d." + "a" * 32,
        "claims./boot/1.id." + "a" * 32,
    ],
)
def test_a_name_that_is_not_ours_is_nobodys(name: str) -> None:
    """What lies beside the claimed bodies is left alone."""
    assert claimed_body(name) is None


@given(st.binary())
def test_any_bytes_are_a_body_or_raise_what_a_worker_understands(body: bytes) -> None:
    """Hostile bytes raise nothing but our own errors."""
    try:
        claim = claim_of(a_message(1, body))
    except AuditStreamError:
        claim = None
    assert claim is None or claim.encoded() == body


@given(st.binary(max_size=80))
def test_any_bytes_behind_the_magic_raise_what_a_worker_understands(rest: bytes) -> None:
    """What begins like a claim is one, or is damaged, or another version's."""
    with pytest.raises((EnvelopeDamaged, FormatUnknown)):
        claim_of(a_message(1, MAGIC + rest))


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_an_altered_claim_is_refused_or_claims_another_body(at: int, flip: int) -> None:
    """No flipped byte makes it claim the same body, or another message's blob."""
    sent = a_claim()
    body = bytearray(sent.body)
    body[at % len(body)] ^= flip
    try:
        claim = claim_of(a_message(1, bytes(body)))
    except AuditStreamError:
        return
    assert claim is None or not claim.is_met_by(b"a large body")


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_cut_claim_is_damaged(cut: int) -> None:
    """However little of it is missing."""
    with pytest.raises(EnvelopeDamaged):
        claim_in(a_claim().body[:-cut])


def test_a_claim_of_another_version_waits_for_whoever_reads_it() -> None:
    """It is set aside as unknown, not as damaged: a later version may carry it."""
    body = bytearray(a_claim().body)
    body[len(MAGIC)] += 1
    with pytest.raises(FormatUnknown):
        claim_in(bytes(body))


@pytest.mark.parametrize("other", [a_message(2), a_message(1, b"")])
def test_a_claim_is_good_for_its_own_message_only(other: Message) -> None:
    """Under another message's id or number it is refused, so that no other's blob is removed."""
    swapped = Message(other.id, other.kind, number(3), a_claim(1).body)
    with pytest.raises(EnvelopeDamaged):
        claim_of(swapped)


@given(st.binary(max_size=100), st.sampled_from([Kind.OPENED, Kind.CLOSED]))
@settings(max_examples=20)
def test_a_sealed_envelope_is_never_taken_for_a_claim(payload: bytes, kind: Kind) -> None:
    """An envelope begins with a segment's head, and no frame begins like a claim."""
    disk = FaultyDisk()
    origin = SegmentHead(tap="tap", boot=BOOT, index=0, key_id="", wrapped_key=b"")
    journal = Journal(disk, SEALER, origin, segment_bytes=1 << 20, reserved=9, reserve_ahead=1)
    written = journal.append([Append(kind, payload, 1, "id")])
    assert written is not None
    assert claim_in(disk.read(written.segment.name)) is None


def test_a_checkpoint_is_never_taken_for_a_claim() -> None:
    """It is JSON."""
    assert claim_in(to_json(a_checkpoint(1))) is None
