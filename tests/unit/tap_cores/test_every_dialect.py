"""What holds for every reader of the registry, whoever wrote it and whatever it reads.

A reader that is registered is tested here at once, from the examples in its fixture folder.
"""

from __future__ import annotations

import dataclasses
import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.record import AuditRecord
from audit.sheaf import MOST_RECORDS
from tap.dialects.keeping import Keeper
from tap.dialects.reading import AnswerReading, Body, ReadsSessions
from tap.dialects.registry import route
from tap.sse import SseDecoder
from tap.wire_json import clean_tree
from tests.harness.dialects import (
    FIXTURES,
    Example,
    Reader,
    by_name,
    every_reader,
    every_session,
)
from tests.harness.hostile_json import framed, hostile_documents, odd_documents, written
from tests.unit.tap_cores.kit import head, opened, recorded

Json = Any

READERS = every_reader()
SESSIONS = every_session()
STREAMS = [(reader, each) for reader in READERS for each in reader.examples("stream")]
EVENTS = [(reader, each) for reader, each in STREAMS if each.name.endswith(".sse")]
EVENT_NAMES = [f"{reader.name}/{example.name}" for reader, example in EVENTS]

# The strategies are built from files, which a test cannot know beforehand.
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
few = settings(max_examples=20, suppress_health_check=SLOW)
some = settings(max_examples=25, suppress_health_check=SLOW)

# Of what says that a body was not what its format makes it.
BROKEN = ("unparsed", "malformed", "salvaged", "undecodable", "unterminated", "invalid")


def exchange(reader: Reader, *bodies: Example) -> AuditRecord:
    """The record of an exchange with these bodies."""
    asked = next((each for each in bodies if each.kind == "request"), None)
    answered = next((each for each in bodies if each.kind != "request"), None)
    return recorded(
        answered.data if answered else b"",
        request=asked.data if asked else b"",
        opening=opened(reader.path, content_type=asked.content_type if asked else None),
        answer_head=head(200, answered.content_type if answered else None),
    )


def steadily(reader: Reader, *bodies: Example) -> AuditRecord:
    """The record, after it was made twice and has survived its JSON."""
    record = exchange(reader, *bodies)
    assert exchange(reader, *bodies) == record
    assert msgspec.json.decode(msgspec.json.encode(record), type=AuditRecord) == record
    return record


def reading(reader: Reader, pieces: list[bytes]) -> AnswerReading:
    """What the reader's fold makes of a stream that comes in these pieces."""
    decoder, fold = SseDecoder(), reader.dialect.fold()
    for piece in pieces:
        for event in decoder.feed(piece):
            fold.feed(event)
    for event in decoder.finish():
        fold.feed(event)
    return fold.reading(keeper())


def keeper() -> Keeper:
    """A keeper whose digests tell what was digested."""
    return Keeper(lambda data: f"{len(data)}-{data[:8].hex()}")


def test_every_reader_has_a_folder_of_examples_and_every_folder_a_reader() -> None:
    """A dialect is one line in the registry and one folder here."""
    for reader in READERS:
        assert reader.examples(), f"no examples in {reader.folder}"
        assert route("POST", reader.path, None).dialect is reader.dialect, reader.path
    assert {path.name for path in FIXTURES.iterdir()} == {reader.name for reader in READERS}


@pytest.mark.parametrize("name", sorted({reader.name for reader in READERS}))
def test_every_example_is_understood_by_a_reader_of_its_folder(name: str) -> None:
    """An example gives parts, counts or an error, and no flag says that it was out of shape."""
    readers = [reader for reader in READERS if reader.name == name]
    for example in readers[0].examples():
        assert any(_understood(exchange(reader, example)) for reader in readers), example.name


def _understood(record: AuditRecord) -> bool:
    said = record.request.messages or record.request.parameters or record.request.references
    answered = record.response.outputs or record.response.error or record.safety.prompt
    counted = record.usage.reported
    flags = record.exchange.flags
    return bool(said or answered or counted) and not any(
        word in flag for flag in flags for word in BROKEN
    )


@pytest.mark.parametrize(("reader", "example"), EVENTS, ids=EVENT_NAMES)
def test_how_a_stream_is_cut_and_framed_never_changes_its_record(
    reader: Reader, example: Example
) -> None:
    """Byte by byte, with other line ends, a mark at its start or no blank line, it reads alike."""
    plain = example.data.replace(b"\r\n", b"\n")
    whole = reading(reader, [plain])
    assert reading(reader, [plain[at : at + 1] for at in range(len(plain))]) == whole
    for other in (plain.replace(b"\n", b"\r\n"), plain.replace(b"\n", b"\r"), plain.rstrip()):
        assert reading(reader, [other[at : at + 1] for at in range(len(other))]) == whole
        assert reading(reader, [b"\xef\xbb\xbf", other]) == whole


@pytest.mark.parametrize(("reader", "example"), EVENTS, ids=EVENT_NAMES)
@few
@given(data=st.data())
def test_a_stream_cut_anywhere_reads_like_the_whole(
    reader: Reader, example: Example, data: st.DataObject
) -> None:
    """Where the pieces end is the network's affair."""
    body = example.data
    cuts = data.draw(st.lists(st.integers(1, max(1, len(body) - 1)), max_size=8))
    pieces = [body[a:b] for a, b in pairwise(sorted({0, *cuts, len(body)}))]
    assert reading(reader, pieces) == reading(reader, [body])


