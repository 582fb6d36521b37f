"""Where an exchange is, of which only the id is known: store, ledger, queue or a tap's spool.

The law: what is looked for is looked for everywhere before anything is done, upstream first, and
what nobody knows is an error: an order about a misspelt id would look like an erasure and be none.
Of a record that cannot be read, the ledger's entry says what it is, if a worker has signed that
and had opened the exchange.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from audit.errors import ExchangeUnknown, SignatureInvalid, StoreUnavailable
from audit.ids import ExchangeNumber
from audit.ledger import LedgerEntry, LedgerState
from audit.orders import Subject
from audit.record import RedactedRecord
from audit.sheaf import exchange_of
from storage.queue.port import QueueAdmin
from storage.records.keeper import Finder, Keeper
from workers.changes import entry_of_records, read_records

__all__ = ["Located", "Locator", "Place", "Spooled", "stored", "unread"]

# Gives the numbers of what spool folders hold, by id. Called once, and only when needed.
Spooled = Callable[[], Mapping[str, ExchangeNumber]]

_GONE = (LedgerState.ERASED, LedgerState.EXPIRED)


class Place(StrEnum):
    """Where an exchange was found: the words of a certificate."""

    STORED = "stored"
    WAITING = "waiting"
    DEAD_LETTERED = "dead_lettered"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Located:
    """An exchange and where it is, without content: an order may name any number of them.

    `entry` is what the ledger has of it, or would have. Of a stored record, `subject` is what
    orders ask about, and `held` whether the record says that it is. One that is `unread` is stored
    and cannot be read: of it, all is said that a signed entry says. Of one that is `lost`, the text
    of a record is not where the store looks for it, which is no proof that there is none.
    """

    place: Place
    entry: LedgerEntry
    subject: Subject | None = None
    held: bool = False
    unread: bool = False
    lost: bool = False

    @property
    def id(self) -> str:
        """Its id."""
        return self.entry.id

    @property
    def sealed(self) -> bool:
        """Whether nobody has opened it yet, so that its consumer is not known."""
        return self.place in (Place.WAITING, Place.DEAD_LETTERED)


def stored(
    records: Sequence[RedactedRecord], entry: LedgerEntry | None, subject: Subject
) -> Located:
    """Stored records of an exchange and its entry; without one yet, it is as they say."""
    entry = entry or entry_of_records(records, at="")
    held = any(each.retention.hold for each in records)
    return Located(Place.STORED, entry, subject, held)


def unread(entry: LedgerEntry, *, lost: bool = False) -> Located:
    """A stored exchange whose records cannot be read, as its signed entry has it.

    It was received before it was entered, at the latest: so it counts as being that old.
    """
    subject = Subject(id=entry.id, consumer=entry.consumer, received_at=entry.at)
    held = bool(entry.amendments) and entry.amendments[-1].kind == "hold"
    return Located(Place.STORED, entry, subject, held, unread=True, lost=lost)


class Locator:
    """Looks for exchanges by id.

    `subject_of` says what orders ask of its records, `believes` whether a worker signed an entry.
    """

    def __init__(
        self,
        *,
        keeper: Keeper,
        finder: Finder,
        queue: QueueAdmin,
        spooled: Spooled,
        subject_of: Callable[..., Subject],
        believes: Callable[[LedgerEntry], bool],
    ) -> None:
        self._keeper = keeper
        self._finder = finder
        self._queue = queue
        self._spooled = spooled
        self._subject_of = subject_of
        self._believes = believes
        self._in_spools: Mapping[str, ExchangeNumber] | None = None

    async def locate(self, record_id: str) -> Located:
        """Find it, also by the id of one of its records. Raises `ExchangeUnknown` for none.

        Raises `SignatureInvalid` for one that cannot be read and has no entry to go by.
        """
        record_id = exchange_of(record_id)
        found = await self._find(record_id)
        if found is None:
            number = self._spool().get(record_id)
            # What left the spool while it was read is further down by now.
            found = await self._find(record_id)
            if found is None and number is not None:
                found = Located(Place.WAITING, _unopened(record_id, number))
        if found is None:
            raise ExchangeUnknown(
                f"no exchange {record_id} is known in store, ledger, queue or spool;"
                " nothing was done"
            )
        return found

    async def _find(self, record_id: str) -> Located | None:
        """Look in the order in which data flows, so that what moves meanwhile is met again."""
        held = await self._queue.find(record_id)
        entry = await self._finder.entry_of(record_id)
        if documents := await self._keeper.documents(record_id):
            records = read_records(each.json for each in documents)
            if records is None:
                lost = not all(each.json for each in documents)
                return self._unread(record_id, entry, lost=lost)
            return stored(records, entry, self._subject_of(*records))
        if entry is not None and entry.state is LedgerState.STORED:
            entry = await self._removed_meanwhile(record_id)
        if entry is not None and entry.state in _GONE:
            return Located(Place.REMOVED, entry)
        if held is not None:
            place = Place.DEAD_LETTERED if held.dead else Place.WAITING
            return Located(place, entry or _unopened(record_id, held.number))
        # Set aside, and the queue has lost it: it may come again from somewhere.
        return None if entry is None else Located(Place.DEAD_LETTERED, entry)

    def _unread(self, record_id: str, entry: LedgerEntry | None, *, lost: bool) -> Located:
        if entry is None or not self._believes(entry) or _says_nothing(entry):
            raise SignatureInvalid(
                f"the record {record_id} cannot be read, and no worker's entry says what it is;"
                " `auditstream verify` tells more"
            )
        return unread(entry, lost=lost)

    async def _removed_meanwhile(self, record_id: str) -> LedgerEntry:
        entry = await self._finder.entry_of(record_id)
        if entry is None or entry.state not in _GONE:
            raise StoreUnavailable(
                f"the ledger says that {record_id} is stored, and its record is not there;"
                " `auditstream verify` tells more"
            )
        return entry

    def _spool(self) -> Mapping[str, ExchangeNumber]:
        if self._in_spools is None:
            self._in_spools = self._spooled()
        return self._in_spools


def _says_nothing(entry: LedgerEntry) -> bool:
    """Whether it was made of what nobody had opened: it says no consumer, whose hold may keep it.

    What was removed lawfully may go again, whoever's it was.
    """
    return entry.consumer is None and entry.state not in _GONE


def _unopened(record_id: str, number: ExchangeNumber) -> LedgerEntry:
    return LedgerEntry(number=number, id=record_id, state=LedgerState.STORED)
