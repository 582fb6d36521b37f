"""What the queue refuses while it takes others, and how that is told from an outage."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest

from storage.queue.port import Message
from storage.spool.port import Shipment
from tap.passed_over import PassedOver
from tests.harness.tap import RunningTap
from tests.harness.wait import until
from tests.unit.tap.shipper_kit import (
    Moody,
    Picky,
    checkpoints,
    exchanges,
    one_more,
    queue,
    records,
    said,
    shipper,
)


class Noted(Picky):
    """One that keeps in mind which exchanges it was given together."""

    def __init__(self, *numbers: int) -> None:
        super().__init__(queue(), *numbers)
        self.given: list[list[int]] = []

    async def send(self, messages: Sequence[Message]) -> None:
        """Note them, and take or refuse them."""
        if numbers := [each.number.seq for each in messages if each.number.seq]:
            self.given.append(numbers)
        await super().send(messages)


class Away(Noted):
    """One that takes nothing until it was given exchanges five times."""

    async def send(self, messages: Sequence[Message]) -> None:
        """Refuse them, or take them later."""
        self.refusals = int(len(self.given) < 5)
        await super().send(messages)


class Busy(Noted):
    """One whose tap sees another exchange begin at each refusal, of which a checkpoint tells."""

    tap: RunningTap

    async def send(self, messages: Sequence[Message]) -> None:
        """Refuse with news."""
        before = len(self.sent)
        try:
            await super().send(messages)
        finally:
            if len(self.sent) == before:
                await one_more(self.tap, f"more-{len(self.given)}")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits after a refusal."""
    monkeypatch.setattr("tap.shipper.backoff", lambda _: 0.0)


async def test_what_the_queue_never_takes_holds_up_nobody(tmp_path: Path) -> None:
    """Those behind it go past, it is named, and it is shipped when the queue takes it."""
    async with exchanges(tmp_path, 9) as tap:
        await until(lambda: tap.spool.census().waiting == 9, "all are ready")
        outbox = Picky(queue(), 1, 2, 6)
        ship = shipper(tap, outbox, passed=PassedOver(first=0.01, longest=0.01))
        running = asyncio.create_task(ship.run())
        await until(lambda: tap.spool.census().waiting == 3, "the others are shipped")
        assert sorted(m.number.seq for m in outbox.sent if m.number.seq) == [3, 4, 5, 7, 8, 9]
        await until(lambda: said(tap, "shipper.passed_over") == 3, "each is named, once")
        assert "planted" not in str(tap.notes.events)
        outbox.numbers = set()
        await until(lambda: not tap.spool.census().waiting, "they are shipped too")
        running.cancel()
        assert records(outbox) == 9


async def test_no_last_word_is_said_over_what_is_passed_over(tmp_path: Path) -> None:
    """A final checkpoint while an exchange stays in the spool would call it missing."""
    async with exchanges(tmp_path, 3) as tap:
        outbox = Picky(queue(), 1)
        ship = shipper(tap, outbox)
        running = asyncio.create_task(ship.run())
        await until(lambda: said(tap, "shipper.passed_over") == 1, "it is named")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await ship.drain()
        assert not any(each.final for each in checkpoints(outbox))
        assert tap.spool.census().waiting == 1


async def test_an_outage_makes_nobody_suspect_for_long(tmp_path: Path) -> None:
    """Whoever was tried alone while nothing was taken is sent as soon as anything is."""
    async with exchanges(tmp_path, 6) as tap:
        outbox = Moody(queue(), 6)
        running = asyncio.create_task(shipper(tap, outbox).run())
        await until(lambda: records(outbox) == 6, "all are shipped")
        running.cancel()
        assert not said(tap, "shipper.passed_over")


async def test_a_checkpoint_that_is_taken_clears_no_exchange(tmp_path: Path) -> None:
    """Under traffic one goes each second: it must not end the search for what is refused."""
    async with exchanges(tmp_path, 4) as tap:
        await until(lambda: tap.spool.census().waiting == 4, "all are ready")
        outbox = Busy(1)
        outbox.tap = tap
        running = asyncio.create_task(shipper(tap, outbox).run())
        await until(lambda: said(tap, "shipper.passed_over") == 1, "it is named")
        running.cancel()
        assert checkpoints(outbox)
        assert outbox.given.count([1]) == 2


