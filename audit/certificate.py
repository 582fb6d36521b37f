"""The certificate of an erasure: what was removed, when and why, for whoever asked for it.

It holds no content. Whoever has the public keys can check its signature, and `verify` compares it
with ledger and store: each number erased, no record left.
"""

from __future__ import annotations

from audit.ids import ExchangeNumber
from audit.value import Value, prepare

__all__ = ["Certificate", "Erased"]


class Erased(Value, frozen=True):
    """One exchange that was erased.

    `before` says where it was: `stored` (with the digest and commitment it had), `waiting` or
    `dead_lettered` for what was still sealed, `removed` for what had been erased or had expired
    already. `records` is how many records the exchange had: an erasure takes all of them,
    whichever was named.
    """

    id: str
    number: ExchangeNumber
    before: str
    record_digest: str | None = None
    commitment: str | None = None
    records: int = 1


class Certificate(Value, frozen=True):
    """One erasure. `order` is the id of the standing order that keeps it erased.

    `why` is the operator's own sentence. `signature` is the worker key's.
    """

    order: str
    at: str
    why: str
    erased: tuple[Erased, ...] = ()
    signature: str | None = None


prepare(Certificate)
