"""The lookout: a store's write door that knows canaries, and tells how each has fared.

The law: a canary is told of once its record is durable, since a leak is something that stands in
the store; and nothing that it holds is told, only types and groups of the schema. Any other record
costs one keyed digest. A worker that dies between storing and telling tells nothing: whoever sent
the canary looks at the record too.
"""

from __future__ import annotations

import asyncio

from audit.record import RedactedRecord
from audit.telemetry import Count, Log
from redaction.canaries import Canaries, Result, Verdict, judge
from storage.records.port import RecordWriter

__all__ = ["CANARIES", "Lookout"]

CANARIES = "auditstream_canaries_total"


class Lookout:
    """A `RecordWriter` that hands on to another one, and looks at what that one has stored."""

    def __init__(self, records: RecordWriter, canaries: Canaries, log: Log, count: Count) -> None:
        self._records = records
        self._canaries = canaries
        self._log = log
        self._count = count
        # A rate does not see the first event of a series that begins with it.
        for result in Result:
            self._count.add(CANARIES, 0, result=result.value)

    async def put(self, record: RedactedRecord) -> bool:
        """Store the record as the other one does; of a canary that is new, tell how it fared."""
        new = await self._records.put(record)
        canary = self._canaries.recognise(record.identity.trace_id) if new else None
        if canary is not None:
            # Someone may send a canary's id with a text that takes long to read.
            self._tell(await asyncio.to_thread(judge, canary, record), record)
        return new

    async def stored(self, record: RedactedRecord) -> bytes | None:
        """What the other one has stored under this one's id."""
        return await self._records.stored(record)

    def _tell(self, verdict: Verdict, record: RedactedRecord) -> None:
        self._count.add(CANARIES, result=verdict.result.value)
        if verdict.result is Result.LEAKED:
            types, fields = ",".join(verdict.types), ",".join(verdict.groups)
            self._log.error("canary.leaked", types=types, fields=fields, **_name(record))
        elif verdict.result is Result.UNREAD:
            self._log.warning("canary.unread", **_name(record))
        else:
            self._log.info("canary.clean", **_name(record))


def _name(record: RedactedRecord) -> dict[str, str | int]:
    return {
        "id": record.id,
        "tap": record.tap.name,
        "boot": record.tap.boot,
        "seq": record.tap.seq,
        "policy": record.redaction.policy,
    }
