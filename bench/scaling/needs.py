"""What a rate of exchanges asks of Service Bus, Cosmos DB and Azure AI Language.

The law: arithmetic over figures that stand here with where they are from. What is documented is
said to be documented; what is assumed has to be measured before anyone pays for it, and the worker
counts request units by operation. Nothing here has run in Azure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["ASSUMED", "Needs", "Sizes", "needs"]


@dataclass(frozen=True)
class Sizes:
    """A 2 KB pair on its way, and what the services charge for it.

    Measured with `bench.drain`: `envelope` and `document` bytes. Documented: a send and a receive
    cost a credit each of the 1,000 a second that a Standard namespace has; a messaging unit took
    about 4 MB/s in and out in Microsoft's benchmark and comes in 1, 2, 4, 8 and 16; a physical
    partition of Cosmos DB serves 10,000 request units a second; PII detection takes 5 documents of
    5,120 text elements a request, and tier S 1,000 requests a minute. Assumed: request units of
    each operation, from one for reading 1 KB, some five times as much for writing or deleting it,
    and the least a query costs; and two documents a pair that were not read before.
    """

    envelope: int = 2_400
    document: int = 4_000
    credits: int = 2
    credits_a_second: int = 1_000
    unit_bytes: int = 4_000_000
    units_most: int = 16
    record_units: float = 45.0
    ledger_units: float = 10.0
    read_units: float = 1.0
    reads: int = 2
    order_units: float = 1.0
    orders: int = 2
    query_units: float = 3.0
    looks: int = 3
    partition_units: float = 10_000.0
    documents: float = 2.0
    documents_a_request: int = 5
    requests_a_minute: int = 1_000

    @property
    def units(self) -> float:
        """Request units of one record, all operations together."""
        return (
            self.record_units
            + self.ledger_units
            + self.reads * self.read_units
            + self.orders * self.order_units
        )

    @property
    def expiry_units(self) -> float:
        """Request units of removing one record when its time is over.

        It is listed, its entry read, twice searched for in its partition and deleted; its entry is
        read and replaced, and three times looked at later.
        """
        return (
            3 * self.read_units
            + 2 * self.query_units
            + self.record_units
            + self.ledger_units
            + self.looks * self.read_units
        )


ASSUMED = Sizes()


@dataclass(frozen=True)
class Needs:
    """For one rate; None where a service cannot give it in one piece.

    `standard` says whether one Standard namespace suffices, `messaging_units` how many a Premium
    one needs. `units` are request units a second, `partitions` the physical partitions that they
    take if they spread evenly; `expiring` is on top of `units` where as many records expire as
    come. `a_consumer` is how many records a second one consumer can have as long as its data lies
    on one physical partition; `book` the same for all together, as every record asks the one
    partition of standing orders. `language` counts resources of tier S.
    """

    rate: float
    standard: bool
    messaging_units: int | None
    units: float
    expiring: float
    partitions: int
    a_consumer: float
    book: float
    language: int


def needs(rate: float, sizes: Sizes = ASSUMED) -> Needs:
    """What so many 2 KB pairs a second need."""
    traffic = rate * sizes.envelope / sizes.unit_bytes
    fitting = [each for each in (1, 2, 4, 8, 16) if traffic <= each]
    requests = rate * sizes.documents / sizes.documents_a_request * 60
    units = rate * sizes.units
    return Needs(
        rate=rate,
        standard=rate * sizes.credits <= sizes.credits_a_second,
        messaging_units=fitting[0] if fitting else None,
        units=units,
        expiring=rate * sizes.expiry_units,
        partitions=math.ceil(units / sizes.partition_units),
        a_consumer=sizes.partition_units / sizes.record_units,
        book=sizes.partition_units / (sizes.orders * sizes.order_units),
        language=math.ceil(requests / sizes.requests_a_minute),
    )
