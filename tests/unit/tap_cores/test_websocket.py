"""Frames: what a witness makes of one direction's bytes, whatever they are.

The cases are our own.
"""

from __future__ import annotations

import random
import zlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.flags import Flag
from tap.websocket import Close, FrameReader, Message
from tap.websocket_deflate import Inflater, negotiated
from tests.harness.frames import BINARY, CLOSE, CONTINUATION, PING, Writer, close, frame
from tests.harness.work import calls_of, memory_of

Seen = tuple[list[Message], set[Flag], Close | None, bytes]


def inflater(keeps_context: bool | None) -> Inflater | None:
    """The inflater of a direction; None where nothing is compressed."""
    return None if keeps_context is None else Inflater(keeps_context=keeps_context)


def seen(*pieces: bytes, keeps_context: bool | None = None, limit: int = 1 << 26) -> Seen:
    """Everything a reader makes of these pieces."""
    reader = FrameReader(inflater(keeps_context), limit)
    messages = [message for piece in pieces for message in reader.feed(piece)]
    messages += reader.finish()
    return messages, reader.flags, reader.close, reader.unread


def bytewise(data: bytes) -> list[bytes]:
    """Single bytes."""
    return [data[at : at + 1] for at in range(len(data))]


def texts(messages: list[Message]) -> list[str]:
    """Their texts."""
    return [message.data.decode() for message in messages]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
