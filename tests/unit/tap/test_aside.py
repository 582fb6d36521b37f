"""The process aside: an answer belongs to whoever asked, or to nobody."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from audit.exchange import Level
from audit.ids import ExchangeNumber
from audit.record import AuditRecord
from audit.value import from_json
from tap.aside import Aside, Task
from tap.capture import Evidence
from tests.harness.wait import until
from tests.unit.storage.kit import an_opening


def a_task(record_id: str, size: int) -> Task:
    """What the process is asked about an exchange with a request of so many bytes."""
    opening = an_opening(ExchangeNumber(tap="tap", boot="000000000001-0000", seq=1), record_id)
    return Task(
        opening=replace(opening, level=Level.NONE),
        evidence=Evidence(),
        head=None,
        digest_key=b"k" * 32,
        salt="00" * 16,
        request=size,
        answer=0,
    )


async def test_a_question_that_was_given_up_is_answered_to_nobody() -> None:
    """The process that was asked is ended, and whoever asks next asks another one."""
    aside = Aside()
    first = asyncio.create_task(aside.made(a_task("first", 3), [b"abc"], []))
    await until(lambda: aside._process, "the process is asked")
    process = aside._process
    assert process is not None
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    made = await aside.made(a_task("second", 3), [b"abc"], [])
    assert made is not None
    assert from_json(made.record, AuditRecord).id == "second"
    assert aside._process is not process
    await aside.stop()
    assert process.returncode is not None
    assert aside._waiting == 0


async def test_who_waits_and_goes_ends_nobody_elses_question() -> None:
    """Only the process that was asked is ended, and it is not while another one asks."""
    aside = Aside()
    first = asyncio.create_task(aside.made(a_task("first", 3), [b"abc"], []))
    await until(lambda: aside._process, "the process is asked")
    second = asyncio.create_task(aside.made(a_task("second", 3), [b"abc"], []))
    await asyncio.sleep(0)
    second.cancel()
    made = await first
    assert made is not None
    assert from_json(made.record, AuditRecord).id == "first"
    assert second.cancelled()
    await aside.stop()
