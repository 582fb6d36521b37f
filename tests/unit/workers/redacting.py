"""A process that redacts as the tests want: it does what the record's prompt tells it.

`python -m tests.unit.workers.redacting`: it dies, hangs, raises, is unavailable or waits; anything
else it redacts by leaving the prompt out. Given `refuse` instead of orders, it does not begin.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

from audit.errors import DetectorUnavailable, SettingInvalid
from audit.parts import Text
from audit.record import AuditRecord, RedactedRecord
from audit.telemetry import NoLog
from audit.value import to_json
from tests.unit.workers.parts import PlainRedactor
from workers.pipe import BEGIN, Answered, Asked, Failure, Ready, framed, read_frame
from workers.pool_child import Serving

__all__ = ["prompt_of"]


def prompt_of(record: AuditRecord) -> str:
    """The first text of the record's prompt."""
    (part,) = record.request.messages[0].parts
    assert isinstance(part, Text)
    return part.text


class Obedient(PlainRedactor):
    """Does what the prompt says."""

    async def redact(self, record: AuditRecord) -> RedactedRecord:
        """Redact, or not."""
        match prompt_of(record):
            case "die":
                os._exit(7)
            case "hang":
                time.sleep(600)  # noqa: ASYNC251 - as a regex that never comes back would
            case "raise":
                raise KeyError("jane@example.com")
            case "unavailable":
                raise DetectorUnavailable("jane@example.com", retry_after=7)
            case "wait":
                await asyncio.Event().wait()
        return await super().redact(record)


async def _serve() -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    _, orders = await read_frame(reader, Asked)
    if orders == b"refuse":
        failure = Failure(code=SettingInvalid.code, message="setting redaction.policy: is none")
        _tell(framed(Answered(call=BEGIN, failure=failure)))
        return
    ready = to_json(Ready(policy=orders.decode()))
    _tell(framed(Answered(call=BEGIN, size=len(ready)), ready))
    await Serving(Obedient(), _tell, NoLog()).run(reader)


def _tell(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(_serve())