@pytest.mark.usefixtures("at_once")
async def test_a_batch_in_question_is_sent_one_by_one_to_its_end(tmp_path: Path) -> None:
    """One that is taken says nothing of the next: no batch is refused for it a second time."""
    async with exchanges(tmp_path, 9) as tap:
        await until(lambda: tap.spool.census().waiting == 9, "all are ready")
        outbox = Noted(2, 3)
        running = asyncio.create_task(shipper(tap, outbox).run())
        await until(lambda: records(outbox) == 7, "the others are shipped")
        running.cancel()
        first, then = [[1, 2, 3]] * 3, [[1], [2], [3], [4, 5, 6], [2], [7, 8, 9]]
        assert outbox.given[:9] == first + then


@pytest.mark.usefixtures("at_once")
async def test_the_next_of_a_kind_is_looked_for_at_once(tmp_path: Path) -> None:
    """While some are known to be refused by themselves, a batch is in question at one refusal."""
    async with exchanges(tmp_path, 8) as tap:
        await until(lambda: tap.spool.census().waiting == 8, "all are ready")
        outbox = Noted(1, 7)
        running = asyncio.create_task(shipper(tap, outbox).run())
        await until(lambda: records(outbox) == 6, "the others are shipped")
        running.cancel()
        assert outbox.given.count([7, 8]) == 1


@pytest.mark.usefixtures("at_once")
async def test_however_many_are_refused_in_a_row_those_behind_go_past(tmp_path: Path) -> None:
    """That many refusals are no outage, as long as there is another to be tried."""
    async with exchanges(tmp_path, 25) as tap:
        outbox = Noted(*range(1, 25))
        running = asyncio.create_task(shipper(tap, outbox).run())
        await until(lambda: said(tap, "shipper.passed_over") == 24, "each is named")
        running.cancel()
        assert records(outbox) == 1


@pytest.mark.usefixtures("at_once")
async def test_an_outage_leaves_the_order_as_it_was_but_for_one(tmp_path: Path) -> None:
    """Once one of those that were tried in it is taken, the others go oldest first, in batches."""
    async with exchanges(tmp_path, 9) as tap:
        await until(lambda: tap.spool.census().waiting == 9, "all are ready")
        outbox = Away()
        running = asyncio.create_task(shipper(tap, outbox).run())
        await until(lambda: records(outbox) == 9, "all are shipped")
        running.cancel()
        refused = [[1, 2, 3], [1, 2, 3], [1, 2, 3], [1], [2]]
        assert outbox.given == [*refused, [3], [1], [2, 4, 5], [6, 7, 8], [9]]
        assert not said(tap, "shipper.passed_over")


@pytest.mark.usefixtures("at_once")
async def test_who_was_passed_over_has_its_turn_while_another_is_refused(tmp_path: Path) -> None:
    """It may be the only one that the queue would take now."""
    async with exchanges(tmp_path, 2) as tap:
        outbox = Noted(1)
        passed = PassedOver(first=0.01, longest=0.01)
        running = asyncio.create_task(shipper(tap, outbox, passed=passed).run())
        await until(lambda: said(tap, "shipper.passed_over") == 1, "it is named")
        await until(lambda: tap.spool.census().waiting == 1, "the other is shipped")
        outbox.numbers.add(3)
        await one_more(tap, "three")
        await until(lambda: outbox.given.count([3]) > 3, "another is refused")
        outbox.numbers.remove(1)
        await until(lambda: 1 in [each.number.seq for each in outbox.sent], "it is shipped")
        running.cancel()


async def test_who_was_passed_over_is_looked_up_in_a_set(tmp_path: Path) -> None:
    """However many they are, the spool looks for each of its exchanges among them at once."""
    async with exchanges(tmp_path, 2) as tap:
        asked: list[object] = []
        shipments = tap.spool.shipments

        async def noted(limit: int, wait: float, past: AbstractSet[str]) -> Sequence[Shipment]:
            asked.append(past)
            return await shipments(limit, wait, past)

        tap.spool.shipments = noted  # type: ignore[method-assign, assignment] # to see `past`
        running = asyncio.create_task(shipper(tap, Noted(1)).run())
        await until(lambda: said(tap, "shipper.passed_over") == 1, "it was tried again")
        running.cancel()
        assert all(isinstance(each, AbstractSet) for each in asked)
