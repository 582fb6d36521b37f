"""The loop's side of the writer: hears what became of operations and keeps the index true.

The law of this module: everything here runs on the event loop's thread, in the order in which
the writer acted; one call to the loop answers a whole batch. A caller is answered once, and an
opening whose caller was told no, or has gone, is marked as shipped wherever it was written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from audit.errors import SpoolUnavailable
from audit.telemetry import Log
from storage.spool.account import Account
from storage.spool.frame import Kind
from storage.spool.index import Exchange, Location, Segment
from storage.spool.marks import encode_marks
from storage.spool.numbers import to_ranges
from storage.spool.ops import Append, Discard, Operation, Placed, Written
from storage.spool.port import ShipmentKind
from storage.spool.recovery import Recovered
from storage.spool.sweeping import Sweeper

__all__ = ["Keeper"]

T = TypeVar("T")


class Keeper:
    """A `Listener` that carries the writer's word to the event loop.

    `put` hands an operation to the writer.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        recovered: Recovered,
        account: Account,
        *,
        kept_bytes: int,
        rest_seconds: float,
        put: Callable[[Operation], None],
        log: Log,
    ) -> None:
        self._put = put
        self.ended_event = asyncio.Event()
        self.sweeper = Sweeper(
            loop,
            recovered.index,
            account,
            recovered.notes,
            rest_seconds=rest_seconds,
            put=put,
        )
        self._loop = loop
        self._index = recovered.index
        self._account = account
        self._room = kept_bytes
        self._log = log
        self._ready = asyncio.Event()
        self._sweep_again = False

    def written(self, written: Written) -> None:
        """Called on the writer's thread."""
        self._tell(self._on_written, written)

    def synced(self, ops: Sequence[Append]) -> None:
        """Called on the writer's thread."""
        self._tell(self._on_synced, ops)

    def refused(self, ops: Sequence[Append]) -> None:
        """Called on the writer's thread."""
        self._tell(self._on_refused, ops)

    def superseded(self, segments: Sequence[Segment]) -> None:
        """Called on the writer's thread."""
        self._tell(self._index.gone, segments)

    def discarded(self, discard: Discard, *, done: bool) -> None:
        """Called on the writer's thread."""
        self._tell(self.sweeper.gone if done else self._on_kept, discard.segments)

    def trouble(self, reason: str | None) -> None:
        """Called on the writer's thread."""
        self._tell(self._on_trouble, reason)

    def ended(self) -> None:
        """Called on the writer's thread."""
        self._tell(lambda _: self.ended_event.set(), ())

    async def wait_ready(self, seconds: float) -> None:
        """Wait until an exchange can be shipped, at most so long."""
        self._ready.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ready.wait()

    def withdraw(self, op: Append) -> None:
        """The opening's caller waits no longer; what was or will be written of it is forgotten."""
        op.withdrawn = True
        if op.exchange is not None and op.exchange.segments:
            self.forget([op.exchange])

    def forget(self, exchanges: Sequence[Exchange]) -> None:
        """Mark exchanges as shipped; what pins their segments goes when the mark is synced."""
        by_boot: dict[str, list[int]] = {}
        for exchange in exchanges:
            self._index.drop(exchange)
            self._index.mark([exchange])
            self._release(exchange)
            by_boot.setdefault(exchange.number.boot, []).append(exchange.number.seq)
        payloads = encode_marks({boot: to_ranges(seqs) for boot, seqs in by_boot.items()})
        for payload in payloads:
            last = payload is payloads[-1]
            self._put(Append(Kind.SHIPPED, payload, retires=exchanges if last else ()))

    def _tell(self, hear: Callable[[T], None], what: T) -> None:
        # A loop that is closed has nobody left who waits for an answer.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(hear, what)

    def _on_written(self, written: Written) -> None:
        records: dict[int, list[Placed]] = {}
        begun = self._index.grown(written.segment, written.size)
        for each in written.placed:
            self._place(each.op, written.segment)
            if each.op.kind is Kind.CLOSED:
                records.setdefault(id(each.op), []).append(each)
        for frames in records.values():
            self._keep_record(frames, written.segment)
        if begun:
            # The segment before may have waited for nothing but its successor.
            self.sweeper.sweep()

    def _place(self, op: Append, segment: Segment) -> None:
        exchange = op.exchange
        if exchange is None:
            return
        if op.kind is Kind.OPENED and not exchange.segments and not op.withdrawn:
            self._index.enter(exchange)
        self._index.placed(exchange, segment)
        if op.kind is Kind.OPENED and op.withdrawn:
            self.forget([exchange])
        elif op.kind is Kind.OPENED and not op.strict:
            self._answer(op)

    def _keep_record(self, frames: Sequence[Placed], segment: Segment) -> None:
        exchange = frames[0].op.exchange
        if exchange is None:
            return
        exchange.record = [Location(segment, each.offset, each.size) for each in frames]
        self._release(exchange)
        raws = [each.raw for each in frames if each.raw is not None]
        weight = sum(map(len, raws))
        if len(raws) == len(frames) and weight <= self._room:
            self._room -= weight
            exchange.body = b"".join(raws)

    def _release(self, exchange: Exchange) -> None:
        self._room += len(exchange.body or b"")
        exchange.body = None

    def _on_synced(self, ops: Sequence[Append]) -> None:
        retired, self._sweep_again = self._sweep_again, False
        for op in ops:
            if op.kind is Kind.OPENED and op.strict and not op.withdrawn:
                self._answer(op)
            elif op.kind is Kind.UNRECORDED:
                self._account.void(op.seq)
            elif op.exchange is not None and op.kind in {None, Kind.CLOSED}:
                self._offer(op.exchange, op.kind)
            elif op.kind is None:
                for waiter in _waiting(op):
                    waiter.set_result(None)
            if op.retires:
                self._index.retire(op.retires)
                retired = True
        if retired:
            self.sweeper.sweep()

    def _offer(self, exchange: Exchange, kind: Kind | None) -> None:
        whole = kind is Kind.CLOSED
        self._index.make_ready(exchange, ShipmentKind.RECORD if whole else ShipmentKind.REMNANT)
        self._ready.set()

    def _on_kept(self, segments: Sequence[Segment]) -> None:
        self.sweeper.kept(segments)
        self._sweep_again = True

    def _on_trouble(self, reason: str | None) -> None:
        if reason is None:
            self._log.info("spool.write_recovered")
        else:
            self._log.warning("spool.write_failed", reason=reason)

    def _on_refused(self, ops: Sequence[Append]) -> None:
        for op in ops:
            if not op.placed:
                self._account.void(op.seq)
            for waiter in _waiting(op):
                waiter.set_exception(SpoolUnavailable("the disk did not take it"))
            self.withdraw(op)

    def _answer(self, op: Append) -> None:
        for waiter in _waiting(op):
            self._account.opened(op.seq, op.id)
            waiter.set_result(None)


def _waiting(op: Append) -> list[asyncio.Future[None]]:
    return [waiter for waiter in op.waiters if not waiter.done()]
