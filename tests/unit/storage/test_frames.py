"""Frames: what is written is read, and what is not a frame is noticed."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from storage.spool.frame import MAX_PAYLOAD, SEAL_BYTES, SEALED, Header, Kind
from storage.spool.packing import Packer
from storage.spool.reader import Damage, Finding, Frame, FrameReader, TornTail, read_frames

Written = tuple[Header, bytes]

NAMES = st.text(max_size=12)
WRITTEN = st.builds(
    lambda header, payload: (header, payload),
    st.builds(
        Header,
        kind=st.sampled_from([int(kind) for kind in Kind]),
        seq=st.integers(0, 2**64 - 1),
        tap=NAMES,
        boot=NAMES,
        id=NAMES,
        part=st.integers(0, 3),
        flags=st.integers(0, 7),
        index=st.integers(0, 2**32 - 1),
        counter=st.integers(0, 2**64 - 1),
    ),
    st.binary(max_size=60) | st.just(b"\xa5SPL\x00 not a frame \xa5SP"),
)
SEVERAL = st.lists(WRITTEN, min_size=1, max_size=5)


class Plain:
    """A `FrameSealer` that hides nothing: what is in a frame stays to be seen."""

    key_id = "none"
    wrapped_key = b""

    def seal_into(
        self,
        counter: int,
        payload: bytes | memoryview,
        header: bytes | memoryview,
        sealed: memoryview,
    ) -> None:
        """Put the payload where it belongs, and sixteen bytes behind it."""
        del counter, header
        sealed[:] = bytes(payload) + b"s" * SEAL_BYTES


def _encode(written: Written) -> bytes:
    """A frame as docs/spool-format.md has it, put together without the code that writes it."""
    header, payload = written
    names = [header.tap.encode(), header.boot.encode(), header.id.encode()]
    numbers = [header.index, len(payload), header.counter, header.seq]
    head = b"\xa5SPL" + bytes([1, header.kind, header.part, header.flags, *map(len, names), 0])
    head += struct.pack(">IIQQ", *numbers) + b"".join(names)
    head += struct.pack(">I", zlib.crc32(payload))
    return head + struct.pack(">I", zlib.crc32(head)) + payload


def _frames(findings: list[Finding]) -> list[tuple[int, bytes]]:
    return [(each.header.seq, each.payload) for each in findings if isinstance(each, Frame)]


@given(SEVERAL)
def test_what_is_written_is_read_back(written: list[Written]) -> None:
    """Every header field and payload comes back, in order, and its raw bytes are the same."""
    raw = [_encode(each) for each in written]
    found = list(read_frames(b"".join(raw)))
    assert [each.raw for each in found if isinstance(each, Frame)] == raw
    assert _frames(found) == [(header.seq, payload) for header, payload in written]


@given(SEVERAL)
def test_frames_are_packed_as_documented(written: list[Written]) -> None:
    """One behind the other, each is byte for byte what the documentation says."""
    for header, payload in written:
        packer = Packer(header.tap, header.boot)
        for times in (1, 2):
            frame = packer.pack(
                Plain(),
                header.counter,
                payload,
                kind=header.kind,
                seq=header.seq,
                record_id=header.id,
                part=header.part,
                flags=header.flags,
                index=header.index,
            )
            sealed = payload + b"s" * SEAL_BYTES if header.flags & SEALED else payload
            assert bytes(frame) == _encode((header, sealed))
            assert bytes(packer.packed()) == bytes(frame) * times


def test_a_packer_takes_the_largest_frame_and_no_name_too_long() -> None:
    """Names of 255 bytes and a payload of 1 MiB fit; a name of 256 bytes is refused."""
    packer = Packer("t" * 255, "b" * 255)
    assert packer.has_room(MAX_PAYLOAD)
    payload = bytes(MAX_PAYLOAD)
    packer.pack(Plain(), 1, payload, kind=Kind.PIECE, record_id="i" * 255, flags=SEALED)
    assert not packer.has_room(MAX_PAYLOAD)
    packer.clear()
    with pytest.raises(ValueError, match="255"):
        packer.pack(Plain(), 2, b"", kind=Kind.PIECE, record_id="i" * 256)
    with pytest.raises(ValueError, match="255"):
        Packer("t" * 256, "b")


@given(SEVERAL, st.integers(2, 255), st.data())
def test_another_format_is_named_and_is_no_torn_tail(
    written: list[Written], number: int, data: st.DataObject
) -> None:
    """Frames of a later version, whatever their layout, are one stretch that names its format."""
    theirs = b"\xa5SPL" + bytes([number]) + data.draw(st.binary(max_size=200)) + bytes(20)
    ours = b"".join(map(_encode, written))
    [alone] = read_frames(theirs)
    assert isinstance(alone, Damage)
    assert (alone.format, alone.size) == (number, len(theirs))
    *frames, behind = read_frames(ours + theirs)
    assert _frames(list(frames)) == [(header.seq, payload) for header, payload in written]
    assert isinstance(behind, Damage)
    assert behind.format == number


@given(WRITTEN, st.integers(0, 255))
def test_an_altered_format_byte_is_damage(written: Written, number: int) -> None:
    """A frame of ours whose format byte was altered is not taken for another version's."""
    assume(b"\xa5SPL" not in written[1])
    raw = bytearray(_encode(written))
    raw[4] = number
    for each in read_frames(bytes(raw)):
        assert number == 1 or (isinstance(each, Damage | TornTail) and _format(each) is None)


