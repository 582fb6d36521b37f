"""From the spool to the queue, receipt by receipt, through outages."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from audit.errors import SpoolUnavailable
from audit.ledger import Checkpoint
from storage.queue.port import MessageKind
from tap.shipper import backoff
from tests.harness.wait import until
from tests.unit.tap.shipper_kit import (
    Moody,
    checkpoints,
    exchanges,
    one_more,
    queue,
    records,
    shipper,
)


def marked(checkpoint: Checkpoint) -> Checkpoint:
    """Sign so that a test can tell what was signed."""
    return msgspec.structs.replace(checkpoint, signature=f"{checkpoint.boot}#{checkpoint.index}")


async def test_what_the_spool_holds_is_shipped_once_and_forgotten(tmp_path: Path) -> None:
    """Every exchange arrives, and the spool lets go of it."""
    async with exchanges(tmp_path, 7) as tap:
        outbox = Moody(queue(), 0)
        running = asyncio.create_task(shipper(tap, outbox).run())
        await until(lambda: records(outbox) == 7 and not tap.spool.census().waiting, "shipped")
        running.cancel()
        ids = [m.id for m in outbox.sent if m.kind is MessageKind.RECORD]
        assert len(ids) == len(set(ids)) == 7
        assert [m.number.seq for m in outbox.sent if m.kind is MessageKind.RECORD] == [*range(1, 8)]


async def test_a_full_batch_is_followed_at_once(tmp_path: Path) -> None:
    """A backlog is not held up: only behind a batch that was not full is company waited for."""
    async with exchanges(tmp_path, 7) as tap:
        outbox = Moody(queue(), 0)
        await until(lambda: tap.spool.census().waiting == 7, "all are ready")
        running = asyncio.create_task(shipper(tap, outbox, linger=3600.0).run())
        await until(lambda: records(outbox) == 7, "shipped")
        running.cancel()
        assert [count for count in outbox.batches if count] == [3, 3, 1]


async def test_who_lingers_is_not_waited_for_when_the_tap_stops(tmp_path: Path) -> None:
    """What waits for company is shipped together, at the latest by the drain."""
    async with exchanges(tmp_path, 1) as tap:
        outbox = Moody(queue(), 0)
        ship = shipper(tap, outbox, linger=3600.0)
        running = asyncio.create_task(ship.run())
        await until(lambda: records(outbox) == 1, "the first is shipped")
        await one_more(tap, "two")
        await one_more(tap, "three")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await ship.drain()
        assert [count for count in outbox.batches if count] == [1, 2]


async def test_an_outage_costs_nothing_but_patience(tmp_path: Path) -> None:
    """What the queue refused is sent again; the outage is logged once, and its end too."""
    async with exchanges(tmp_path, 4) as tap:
        outbox = Moody(queue(), 3)
        running = asyncio.create_task(shipper(tap, outbox).run())
        await until(lambda: records(outbox) == 4, "shipped after the outage")
        running.cancel()
        events = [name for name, _ in tap.notes.events]
        assert events.count("shipper.queue_unavailable") == 1
        assert events.count("shipper.recovered") == 1


async def test_an_error_that_nobody_expected_does_not_end_the_shipping(tmp_path: Path) -> None:
    """A shipper that died would fill the spool in silence: it says so and goes on."""
    async with exchanges(tmp_path, 2) as tap:
        outbox = Moody(queue(), 2, error=RuntimeError)
        running = asyncio.create_task(shipper(tap, outbox).run())
        await until(lambda: records(outbox) == 2, "shipped")
        running.cancel()
        events = [name for name, _ in tap.notes.events]
        assert events.count("shipper.unexpected") == 1
        assert "planted" not in str(tap.notes.events)


async def test_a_lost_acknowledgement_makes_no_second_message(tmp_path: Path) -> None:
    """A queue that took a batch and then failed to say so is given it again, under the same ids."""
    async with exchanges(tmp_path, 2) as tap:
        held = queue()
        outbox = Moody(held, 2, keeps=True)
        running = asyncio.create_task(shipper(tap, outbox).run())
        await until(lambda: records(outbox) == 2, "shipped")
        running.cancel()
        numbers = [each async for each in held.numbers() if each.kind is MessageKind.RECORD]
        assert len(numbers) == 2


async def test_checkpoints_arrive_without_holes_and_the_last_one_is_final(tmp_path: Path) -> None:
    """Refused checkpoints are sent as they were; the last word of a boot says that it is."""
    async with exchanges(tmp_path, 3) as tap:
        outbox = Moody(queue(), 2)
        ship = shipper(tap, outbox)
        running = asyncio.create_task(ship.run())
        await until(lambda: records(outbox) == 3, "shipped")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await ship.drain()
        told = checkpoints(outbox)
        assert [each.index for each in told] == list(range(len(told)))
        assert (told[-1].final, told[-1].opened) == (True, 3)


async def test_the_last_words_of_earlier_boots_are_not_taken_for_its_own(tmp_path: Path) -> None:
    """A tap that stops at once says what it must of the boots before it, and then its own word."""
    async with exchanges(tmp_path, 1) as tap:
        outbox = Moody(queue(), 0)
        words = [_last_word("one"), _last_word("two")]
        await shipper(tap, outbox, words).drain()
        told = checkpoints(outbox)
        assert told[:2] == words
        assert [(each.opened, each.final) for each in told[2:]] == [(1, True)]


async def test_every_checkpoint_is_signed_last_words_too(tmp_path: Path) -> None:
    """No checkpoint leaves the tap unsigned, whether it speaks of this boot or of one before."""
    async with exchanges(tmp_path, 2) as tap:
        outbox = Moody(queue(), 1)
        ship = shipper(tap, outbox, [_last_word("one"), _last_word("two")], marked)
        running = asyncio.create_task(ship.run())
        await until(lambda: records(outbox) == 2, "shipped")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await ship.drain()
        told = checkpoints(outbox)
        assert len({each.boot for each in told}) == 3
        assert [each.signature for each in told] == [f"{c.boot}#{c.index}" for c in told]


def test_backoff_doubles_up_to_its_bound() -> None:
    """A long outage is asked about every few seconds, not ever more seldom."""
    assert [backoff(n) for n in (1, 2, 3, 50)] == [0.1, 0.2, 0.4, 5.0]


def _last_word(boot: str) -> Checkpoint:
    at = "2026-11-20T10:00:00.000000Z"
    return Checkpoint(tap="t", boot=boot, index=0, opened=0, chain="", at=at, final=True)


async def test_a_checkpoint_waits_for_its_sync_and_holds_up_no_exchange(tmp_path: Path) -> None:
    """What a crash could still take is not said to the ledger; on a sick disk, shipping goes on."""
    async with exchanges(tmp_path, 3) as tap:
        outbox, sync, synced = Moody(queue(), 0), asyncio.Event(), tap.spool.synced

        async def late() -> None:
            await sync.wait()
            await synced()

        tap.spool.synced = late  # type: ignore[method-assign] # the disk refuses to sync
        running = asyncio.create_task(shipper(tap, outbox).run())
        await until(lambda: records(outbox) == 3, "shipped")
        assert not checkpoints(outbox)
        sync.set()
        await until(lambda: bool(checkpoints(outbox)), "said")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_checkpoint_that_was_never_synced_is_left_to_the_next_start(tmp_path: Path) -> None:
    """A spool that closes before it could sync ends the waiting; nothing is sent."""
    async with exchanges(tmp_path, 1) as tap:
        outbox = Moody(queue(), 0)

        async def closed() -> None:
            raise SpoolUnavailable

        tap.spool.synced = closed  # type: ignore[method-assign] # it closes first
        await shipper(tap, outbox).drain()
        assert records(outbox) == 1
        assert not checkpoints(outbox)
