"""The sweep of bodies left behind: the ledger decides, never age."""

from __future__ import annotations

import asyncio

import pytest

from audit.errors import BlobsUnavailable, RecordInvalid, StoreUnavailable
from audit.ids import ExchangeNumber
from audit.ledger import LedgerEntry, LedgerState
from audit.telemetry import METRICS
from storage.blobs.memory import MemoryBlobs
from storage.queue.claim import claim_for
from storage.records.memory import MemoryLedger
from storage.records.port import LedgerWriter
from storage.records.signed_ledger import signed
from tests.contract.samples import an_entry, number, record_id
from tests.unit.claims.parts import Watched, names
from tests.unit.workers.house import sealed
from tests.unit.workers.parts import SIGNER, TRUST, KeptLog
from workers.claims import SWEPT, ClaimSweeper, SweptClaims

AGES = 1e9
OVER = [LedgerState.STORED, LedgerState.ERASED, LedgerState.EXPIRED]


class Refusing(MemoryLedger):
    """A ledger that answers each question with this, and notes it."""

    def __init__(self, answer: Exception) -> None:
        super().__init__()
        self.answer = answer
        self.asked: list[ExchangeNumber] = []

    async def entry(self, number: ExchangeNumber) -> LedgerEntry | None:
        """Refuse."""
        self.asked.append(number)
        raise self.answer


def a_sweeper(
    blobs: Watched,
    ledger: LedgerWriter,
    *,
    now: float = AGES,
    log: KeptLog | None = None,
) -> ClaimSweeper:
    """A sweep with an hour of grace."""
    return ClaimSweeper(
        blobs=blobs, ledger=ledger, trust=TRUST, interval=5.0, now=lambda: now, log=log
    )


async def left_behind(*seqs: int) -> Watched:
    """Blobs put at the beginning of time, whose messages nobody sees any more."""
    blobs = Watched(MemoryBlobs(clock=lambda: 0.0))
    for seq in seqs:
        message = sealed(seq)
        await blobs.put(claim_for(message).name, message.body)
    return blobs


@pytest.mark.parametrize("state", list(LedgerState))
async def test_what_is_settled_for_good_goes(state: LedgerState) -> None:
    """Stored, erased and expired do; all else may still be carried, or be all there is."""
    blobs, ledger = await left_behind(1), MemoryLedger()
    await ledger.enter(signed(an_entry(1, state), SIGNER))
    goes = state in OVER
    assert await a_sweeper(blobs, ledger).sweep() == SweptClaims(int(goes), int(not goes))
    assert bool(await names(blobs)) is not goes


async def test_what_the_ledger_does_not_know_stays_at_any_age() -> None:
    """Its message may wait behind a long backlog, or never have been sent."""
    blobs = await left_behind(1, 2)
    assert await a_sweeper(blobs, MemoryLedger()).sweep() == SweptClaims(kept=2)
    assert len(await names(blobs)) == 2


async def test_what_nobody_who_is_trusted_has_signed_makes_no_body_go() -> None:
    """An entry that was written into the store by anyone else settles nothing."""
    blobs, ledger = await left_behind(1), MemoryLedger()
    await ledger.enter(an_entry(1))
    assert await a_sweeper(blobs, ledger).sweep() == SweptClaims(kept=1)


async def test_another_exchange_under_the_number_makes_no_body_go() -> None:
    """The entry must be of this very id."""
    blobs, ledger = await left_behind(1), MemoryLedger()
    other = LedgerEntry(number=number(1), id=record_id(9), state=LedgerState.STORED)
    await ledger.enter(signed(other, SIGNER))
    assert await a_sweeper(blobs, ledger).sweep() == SweptClaims(kept=1)


async def test_every_body_of_a_settled_exchange_goes() -> None:
    """A tap that sealed it twice left two."""
    blobs, ledger = await left_behind(1), MemoryLedger()
    await blobs.put(claim_for(sealed(1, session="again")).name, b"sealed again")
    await ledger.enter(signed(an_entry(1), SIGNER))
    assert await a_sweeper(blobs, ledger).sweep() == SweptClaims(removed=2)


async def test_a_young_blob_is_not_asked_about() -> None:
    """Within the grace time nothing is done, whatever the ledger says."""
    blobs, ledger = await left_behind(1), MemoryLedger()
    await ledger.enter(signed(an_entry(1), SIGNER))
    assert await a_sweeper(blobs, ledger, now=3_599.0).sweep() == SweptClaims()
    assert await a_sweeper(blobs, ledger, now=3_601.0).sweep() == SweptClaims(removed=1)


@pytest.mark.parametrize("name", ["records/1", "claims.tap/boot/x", "claims.tap"])
async def test_what_is_no_claimed_body_is_left_alone(name: str) -> None:
    """Whoever put it there knows what it is for."""
    blobs = await left_behind()
    await blobs.put(name, b"body")
    await a_sweeper(blobs, MemoryLedger()).sweep()
    assert await names(blobs) == [name]


async def test_a_damaged_entry_settles_nothing_and_keeps_no_other_from_going() -> None:
    """The blob beside it is asked about all the same."""
    blobs, ledger = await left_behind(1, 2), Refusing(RecordInvalid())
    assert await a_sweeper(blobs, ledger).sweep() == SweptClaims(kept=2)
    assert ledger.asked == [number(1), number(2)]


@pytest.mark.parametrize("down", ["store", "blobs"])
async def test_a_sweep_that_fails_is_told_and_tried_again(down: str) -> None:
    """An outage ends no worker: the next sweep does what this one could not."""
    blobs, ledger, log, stop = await left_behind(1), MemoryLedger(), KeptLog(), asyncio.Event()
    await ledger.enter(signed(an_entry(1), SIGNER))
    sweeper = a_sweeper(blobs, ledger, log=log)
    if down == "blobs":
        blobs.refuses = "remove"
    else:
        sweeper._ledger = Refusing(StoreUnavailable())

    async def mend(seconds: float) -> None:
        if len(log.lines) > 1:
            stop.set()
        assert seconds == 5.0
        blobs.refuses, sweeper._ledger = None, ledger

    sweeper._sleep = mend
    await sweeper.run(stop)
    code = (BlobsUnavailable if down == "blobs" else StoreUnavailable).code
    assert log.lines == [
        ("worker.sweep_failed", {"code": code}),
        ("worker.claims_swept", {"count": 1}),
    ]


async def test_a_stop_waits_for_no_sweep() -> None:
    """A worker that is told to end does, however long a walk over all blobs takes."""
    begun, stop = asyncio.Event(), asyncio.Event()

    class Endless(MemoryLedger):
        async def entry(self, number: ExchangeNumber) -> LedgerEntry | None:
            del number
            begun.set()
            await asyncio.Event().wait()
            return None

    running = asyncio.create_task(a_sweeper(await left_behind(1), Endless()).run(stop))
    await begun.wait()
    stop.set()
    async with asyncio.timeout(5):
        await running


def test_the_metric_is_in_the_catalogue() -> None:
    """What is counted is documented."""
    assert SWEPT in METRICS
