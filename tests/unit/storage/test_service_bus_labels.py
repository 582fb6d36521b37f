"""The labels on a message: read as they were written, and believed only in their shape."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.ids import ExchangeNumber
from storage.queue.port import Message, MessageKind
from storage.queue.service_bus_labels import (
    Labels,
    SetAsideNote,
    broker_id,
    labels_of,
    note_of,
    note_text,
    replay_id,
)

_PLAIN = re.compile("[!-~]{1,257}")
_NAMES = st.text("abcXYZ019._-", min_size=1, max_size=64)
_LABELS = st.builds(
    Labels,
    id=st.text("abc019-/#.", min_size=1, max_size=128),
    kind=st.sampled_from(MessageKind),
    number=st.builds(ExchangeNumber, tap=_NAMES, boot=_NAMES, seq=st.integers(0, 2**63 - 1)),
    replays=st.integers(0, 1000),
)
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.binary(max_size=80),
    st.text(max_size=80),
)
_KEYS = st.sampled_from(["schema", "id", "kind", "tap", "boot", "seq", "replays"])


def a_label(**changed: str) -> dict[str | bytes, object]:
    """Good labels, as they come from the broker, with some of them changed."""
    number = ExchangeNumber(tap="tap", boot="0199f3c0a1b2-0001", seq=5)
    properties = Labels("an-id", MessageKind.RECORD, number).properties() | changed
    return {str(key).encode(): value.encode() for key, value in properties.items()}


@given(_LABELS)
def test_labels_are_read_as_they_were_written(labels: Labels) -> None:
    """Any that a message of ours can have come back, as texts or as the broker's bytes."""
    properties = labels.properties()
    assert labels_of(dict(properties), 1) == labels
    as_bytes: dict[str | bytes, object] = {
        str(key).encode(): value.encode() for key, value in properties.items()
    }
    assert labels_of(as_bytes, 1) == labels


@given(st.dictionaries(st.one_of(_KEYS, _KEYS.map(str.encode)), _VALUES), st.integers(0, 2**62))
def test_whatever_stands_there_can_be_named(
    properties: dict[str | bytes, object], place: int
) -> None:
    """No properties make reading fail, and names are plain enough to be logged."""
    labels = labels_of(properties, place)
    for name in (labels.id, labels.number.tap, labels.number.boot):
        assert _PLAIN.fullmatch(name)


@pytest.mark.parametrize(
    "changed",
    [
        {"schema": "2"},
        {"id": "planted content"},
        {"id": ""},
        {"kind": "letter"},
        {"tap": "planted content"},
        {"boot": "x" * 65},
        {"seq": "-1"},
        {"seq": "1.5"},
        {"seq": "9" * 30},
        {"replays": "many"},
    ],
    ids=lambda changed: ",".join(f"{key}={value[:9]}" for key, value in changed.items()),
)
def test_one_wrong_label_spoils_all(changed: dict[str, str]) -> None:
    """A message is ours with all of its labels or damaged, and repeats nothing of a stranger's."""
    assert labels_of(a_label(), 7).id == "an-id"
    labels = labels_of(a_label(**changed), 7)
    assert (labels.id, labels.kind, labels.number.seq) == ("?7", MessageKind.DAMAGED, 0)
    assert "planted" not in repr(labels)


@given(_LABELS, st.integers(1, 2**63 - 1))
def test_the_broker_takes_every_id(labels: Labels, place: int) -> None:
    """An id under which a message is sent has at most 128 characters, that of a replay too."""
    long = Message("x" * 1000, labels.kind, labels.number, b"")
    assert len(broker_id(long.id)) <= 128
    assert len(replay_id(labels, place)) <= 128
    assert replay_id(labels, place) != broker_id(labels.id)
    assert replay_id(labels, place) == replay_id(labels, place)
    assert replay_id(labels, place) != replay_id(labels, place + 1)


@given(
    st.text(max_size=200),
    st.integers(1, 1000),
    st.datetimes(datetime(2001, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - Hypothesis adds the zone
)
def test_a_note_is_read_as_it_was_written(said: str, attempt: int, when: datetime) -> None:
    """Any description comes back with the attempt and the instant beside it."""
    note = SetAsideNote(said.strip(), attempt, when.timestamp())
    read = note_of(note_text(note, when))
    assert read is not None
    assert (read.said, read.attempt) == (note.said, note.attempt)
    assert read.at == pytest.approx(note.at, abs=1e-5)


@pytest.mark.parametrize("description", ["", "Expired.", "x [attempt 3]", "x [attempt 3 at noon]"])
def test_a_strangers_description_is_no_note(description: str) -> None:
    """What the broker or another hand wrote is left as it is."""
    assert note_of(description) is None
