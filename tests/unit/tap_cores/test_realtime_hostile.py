"""Realtime sessions of any shape: nothing raises, and the work stays in proportion."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.parts import Text
from audit.record import AuditRecord
from tap.bodies import TooLargeError
from tap.capture import Captured
from tap.reassembly import assemble_steps
from tests.harness.frames import Writer
from tests.harness.work import calls_of, memory_of
from tests.unit.tap_cores.kit import DIGEST_KEY, SALT, opened
from tests.unit.tap_cores.realtime_kit import (
    USAGE,
    Event,
    Json,
    added,
    answer,
    begun,
    create,
    delta,
    done,
    spoken,
    user,
)
from tests.unit.tap_cores.session_kit import (
    REALTIME,
    b64,
    raw_session,
    session,
    switched,
)

_SOUND = b64(bytes(90))
CLIENT = [
    {"type": "session.update", "session": {"instructions": "a", "tools": [{"name": "t"}]}},
    create(user("hello")),
    {"type": "response.create", "response": {"instructions": "b", "input": [user("c")]}},
    {"type": "input_audio_buffer.append", "audio": _SOUND},
    {"type": "input_audio_buffer.commit"},
]
SERVER = [
    {"type": "session.created", "session": {"id": "s", "model": "m", "instructions": "d"}},
    added(user("hello"), "u1"),
    begun("r1"),
    {
        "type": "response.output_item.added",
        "response_id": "r1",
        "output_index": 0,
        "item": answer(""),
    },
    delta("output_text", "wor"),
    delta("output_audio", _SOUND),
    delta("output_audio_transcript", "ds"),
    delta("function_call_arguments", "{}", item=1),
    spoken("u2"),
    {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": "u2",
        "transcript": "e",
    },
    done("r1", answer("words"), usage=USAGE),
    {"type": "conversation.item.truncated", "item_id": "a1", "audio_end_ms": 1},
    {"type": "error", "error": {"code": "f", "message": "g"}},
    {"type": "novel", "h": "i"},
]
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.sampled_from(["", "x", "\ud800", "r1", "a1", "response.done", "====", _SOUND]),
    st.just([]),
    st.just({}),
    st.just([None, 1, {"type": []}]),
    st.just({"id": {}, "type": 7}),
)


def _damaged(value: Json, chance: random.Random, leaf: Json) -> Json:
    """The value with one of its places replaced."""
    if not isinstance(value, dict | list) or not value or chance.random() < 0.2:
        return leaf
    copy = value.copy()
    key = chance.choice(list(copy)) if isinstance(copy, dict) else chance.randrange(len(copy))
    copy[key] = _damaged(copy[key], chance, leaf)
    return copy


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_events_of_any_shape_never_raise_and_read_the_same_again(data: st.DataObject) -> None:
    """Any order, any value at any place, any number of repetitions."""
    chance = random.Random(data.draw(st.integers(0, 2**32)))
    sides: list[list[Event]] = []
    for events in (CLIENT, SERVER):
        drawn = data.draw(st.lists(st.sampled_from(events), max_size=12))
        sides.append([_damaged(each, chance, data.draw(_LEAVES)) for each in drawn])
    assert session(*sides) == session(*sides)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_prefix_and_any_damage_of_the_bytes_gives_a_record(data: st.DataObject) -> None:
    """A connection may break anywhere, and anything may stand in it."""
    bodies: list[bytes] = []
    for writer, events in ((Writer(masked=True), CLIENT), (Writer(), SERVER)):
        raw = bytearray(writer.events(*events))
        for at in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=3)):
            raw[at] = data.draw(st.integers(0, 255))
        bodies.append(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    assert raw_session(*bodies) == raw_session(*bodies)


@pytest.mark.parametrize("number", range(len(CLIENT) + len(SERVER)))
@pytest.mark.parametrize("moved", [False, True], ids=["same", "moved"])
def test_twice_the_events_are_twice_the_work(number: int, moved: bool) -> None:
    """Each event again and again, of the same response and item or of ever new ones."""
    asked = number < len(CLIENT)
    event = [*CLIENT, *SERVER][number]
    many = [_moved(event, at) if moved else event for at in range(300)]

    def read(count: int) -> AuditRecord:
        more = many[:count]
        return session([*CLIENT, *(more if asked else [])], [*SERVER, *([] if asked else more)])

    read(10)
    assert calls_of(lambda: read(300)) <= 2.2 * calls_of(lambda: read(150))


def _moved(value: Json, number: int) -> Json:
    if isinstance(value, list):
        return [_moved(each, number) for each in value]
    if not isinstance(value, dict):
        return value
    moved = {name: _moved(each, number) for name, each in value.items()}
    for name, each in moved.items():
        if name.endswith("id") and isinstance(each, str):
            moved[name] = f"{each}-{number}"
    return moved


def test_sound_is_held_once_beside_the_bytes_it_came_in() -> None:
    """Hours of it are decoded as they come, and digested without another copy."""
    sound = b64(bytes(3000))
    server = Writer().events(*[delta("output_audio", sound)] * 1000)
    held = memory_of(lambda: raw_session(b"", server))
    assert held < 2 * 3_000_000 + 1_000_000


def test_a_session_too_large_for_the_tap_is_refused_by_its_steps() -> None:
    """What compression hides is found before it is unfolded, and left to the worker."""
    writer = Writer(masked=True, deflate=True)
    body = writer.text(json.dumps(create(user("0" * 1_000_000))))
    capture = Captured(request_body=body, answer_head=switched("permessage-deflate"))
    steps = assemble_steps(
        opened(REALTIME, method="GET", upgrade="websocket"),
        capture,
        digest_key=DIGEST_KEY,
        salt=SALT,
        most=100_000,
    )
    with pytest.raises(TooLargeError):
        list(steps)


def test_text_parts_are_the_only_words_of_a_response() -> None:
    """An empty answer has none."""
    [output, _] = session([], [done("r1", answer(""))]).response.outputs
    assert [part for part in output.parts if isinstance(part, Text)] == []
