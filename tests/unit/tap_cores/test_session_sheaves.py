"""A session's records: what belongs to each."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from audit.digest import commitment
from audit.exchange import Ending, Level
from audit.record import Integrity
from audit.sheaf import exchange_of, record_ids, sheaf_json
from audit.value import to_json
from tap.capture import Captured, ChunkTiming
from tap.reassembly import assemble
from tests.harness.frames import Writer
from tests.unit.tap_cores.kit import DIGEST_KEY, SALT, START_NS, opened
from tests.unit.tap_cores.session_kit import (
    REALTIME,
    RESPONSES,
    b64,
    digest,
    media,
    said,
    sheaf,
    switched,
    texts,
)
from tests.unit.tap_cores.session_talk import Event, begins, ends, put_together, says, talk

SECOND = 1_000_000_000


def test_each_response_has_a_record_that_names_its_place() -> None:
    """Ids, numbers and the count agree, and all else of who and where is the session's."""
    records = sheaf(*talk(3))
    assert [each.id for each in records] == list(record_ids(records[0].id, 3))
    assert [(each.tap.record, each.tap.records) for each in records] == [(1, 3), (2, 3), (3, 3)]
    assert {exchange_of(each.id) for each in records} == {records[0].id}
    assert [said(each) for each in records] == [[("user", f"q{n}")] for n in range(3)]
    assert [texts(each.response.outputs[0]) for each in records] == [["a0"], ["a1"], ["a2"]]
    assert [each.usage.total for each in records] == [3, 3, 3]
    first, *others = records
    for other in others:
        assert (other.consumer, other.day, other.identity) == (
            first.consumer,
            first.day,
            first.identity,
        )
        assert other.request.prompt_digest == first.request.prompt_digest


def test_a_session_of_one_response_is_a_record_like_any_other() -> None:
    """Nothing in it says that there could have been more."""
    for rounds in (0, 1):
        (record,) = sheaf(*talk(rounds))
        assert b'"records"' not in to_json(record)
        assert sheaf_json((record,)) == to_json(record)
        assert record.exchange.ending is Ending.TUNNELLED


def test_every_record_states_the_commitment_to_all_of_them() -> None:
    """Whoever has the clear records can check it; one alone gives another."""
    first, *further = sheaf(*talk(3))
    bare = [replace(each, integrity=Integrity()) for each in (first, *further)]
    expected = commitment(bare[0], SALT, DIGEST_KEY, bare[1:])
    assert {each.integrity.commitment for each in (first, *further)} == {expected}
    assert commitment(bare[0], SALT, DIGEST_KEY) != expected
    assert commitment(bare[0], SALT, DIGEST_KEY, bare[:0:-1]) != expected


@pytest.mark.parametrize(
    ("done", "ending", "detail"),
    [
        (ends("r0", "a"), Ending.COMPLETE, None),
        (ends("r0", "a", "cancelled"), Ending.COMPLETE, None),
        (
            ends("r0", "a", "failed", status_details={"error": {"code": "server_error"}}),
            Ending.FAILED,
            "error_event",
        ),
        (
            ends("r0", "a", "incomplete", status_details={"reason": "content_filter"}),
            Ending.FILTERED,
            "output_filtered",
        ),
        (
            {
                "type": "response.done",
                "response": {
                    "id": "r0",
                    "status": "failed",
                    "status_details": {"error": {"code": "content_filter"}},
                },
            },
            Ending.FILTERED,
            "prompt_filtered",
        ),
    ],
    ids=["done", "cancelled", "failed", "cut", "refused"],
)
def test_a_record_ends_as_its_response_did(done: Event, ending: Ending, detail: str | None) -> None:
    """The last one too, where its response failed; else the session's ending is its own."""
    records = sheaf([], [begins("r0"), done, begins("r1"), ends("r1", "b")])
    facts = records[0].exchange
    assert (facts.ending, facts.ending_detail) == (ending, detail)
    assert records[1].exchange.ending is Ending.TUNNELLED
    (alone,) = sheaf([], [begins("r0"), done])
    expected = Ending.TUNNELLED if ending is Ending.COMPLETE else ending
    assert alone.exchange.ending is expected


