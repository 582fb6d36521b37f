"""Erasure: an order is given, what it names is removed, and a certificate says so.

The law is the order of steps: the order stands durably before anything is searched, so that what
is on its way meanwhile is barred by whoever carries it; then records go and the ledger says
erased; then sealed bodies in queue and blobs, but for what a worker has in hands; the bytes last.
Cut short anywhere, it is begun again with the same words, and the certificate then names what the
first attempt had removed as well. What a hold keeps is refused before anything is done.
Whoever names one record of a session names all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial

from audit.certificate import Certificate, Erased
from audit.errors import (
    BlobMissing,
    ExchangeUnknown,
    OrderInvalid,
    PermanentError,
    RecordHeld,
    TransientError,
)
from audit.orders import Order, Subject, by_exchange, covers
from audit.signing import Signer
from storage.queue.port import QueueAdmin, QueueReader
from storage.records.keeper import Keeper, OrderBook
from storage.records.signed_ledger import signed_certificate
from workers.changes import current_digest
from workers.claims import ClaimedBodies
from workers.custody import Custody, signed_order
from workers.locating import Located, Place
from workers.searching import Search, Tell

__all__ = ["Eraser", "Erasure"]

# Records removed in one transaction.
_BATCH = 50
_NAMED = 5


def _unheard(exchange_id: str) -> None:
    del exchange_id


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure that was carried out. Not `clean` when bytes of it may still be in files.

    Then a reader kept them there, or `obstacles` say what did. `left` are the ids of records that
    cannot be read and were left: nobody could say that the order names them, the store did not let
    them go, or their text is lost (`Located.lost`).
    """

    certificate: Certificate
    clean: bool
    left: Sequence[str] = ()
    obstacles: Sequence[str] = ()