@pytest.mark.parametrize("masked", [False, True])
def test_a_message_of_any_length_is_read(size: int, masked: bool) -> None:
    """Each of the three forms of a length, with and without a mask."""
    text = "é" * (size // 2) + "x" * (size % 2)
    data = Writer(masked=masked).text(text) + close(masked=masked)
    messages, flags, ending, unread = seen(data)
    assert texts(messages) == [text]
    assert (flags, ending, unread) == (set(), Close(code=1000), b"")


def test_fragments_are_joined_around_the_control_frames_between_them() -> None:
    """A ping may stand between two fragments, and is no part of the message."""
    data = Writer(masked=True).text("in three pieces", pieces=3, between=frame(b"?", PING))
    messages, flags, _, _ = seen(data)
    assert (texts(messages), flags) == (["in three pieces"], set())


def test_a_close_frame_gives_its_code_and_reason() -> None:
    """The first one holds; one without a code has none."""
    assert seen(close(4001, "too long"), close(1000))[2] == Close(code=4001, reason="too long")
    assert seen(frame(b"", CLOSE))[2] == Close()
    assert seen(frame(b"\x03", CLOSE))[1] == {Flag.FRAMES_MALFORMED}


@pytest.mark.parametrize("keeps_context", [False, True])
def test_compressed_messages_are_read_with_and_without_context(keeps_context: bool) -> None:
    """Each message may refer to those before it, or stand for itself."""
    writer = Writer(deflate=True, keeps_context=keeps_context)
    far = random.Random(1).randbytes(15_000).hex()
    said = ["the same words again", "the same words again", "", far, far]
    data = b"".join(writer.text(text, pieces=2) for text in said)
    messages, flags, _, _ = seen(data, keeps_context=keeps_context)
    assert (texts(messages), flags) == (said, set())


def test_without_context_a_damaged_message_costs_only_itself() -> None:
    """What was inflated before the break is kept, and the next message begins anew."""
    writer = Writer(deflate=True, keeps_context=False)
    broken = frame(b"\xff\xff\xff\xff", rsv=4)
    messages, flags, _, _ = seen(broken + writer.text("whole"), keeps_context=False)
    assert (texts(messages), flags) == (["", "whole"], {Flag.ENCODING_DAMAGED})


def test_with_context_a_sender_that_begins_anew_behind_the_damage_is_read() -> None:
    """What leans on the lost message cannot be read, and is flagged; what does not, can."""
    broken = frame(b"\xff\xff\xff\xff", rsv=4)
    data = broken + Writer(deflate=True).text("whole")
    messages, flags, _, _ = seen(data, keeps_context=True)
    assert (texts(messages), flags) == (["", "whole"], {Flag.ENCODING_DAMAGED})


def test_a_sender_may_close_its_compression_within_a_message() -> None:
    """RFC 7692 §7.2.3.4: a final block ends a DEFLATE stream, not its context."""
    closing = zlib.compressobj(wbits=-15)
    first = closing.compress(b"a sentence to refer to") + closing.flush(zlib.Z_FINISH) + b"\x00"
    going_on = zlib.compressobj(wbits=-15, zdict=b"a sentence to refer to")
    second = going_on.compress(b"a sentence to refer to!") + going_on.flush(zlib.Z_SYNC_FLUSH)
    data = frame(first, rsv=4) + frame(second[:-4], rsv=4)
    messages, flags, _, _ = seen(data, keeps_context=True)
    assert texts(messages) == ["a sentence to refer to", "a sentence to refer to!"]
    assert flags == set()


def test_streams_that_close_again_and_again_are_given_up() -> None:
    """Each restart costs a window; a message has no use for more than one or two."""
    reader = Inflater(keeps_context=True)
    assert reader.inflate(b"\x03\x00" * 100, 1000) == b""
    assert reader.damaged


@pytest.mark.parametrize(
    ("value", "client", "server"),
    [
        (None, None, None),
        ("x-other; a=1", None, None),
        ("permessage-deflate", True, True),
        ("x-other, Permessage-Deflate; server_no_context_takeover", True, False),
        ("permessage-deflate; client_no_context_takeover; server_max_window_bits=10", False, True),
    ],
)
def test_what_was_negotiated_is_read_from_the_answer(
    value: str | None, client: bool | None, server: bool | None
) -> None:
    """Whether a direction is compressed, and whether it keeps its context."""
    writers = [Writer(deflate=True, keeps_context=bool(keeps)) for keeps in (client, server)]
    for found, keeps, writer in zip(negotiated(value), (client, server), writers, strict=True):
        assert (found is None) is (keeps is None)
        if found is not None:
            said = [found.inflate(writer.packed(b"again"), 100) for _ in range(2)]
            assert said == [b"again", b"again"]
            # The second message refers to the first exactly where context is kept.
            referring = Writer(deflate=True)
            packed = [referring.packed(b"once said, twice heard") for _ in range(2)]
            found.inflate(packed[0], 100)
            again = found.inflate(packed[1], 100)
            assert (again == b"once said, twice heard") is keeps


def test_windows_smaller_than_the_largest_need_no_parameter() -> None:
    """`max_window_bits` tells the sender how far back it may refer; a reader of all reads that."""
    engine = zlib.compressobj(wbits=-9)
    packed = engine.compress(b"small window " * 100) + engine.flush(zlib.Z_SYNC_FLUSH)
    [message], flags, _, _ = seen(frame(packed[:-4], rsv=4), keeps_context=True)
    assert (message.data, flags) == (b"small window " * 100, set())


def test_a_decompression_bomb_stops_at_the_limit() -> None:
    """What would unfold to far more is given up to the limit, flagged, and nothing after it."""
    writer = Writer(deflate=True)
    bomb = writer.text("0" * 50_000_000) + writer.text("after")
    held = memory_of(lambda: seen(bomb, keeps_context=True, limit=100_000))
    assert held < 1_000_000
    [message], flags, _, _ = seen(bomb, keeps_context=True, limit=100_000)
    assert message == Message(data=b"0" * 100_000, unterminated=True)
    assert flags == {Flag.DECODED_TOO_LARGE}


def test_plain_messages_meet_the_same_limit() -> None:
    """The limit is for all messages together, whatever frames they came in."""
    data = frame(b"1234") + frame(b"5678", fin=False) + frame(b"9", CONTINUATION) + frame(b"0")
    messages, flags, _, _ = seen(data, limit=6)
    assert messages == [Message(data=b"1234"), Message(data=b"56", unterminated=True)]
    assert flags == {Flag.DECODED_TOO_LARGE}
    assert seen(frame(b"123456"), limit=6)[1] == set()


def test_a_frame_of_any_announced_size_is_held_by_what_came_of_it() -> None:
    """A length is believed and costs nothing; one that no frame may have ends the reading."""
    [message], flags, _, _ = seen(frame(b"begun", announced=2**63 - 1))
    assert message == Message(data=b"begun", unterminated=True)
    assert flags == {Flag.UNTERMINATED_FINAL_EVENT}
    huge = frame(b"begun", announced=2**63)
    messages, flags, _, unread = seen(frame(b"before"), huge)
    assert (texts(messages), flags) == (["before"], {Flag.FRAMES_MALFORMED})
    assert unread == huge


@pytest.mark.parametrize(
    "bad",
    [
        frame(b"", 0x3),
        frame(b"", 0xB),
        frame(b"", PING, fin=False),
        frame(b"x" * 126, PING),
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
)
def test_behind_what_is_no_frame_nothing_is_guessed(bad: bytes) -> None:
    """Where the next frame begins is not known: the rest is kept apart, and the flag says so."""
    opened = frame(b"open", fin=False)
    messages, flags, _, unread = seen(opened + bad + frame(b"after"))
    assert messages == [Message(data=b"open", unterminated=True)]
    assert flags == {Flag.FRAMES_MALFORMED}
    assert unread == bad + frame(b"after")


def test_what_an_endpoint_would_not_allow_is_read_all_the_same() -> None:
    """A continuation of nothing, a message within a message, one after the close: all are kept."""
    orphan = seen(frame(b"tail", CONTINUATION))
    assert (texts(orphan[0]), orphan[1]) == (["tail"], {Flag.FRAMES_MALFORMED})
    nested = seen(frame(b"one", fin=False) + frame(b"two"))
    assert nested[0] == [Message(data=b"one", unterminated=True), Message(data=b"two")]
    assert nested[1] == {Flag.FRAMES_MALFORMED}
    late = seen(close() + frame(b"late"))
    assert (texts(late[0]), late[1]) == (["late"], {Flag.FRAMES_MALFORMED})


@pytest.mark.parametrize("rsv", [1, 2, 4, 7])
def test_an_extension_that_nobody_agreed_upon_makes_no_text(rsv: int) -> None:
    """What it did to the payload is not known, so the payload is bytes."""
    [message], flags, _, _ = seen(frame(b"text?", rsv=rsv))
    assert message == Message(data=b"text?", binary=True)
    assert flags == {Flag.FRAMES_MALFORMED}


def test_binary_messages_are_told_apart() -> None:
    """Their frames call them so."""
    [message], _, _, _ = seen(frame(b"\x00", BINARY, fin=False) + frame(b"\x01", CONTINUATION))
    assert message == Message(data=b"\x00\x01", binary=True)


def _conversation(writer: Writer) -> bytes:
    said = ["hello", "a longer message " * 20, "", "ünïcode", "last"]
    ping = frame(b"still there?", PING, masked=writer.masked)
    return b"".join(writer.text(text, pieces=3, between=ping) for text in said)


DIRECTIONS = {
    "plain": (_conversation(Writer()), None),
    "masked": (_conversation(Writer(masked=True)), None),
    "deflated": (_conversation(Writer(masked=True, deflate=True)), True),
    "fresh": (_conversation(Writer(deflate=True, keeps_context=False)), False),
}


@pytest.mark.parametrize("name", DIRECTIONS)
def test_how_bytes_are_cut_changes_nothing(name: str) -> None:
    """Byte by byte as in one piece, and so for each way in which the bytes may break off."""
    data, keeps = DIRECTIONS[name]
    for end in range(len(data) + 1):
        part = data[:end]
        assert seen(*bytewise(part), keeps_context=keeps) == seen(part, keeps_context=keeps)


@pytest.mark.parametrize("name", DIRECTIONS)
def test_a_break_anywhere_is_told_and_loses_nothing_before_it(name: str) -> None:
    """The messages before the break are whole; inside a message, its beginning is given too."""
    data, keeps = DIRECTIONS[name]
    whole = seen(data, keeps_context=keeps)[0]
    for end in range(len(data)):
        messages, flags, _, _ = seen(data[:end], keeps_context=keeps)
        ended = [message for message in messages if not message.unterminated]
        assert ended == whole[: len(ended)]
        assert len(messages) - len(ended) <= 1
        if len(ended) < len(whole) and messages != ended:
            assert Flag.UNTERMINATED_FINAL_EVENT in flags


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_hostile_bytes_never_raise_and_read_the_same_however_they_are_cut(
    data: st.DataObject,
) -> None:
    """Random bytes, and frames with random damage, in random pieces and with any limit."""
    name = data.draw(st.sampled_from(sorted(DIRECTIONS)))
    base, keeps = DIRECTIONS[name]
    raw = bytearray(data.draw(st.one_of(st.just(base), st.binary(max_size=300))))
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)))):
        if raw:
            raw[at % len(raw)] = value
    body = bytes(raw)
    limit = data.draw(st.sampled_from((0, 1, 7, 100, 1 << 20)))
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=6))
    pieces = [body[a:b] for a, b in pairwise(sorted({0, *cuts, len(body)}))]
    whole = seen(body, keeps_context=keeps, limit=limit)
    assert seen(*pieces, keeps_context=keeps, limit=limit) == whole
    assert sum(len(message.data) for message in whole[0]) <= limit


