"""The spool: what a tap saw, beyond the reach of a crash, until the queue holds it.

Invariants, each tested against a plain model through crashes and failing disks:

1. An opening that was acknowledged is in the file: the death of the process cannot take it. One
   that was acknowledged `strict` is synced: a power cut cannot take it either. Nothing is synced in
   a file whose name is not: the folder is synced when a segment is begun.
2. A number is given out once, and every acknowledged opening lies under the durably reserved
   bound, so that even a power cut leaves visible how far the numbers may have come. Each boot
   names the boot before it, how far that one came, and the head of its chain.
3. An exchange is offered for shipping only after its record is synced (receipt 1 before 2), and
   forgotten only after `shipped`. A segment is deleted only when the marks of all that was shipped
   from it are durable elsewhere: no deletion brings a shipped exchange back or takes another along.
4. A sync speaks for what was written before it began. What a failed one may have lost is written
   again, elsewhere. A frame is never sealed twice under one nonce.
5. The event loop never waits for the disk, and memory is bounded: what does not fit is refused
   (openings), or dropped and counted with a hole in the exchange's piece numbers (pieces).
6. A checkpoint is written down before it may leave: once `synced` has returned behind it, no later
   boot finds less than it says, or says something else under its index.
7. What was shipped does not stay for want of something that comes after it: a spool that rests
   lets go of its last segment too.

At its cap, of bytes or of exchanges, openings are refused with `SpoolFull`. Exchanges that are
already open go on: their pieces into a reserve of an eighth of the cap, their records and how they
ended in any case, because they are what the cap was spent on.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice

from audit.errors import SpoolFull, SpoolUnavailable
from audit.exchange import Opening
from audit.ids import ExchangeNumber, timestamp
from audit.ledger import Checkpoint
from audit.telemetry import Log, NoLog
from audit.value import to_json
from storage.seal import Sealer
from storage.spool.account import Account
from storage.spool.disk import Disk
from storage.spool.frame import MAX_PAYLOAD, Kind
from storage.spool.index import Exchange
from storage.spool.keeper import Keeper
from storage.spool.loading import Loader
from storage.spool.ops import Append, Operation, Reserve, Stop
from storage.spool.options import SpoolOptions
from storage.spool.pieces import piece_number
from storage.spool.port import PieceKind, Shipment, SpoolCensus
from storage.spool.recovery import Recovered, RecoveryReport
from storage.spool.segments import Journal
from storage.spool.squeezing import SMALL, Squeezer
from storage.spool.syncer import Syncer
from storage.spool.writer import Writer

__all__ = ["FileSpool"]

# A queue this many times over its bound takes no records either, and no full evidence of an end;
# the exchange is then shipped from the frames it has.
_ENDS_OVER_BOUND = 2
_SHUT_SECONDS = 10.0
_UNREADABLE_PAUSE = 0.1
# So many that the disk refuses to read keep nobody behind them from being offered.
_MOST_UNREADABLE = 64


class FileSpool:
    """A `Spool` in one folder. Made by `storage.spool.start.open_spool`."""

    def __init__(
        self,
        disk: Disk,
        sealer: Sealer,
        recovered: Recovered,
        *,
        options: SpoolOptions,
        now_ns: Callable[[], int] = time.time_ns,
        clock: Callable[[], float] = time.monotonic,
        release: Callable[[], None] | None = None,
        log: Log | None = None,
    ) -> None:
        self.recovery: RecoveryReport = recovered.report
        origin = recovered.origin
        self._options = options
        self._now_ns = now_ns
        self._release = release
        self._loop = asyncio.get_running_loop()
        self._account = Account(origin.tap, origin.boot, recovered.predecessor)
        self._keeper = Keeper(
            self._loop,
            recovered,
            self._account,
            kept_bytes=options.kept_bytes,
            rest_seconds=options.rest_seconds,
            put=self._put,
            log=log or NoLog(),
        )
        self._index = recovered.index
        journal = Journal(
            disk,
            sealer,
            origin,
            segment_bytes=options.roll_over_at,
            reserved=recovered.reserved,
            reserve_ahead=options.reserve_numbers,
        )
        self._syncer = Syncer()
        self._writer = Writer(journal, self._syncer, self._keeper, options.sync_interval, clock)
        self._squeezer = Squeezer()
        self._loader = Loader(disk)
        self._reader = ThreadPoolExecutor(1, "spool-reader")
        self._reserved = recovered.reserved
        self._weight = 0
        self._dropped = 0
        self._ringing = False
        self._shut = False

    def start(self) -> None:
        """Start the threads of writer and syncer."""
        threading.Thread(target=self._syncer.run, name="spool-syncer", daemon=True).start()
        threading.Thread(target=self._writer.run, name="spool-writer", daemon=True).start()
        self._keeper.sweeper.sweep()

    def next_number(self) -> ExchangeNumber:
        """Give out the next number; the reserve is refilled long before it runs out."""
        number = self._account.give()
        if number.seq + self._options.reserve_numbers // 2 > self._reserved:
            self._reserved = number.seq + self._options.reserve_numbers
            self._put(Reserve(self._reserved))
        return number

    async def open(self, opening: Opening, *, strict: bool = False) -> None:
        """Write the opening, as the port promises.

        Raises `SpoolUnavailable` also when the disk does not answer within `open_timeout`.
        """
        self._admit(opening)
        exchange = Exchange(opening.id, opening.number)
        waiter = self._loop.create_future()
        op = Append(
            Kind.OPENED,
            to_json(opening),
            opening.number.seq,
            opening.id,
            exchange=exchange,
            strict=strict,
            waiters=(waiter,),
        )
        self._account.asked(opening.number.seq)
        self._put(op)
        deadline = self._loop.call_later(self._options.open_timeout, _give_up, waiter)
        try:
            await waiter
        except TimeoutError:
            self._keeper.withdraw(op)
            raise SpoolUnavailable("the disk did not answer in time") from None
        except asyncio.CancelledError:
            if _answered(waiter):
                self.surrender(opening.id)
            else:
                self._keeper.withdraw(op)
                self.unrecorded(opening.number, "refused:opening.cancelled")
            raise
        finally:
            deadline.cancel()

    def unrecorded(self, number: ExchangeNumber, reason: str) -> None:
        """Note a number without an opening, in memory for the checkpoints and in a frame.

        Where a file may hold an opening after all, the frame is written however much waits; there
        are no more of these than there was room for openings.
        """
        needed = self._account.unrecorded(number.seq, reason)
        if needed or not self._crowded():
            self._put(Append(Kind.UNRECORDED, reason.encode(), number.seq))

    def piece(self, record_id: str, kind: PieceKind, data: bytes) -> None:
        """Add bytes; those for which there is no room leave a hole in the piece numbers."""
        exchange = self._index.exchanges.get(record_id)
        if exchange is None or exchange.closing or not data:
            return
        if self._has_room(kind, len(data)):
            self._put_piece(exchange, kind, data)
            return
        frames = _frames_of(data)
        exchange.next_piece += frames
        self._dropped += frames

    def close(self, record_id: str, record: bytes) -> bool:
        """Add the record, also over the cap; False where the queue is twice over its bound."""
        if self._crowded(times=_ENDS_OVER_BOUND):
            return False
        small = len(record) <= SMALL
        payload, flags = self._squeezer.squeeze(record) if small else (record, 0)
        self._end(record_id, Kind.CLOSED, payload, flags)
        return True

    def surrender(self, record_id: str, end: bytes = b"") -> None:
        """Ship what was captured as a remnant, once that is synced.

        `end` is written however much waits, as the surrender itself: there are no more of these
        than there was room for openings.
        """
        exchange = self._index.exchanges.get(record_id)
        if end and exchange is not None and not (exchange.closing or exchange.ended):
            self._put_piece(exchange, PieceKind.END, end)
        self._end(record_id, None)

    async def shipments(
        self, limit: int, wait: float, past: AbstractSet[str] = frozenset()
    ) -> Sequence[Shipment]:
        """Give envelopes, oldest first, of at most some 16 MiB together."""
        if not self._index.ready:
            await self._keeper.wait_ready(wait)
        offered = (each for each in self._index.ready.values() if each.id not in past)
        batch = list(islice(offered, limit))
        if all(each.body is not None for each in batch):
            return self._loader.load(batch, limit)
        # Those behind stand in for what the disk refuses: who asks for one is not stuck with it.
        batch += islice(offered, _MOST_UNREADABLE)
        loaded = await self._loop.run_in_executor(self._reader, self._loader.load, batch, limit)
        if batch and not loaded:
            # The disk refuses to be read: asking again at once would only spin.
            await asyncio.sleep(min(wait, _UNREADABLE_PAUSE))
        return loaded

    def shipped(self, record_ids: Sequence[str]) -> None:
        """Forget these; ids that were not offered are passed over."""
        self._keeper.forget(self._index.leave(record_ids))

    def checkpoint(self, *, final: bool = False) -> Checkpoint:
        """Draw up a checkpoint, and keep it in a frame; the same one while there is no news.

        The frame is written however much waits: nobody asks for another before one was synced.
        """
        checkpoint, new = self._account.checkpoint(timestamp(self._now_ns()), final=final)
        if new:
            self._put(Append(Kind.CHECKPOINT, to_json(checkpoint)))
        return checkpoint

    def census(self) -> SpoolCensus:
        """How full it is, as far as the writer has reported."""
        index = self._index
        waiting = len(index.ready)
        return SpoolCensus(index.bytes, index.open, waiting, self._dropped, self._full)

    async def synced(self) -> None:
        """Return when everything that was handed over before is synced, in a sync shared by all.

        Raises `SpoolUnavailable` when the spool is closed first. A disk that refuses is waited for.
        """
        if self._shut:
            raise SpoolUnavailable("the spool is closed")
        waiter = self._loop.create_future()
        self._put(Append(None, strict=True, waiters=(waiter,)))
        await waiter

    async def shut(self) -> None:
        """Write and sync what is pending, and close; a disk that hangs is given ten seconds."""
        self._keeper.sweeper.end()
        if not self._shut:
            self._put(Stop())
            self._shut = True
        with suppress(TimeoutError):
            async with asyncio.timeout(_SHUT_SECONDS):
                await self._keeper.ended_event.wait()
        self._reader.shutdown(wait=False)
        if self._release is not None:
            self._release()

    @property
    def _cap_of_pieces(self) -> int:
        return self._options.max_bytes + self._options.max_bytes // 8

    def _admit(self, opening: Opening) -> None:
        if self._shut or self._keeper.ended_event.is_set():
            raise SpoolUnavailable("the spool is closed")
        if not self._account.takes(opening.number) or len(opening.id.encode()) > 255:
            raise SpoolUnavailable("the opening's number or id cannot be used")
        if self._crowded():
            raise SpoolUnavailable("too much is waiting for the disk")
        if self._full:
            raise SpoolFull

    @property
    def _full(self) -> bool:
        """Whether the disk, or the memory that knows each exchange, has had its share."""
        options = self._options
        most = len(self._index.exchanges) >= options.max_exchanges
        return most or self._load >= options.max_bytes

    def _has_room(self, kind: PieceKind, size: int) -> bool:
        """Whether a piece may go on; without its end, a large exchange would look like a crash."""
        if kind is PieceKind.END:
            return not self._crowded(size, _ENDS_OVER_BOUND)
        return not self._crowded(size) and self._load < self._cap_of_pieces

    def _put_piece(self, exchange: Exchange, kind: PieceKind, data: bytes) -> None:
        exchange.ended |= kind is PieceKind.END
        first = exchange.next_piece
        exchange.next_piece += _frames_of(data)
        number, part = exchange.number.seq, piece_number(kind)
        self._put(Append(Kind.PIECE, data, number, exchange.id, part, first, exchange=exchange))

    def _end(self, record_id: str, kind: Kind | None, payload: bytes = b"", flags: int = 0) -> None:
        exchange = self._index.exchanges.get(record_id)
        if exchange is None or exchange.closing:
            return
        exchange.closing = True
        number = exchange.number.seq
        self._put(Append(kind, payload, number, record_id, flags=flags, exchange=exchange))

    @property
    def _queued(self) -> int:
        return self._weight - self._writer.settled_weight

    @property
    def _load(self) -> int:
        """Bytes on the disk and on their way to it."""
        return self._index.bytes + self._queued

    def _crowded(self, more: int = 0, times: int = 1) -> bool:
        return self._queued + more > self._options.queue_bytes * times

    def _put(self, op: Operation) -> None:
        if self._shut:
            return
        if isinstance(op, Append):
            self._weight += op.weight
        self._writer.put(op)
        if not self._ringing:
            self._ringing = True
            self._loop.call_soon(self._ring)

    def _ring(self) -> None:
        self._ringing = False
        self._writer.ring()


def _frames_of(data: bytes) -> int:
    return -(-len(data) // MAX_PAYLOAD)


def _give_up(waiter: asyncio.Future[None]) -> None:
    # Answered at the last instant is answered: it must not be said to have no opening.
    if not waiter.done():
        waiter.set_exception(TimeoutError())


def _answered(waiter: asyncio.Future[None]) -> bool:
    return waiter.done() and not waiter.cancelled() and waiter.exception() is None
