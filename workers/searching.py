"""What an order speaks of now: by id wherever it is, by consumer among the stored records.

The law: a consumer that nobody knows is an error, as an id is (`workers.locating`). What is still
sealed says neither consumer nor session, so it is found by id only; what else of it an order bars,
the worker that opens it finds. A record that cannot be read keeps no other from being found: its
signed entry speaks for it, and where that does not say enough, its id is told.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from dataclasses import replace
from typing import TypeAlias

from audit.errors import ConsumerUnknown, ExchangeUnknown, RecordInvalid, SignatureInvalid
from audit.orders import Order, OrderKind, covers, in_force, same_criteria
from audit.sheaf import exchange_of
from audit.signing import Trust
from storage.records.keeper import Finder, OrderBook
from storage.records.port import StoredDocument
from workers.changes import read_records
from workers.custody import Custody
from workers.locating import Located, Locator, Place, stored

__all__ = ["Search", "Tell"]


# Hears of what could not be judged, by its id.
Tell: TypeAlias = Callable[[str], object]


def _unheard(exchange_id: str) -> None:
    del exchange_id


class Search:
    """Finds what orders name, and the orders themselves. `consumers` are those of the settings."""

    def __init__(
        self,
        *,
        finder: Finder,
        locator: Locator,
        book: OrderBook,
        custody: Custody,
        trust: Trust,
        consumers: Collection[str],
    ) -> None:
        self._finder = finder
        self._locator = locator
        self._book = book
        self._custody = custody
        self._trust = trust
        self._consumers = consumers

    async def check_consumer(self, order: Order) -> None:
        """Raise `ConsumerUnknown` where nobody knows the consumer that a new order names.

        An order about a misspelt consumer would look like one that was obeyed.
        """
        name = order.consumer
        if name is None or name in self._consumers or await self._finder.knows(name):
            return
        raise ConsumerUnknown(
            f"no consumer {name} is known in settings, store or ledger; nothing was done: check"
            " its spelling, --data and --config, and where all it ever sent is still sealed, or"
            " yet to come, name it in the settings, under `consumers`"
        )

    async def of(self, order: Order, tell: Tell = _unheard) -> list[Located]:
        """Everything it names that is somewhere, each once, released or not.

        `tell` hears the id of each record of its consumer that cannot be read, and of which nobody
        can say whether the order names it. Raises `ExchangeUnknown` for an id that no place knows,
        `SignatureInvalid` for one that cannot be read and has no entry to go by.
        """
        found = {each: await self._locator.locate(each) for each in order.ids}
        unclear, lost = dict[str, None](), set[str]()
        if order.consumer is not None:
            hear, miss = unclear.setdefault, lost.add
            async with aclosing(self._of_consumer(order, order.consumer, hear, miss)) as records:
                found |= {each.id: each async for each in records}
        # Whichever of its records was read last.
        found |= {each: replace(found[each], lost=True) for each in found.keys() & lost}
        for each in unclear.keys() - found.keys():
            tell(each)
        return list(found.values())

    async def again(self, located: Located) -> Located:
        """The same exchange as it is now."""
        return await self._locator.locate(located.id)

    async def removed_before(self, order: Order) -> list[Located]:
        """What earlier erasures by the same words had removed, if they named a consumer."""
        if order.consumer is None:
            return []
        earlier = {each.id for each in await self._book.orders() if same_criteria(each, order)}
        entries = await self._finder.removed_by(order.consumer, earlier - {order.id})
        return [Located(Place.REMOVED, entry) for entry in entries]

    async def holds(self) -> list[Order]:
        """The holds that stand. Raises `SignatureInvalid` when one is not borne out."""
        holds = [
            each
            for each in await self._book.orders()
            if each.kind is OrderKind.HOLD and each.released is None
        ]
        if len(in_force(holds, self._trust)) < len(holds):
            raise SignatureInvalid("a hold in the order book bears no trusted signature")
        return holds

    async def _of_consumer(
        self, order: Order, consumer: str, tell: Tell, miss: Tell
    ) -> AsyncGenerator[Located, None]:
        """The exchanges of which the order names any record: it is about all of them then.

        `miss` hears of each of which a text is lost.
        """
        async with aclosing(self._finder.of_consumer(consumer)) as documents:
            async for document in documents:
                if not document.json:
                    miss(exchange_of(document.id))
                try:
                    found = await self._named(order, document)
                except (RecordInvalid, SignatureInvalid):
                    tell(exchange_of(document.id))
                    continue
                if found is not None:
                    yield found

    async def _named(self, order: Order, document: StoredDocument) -> Located | None:
        """The exchange of this record if the order names it; raises where nobody can tell."""
        if (records := read_records([document.json])) is None:
            return await self._unread(order, exchange_of(document.id))
        subject = self._custody.subject(*records)
        if not covers(order, subject):
            return None
        entry = await self._finder.entry_of(subject.id)
        if entry is None and records[0].tap.records > 1:
            # What is to be entered of several needs all of them.
            return await self._locator.locate(subject.id)
        return stored(records, entry, subject)

    async def _unread(self, order: Order, exchange_id: str) -> Located | None:
        """As its entry has it. No entry says which session it was, or quite when it came."""
        try:
            located = await self._locator.locate(exchange_id)
        except ExchangeUnknown:
            return None  # removed meanwhile
        if located.subject is None or located.subject.consumer not in (None, order.consumer):
            return None
        if not covers(order, located.subject):
            raise RecordInvalid(f"whether the order names {exchange_id} cannot be told")
        return located