def test_a_response_that_never_ended_ended_with_its_session() -> None:
    """Whichever of the records it is."""
    cut: Event = {"transport": Ending.UPSTREAM_DISCONNECTED, "detail": "answer_cut"}
    server = [begins("r0"), begins("r1"), ends("r1", "b"), begins("r2")]
    client = Writer(masked=True).events()
    body = Writer().events(*server)
    records = put_together(client, body, **cut)
    assert [each.exchange.ending for each in records] == [
        Ending.UPSTREAM_DISCONNECTED,
        Ending.COMPLETE,
        Ending.UPSTREAM_DISCONNECTED,
    ]


def test_what_belongs_to_no_response_is_the_last_ones() -> None:
    """What was said after it, what nobody understands, and what was wrong of the bytes."""
    client, server = talk(2)
    records = sheaf(
        [*client, says("and then"), {"type": "novelty", "x": 1}],
        [*server, says("and then", "u9"), {"type": "news", "y": 2}, {"type": "error", "error": {}}],
    )
    first, second = records
    assert said(second) == [("user", "q1"), ("user", "and then")]
    assert second.request.messages[-1].role == "unknown"
    assert [each.role for each in first.response.outputs] == ["assistant"]
    assert [each.role for each in second.response.outputs] == ["assistant", "session"]
    assert "news" in json.dumps(json.loads(to_json(second)))
    assert "news" not in json.dumps(json.loads(to_json(first)))


def test_settings_stand_in_each_record_as_they_were_in_force() -> None:
    """An update holds from the response on that began after the server confirmed it."""
    tool = {"type": "function", "name": "find", "parameters": {}}
    updates: list[Event] = [{"instructions": "One.", "voice": "a"}, {"voice": "b", "tools": [tool]}]
    server: list[Event] = [
        {"type": "session.updated", "session": {"instructions": "One."}},
        *talk(2)[1],
        {"type": "session.updated", "session": {"instructions": "One."}},
        begins("r9"),
        ends("r9", "a9"),
    ]
    client = [{"type": "session.update", "session": each} for each in updates]
    records = sheaf(client, server)
    assert [each.request.parameters["session"] for each in records] == [
        {"voice": "a"},
        {"voice": "a"},
        {"voice": "b"},
    ]
    assert [[each.name for each in r.request.tools] for r in records] == [[], [], ["find"]]
    assert [said(each)[0] for each in records] == [("system", "One.")] * 3


def test_an_update_behind_the_last_response_is_told_apart() -> None:
    """It was in force for none of them."""
    client = [{"type": "session.update", "session": {"voice": each}} for each in "ab"]
    updated = {"type": "session.updated", "session": {"voice": "x"}}
    (record,) = sheaf(client, [updated, begins("r0"), ends("r0", "a"), updated])
    assert record.request.parameters == {"session": {"voice": "a"}, "later": {"voice": "b"}}


def test_what_was_set_for_one_response_stands_with_it() -> None:
    """Instructions and input of its own are turns of its record, parameters its parameters."""
    asked = [
        {"type": "response.create", "response": {"instructions": f"Now {n}.", "metadata": {"n": n}}}
        for n in range(2)
    ]
    server = [begins("r0"), ends("r0", "a"), begins("r1"), ends("r1", "b")]
    first, second = sheaf(asked, server)
    assert [said(each) for each in (first, second)] == [
        [("system", "Now 0.")],
        [("system", "Now 1.")],
    ]
    assert [each.request.parameters for each in (first, second)] == [
        {"responses": [{"metadata": {"n": 0}}]},
        {"responses": [{"metadata": {"n": 1}}]},
    ]
    # Where the model spoke unasked as well, nobody can tell which was asked for.
    *others, last = sheaf(asked, [*server, begins("r2"), ends("r2", "c")])
    assert [each.request.parameters for each in others] == [{}, {}]
    assert len(last.request.parameters["responses"]) == 2


