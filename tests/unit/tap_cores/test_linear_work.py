"""The work of reassembly is linear in the bytes, for every reader of the registry.

Counted are steps and memory, not time. Work that is quadratic in C alone would show in neither;
the runs of 100,000 events would then not end before the test run's own limit.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

import pytest

from audit.flags import Flag
from audit.sheaf import MOST_RECORDS
from tap.dialects.keeping import Keeper
from tap.dialects.reading import AnswerReading, ReadsSessions
from tap.encodings import OUTPUT_LIMIT, pieces
from tap.sse import Event, SseDecoder
from tests.harness.dialects import Example, Reader, by_name, every_reader, every_session
from tests.harness.work import memory_of, steps_of
from tests.unit.tap_cores.kit import head, recorded

Json = Any

READERS = [reader for reader in every_reader() if reader.examples("stream")]
EXAMPLES = [(reader, each) for reader in READERS for each in reader.examples("stream")]
NAMES = [f"{reader.name}/{example.name}" for reader, example in EXAMPLES]

# Twice the input may cost a little more than twice the steps: lists and tables grow by leaps.
TWICE = 2.2


def events_of(example: Example) -> list[Event]:
    """The events of a stream, or its lines as such."""
    if example.name.endswith(".lines"):
        return [Event(data=line, type="line") for line in example.data.decode().split("\n")]
    decoder = SseDecoder()
    return [*decoder.feed(example.data), *decoder.finish()]


def read(reader: Reader, events: Iterator[Event]) -> AnswerReading:
    """What the reader's fold makes of these events."""
    fold = reader.dialect.fold()
    for event in events:
        fold.feed(event)
    return fold.reading(Keeper(lambda data: f"{len(data)}"))


def numbered(event: Event, number: int) -> Event:
    """The event with its indexes and ids moved on, as one that speaks of something else."""
    if not event.data.startswith("{"):
        return event
    document = json.loads(event.data)
    _renumber(document, number)
    return Event(data=json.dumps(document), type=event.type)


def _renumber(value: Json, number: int) -> None:
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        name = str(key)
        if name.endswith("index") and isinstance(inner, int):
            value[key] = number
        elif name.endswith("id") and isinstance(inner, str):
            value[key] = f"{inner}-{number}"
        elif isinstance(inner, dict | list):
            _renumber(inner, number)


def _kind(event: Event) -> str:
    """What tells an event of one kind from those of another: its type, or what it holds."""
    if not event.data.startswith("{"):
        return event.type
    document = json.loads(event.data)
    return str(document.get("type") or [*document, *str(document.get("choices"))[:40]])


@pytest.mark.parametrize(("reader", "example"), EXAMPLES, ids=NAMES)
@pytest.mark.parametrize("moved", [False, True], ids=["same", "moved"])
def test_twice_the_events_are_twice_the_work(reader: Reader, example: Example, moved: bool) -> None:
    """Each event of a stream, sent again and again, for the same item or for ever new ones."""
    told = events_of(example)
    for event in {_kind(event): event for event in told}.values():
        many = [numbered(event, i) if moved else event for i in range(200)]
        read(reader, iter([*told, *many]))
        half, whole = ([*told, *many[:count]] for count in (100, 200))
        least = steps_of(lambda: read(reader, iter(half)))  # noqa: B023  # called at once
        most = steps_of(lambda: read(reader, iter(whole)))  # noqa: B023  # called at once
        assert most <= TWICE * least, event.data


@pytest.mark.parametrize("reader", READERS, ids=by_name)
def test_twice_the_streams_are_twice_the_work(reader: Reader) -> None:
    """All events of a format in turns, again and again, cost what each of them costs."""
    told = [each for example in reader.examples("stream") for each in events_of(example)]
    least = steps_of(lambda: read(reader, islice(cycle(told), 400)))
    assert steps_of(lambda: read(reader, islice(cycle(told), 800))) <= TWICE * least


