"""Envelopes: whole, or said to be less; never another exchange's."""

from __future__ import annotations

import random
from zlib import crc32

import pytest

from audit.errors import EnvelopeDamaged, FormatUnknown, KeyMissing, SignatureInvalid
from audit.exchange import Opening
from audit.ids import ExchangeNumber
from audit.value import to_json
from storage.envelope import OpenedRecord, OpenedRemnant, open_envelope
from storage.sealing import HpkeOpener, HpkeSealer
from storage.spool.frame import Kind
from storage.spool.ops import Append
from storage.spool.pieces import piece_number
from storage.spool.port import PieceKind
from storage.spool.reader import Frame, read_frames
from storage.spool.segments import Journal, SegmentHead
from tests.model.faulty_disk import FaultyDisk
from tests.unit.storage.kit import (
    OPENER,
    SEALER,
    SIGNER,
    TRUST,
    an_opening,
    some_keys,
    some_signing_key,
    trust_in,
)

NUMBER = ExchangeNumber(tap="tap", boot="boot", seq=1)


def _segment(*ops: Append, sealer: HpkeSealer = SEALER) -> list[bytes]:
    """The frames of a segment that holds these operations, its head first."""
    disk = FaultyDisk()
    origin = SegmentHead(tap="tap", boot="boot", index=0, key_id="", wrapped_key=b"")
    journal = Journal(disk, sealer, origin, segment_bytes=1 << 30, reserved=99, reserve_ahead=1)
    written = journal.append(ops)
    assert written is not None
    data = disk.read(written.segment.name)
    return [each.raw for each in read_frames(data) if isinstance(each, Frame)]


def _opened(seq: int = 1, record_id: str = "id") -> Append:
    opening: Opening = an_opening(NUMBER, record_id, path="/planted-path")
    return Append(Kind.OPENED, to_json(opening), seq, record_id)


def _piece(index: int, content: bytes) -> Append:
    part = piece_number(PieceKind.ANSWER_BODY)
    return Append(Kind.PIECE, content, 1, "id", part, index)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 70_000, 3 << 20])
@pytest.mark.parametrize("random_content", [True, False])
def test_a_record_of_any_size_comes_back(size: int, random_content: bool) -> None:
    """Compressed or not, in one frame or in several, the record's JSON is the same bytes."""
    record = random.Random(size).randbytes(size) if random_content else b"a" * size
    frames = _segment(Append(Kind.CLOSED, record, 1, "id"))
    assert (len(frames) > 2) == (random_content and size > 1 << 20)
    assert open_envelope(b"".join(frames), OPENER) == OpenedRecord(record)


def test_a_remnant_gives_its_opening_and_its_pieces_in_order() -> None:
    """Pieces come back in the order of their numbers, frames that came twice once."""
    head, opened, one, two = _segment(_opened(), _piece(0, b"one"), _piece(1, b"two"))
    remnant = open_envelope(head + opened + two + one + two, OPENER)
    assert isinstance(remnant, OpenedRemnant)
    assert remnant.opening.target_path == "/planted-path"
    assert {each.kind for each in remnant.pieces} == {PieceKind.ANSWER_BODY}
    assert [each.opened() for each in remnant.pieces] == [b"one", b"two"]
    assert [each.size for each in remnant.pieces] == [3, 3]
    assert remnant.missing == 0


def test_pieces_that_are_gone_are_counted() -> None:
    """A hole in the piece numbers, or a piece that does not open, is missing, and said to be."""
    head, opened, one, four = _segment(_opened(), _piece(0, b"one"), _piece(3, b"four"))
    damaged = bytearray(one)
    damaged[-1] ^= 1
    remnant = open_envelope(head + opened + bytes(damaged) + four, OPENER)
    assert isinstance(remnant, OpenedRemnant)
    assert (len(remnant.pieces), remnant.missing) == (1, 3)


