"""That a session's records are all of it, once: their number, their bounds, any order of events."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import tap.sessions
from audit.errors import RecordInvalid
from audit.record import AuditRecord, Integrity
from audit.sheaf import MOST_RECORDS, read_sheaf, record_ids, sheaf_json
from audit.value import to_json
from tests.harness.frames import Writer
from tests.harness.work import calls_of
from tests.unit.tap_cores.session_kit import (
    REALTIME,
    RESPONSES,
    b64,
    said,
    sheaf,
)
from tests.unit.tap_cores.session_talk import Event, begins, ends, put_together, says, talk


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
    records = put_together(asked, answered[: len(answered) - cut] if cut else answered)
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