@pytest.mark.parametrize("reader", every_session(), ids=by_name)
@pytest.mark.parametrize("side", ["client", "server"])
@pytest.mark.parametrize("moved", [False, True], ids=["same", "moved"])
def test_twice_the_messages_are_twice_the_work(reader: Reader, side: str, moved: bool) -> None:
    """What either side of a WebSocket says, for the same item or for ever new ones."""
    told = {each: _messages(reader, each) for each in ("client", "server")}
    for message in {_kind(each): each for each in told[side]}.values():
        many = [numbered(message, i) if moved else message for i in range(200)]
        half, whole = ({**told, side: told[side] + many[:count]} for count in (100, 200))
        least = steps_of(lambda: _spoken(reader, half))  # noqa: B023  # called at once
        most = steps_of(lambda: _spoken(reader, whole))  # noqa: B023  # called at once
        assert most <= TWICE * least, message.data


def _messages(reader: Reader, side: str) -> list[Event]:
    (example,) = reader.examples(side)
    return [Event(data=json.dumps(document)) for document in example.documents()]


def _spoken(reader: Reader, told: dict[str, list[Event]]) -> object:
    assert isinstance(reader.dialect, ReadsSessions)
    session = reader.dialect.session()
    for message in told["client"]:
        session.client(message.data)
    for message in told["server"]:
        session.server(message.data)
    return list(session.turns(lambda data: f"{len(data)}", MOST_RECORDS))


@pytest.mark.parametrize("reader", READERS, ids=by_name)
def test_a_hundred_thousand_small_events_are_held_in_proportion(reader: Reader) -> None:
    """All of them are read, and twice the events are held in twice the memory."""
    told = [each for example in reader.examples("stream") for each in events_of(example)]
    many = list(islice(cycle(told), 100_000))
    read(reader, iter(many))
    least = memory_of(lambda: read(reader, iter(many[:3000])))
    assert memory_of(lambda: read(reader, iter(many[:6000]))) <= TWICE * least


@pytest.mark.parametrize("reader", READERS, ids=by_name)
def test_an_event_of_ten_megabytes_is_work_in_proportion(reader: Reader) -> None:
    """Twice the event is twice the steps and twice the memory, from its bytes to its reading."""
    example = reader.examples("stream")[0]
    told = [event for event in events_of(example) if event.data.startswith("{")]
    longest = max(told, key=lambda event: len(event.data))
    half, whole = (_swollen(longest, size) for size in (5_000_000, 10_000_000))
    least = steps_of(lambda: _streamed(reader, half))
    assert steps_of(lambda: _streamed(reader, whole)) <= TWICE * least
    least = memory_of(lambda: _streamed(reader, half))
    assert memory_of(lambda: _streamed(reader, whole)) <= TWICE * least


def _streamed(reader: Reader, data: bytes) -> AnswerReading:
    decoder = SseDecoder()
    fold = reader.dialect.fold()
    for piece in pieces(data):
        for event in decoder.feed(piece):
            fold.feed(event)
    for event in decoder.finish():
        fold.feed(event)
    return fold.reading(Keeper(lambda data: f"{len(data)}"))


def _swollen(event: Event, size: int) -> bytes:
    """The event as bytes, its longest text grown to `size`."""
    document = json.loads(event.data)
    holder, key = max(_texts(document), key=lambda place: len(place[0][place[1]]))
    holder[key] = "word " * (size // 5)
    return f"event: {event.type}\ndata: {json.dumps(document)}\n\n".encode()


def _texts(value: Json) -> Iterator[tuple[Json, Json]]:
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(inner, str):
            yield value, key
        elif isinstance(inner, dict | list):
            yield from _texts(inner)


def test_a_decompression_bomb_stops_at_the_cap() -> None:
    """What would unfold to far more is read up to the limit, and the record says so."""
    notes = (b": " + b"x" * 65_533 + b"\n") * 128
    bomb = gzip.compress(notes, 1) * (2 * OUTPUT_LIMIT // len(notes))
    encoded = head(content_encoding="gzip")
    records: list[Any] = []
    held = memory_of(lambda: records.append(recorded(bomb, answer_head=encoded)))
    assert Flag.DECODED_TOO_LARGE in records[0].exchange.flags
    assert records[0].exchange.truncated
    assert held <= 2 * OUTPUT_LIMIT