def _format(finding: Finding) -> int | None:
    return finding.format if isinstance(finding, Damage) else None


@given(SEVERAL, st.data())
def test_any_split_gives_the_same_findings(written: list[Written], data: st.DataObject) -> None:
    """However damaged bytes are cut into feeds, the same findings come out."""
    whole = bytearray(b"".join(map(_encode, written)))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] ^= data.draw(st.integers(0, 255))
    reader = FrameReader()
    found: list[Finding] = []
    at = 0
    while at < len(whole):
        size = data.draw(st.integers(1, len(whole)))
        found += reader.feed(bytes(whole[at : at + size]))
        at += size
    assert [*found, *reader.finish()] == list(read_frames(bytes(whole)))


@settings(max_examples=300)
@given(SEVERAL, st.data())
def test_a_flipped_bit_is_noticed_and_costs_one_frame(
    written: list[Written], data: st.DataObject
) -> None:
    """A single flipped bit never passes for a frame, and the frames around it survive."""
    raw = [_encode(each) for each in written]
    whole = bytearray(b"".join(raw))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    found = list(read_frames(bytes(whole)))
    hit = next(n for n in range(len(raw)) if at < sum(map(len, raw[: n + 1])))
    intact = [(h.seq, p) for n, (h, p) in enumerate(written) if n != hit]
    assert _frames(found) == intact
    assert any(isinstance(each, Damage | TornTail) for each in found)


@settings(max_examples=300)
@given(SEVERAL, st.data())
def test_a_truncation_is_a_torn_tail(written: list[Written], data: st.DataObject) -> None:
    """Cut anywhere, all frames before the cut survive and the rest is a torn tail."""
    raw = [_encode(each) for each in written]
    whole = b"".join(raw)
    cut = data.draw(st.integers(0, len(whole)))
    found = list(read_frames(whole[:cut]))
    ends = [sum(map(len, raw[: n + 1])) for n in range(len(raw))]
    survivors = sum(end <= cut for end in ends)
    torn = cut - (ends[survivors - 1] if survivors else 0)
    assert len(_frames(found)) == survivors
    tail = [each for each in found if not isinstance(each, Frame)]
    assert [(type(each), each.size) for each in tail] == ([(TornTail, torn)] if torn else [])


@given(SEVERAL, st.integers(1, 5000))
def test_zeros_at_the_end_are_a_torn_tail(written: list[Written], zeros: int) -> None:
    """A file that grew but whose blocks never arrived ends in a torn tail, not in damage."""
    found = list(read_frames(b"".join(map(_encode, written)) + bytes(zeros)))
    assert isinstance(found[-1], TornTail)
    assert len(_frames(found)) == len(written)


@given(st.binary(max_size=300))
def test_every_byte_is_accounted_for(data: bytes) -> None:
    """Whatever the bytes, reading never raises and its findings cover each of them once."""
    at = 0
    for each in read_frames(data):
        assert each.offset == at
        at += each.size
    assert at == len(data)
