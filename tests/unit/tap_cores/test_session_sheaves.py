"""A session's records: what belongs to each, and that together they are all of it, once."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import tap.sessions
from audit.digest import commitment
from audit.errors import RecordInvalid
from audit.exchange import Ending, Level
from audit.record import AuditRecord, Integrity
from audit.sheaf import MOST_RECORDS, exchange_of, read_sheaf, record_ids, sheaf_json
from audit.value import to_json
from tap.capture import Captured, ChunkTiming
from tap.reassembly import assemble
from tests.harness.frames import Writer
from tests.harness.work import calls_of
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

Json = Any
Event = dict[str, Json]

SECOND = 1_000_000_000


def says(text: str, name: str | None = None) -> Event:
    """The user's turn, as the client or, with a name, as the server tells it."""
    item: Event = {"type": "message", "role": "user", "content": [{"type": "input_text"}]}
    item["content"][0]["text"] = text
    if name is None:
        return {"type": "conversation.item.create", "item": item}
    return {"type": "conversation.item.added", "item": {**item, "id": name}}


def begins(name: str) -> Event:
    """A response begins."""
    return {"type": "response.created", "response": {"id": name, "status": "in_progress"}}


def ends(name: str, text: str, status: str = "completed", **more: Json) -> Event:
    """A response ends."""
    content = [{"type": "output_text", "text": text}]
    item = {"id": f"of {name}", "type": "message", "role": "assistant", "content": content}
    usage = {"total_tokens": 3, "input_tokens": 2, "output_tokens": 1}
    response = {"id": name, "status": status, "output": [item], "usage": usage, **more}
    return {"type": "response.done", "response": response}


def talk(rounds: int, text: str = "q") -> tuple[list[Event], list[Event]]:
    """So many turns and their answers, from both sides."""
    client: list[Event] = []
    server: list[Event] = []
    for n in range(rounds):
        client += [says(f"{text}{n}"), {"type": "response.create"}]
        server += [says(f"{text}{n}", f"u{n}"), begins(f"r{n}"), ends(f"r{n}", f"a{n}")]
    return client, server


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
    cut: Json = {"transport": Ending.UPSTREAM_DISCONNECTED, "detail": "answer_cut"}
    server = [begins("r0"), begins("r1"), ends("r1", "b"), begins("r2")]
    client = Writer(masked=True).events()
    body = Writer().events(*server)
    records = _records(client, body, **cut)
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