def test_sound_and_what_it_cost_stand_where_it_was_said() -> None:
    """Each stretch that the client committed, and the transcription of its item."""
    spoken = [b"\x01\x02", b"\x03\x04"]
    client: list[Event] = []
    server: list[Event] = []
    for n, sound in enumerate(spoken):
        client += [
            {"type": "input_audio_buffer.append", "audio": b64(sound)},
            {"type": "input_audio_buffer.commit"},
        ]
        item = {"id": f"u{n}", "type": "message", "role": "user", "content": []}
        transcript = {
            "type": "conversation.item.input_audio_transcription.completed",
            "item_id": f"u{n}",
            "content_index": 0,
            "transcript": f"said {n}",
            "usage": {"seconds": n + 1},
        }
        server += [
            {"type": "input_audio_buffer.committed", "item_id": f"u{n}"},
            {"type": "conversation.item.added", "item": item},
            begins(f"r{n}"),
            transcript,
            ends(f"r{n}", f"a{n}"),
        ]
    records = sheaf(client, server)
    for n, record in enumerate(records):
        assert ("user", f"said {n}") in said(record)
        assert media(record.request.messages[-1].parts) == [("audio", 2, digest(spoken[n]))]
        assert record.usage.reported["transcriptions"] == [{"seconds": n + 1}]
    # With voice detection at the server there is no telling, and all of it is the last one's.
    unasked = [each for each in client if each["type"] != "input_audio_buffer.commit"]
    first, second = sheaf(unasked, server)
    assert not media(first.request.messages[-1].parts)
    assert [size for _, size, _ in media(second.request.messages[-1].parts)] == [4]


def test_requests_that_cannot_be_told_apart_stand_with_the_first_of_their_lane() -> None:
    """After one that was refused, a lane has fewer responses than requests."""
    client = [{"type": "response.create", "input": text} for text in ("one", "two", "three")]
    server = [
        event
        for name in ("r1", "r2")
        for event in (
            {"type": "response.created", "response": {"id": name}},
            {"type": "response.completed", "response": {"id": name, "status": "completed"}},
        )
    ]
    first, second = sheaf(client, server, path=RESPONSES)
    assert [text for _, text in said(first)] == ["one", "two", "three"]
    assert said(second) == []


def test_a_response_is_timed_by_itself() -> None:
    """From where it began to where it was over, by when the bytes passed."""
    writer = Writer()
    delta = {"type": "response.output_text.delta", "response_id": "r0", "delta": "a"}
    told = [begins("r0"), delta, ends("r0", "a"), {**begins("r1")}]
    chunks = [writer.events(each) for each in told]
    sizes = [0]
    for each in chunks:
        sizes.append(sizes[-1] + len(each))
    marks = tuple((size, START_NS + (n + 1) * SECOND) for n, size in enumerate(sizes[:-1]))
    captured = Captured(
        request_body=b"",
        answer_head=switched(),
        answer_body=b"".join(chunks),
        transport=Ending.TUNNELLED,
        ended_ns=START_NS + 9 * SECOND,
        timing=ChunkTiming(first_ns=START_NS + SECOND, chunks=4, marks=marks),
    )
    opening = opened(REALTIME, method="GET", content_type=None, upgrade="websocket")
    first, second = assemble(opening, captured, digest_key=DIGEST_KEY, salt=SALT)
    assert first.timing.received_at == "2023-11-14T22:13:21.000000Z"
    assert first.timing.last_byte_at == "2023-11-14T22:13:23.000000Z"
    assert (first.timing.ttft_ms, first.timing.duration_ms) == (1000.0, 2000.0)
    assert second.timing.received_at == "2023-11-14T22:13:24.000000Z"
    assert (second.timing.ttft_ms, second.timing.duration_ms) == (None, 5000.0)
    assert (second.timing.last_byte_at, second.timing.chunks) == (None, 0)
    coarse = replace(captured, timing=replace(captured.timing, marks=marks[::2]))
    first, second = assemble(opening, coarse, digest_key=DIGEST_KEY, salt=SALT)
    assert first.timing.received_at <= second.timing.received_at
    unmarked = replace(captured, timing=replace(captured.timing, marks=()))
    for record in assemble(opening, unmarked, digest_key=DIGEST_KEY, salt=SALT):
        assert record.timing.received_at == "2023-11-14T22:13:20.000000Z"
        assert record.timing.duration_ms == 9000.0


def test_at_level_none_each_response_keeps_its_counts() -> None:
    """No word of any of them is in a record; how each went is."""
    asked, answered = Writer(masked=True), Writer()
    client, server = talk(2)
    captured = Captured(
        request_body=asked.events(*client),
        answer_head=switched(),
        answer_body=answered.events(*server),
        transport=Ending.TUNNELLED,
    )
    opening = opened(REALTIME, method="GET", upgrade="websocket", level=Level.NONE)
    records = assemble(opening, captured, digest_key=DIGEST_KEY, salt=SALT)
    assert [each.usage.total for each in records] == [3, 3]
    for each in records:
        assert not each.request.messages
        assert [output.parts for output in each.response.outputs] == [()]
        assert each.response.outputs[0].finish_reason == "completed"
