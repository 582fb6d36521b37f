"""The lookout: canaries are told of once they are stored, and nobody else is."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import pytest

from audit.exchange import Identity
from audit.parts import Text
from audit.record import Message, RedactedRecord, Request
from redaction.canaries import ENTROPY, Canaries, Canary, Result
from storage.records.memory import MemoryRecords
from tests.contract.samples import a_record
from tests.unit.workers.parts import KeptLog
from workers.lookout import CANARIES, Lookout

OURS = Canaries(b"k" * 32)
CANARY = OURS.hatch(bytes(ENTROPY))


@dataclass
class Counts:
    """Keeps what was counted, by result."""

    by_result: dict[str, float] = field(default_factory=dict)

    def add(self, metric: str, amount: float = 1, **labels: str) -> None:
        """Count."""
        assert metric == CANARIES
        self.by_result[labels["result"]] = self.by_result.get(labels["result"], 0) + amount

    def state(self, metric: str, value: float) -> None:
        """State nothing."""


@dataclass
class Post:
    """A lookout before a store in memory."""

    log: KeptLog = field(default_factory=KeptLog)
    counts: Counts = field(default_factory=Counts)
    records: MemoryRecords = field(default_factory=MemoryRecords)

    def __post_init__(self) -> None:
        self.lookout = Lookout(self.records, OURS, self.log, self.counts)


def stored(canary: Canary, text: str, seq: int = 1) -> RedactedRecord:
    """A redacted record under a canary's trace id, with this prompt."""
    messages = (Message(role="user", parts=(Text(text=text),)),)
    return msgspec.structs.replace(
        a_record(seq),
        identity=Identity(trace_id=canary.trace_id),
        request=Request(messages=messages),
    )


def taken_out() -> str:
    """What the canary says once every value is gone."""
    text = CANARY.text
    for each in CANARY.planted:
        text = text.replace(each.value, "<X_1>")
    return text


@pytest.mark.parametrize(
    ("text", "result"),
    [(taken_out(), Result.CLEAN), (CANARY.text, Result.LEAKED), ("hello", Result.UNREAD)],
    ids=list(Result),
)
async def test_each_result_is_counted_and_told_once(text: str, result: Result) -> None:
    """By its own event; the other counts stay at the 0 they began with."""
    post = Post()
    assert await post.lookout.put(stored(CANARY, text)) is True
    assert post.counts.by_result == {each: float(each is result) for each in Result}
    ((event, keys),) = post.log.lines
    assert event == f"canary.{result}"
    assert keys["id"] == a_record(1).id


async def test_a_leak_is_told_by_types_and_fields_and_no_value() -> None:
    """A free name in the record's JSON is a caller's word: only the schema's names are told."""
    post = Post()
    record = stored(CANARY, taken_out())
    request = msgspec.structs.replace(
        record.request, parameters={"zebra": {CANARY.planted[0].value: 1}}
    )
    await post.lookout.put(msgspec.structs.replace(record, request=request))
    ((event, keys),) = post.log.lines
    assert (event, keys["types"], keys["fields"]) == (
        "canary.leaked",
        "EMAIL_ADDRESS",
        "request.parameters",
    )
    assert "zebra" not in repr(keys)
    assert CANARY.planted[0].value not in repr(keys)


async def test_a_record_that_was_there_before_is_not_told_again() -> None:
    """A redelivery puts nothing, and so nothing is counted."""
    post = Post()
    record = stored(CANARY, CANARY.text)
    assert [await post.lookout.put(record) for _ in range(2)] == [True, False]
    assert post.log.events() == ["canary.leaked"]
    assert await post.lookout.stored(record) == await post.records.stored(record)


async def test_whoever_makes_up_a_canary_is_not_heard() -> None:
    """An id under another key, any other id and none: stored like anything else, told by nobody."""
    post = Post()
    strange = Canaries(b"x" * 32).hatch(bytes(ENTROPY))
    others = [strange, Canary("0" * 32, ()), Canary("canary", ())]
    for seq, each in enumerate(others, 1):
        assert await post.lookout.put(stored(each, CANARY.text, seq))
    assert len(post.records.documents) == len(others)
    assert (post.log.lines, sum(post.counts.by_result.values())) == ([], 0)
