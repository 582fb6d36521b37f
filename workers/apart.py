"""Redaction apart: on an event loop and a thread of its own.

Redaction is long stretches of computing without a pause, a minute for the longest record. On the
worker's own loop it would keep leases from being renewed, those of the neighbours too, and all of
them would be delivered again and again until they are set aside. Apart, it holds up nobody else.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from audit.record import RedactedRecord
from audit.sheaf import Sheaf
from workers.ports import Redacts

__all__ = ["Apart"]


class Apart:
    """Redacts as the redactor behind it does; a context manager that owns the thread.

    All records share that one loop, so that what the redactor keeps between them needs no lock.
    """

    def __init__(self, redactor: Redacts) -> None:
        self._redactor = redactor
        self._loop = asyncio.new_event_loop()
        # What is still computed when the process has to end is done again by whoever gets it.
        self._thread = threading.Thread(target=self._run, name="redaction", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def redact_sheaf(self, records: Sheaf) -> Sequence[RedactedRecord]:
        """Redact; raises what the redactor raises. Cancelling it cancels the redaction."""
        redacting = self._redact(records)
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(redacting, self._loop))

    async def _redact(self, records: Sheaf) -> Sequence[RedactedRecord]:
        return await self._redactor.redact_sheaf(records)

    def _run(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()