class Eraser:
    """Erases by order. `claimed` are the bodies in blobs, where the queue leaves large ones."""

    def __init__(
        self,
        *,
        search: Search,
        book: OrderBook,
        keeper: Keeper,
        queue: QueueAdmin,
        queue_state: QueueReader,
        custody: Custody,
        signer: Signer,
        claimed: ClaimedBodies | None = None,
    ) -> None:
        self._search = search
        self._book = book
        self._keeper = keeper
        self._queue = queue
        self._queue_state = queue_state
        self._custody = custody
        self._signer = signer
        self._claimed = claimed

    async def look(
        self, order: Order, tell: Tell = _unheard, *, lost: bool = False
    ) -> list[Located]:
        """What the order would remove now; nothing is done. `tell` is `Search.of`'s.

        What has lost its text is among it if `lost`; else `tell` hears of it, and by its id it
        raises `BlobMissing`: removed, it would be certified as erased with its text still there.
        Raises `ExchangeUnknown` for an id that nobody knows, `ConsumerUnknown`, and `RecordHeld`,
        which names the hold, when one keeps any of it, or might keep what nobody has opened yet.
        """
        order = by_exchange(order)
        await self._search.check_consumer(order)
        found = await self._found(order, tell, lost=lost)
        await self._refuse_held(found)
        await self._refuse_unopened([each for each in found if each.sealed])
        await self._refuse_unread([each for each in found if each.unread])
        return found

    async def erase(self, order: Order, *, lost: bool = False) -> Erasure:
        """Give the order and carry it out; `lost` is `look`'s.

        Raises what `look` does, and then nothing was done; `StoreUnavailable`,
        `QueueUnavailable` or `BlobsUnavailable` when it could not be finished: then the order
        stands already.
        """
        await self.look(order, lost=lost)
        return await self._carry_out(order, "erased", lost=lost)

    async def discard(self, order: Order) -> Erasure:
        """Erase dead letters, by their ids, and nothing else.

        Raises as `erase` does, and `OrderInvalid` for one whose exchange is stored all the same.
        """
        for each in await self.look(order):
            if each.place is Place.STORED:
                raise OrderInvalid(
                    f"the record of {each.id} is stored; replay the dead letter to be rid of it"
                )
        return await self._carry_out(order, "discarded")

    async def discard_checkpoints(self, order: Order) -> int:
        """Remove dead letters that are no exchanges, by their ids; gives how many there still were.

        The order stands before they go, so that the book says who did it and why. It bars
        nothing: what a trusted tap says under the same name later is evidence. Raises
        `ExchangeUnknown` for what is no such dead letter; then nothing was done.
        """
        for each in order.ids:
            letter = await self._queue.dead_letter_of(each)
            if letter is None or letter.is_exchange:
                raise ExchangeUnknown(f"there is no dead checkpoint {each}; nothing was done")
        await self._book.enter(signed_order(order, self._signer))
        removed = sum([await self._queue.discard(each) for each in order.ids])
        await self._remove_claimed(order.ids)
        await self._queue.scrub()
        return removed

    async def _carry_out(self, order: Order, kind: str, *, lost: bool = False) -> Erasure:
        order = by_exchange(order)
        await self._book.enter(signed_order(order, self._signer))
        left: list[str] = []
        found = await self._found(order, left.append, lost=lost)
        before = await self._search.removed_before(order)
        gone = [each for each in found if each.place is not Place.REMOVED and not each.unread]
        for at in range(0, len(gone), _BATCH):
            entries = [each.entry for each in gone[at : at + _BATCH]]
            await self._custody.erase(entries, order, kind)
        refused = await self._erase_unread([each for each in found if each.unread], order, kind)
        found = [each for each in found if each.id not in refused]
        erased = {each.id for each in [*found, *before]}
        for message_id in {*order.ids, *await self._queued(erased - {*order.ids})}:
            await self._queue.discard(message_id)
        await self._remove_claimed({*order.ids, *erased})
        clean, obstacles = await self._scrubbed()
        certificate = self._certificate(order, [*found, *before])
        return Erasure(certificate, clean, [*left, *refused], obstacles)

    async def _scrubbed(self) -> tuple[bool, Sequence[str]]:
        """Leave no bytes in queue and store, each whatever becomes of the other; or say why not.

        What was to be removed is, so the certificate is due all the same.
        """
        clean, obstacles = True, list[str]()
        for scrub in (self._queue.scrub, partial(self._keeper.scrub, thorough=True)):
            try:
                clean = await scrub() and clean
            except TransientError as error:
                obstacles.append(str(error))
        return clean and not obstacles, obstacles

    async def _found(self, order: Order, tell: Tell, *, lost: bool) -> list[Located]:
        """What the order is about, without what `look` says of lost texts."""
        found = await self._search.of(order, tell)
        left = [each for each in found if each.lost and not lost]
        if named := [each for each in left if each.id in order.ids]:
            raise BlobMissing(
                f"the text of {_names(named)} is not where `blobs.*` says, and may be elsewhere;"
                " see to these settings first, and erase it with --lost-text where it is nowhere"
            )
        for each in left:
            tell(each.id)
        return [each for each in found if lost or not each.lost]

    async def _queued(self, ids: Collection[str]) -> Collection[str]:
        """Which of these the queue holds: duplicates of what was stored, most of them dead.

        One walk for all of them: to ask a broker for one message is a walk over its dead letters.
        """
        if not ids:
            return ()
        return [each.id async for each in self._queue_state.numbers() if each.id in ids]

    async def _erase_unread(
        self, unread: Sequence[Located], order: Order, kind: str
    ) -> Sequence[str]:
        """Remove what cannot be read, each for itself; gives the ids of those that did not go."""
        refused: list[str] = []
        for each in unread:
            try:
                await self._custody.erase([each.entry], order, kind)
            except PermanentError:
                refused.append(each.id)
        return refused

    async def _remove_claimed(self, ids: Collection[str]) -> None:
        if self._claimed is not None:
            await self._claimed.remove_of(ids)

    def _certificate(self, order: Order, located: Sequence[Located]) -> Certificate:
        bare = Certificate(
            order=order.id,
            at=self._custody.now(),
            why=order.why,
            erased=tuple(_erased(each) for each in located),
        )
        return signed_certificate(bare, self._signer)

    async def _refuse_held(self, found: Sequence[Located]) -> None:
        """Refuse what says that it is held, or of which the book does.

        A hold that was cut short stands in the book only.
        """
        held, holds = [], dict[str, Order]()
        for each in found:
            if (hold := await self._hold_of(each)) is not None:
                holds[hold.id] = hold
            if each.held or hold is not None:
                held.append(each)
        _refuse(held, list(holds.values()))

    async def _hold_of(self, each: Located) -> Order | None:
        if each.subject is None:
            return None
        return (await self._custody.ruling(each.subject)).hold

    async def _refuse_unopened(self, sealed: Sequence[Located]) -> None:
        holds = await self._search.holds() if sealed else []
        by_id = [hold for hold in holds if any(covers(hold, Subject(each.id)) for each in sealed)]
        kept = [each for each in sealed if any(covers(hold, Subject(each.id)) for hold in by_id)]
        _refuse(kept, by_id)
        by_consumer = [hold for hold in holds if hold.consumer is not None]
        if by_consumer:
            raise RecordHeld(
                f"nobody has opened {_names(sealed)} yet, and what it is may be held:"
                f" {_told(by_consumer)}; nothing was done: let a worker carry it first, or"
                " release the hold"
            )

    async def _refuse_unread(self, unread: Sequence[Located]) -> None:
        """Refuse where a hold is on a session of its consumer: it may be that very session."""
        consumers = {each.entry.consumer for each in unread}
        holds = await self._search.holds() if unread else []
        if by_session := [hold for hold in holds if hold.consumer in consumers and hold.session]:
            raise RecordHeld(
                f"nobody can read {_names(unread)}, and it may be held: {_told(by_session)};"
                " nothing was done: release the hold first"
            )


def _refuse(held: Sequence[Located], holds: Sequence[Order]) -> None:
    """Raise where anything is held; a record may say so of itself with no hold in the book."""
    if held:
        by = _told(holds) or "a hold that the order book does not have"
        raise RecordHeld(f"{by}: it keeps {_names(held)}; nothing was done")


def _told(holds: Sequence[Order]) -> str:
    """What an operator needs to find each hold, or to release it."""
    more = [f"{len(holds) - _NAMED} more"] if len(holds) > _NAMED else []
    return " and ".join([*map(_hold, holds[:_NAMED]), *more])


def _hold(hold: Order) -> str:
    on = f" on the consumer {hold.consumer}" if hold.consumer is not None else ""
    return f"the hold {hold.id}{on}, since {hold.at} ({hold.why})"


def _names(located: Sequence[Located]) -> str:
    named = ", ".join(each.id for each in located[:_NAMED])
    more = len(located) - _NAMED
    return f"{named} and {more} more" if more > 0 else named


def _erased(located: Located) -> Erased:
    stored = located.place is Place.STORED
    return Erased(
        id=located.id,
        number=located.entry.number,
        before=located.place.value,
        record_digest=current_digest(located.entry) if stored else None,
        commitment=located.entry.commitment,
        records=located.entry.records,
    )
