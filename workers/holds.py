"""Holds: records that must not go, whatever their age and whoever asks.

The law: the order stands before it is searched by, so that what arrives meanwhile is held by
whoever carries it. A record is held as long as any order holds it; when the last one is released
it is free again, and what an erasure had barred goes then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from audit.errors import ExchangeUnknown, OrderInvalid, SignatureInvalid
from audit.orders import Order, OrderKind, Subject, by_exchange
from audit.signing import Signer
from storage.records.keeper import OrderBook
from workers.custody import Custody, signed_order
from workers.locating import Located, Place
from workers.searching import Search

__all__ = ["Held", "Holder", "Released"]


@dataclass(frozen=True, slots=True)
class Held:
    """A hold that was set: stored exchanges that it keeps, and sealed ones that it will keep."""

    order: Order
    stored: int
    sealed: int


@dataclass(frozen=True, slots=True)
class Released:
    """A hold that was released: exchanges that are free, and those that an erasure then took."""

    order: Order
    freed: int
    erased: int


class Holder:
    """Sets and releases holds. Either is finished by doing it again."""

    def __init__(
        self, *, search: Search, book: OrderBook, custody: Custody, signer: Signer
    ) -> None:
        self._search = search
        self._book = book
        self._custody = custody
        self._signer = signer

    async def add(self, order: Order) -> Held:
        """Enter the order and set the hold in every record of what it names.

        Raises `ExchangeUnknown` for an id that nobody knows or that was removed, and
        `ConsumerUnknown`; then nothing was done. Raises `SignatureInvalid` when a record is not
        what a worker signed: it is left as it is, and the order stands and holds all others.
        """
        order = by_exchange(order)
        await self._search.check_consumer(order)
        _refuse_removed(await self._search.of(order))
        await self._book.enter(signed_order(order, self._signer))
        left: list[str] = []
        found = await self._search.of(order, left.append)
        stored = [each for each in found if each.place is Place.STORED]
        _, unchanged = await self._change(stored, order, hold=True)
        _tell_left([*left, *unchanged])
        return Held(order, len(stored), sum(each.sealed for each in found))

    async def release(self, order_id: str, why: str) -> Released:
        """Release the order, and lift the hold wherever no other one stands.

        Raises `OrderInvalid` when there is no such hold, and `SignatureInvalid` as `add` does.
        """
        order = await self._hold(order_id)
        if order.released is None:
            released = msgspec.structs.replace(
                order, released=self._custody.now(), released_why=why
            )
            await self._book.enter(signed_order(released, self._signer))
        standing = msgspec.structs.replace(order, released=None)
        unclear: list[str] = []
        found = await self._search.of(standing, unclear.append)
        free = [each for each in found if each.subject and not await self._kept(each.subject)]
        freed, left = await self._change(free, order, hold=False)
        erased = sum([await self._barred(each) for each in free if each.id not in left])
        if erased:
            await self._custody.scrub()
        _tell_left([*unclear, *left])
        return Released(order, freed, erased)

    async def _change(
        self, records: Sequence[Located], order: Order, *, hold: bool
    ) -> tuple[int, Sequence[str]]:
        """Set or lift it wherever the record is in order; gives how many, and the other's ids."""
        changed, left = 0, list[str]()
        for each in records:
            try:
                changed += await self._custody.hold(each.entry, order, hold=hold)
            except SignatureInvalid:
                left.append(each.id)
        return changed, left

    async def _kept(self, subject: Subject) -> bool:
        return (await self._custody.ruling(subject)).hold is not None

    async def _barred(self, freed: Located) -> int:
        """Remove what an erasure named while it was held, also where a release was cut short."""
        now = await self._search.again(freed)
        erasure = (await self._custody.ruling(now.subject)).erase if now.subject else None
        return await self._custody.erase([now.entry], erasure, "erased") if erasure else 0

    async def _hold(self, order_id: str) -> Order:
        found = [each for each in await self._book.orders() if each.id == order_id]
        if not found or found[0].kind is not OrderKind.HOLD:
            raise OrderInvalid(f"there is no hold {order_id}; `auditstream hold list` names them")
        return found[0]


def _tell_left(left: Sequence[str]) -> None:
    """Raise where a record was left as it is, when all others have been seen to."""
    if left:
        more = f" and {len(left) - 1} more" if len(left) > 1 else ""
        raise SignatureInvalid(
            f"the record {left[0]}{more} cannot be read, or it or its entry is not what a worker"
            " signed; it was left as it is, all others are done: `auditstream verify` tells more"
        )


def _refuse_removed(found: list[Located]) -> None:
    removed = [each.id for each in found if each.place is Place.REMOVED]
    if removed:
        raise ExchangeUnknown(f"{removed[0]} was removed already; nothing was done")
