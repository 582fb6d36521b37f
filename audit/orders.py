"""Standing orders: what an operator has said must never be stored, or must never be removed.

The law: an order outlives the command that gave it. An erasure order keeps what it names from
being stored for as long as it is in the book, wherever the exchange may still be sealed; a hold
keeps what it names, and what arrives later, until it is released. A hold is stronger than an
erasure. Orders hold no content but the operator's own sentence: a session is kept as a keyed
digest. They are signed, because whoever could forge one could have a record removed lawfully.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from audit.digest import keyed_digest
from audit.sheaf import exchange_of
from audit.signing import Role, Trust
from audit.value import Value, canonical_json, prepare

__all__ = [
    "Order",
    "OrderKind",
    "Ruling",
    "Subject",
    "by_exchange",
    "covers",
    "in_force",
    "order_statement",
    "rule",
    "same_criteria",
    "session_digest",
]


class OrderKind(StrEnum):
    """What an order is for."""

    ERASE = "erase"
    HOLD = "hold"
    REREDACT = "reredact"


class Order(Value, frozen=True):
    """One order. It speaks of the exchanges in `ids`, with all their records, and of `consumer`'s.

    `session` (a `session_digest`) narrows the consumer's down; `before` to those received
    earlier than this instant, which an erasure by consumer always states. `released` is when a
    hold ended, or a re-redaction was through. `signature` is the worker key's, over all of it.

    A re-redaction names no exchange and bars none: it is in the book for its reason, its `policy`,
    which no other order has, and as what the ledger's amendments point to.
    """

    id: str
    kind: OrderKind
    at: str
    why: str
    ids: tuple[str, ...] = ()
    consumer: str | None = None
    session: str | None = None
    before: str | None = None
    released: str | None = None
    released_why: str | None = None
    signature: str | None = None
    policy: str | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of an exchange when orders are asked: little, while it is sealed.

    `sessions` are digests of its session as it came and as it is stored: redaction may have
    changed it, and an erasure may name either. `stored` is the latter, as far as it is known.
    """

    id: str
    consumer: str | None = None
    received_at: str | None = None
    sessions: frozenset[str] = frozenset()
    stored: str | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """What all orders together say: the hold that keeps it, else the erasure that bars it."""

    hold: Order | None = None
    erase: Order | None = None


def covers(order: Order, subject: Subject) -> bool:
    """Whether the order speaks of this exchange. A released one speaks of none."""
    if order.released is not None:
        return False
    return exchange_of(subject.id) in order.ids or _by_consumer(order, subject)


def by_exchange(order: Order) -> Order:
    """The order by the ids of exchanges: whoever names one record of a session names all."""
    return msgspec.structs.replace(order, ids=tuple(dict.fromkeys(map(exchange_of, order.ids))))


def in_force(orders: Iterable[Order], trust: Trust) -> list[Order]:
    """Those that a worker's key signed; any other was written by whoever could write the book."""
    return [
        order
        for order in orders
        if trust.bears_out(Role.WORKER, order_statement(order), order.signature)
    ]


def rule(orders: Iterable[Order], subject: Subject) -> Ruling:
    """Read the orders in force over one exchange. A hold leaves no erasure standing."""
    speaking = [order for order in orders if covers(order, subject)]
    hold = next((order for order in speaking if order.kind is OrderKind.HOLD), None)
    erase = next((order for order in speaking if order.kind is OrderKind.ERASE), None)
    return Ruling(hold, None if hold else erase)


def same_criteria(one: Order, other: Order) -> bool:
    """Whether two orders of one kind name the same exchanges, whenever each was given."""
    return (one.kind, frozenset(one.ids), one.consumer, one.session) == (
        other.kind,
        frozenset(other.ids),
        other.consumer,
        other.session,
    )


def session_digest(key: bytes, consumer: str, session: str) -> str:
    """What an order keeps of a session: it may be a name, and the book is kept without expiry."""
    return keyed_digest(key, b"auditstream session 1\n" + canonical_json([consumer, session]))


def order_statement(order: Order) -> bytes:
    """What is signed of an order: the whole order, its release too."""
    bare = msgspec.structs.replace(order, signature=None)
    return b"auditstream order 1\n" + canonical_json(bare)


def _by_consumer(order: Order, subject: Subject) -> bool:
    if order.consumer is None or order.consumer != subject.consumer:
        return False
    if order.session is not None and order.session not in _sessions(order, subject):
        return False
    if order.before is None:
        return True
    # Instants have one width, so that their text orders as they do. Unknown is not earlier.
    return subject.received_at is not None and subject.received_at < order.before


def _sessions(order: Order, subject: Subject) -> frozenset[str | None]:
    """A hold goes by what is stored, since only by that can a release find what it held."""
    return subject.sessions if order.kind is OrderKind.ERASE else frozenset((subject.stored,))


prepare(Order)