@pytest.mark.parametrize(
    ("reader", "example"),
    STREAMS,
    ids=[f"{reader.name}/{example.name}" for reader, example in STREAMS],
)
@few
@given(data=st.data())
def test_any_prefix_of_a_stream_is_read_as_far_as_it_goes(
    reader: Reader, example: Example, data: st.DataObject
) -> None:
    """A stream that breaks off anywhere makes a record, and twice the same."""
    cut = data.draw(st.integers(0, len(example.data)))
    steadily(reader, dataclasses.replace(example, data=example.data[:cut]))


@pytest.mark.parametrize("reader", READERS, ids=by_name)
@some
@given(data=st.data())
def test_flipped_bytes_never_make_a_reader_raise(reader: Reader, data: st.DataObject) -> None:
    """Requests and answers with damaged bytes make a record, and twice the same."""
    example = data.draw(st.sampled_from(reader.examples()))
    body = bytearray(example.data)
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=6)):
        body[at] = data.draw(st.integers(0, 255))
    steadily(reader, dataclasses.replace(example, data=bytes(body)))


@pytest.mark.parametrize("reader", READERS, ids=by_name)
def test_nothing_in_any_place_of_an_example_makes_a_reader_raise(reader: Reader) -> None:
    """Each place of each example holds each odd value once, and what is read can be written."""
    for side, documents in odd_documents(reader):
        body = b"\n".join(b"data: %b\n" % written(document) for document in documents)
        if side == "stream":
            msgspec.json.encode(reading(reader, [body]))
        elif side == "answer":
            msgspec.json.encode(reader.dialect.answer(clean_tree(documents[0]), keeper()))
        else:
            asked = Body(content=written(documents[0]), content_type="application/json")
            msgspec.json.encode(reader.dialect.request(asked, keeper()))


@pytest.mark.parametrize("reader", READERS, ids=by_name)
@some
@given(data=st.data())
def test_no_events_make_a_reader_raise(reader: Reader, data: st.DataObject) -> None:
    """Events of any JSON, of any type, in any order make a record, and twice the same."""
    types = sorted({"", "error", *(t for e in reader.examples("stream") for t in e.event_types())})
    documents = hostile_documents(reader, "stream")
    events = data.draw(st.lists(st.tuples(st.sampled_from(types), documents), max_size=6))
    stream = Example("hostile", "stream", "text/event-stream", framed(events))
    steadily(reader, stream)
    lines = b"\n".join(written(document) for _, document in events)
    steadily(reader, Example("hostile", "stream", "application/x-ndjson", lines))


@pytest.mark.parametrize("reader", READERS, ids=by_name)
@some
@given(data=st.data())
def test_no_json_makes_a_reader_raise(reader: Reader, data: st.DataObject) -> None:
    """Requests and plain answers of any JSON make a record, and twice the same."""
    asked = written(data.draw(hostile_documents(reader, "request")))
    answered = written(data.draw(hostile_documents(reader, "answer")))
    steadily(
        reader,
        Example("hostile", "request", "application/json", asked),
        Example("hostile", "answer", "application/json", answered),
    )


def spoken(reader: Reader, told: list[Json], answered: list[Json]) -> bytes:
    """What is read of a connection on which both sides said this, written as JSON."""
    assert isinstance(reader.dialect, ReadsSessions)
    session = reader.dialect.session()
    for document in told:
        session.client(written(document).decode())
    for document in answered:
        session.server(written(document).decode())
    return msgspec.json.encode(list(session.turns(keeper().digest, MOST_RECORDS)))


@pytest.mark.parametrize("reader", SESSIONS, ids=by_name)
def test_nothing_in_any_place_of_a_message_makes_a_session_raise(reader: Reader) -> None:
    """Each place of what either side said holds each odd value once, and what is read is JSON."""
    said = {side: reader.examples(side)[0].documents() for side in ("client", "server")}
    assert spoken(reader, said["client"], said["server"])
    for side, documents in odd_documents(reader, "client", "server"):
        both = {**said, side: documents}
        spoken(reader, both["client"], both["server"])


@pytest.mark.parametrize("reader", SESSIONS, ids=by_name)
@some
@given(data=st.data())
def test_no_messages_make_a_session_raise(reader: Reader, data: st.DataObject) -> None:
    """Messages of any JSON, on both sides and in any order, are read, and twice the same."""
    documents = hostile_documents(reader, "client", "server")
    told, answered = (data.draw(st.lists(documents, max_size=5)) for _ in ("client", "server"))
    assert spoken(reader, told, answered) == spoken(reader, told, answered)


@pytest.mark.parametrize(("reader", "example"), EVENTS, ids=EVENT_NAMES)
def test_marks_that_are_no_line_ends_do_not_end_an_event(reader: Reader, example: Example) -> None:
    """U+2028, U+0085 and their like belong to their string, and no half character is kept."""
    marked = [_marked(line) for line in example.data.decode().split("\n")]
    record = steadily(reader, dataclasses.replace(example, data="\n".join(marked).encode()))
    assert "invalid_utf8" not in record.exchange.flags
    assert "\\ud83d" not in msgspec.json.encode(record).decode()


def _marked(line: str) -> str:
    """A data line whose strings of several words hold marks and half a character."""
    field, _, text = line.rstrip("\r").partition(":")
    if field != "data" or not text.strip().startswith("{"):
        return line
    document = json.loads(text)
    written = json.dumps(_with_marks(document), ensure_ascii=False)
    return "data: " + written.replace("\ud83d", "\\ud83d")


def _with_marks(value: object) -> object:
    if isinstance(value, str):
        return value.replace(" ", " \u2028\x85\u2029\ud83d") if " " in value else value
    if isinstance(value, dict):
        return {name: _with_marks(inner) for name, inner in value.items()}
    return [_with_marks(inner) for inner in value] if isinstance(value, list) else value
