"""A process that redacts by asking its worker's detector: `python -m tests.unit.language.asking`.

The redactor is the project's own, under a policy that requires that detector and no other.
"""

from __future__ import annotations

import asyncio
import sys

from audit.telemetry import NoLog
from audit.value import to_json
from redaction.detectors.lean import load_lean
from redaction.policy import Policy
from workers.consulting import AskedDetector, Questions
from workers.pipe import BEGIN, Answered, Asked, Ready, framed, read_frame
from workers.pool_child import Serving


async def _serve() -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    await read_frame(reader, Asked)
    questions = Questions(_tell)
    load_lean([])
    from redaction.redactor import Redactor  # noqa: PLC0415 - it imports what has been loaded lean

    detector = AskedDetector("azure_language", "1", questions)
    policy = Policy(name="asking", version="1", required=("azure_language",))
    redactor = Redactor(policy, [detector], pseudonym_key=bytes(range(32)))
    serving = asyncio.create_task(Serving(redactor, _tell, NoLog(), questions).run(reader))
    await redactor.prepare()
    ready = to_json(Ready(policy=redactor.policy))
    _tell(framed(Answered(call=BEGIN, size=len(ready)), ready))
    await serving


def _tell(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(_serve())