@pytest.mark.parametrize("path", [REALTIME, RESPONSES])
def test_beyond_the_most_records_the_last_one_holds_the_rest(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is flagged, each response is an output of it, and nothing of them is missing."""
    monkeypatch.setattr(tap.sessions, "MOST_RECORDS", 3)
    server = [
        {"type": f"response.{word}", "response": {"id": f"r{n}", "status": "completed"}}
        for n in range(5)
        for word in ("created", "done" if path == REALTIME else "completed")
    ]
    records = sheaf([], server, path=path)
    assert [each.exchange.flags for each in records] == [(), (), ("sheaf_full",)]
    outputs = [each for record in records for each in record.response.outputs]
    assert [each.role for each in outputs] == ["assistant"] * 5 + ["session"]
    assert [each.index for each in records[2].response.outputs] == [0, 1, 2, 3]
    assert records[2].exchange.response_id is None


def test_what_is_repeated_has_a_limit_and_is_never_missing() -> None:
    """Where settings are many times what was said, records beyond it say where they stand."""
    update = {"instructions": "x" * 9000, "voice": "v", "tracing": {"note": "y" * 9000}}
    client = [{"type": "session.update", "session": update}]
    server = [{"type": "session.updated", "session": update}, *talk(40)[1]]
    records = sheaf(client, server)
    flagged = ["settings_earlier" in each.exchange.flags for each in records]
    assert flagged == sorted(flagged)
    assert flagged[0] is False
    assert flagged[-1] is True
    for record, cut in zip(records, flagged, strict=True):
        assert ("session" in record.request.parameters) or cut
        assert ("x" * 9000 in [text for _, text in said(record)]) or cut
    assert sum(len(to_json(each)) for each in records) < 6 * 40_000 + 40 * 2000


def test_sound_makes_no_room_for_repeating() -> None:
    """A long talk is mostly sound, and what redaction reads of it must not grow by that."""
    update = {"instructions": "x" * 20_000}
    sound = {"type": "input_audio_buffer.append", "audio": b64(bytes(1_500_000))}
    client: list[Event] = [{"type": "session.update", "session": update}, sound, sound]
    server = [{"type": "session.updated", "session": update}, *talk(90)[1]]
    records = sheaf(client, server)
    repeated = sum(len(text) for each in records for role, text in said(each) if role == "system")
    assert 500_000 < repeated <= 1024 * 1024 + 20_000


def test_settings_that_change_all_the_time_are_told_once_at_least() -> None:
    """Room or no room, no update is lost."""
    client: list[Event] = []
    server: list[Event] = []
    for n in range(30):
        update = {"tracing": {f"k{n}": f"v{n}" * 2000}}
        client.append({"type": "session.update", "session": update})
        server += [{"type": "session.updated", "session": {}}, begins(f"r{n}"), ends(f"r{n}", "")]
    records = sheaf(client, server)
    for n, record in enumerate(records):
        assert f"k{n}" in record.request.parameters["session"]["tracing"]
    assert sum(len(to_json(each)) for each in records) < 5 * len(json.dumps(client))


def test_twice_the_responses_are_twice_the_work() -> None:
    """However large the settings are that all of them share."""
    update = {"type": "session.update", "session": {"voice": "v" * 5000, "tools": [{}] * 20}}
    updated = {"type": "session.updated", "session": {}}

    def read(rounds: int) -> None:
        client, server = talk(rounds)
        sheaf([update, *client], [updated, *server])

    read(10)
    assert calls_of(lambda: read(200)) <= 2.2 * calls_of(lambda: read(100))


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


events = st.sampled_from(
    [
        says("q", "u"),
        begins("a"),
        begins("b"),
        ends("a", "x"),
        ends("b", "y"),
        {"type": "response.done", "response": {"status": "completed"}},
        {"type": "session.updated", "session": {"instructions": "Now."}},
        {"type": "error", "error": {"code": "e"}},
        {"type": "unheard", "of": 1},
    ]
)
asked_events = st.sampled_from(
    [
        says("q"),
        {"type": "response.create"},
        {"type": "session.update", "session": {"instructions": "Now.", "voice": "v"}},
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(asked_events, max_size=12), st.lists(events, max_size=12), st.integers(0, 400))
def test_any_course_of_events_makes_a_whole_sheaf(
    client: list[Event], server: list[Event], cut: int
) -> None:
    """Wherever it breaks off: ids in order, times that do not go back, and the JSON round trip."""
    asked, answered = Writer(masked=True).events(*client), Writer().events(*server)
    records = _records(asked, answered[: len(answered) - cut] if cut else answered)
    assert [each.id for each in records] == list(record_ids(records[0].id, len(records)))
    assert read_sheaf(sheaf_json(records)) == records
    for earlier, later in pairwise(records):
        assert earlier.timing.received_at <= later.timing.received_at


@pytest.mark.parametrize(
    "broken",
    [
        lambda records: records[:0],
        lambda records: records[:2],
        lambda records: records[1:],
        lambda records: (*records, records[-1]),
        lambda records: (records[0], records[2], records[1]),
        lambda records: (*records[:2], replace(records[2], consumer="other")),
        lambda records: (*records[:2], replace(records[2], integrity=Integrity())),
    ],
    ids=["none", "cut", "headless", "doubled", "swapped", "foreign", "uncommitted"],
)
def test_records_that_do_not_belong_together_are_no_sheaf(broken: Any) -> None:
    """Whoever made such a list made no exchange's record; nothing of it is stored."""
    records: tuple[AuditRecord, ...] = broken(sheaf(*talk(3)))
    listed = b"[" + b",".join(map(to_json, records)) + b"]"
    with pytest.raises(RecordInvalid):
        read_sheaf(listed)


def test_there_is_room_for_an_hour_of_talk() -> None:
    """With an answer every ten seconds, each has a record of its own."""
    assert MOST_RECORDS >= 3600 / 10


def _records(client: bytes, server: bytes, **capture: Json) -> tuple[AuditRecord, ...]:
    values = {"transport": Ending.TUNNELLED, "answer_whole": False, **capture}
    captured = Captured(request_body=client, answer_head=switched(), answer_body=server, **values)
    opening = opened(REALTIME, method="GET", content_type=None, upgrade="websocket")
    return assemble(opening, captured, digest_key=DIGEST_KEY, salt=SALT)
