"""Redaction apart: whoever computes for long holds up nobody."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from audit.errors import DetectorUnavailable
from audit.record import AuditRecord, RedactedRecord
from audit.sheaf import Sheaf
from tests.unit.workers.parts import PlainRedactor, a_clear_record
from workers.apart import Apart


class Computing(PlainRedactor):
    """Computes, without a pause, until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.began = threading.Event()
        self.let_go = threading.Event()

    async def redact(self, record: AuditRecord) -> RedactedRecord:
        """Block the thread it runs on."""
        self.began.set()
        assert self.let_go.wait(30)
        return await super().redact(record)


class Waiting(PlainRedactor):
    """Waits for an answer that does not come."""

    def __init__(self) -> None:
        super().__init__()
        self.began = threading.Event()
        self.cancelled = threading.Event()

    async def redact(self, record: AuditRecord) -> RedactedRecord:
        """Wait until it is cancelled."""
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
        return await super().redact(record)


class Down:
    """Cannot redact now."""

    async def redact_sheaf(self, records: Sheaf) -> Sequence[RedactedRecord]:  # noqa: ARG002 - none is redacted
        """Say when to come again."""
        raise DetectorUnavailable(retry_after=7)


async def test_the_worker_goes_on_while_a_record_is_redacted() -> None:
    """What lets the redaction go on happens on the loop that awaits it."""
    computing = Computing()
    with Apart(computing) as apart:
        redaction = asyncio.create_task(apart.redact_sheaf((a_clear_record(1),)))
        assert await asyncio.to_thread(computing.began.wait, 30)
        computing.let_go.set()
        assert (await redaction)[0].id == a_clear_record(1).id


async def test_an_error_comes_through_as_it_is() -> None:
    """The settlement depends on its type, its code and when to try again."""
    with Apart(Down()) as apart, pytest.raises(DetectorUnavailable) as raised:
        await apart.redact_sheaf((a_clear_record(1),))
    assert raised.value.retry_after == 7


async def test_a_redaction_that_is_given_up_ends() -> None:
    """A lease that lapsed takes its redaction along."""
    waiting = Waiting()
    with Apart(waiting) as apart:
        redaction = asyncio.create_task(apart.redact_sheaf((a_clear_record(1),)))
        assert await asyncio.to_thread(waiting.began.wait, 30)
        redaction.cancel()
        assert await asyncio.to_thread(waiting.cancelled.wait, 30)
