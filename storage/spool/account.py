"""The account of one boot's numbers: given out, opened, or forwarded without an opening.

The law of this module: a checkpoint says what is so, never what may yet become so. It reaches
only as far as every number has settled; while there is no news it is the same checkpoint again.
A number whose opening may stand in a file, although its caller was told no, settles only once the
frame that takes it back is synced: until then a start after a crash would find an exchange there.
"""

from __future__ import annotations

from collections.abc import Iterable

from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint
from storage.spool.notes import BootNote
from storage.spool.numbers import UNOPENED, Chain, RangeSet

__all__ = ["Account", "Unrecorded"]


class Unrecorded:
    """Numbers without an opening, by reason."""

    def __init__(self, ranges: Iterable[tuple[int, int, str]] = ()) -> None:
        self._by_reason: dict[str, RangeSet] = {}
        for first, last, reason in ranges:
            self.add(first, last, reason)

    def add(self, first: int, last: int, reason: str) -> None:
        """Note the numbers from `first` to `last`."""
        self._by_reason.setdefault(reason, RangeSet()).add(first, last)

    @property
    def ranges(self) -> tuple[tuple[int, int, str], ...]:
        """All of them as `(first, last, reason)`, sorted."""
        return tuple(
            sorted(
                (first, last, reason)
                for reason, numbers in self._by_reason.items()
                for first, last in numbers.ranges
            )
        )


class Account:
    """Gives out numbers and keeps account of them."""

    def __init__(self, tap: str, boot: str, predecessor: BootNote | None) -> None:
        self.given = 0
        self._tap = tap
        self._boot = boot
        self._predecessor = predecessor
        self._chain = Chain()
        self._unrecorded = Unrecorded()
        self._asked: set[int] = set()
        self._doubted: dict[int, str] = {}
        self._latest: Checkpoint | None = None

    @property
    def latest(self) -> Checkpoint | None:
        """The checkpoint that was drawn up last."""
        return self._latest

    def give(self) -> ExchangeNumber:
        """The next number."""
        self.given += 1
        return ExchangeNumber(tap=self._tap, boot=self._boot, seq=self.given)

    def takes(self, number: ExchangeNumber) -> bool:
        """Whether the number is this boot's and has not settled."""
        return number.boot == self._boot and self._chain.takes(number.seq)

    def asked(self, seq: int) -> None:
        """The number's opening is on its way to the disk: from now on a file may hold it."""
        self._asked.add(seq)

    def opened(self, seq: int, record_id: str) -> None:
        """The number's opening is in the spool."""
        self._asked.discard(seq)
        self._chain.settle(seq, record_id)

    def unrecorded(self, seq: int, reason: str) -> bool:
        """The number has no opening; whether that needs a frame before it may be said."""
        if seq in self._asked:
            self._doubted[seq] = reason
            return True
        self._chain.settle(seq, UNOPENED)
        self._unrecorded.add(seq, seq, reason)
        return False

    def void(self, seq: int) -> None:
        """No start will take the number's opening for one: no file holds it, or it is noted so."""
        self._asked.discard(seq)
        reason = self._doubted.pop(seq, None)
        if reason is not None:
            self.unrecorded(seq, reason)

    def checkpoint(self, at: str, *, final: bool) -> tuple[Checkpoint, bool]:
        """The checkpoint as of now, and whether it is a new one.

        None is final while openings are in doubt: the next boot will know what became of them.
        """
        final = final and not self._asked
        if final:
            self._chain.settle_all(self.given)
        latest, unrecorded = self._latest, self._unrecorded.ranges
        news = (self._chain.opened, len(unrecorded))
        if latest and not final and news == (latest.opened, len(latest.unrecorded)):
            return latest, False
        before = self._predecessor
        self._latest = Checkpoint(
            tap=self._tap,
            boot=self._boot,
            index=latest.index + 1 if latest else 0,
            opened=self._chain.opened,
            chain=self._chain.head,
            at=at,
            predecessor=before.boot if before else None,
            predecessor_opened=before.opened if before else None,
            predecessor_chain=before.chain if before and before.chain_known else None,
            unrecorded=unrecorded,
            final=final,
        )
        return self._latest, True

    def note(self, reserved: int) -> BootNote:
        """All of it, to be carried on from by a later boot.

        That includes what is in doubt, and how far it reaches: by the time a note is written,
        what was put before it is synced, and a segment that goes with it may hold the frame that
        says so.
        """
        unrecorded = Unrecorded(self._unrecorded.ranges)
        for seq, reason in self._doubted.items():
            unrecorded.add(seq, seq, reason)
        return BootNote(
            boot=self._boot,
            predecessor=self._predecessor.boot if self._predecessor else None,
            opened=max(self._chain.opened, *self._chain.ahead, *self._doubted, 0),
            reserved=reserved,
            chained=self._chain.opened,
            chain=self._chain.head,
            ahead=dict(self._chain.ahead),
            checkpoints=self._latest.index + 1 if self._latest else 0,
            unrecorded=unrecorded.ranges,
        )
