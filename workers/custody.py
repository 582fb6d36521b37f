"""Custody: what the standing orders say of an exchange, and their being carried out.

The law: an order is asked for right before a record is put and again right after, so that an
order that came in between is obeyed by whoever comes second: the one who gives an order enters
it first and searches then. An order that no trusted key signed is neither obeyed nor passed
over: what it is about waits, set aside, until someone has looked. The store's own doors are
called with signed entries only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from audit.errors import SignatureInvalid
from audit.ids import timestamp
from audit.ledger import LedgerEntry, LedgerState
from audit.orders import (
    Order,
    Ruling,
    Subject,
    in_force,
    order_statement,
    rule,
    session_digest,
)
from audit.record import AuditRecord, RedactedRecord
from audit.sheaf import exchange_of, record_ids
from audit.signing import Signer, Trust
from storage.records.keeper import Keeper, ReadsOrders
from storage.records.signed_ledger import signed, signed_record
from workers.changes import amended_entry, read_records, removed_entry, with_hold
from workers.vouching import amendable, is_signed, signed_copy

__all__ = ["Custody", "signed_order"]

# Amendments of records that stay.
_OF_STORED = _HOLD, _RELEASE = "hold", "release"


class Custody:
    """Reads orders, removes and amends; signs as `signer`. `session_key` digests sessions."""

    def __init__(
        self,
        *,
        orders: ReadsOrders,
        keeper: Keeper,
        signer: Signer,
        trust: Trust,
        session_key: bytes,
        now_ns: Callable[[], int],
    ) -> None:
        self._orders = orders
        self._keeper = keeper
        self._signer = signer
        self._trust = trust
        self._session_key = session_key
        self._now_ns = now_ns

    async def ruling(self, subject: Subject) -> Ruling:
        """What all orders in force say of the exchange.

        Raises `SignatureInvalid` when one that names its id or consumer is not borne out.
        """
        about = await self._orders.about(subject.id, subject.consumer)
        standing = in_force(about, self._trust)
        if len(standing) < len(about):
            raise SignatureInvalid(
                "a standing order about this exchange bears no trusted signature"
            )
        return rule(standing, subject)

    async def rulings(self, subjects: Sequence[Subject]) -> list[Ruling | None]:
        """What all orders in force say of each exchange, asked once for all of them.

        None for one that an order names which is not borne out: nobody can tell.
        """
        consumers = {each.consumer for each in subjects if each.consumer is not None}
        about = await self._orders.about_any({each.id for each in subjects}, consumers)
        standing = in_force(about, self._trust)
        forged = [each for each in about if each not in standing]
        return [
            None if any(_names(each, subject) for each in forged) else rule(standing, subject)
            for subject in subjects
        ]

    async def barred(self, subject: Subject) -> Order | None:
        """The erasure that bars the exchange, for whoever asks long before storing it.

        None may mean that it was ordered a moment ago; what is given is in force now.
        """
        if not await self._orders.about(subject.id, subject.consumer, lately=True):
            return None
        return (await self.ruling(subject)).erase

    def subject(self, *forms: AuditRecord | RedactedRecord) -> Subject:
        """An exchange in the forms in which its records are at hand: clear, redacted, or both.

        The first one given says when it was received.
        """
        first = forms[0]
        sessions = [
            session_digest(self._session_key, first.consumer, form.identity.session)
            for form in forms
            if form.identity.session is not None
        ]
        return Subject(
            id=exchange_of(first.id),
            consumer=first.consumer,
            received_at=first.timing.received_at,
            sessions=frozenset(sessions),
            stored=sessions[-1] if sessions else None,
        )

    async def erase(self, entries: Sequence[LedgerEntry], order: Order, kind: str) -> int:
        """Remove what the entries speak of by this order; gives how many that made erased."""
        now = self.now()
        return await self._remove(
            [
                removed_entry(each, LedgerState.ERASED, at=now, kind=kind, order=order.id)
                for each in entries
            ]
        )

    async def expire(self, entries: Sequence[LedgerEntry]) -> int:
        """Remove what the entries speak of because its time is over; gives how many."""
        now = self.now()
        return await self._remove(
            [removed_entry(each, LedgerState.EXPIRED, at=now, kind="expired") for each in entries]
        )

    async def remove_again(self, entry: LedgerEntry) -> None:
        """See that there is no record of what the ledger calls erased or expired."""
        await self._keeper.remove([entry])

    def believes(self, entry: LedgerEntry) -> bool:
        """Whether a worker signed it: what anyone else wrote settles nothing."""
        return is_signed(entry, self._trust)

    def digest_of(self, document: bytes, record: RedactedRecord) -> str:
        """What the stored form of this record digests to; another redaction of it will do.

        Raises `SignatureInvalid` for one that no worker signed as a record of this exchange.
        """
        there = signed_copy(document, record, self._trust)
        if there is None:
            raise SignatureInvalid(
                f"what is stored as {record.id} is no record of it that a worker signed;"
                " `auditstream verify` tells more"
            )
        return there.integrity.record_digest or ""

    async def hold(self, entry: LedgerEntry, order: Order | None, *, hold: bool = True) -> bool:
        """Set or lift the hold in all stored records of this entry, and say so in the entry.

        `order` is the hold, or the one released, None where it is not known any more. False when
        nothing had to be changed, or there is no record. Raises `SignatureInvalid` for one that
        is missing or not what a worker signed: signed anew, an alteration would look lawful.
        """
        return await self._amend(entry, order.id if order is not None else None, hold=hold)

    async def finish(self, entry: LedgerEntry) -> None:
        """See that the records are as the entry's last amendment says; raises as `hold` does.

        A store that changes entry and record one after the other may have got to the entry only.
        """
        last = entry.amendments[-1] if entry.amendments else None
        if last is not None and last.kind in _OF_STORED:
            await self._amend(entry, last.order, hold=last.kind == _HOLD)

    async def _amend(self, entry: LedgerEntry, order: str | None, *, hold: bool) -> bool:
        documents = await self._documents(entry)
        records = read_records(documents)
        if records is not None and all(each.retention.hold is hold for each in records):
            return False
        if records is None or not amendable(documents, entry, self._trust):
            raise SignatureInvalid(
                f"the record {entry.id} or its entry is not what a worker signed;"
                " `auditstream verify` tells more"
            )
        changed = [signed_record(with_hold(each, hold=hold), self._signer) for each in records]
        kind = _HOLD if hold else _RELEASE
        amended = amended_entry(entry, changed, at=self.now(), kind=kind, order=order)
        first, *further = changed
        return await self._keeper.amend(first, signed(amended, self._signer), further)

    async def _documents(self, entry: LedgerEntry) -> list[bytes]:
        """The stored records that the entry speaks of; none of a sheaf that is still being put.

        What the entry does not speak of is `verify`'s to name.
        """
        ids = set(record_ids(entry.id, entry.records))
        found = [each for each in await self._keeper.documents(entry.id) if each.id in ids]
        # Some were missing, now or when the entry was made of them, and nobody had entered them.
        # Whoever puts the others asks for orders afterwards.
        missing = len(found) < entry.records or entry.record_digest is None
        return [] if missing and entry.signature is None else [each.json for each in found]

    def now(self) -> str:
        """The present instant, as records and entries write it."""
        return timestamp(self._now_ns())

    def ago(self, seconds: float) -> str:
        """The instant so many seconds before the present one."""
        return timestamp(self._now_ns() - round(seconds * 1e9))

    async def _remove(self, entries: Sequence[LedgerEntry]) -> int:
        return await self._keeper.remove([signed(each, self._signer) for each in entries])

    async def scrub(self) -> bool:
        """Leave no bytes of what was removed in the store's files, as the keeper's `scrub` does."""
        return await self._keeper.scrub(thorough=True)


def _names(order: Order, subject: Subject) -> bool:
    by_consumer = order.consumer is not None and order.consumer == subject.consumer
    return by_consumer or subject.id in order.ids


def signed_order(order: Order, signer: Signer) -> Order:
    """Give the order with a signature over all of it."""
    return msgspec.structs.replace(order, signature=signer.sign(order_statement(order)))
