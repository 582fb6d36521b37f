"""What a process that redacts does: reads records from its pipe, answers with redacted ones.

The law: nothing is kept and nothing is written but answers, and questions to detectors that only
the worker has. Records are redacted side by side on one event loop, so that others go on while one
waits for such a detector; each is answered when it is done, in any order. The end of the input is
the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from audit.errors import AuditStreamError
from audit.sheaf import Sheaf, read_sheaf
from audit.telemetry import Log, frames_of
from audit.value import to_json
from workers.consulting import Questions
from workers.pipe import Answered, Asked, Failure, failure_of, framed, read_frame
from workers.ports import Redacts

__all__ = ["Serving"]


class Serving:
    """Redacts what it is asked to; `tell` writes a frame to whoever asks."""

    def __init__(
        self,
        redactor: Redacts,
        tell: Callable[[bytes], None],
        log: Log,
        questions: Questions | None = None,
    ) -> None:
        self._redactor = redactor
        self._tell = tell
        self._log = log
        self._questions = questions or Questions(tell)
        self._calls: dict[int, asyncio.Task[bytes | Failure]] = {}

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Answer until the input ends; what is not answered by then nobody waits for."""
        with suppress(EOFError, OSError):
            while True:
                asked, body = await read_frame(reader, Asked)
                if asked.found:
                    self._questions.answered(asked, body)
                elif not asked.gone:
                    self._say(Answered(call=asked.call, taken=True))
                    call = self._calls[asked.call] = asyncio.create_task(self._made(body))
                    call.add_done_callback(partial(self._answer, asked.call))
                elif asked.call in self._calls:
                    self._calls[asked.call].cancel()
        for call in self._calls.values():
            call.cancel()

    def _answer(self, number: int, call: asyncio.Task[bytes | Failure]) -> None:
        """Answer in any case: what is still under way here is known by what was answered."""
        del self._calls[number]
        made = Failure() if call.cancelled() else call.result()
        if isinstance(made, Failure):
            self._say(Answered(call=number, failure=made))
        else:
            self._say(Answered(call=number, size=len(made)), made)

    def _say(self, head: Answered, body: bytes = b"") -> None:
        with suppress(OSError):  # Whoever asked may be gone, as the end of the input will tell.
            self._tell(framed(head, body))

    async def _made(self, body: bytes) -> bytes | Failure:
        """Give the redacted records as a JSON list, or what was raised instead; raises nothing."""
        records: Sheaf = ()
        try:
            records = read_sheaf(body)
            return to_json(await self._redactor.redact_sheaf(records))
        except AuditStreamError as error:
            return failure_of(error)
        except Exception as error:  # noqa: BLE001 - one record's error is not that of the others
            kind, where = type(error).__name__, frames_of(error)
            name = records[0].id if records else ""
            self._log.error("redaction.unexpected", error_type=kind, where=where, id=name)
            return failure_of(error)
