"""What `auditstream canary` says: for people, line by line, and as JSON.

The law: no planted value is told, and of the record nothing but names of fields and codes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from audit.reading.neutral import neutral_line
from audit.record import RedactedRecord
from audit.value import Json
from redaction.canaries import Canary, Result, Verdict
from redaction.canary_values import TYPES, Family

__all__ = ["Found", "Report"]


class Found(StrEnum):
    """What the command came to: a verdict, or why there is none.

    `UNANSWERED`: the tap did not answer, `UNSTORED`: no record in time, `SENT`: nobody looked.
    """

    CLEAN = Result.CLEAN.value
    LEAKED = Result.LEAKED.value
    UNREAD = Result.UNREAD.value
    UNANSWERED = "unanswered"
    UNSTORED = "unstored"
    SENT = "sent"

    @property
    def exit_code(self) -> int:
        """0 when nothing is wrong, 1 for a leak, 2 when it could not be told."""
        return {Found.CLEAN: 0, Found.SENT: 0, Found.LEAKED: 1}.get(self, 2)


_ADVICE = {
    Found.CLEAN: "clean: none of the planted values can be read in the record",
    Found.LEAKED: (
        "leaked: planted values can be read in the record. `auditstream policy check` says what\n"
        "the policy leaves, `auditstream show` shows the record; what was stored meanwhile can be\n"
        "read again with `auditstream reredact`"
    ),
    Found.UNREAD: (
        "could not tell: the record does not hold the canary's text. Look at its level, at its\n"
        "flags, and whether the policy takes out whole sentences"
    ),
    Found.UNANSWERED: "could not tell: the tap gave no answer. Look at --tap and at its health",
    Found.UNSTORED: (
        "could not tell: there is no record yet. Look at `auditstream dead-letters list` and at\n"
        "auditstream_queue_oldest_seconds, whether this reads the workers' store, and whether the\n"
        "way to the tap passes traceparent on"
    ),
    Found.SENT: "sent: nobody has looked; the worker that stores it counts it",
}


@dataclass(frozen=True, slots=True)
class Report:
    """A canary, how it was answered, and its record with the verdict, if it came in time.

    `answered` is a status, or why there is none; `echoed` how many values came back in the answer;
    `seconds` how long its record took.
    """

    canary: Canary
    url: str
    answered: int | str
    echoed: int = 0
    looked: bool = False
    seconds: float = 0.0
    record: RedactedRecord | None = None
    verdict: Verdict | None = None

    @property
    def found(self) -> Found:
        """What it came to."""
        if self.verdict is not None:
            return Found(self.verdict.result.value)
        if isinstance(self.answered, str):
            return Found.UNANSWERED
        return Found.UNSTORED if self.looked else Found.SENT

    def document(self) -> dict[str, Json]:
        """Give all of it as JSON."""
        return {
            "result": self.found.value,
            "exit_code": self.found.exit_code,
            "trace": self.canary.trace_id,
            "tap": self.url,
            "answered": self.answered,
            "planted": len(self.canary.planted),
            "echoed": self.echoed,
            "record": _facts(self.record, self.seconds),
            "families": self._families(),
        }

    def lines(self) -> Iterator[str]:
        """Say all of it."""
        planted = len(self.canary.planted)
        yield f"canary {self.canary.trace_id}, {self.url}: {self.answered}"
        yield f"  {planted} values planted, {self.echoed} of them came back in the answer"
        if self.record is not None:
            facts = _facts(self.record, self.seconds) or {}
            yield f"record {facts.pop('id')}, stored after {facts.pop('seconds')} s"
            yield "  " + ", ".join(f"{name} {value}" for name, value in facts.items() if value)
            yield from self._table()
        yield _ADVICE[self.found]

    def _table(self) -> Iterator[str]:
        for name, told in self._families().items():
            if told["readable"] is None:
                return
            where = " ".join(told["readable"])
            state = "READABLE" if where else "taken out"
            yield f"  {state:9}  {name:17}  {told['type']:17}  {where}".rstrip()

    def _families(self) -> dict[str, Json]:
        return {
            each.family.value: {"type": TYPES[each.family], "readable": self._readable(each.family)}
            for each in self.canary.planted
        }

    def _readable(self, family: Family) -> list[str] | None:
        """Where a family's value can be read; None where nothing was shown of it."""
        if self.verdict is None or self.verdict.result is Result.UNREAD:
            return None
        return [neutral_line(leak.path) for leak in self.verdict.leaks if leak.family is family]


def _facts(record: RedactedRecord | None, seconds: float) -> dict[str, Json] | None:
    if record is None:
        return None
    return {
        "id": record.id,
        "seconds": round(seconds, 1),
        "consumer": record.consumer,
        "level": record.redaction.level.value,
        "policy": record.redaction.policy,
        "ending": record.exchange.ending.value,
        "flags": ",".join(record.exchange.flags),
    }