@pytest.mark.parametrize("deflate", [False, True])
def test_twice_the_messages_are_twice_the_work(deflate: bool) -> None:
    """Calls and memory grow with the bytes, in small frames and in one large message."""
    chance = random.Random(7)
    words = [f"{chance.random()} words" for _ in range(2000)]
    writers = [Writer(masked=True, deflate=deflate) for _ in range(4)]
    half, whole = (b"".join(map(writers[n].text, words[: 1000 * (n + 1)])) for n in range(2))
    keeps = True if deflate else None
    reads = [lambda data=data: seen(data, keeps_context=keeps) for data in (half, whole)]
    assert calls_of(reads[1]) <= 2.2 * calls_of(reads[0])
    large, larger = (writers[n + 2].text("y" * 2_000_000 * (n + 1), pieces=50) for n in range(2))
    big = [lambda data=data: seen(data, keeps_context=keeps) for data in (large, larger)]
    assert memory_of(big[1]) <= 2.2 * memory_of(big[0]) + 100_000


def test_single_bytes_of_a_large_frame_are_linear_work() -> None:
    """What is waiting is never joined before its end."""
    data = frame(b"z" * 40_000, masked=True)
    half = frame(b"z" * 20_000, masked=True)
    for body in (half, data):
        seen(*bytewise(body))
    assert calls_of(lambda: seen(*bytewise(data))) <= 2.2 * calls_of(lambda: seen(*bytewise(half)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=8), st.booleans(), st.booleans(), st.data())
def test_where_a_message_ended_is_told_however_the_bytes_came(
    told: list[str], masked: bool, packed: bool, data: st.DataObject
) -> None:
    """In bytes from the beginning; what a message's frames weigh is between two such places."""
    writer = Writer(masked=masked, deflate=packed)
    frames = [writer.text(text, pieces=1 + len(text) % 3) for text in told]
    ends = [sum(map(len, frames[: at + 1])) for at in range(len(frames))]
    whole = b"".join(frames) + frame(b"?", PING)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=12)))
    reader = FrameReader(inflater(True if packed else None))
    found: list[int] = []
    for start, end in pairwise([0, *cuts, len(whole)]):
        given_ = reader.feed(whole[start:end])
        assert len(given_) == len(reader.ends)
        found += reader.ends
    assert reader.finish() == []
    assert found == ends