def test_a_record_with_a_missing_frame_is_no_record() -> None:
    """Without all of its frames a record is not given, but its exchange's pieces still are."""
    record = random.Random(1).randbytes(2 << 20)
    frames = _segment(_opened(), Append(Kind.CLOSED, record, 1, "id"))
    assert isinstance(open_envelope(b"".join(frames), OPENER), OpenedRecord)
    assert isinstance(open_envelope(b"".join(frames[:3] + frames[4:]), OPENER), OpenedRemnant)


def test_frames_of_another_exchange_do_not_mix_in() -> None:
    """A piece that belongs to another number is left out, even where its seal is good."""
    head, opened, _, other = _segment(
        _opened(), _opened(2, "other"), Append(Kind.PIECE, b"other's", 2, "other", 3)
    )
    remnant = open_envelope(head + opened + other, OPENER)
    assert isinstance(remnant, OpenedRemnant)
    assert remnant.pieces == []


@pytest.mark.parametrize("body", [b"", b"no envelope at all", bytes(100)])
def test_bytes_that_are_no_envelope_are_damaged(body: bytes) -> None:
    """Nothing to read is `EnvelopeDamaged`, whatever the bytes."""
    with pytest.raises(EnvelopeDamaged):
        open_envelope(body, OPENER)


def test_without_its_segments_key_an_envelope_is_damaged() -> None:
    """An envelope whose first frame is gone cannot be opened, and says so."""
    with pytest.raises(EnvelopeDamaged):
        open_envelope(b"".join(_segment(_opened())[1:]), OPENER)


def test_an_envelope_for_another_key_says_so() -> None:
    """A worker that does not hold the private key gets `KeyMissing`."""
    _, stranger = some_keys()
    with pytest.raises(KeyMissing):
        open_envelope(b"".join(_segment(_opened())), HpkeOpener(stranger, TRUST))


def test_an_envelope_that_a_stranger_sealed_is_refused() -> None:
    """Who has the public key can seal and mend every checksum, but cannot sign as a tap."""
    tap, worker = some_keys()
    forged = b"".join(_segment(_opened(), sealer=HpkeSealer(tap, SIGNER)))
    assert isinstance(open_envelope(forged, HpkeOpener(worker, TRUST)), OpenedRemnant)
    with pytest.raises(SignatureInvalid):
        open_envelope(forged, HpkeOpener(worker, trust_in(some_signing_key())))


def test_an_envelope_shows_nothing_of_what_is_in_it() -> None:
    """Neither the path nor a piece nor the record stands in the clear."""
    frames = _segment(_opened(), _piece(0, b"planted-piece"), Append(Kind.CLOSED, b"planted", 1))
    assert b"planted" not in b"".join(frames)


def test_what_another_version_could_read_is_not_given_up() -> None:
    """A frame that only a later version understands makes no remnant of its exchange."""
    head, opened, closed = _segment(_opened(), Append(Kind.CLOSED, b"record", 1, "id"))
    with pytest.raises(FormatUnknown):
        open_envelope(head + opened + _flagged(closed, 0x10), OPENER)


def test_what_another_key_could_open_is_not_given_up() -> None:
    """An exchange of two segments, of which one was sealed for a key that is not held, waits."""
    strange, _ = some_keys()
    ours, theirs = (
        _segment(_opened(), Append(Kind.CLOSED, b"record", 1, "id"), sealer=sealer)
        for sealer in (SEALER, HpkeSealer(strange, SIGNER))
    )
    with pytest.raises(KeyMissing):
        open_envelope(b"".join([*ours[:2], theirs[0], theirs[2]]), OPENER)
    assert isinstance(open_envelope(b"".join([*ours, theirs[0]]), OPENER), OpenedRecord)


def _flagged(raw: bytes, flag: int) -> bytes:
    """The frame with one more flag, its header's checksum made to agree."""
    (frame,) = (each for each in read_frames(raw) if isinstance(each, Frame))
    flagged, end = bytearray(raw), len(frame.head) + 4
    flagged[7] |= flag
    flagged[end : end + 4] = crc32(flagged[:end]).to_bytes(4, "big")
    return bytes(flagged)
