"""Who is to blame when the queue refuses."""

from __future__ import annotations

from audit.ids import ExchangeNumber
from storage.spool.port import Shipment, ShipmentKind
from tap.suspicion import Suspicion


def shipments(*ids: str) -> list[Shipment]:
    """A batch of these."""
    number = ExchangeNumber(tap="t", boot="b", seq=1)
    return [Shipment(each, number, ShipmentKind.RECORD, b"") for each in ids]


def test_a_batch_is_in_question_after_so_many_refusals_in_a_row() -> None:
    """One that is taken in between begins the count anew."""
    suspicion, batch = Suspicion(), shipments("a", "b")
    suspicion.refused(batch, 2)
    suspicion.taken(["a"])
    suspicion.refused(batch, 2)
    assert suspicion.alone() == []
    suspicion.refused(batch, 2)
    assert [each.id for each in suspicion.alone()] == ["a"]


def test_who_is_refused_alone_is_to_blame_once_another_is_taken() -> None:
    """And the search goes on behind that one, to the end of the batch."""
    suspicion = Suspicion()
    suspicion.refused(shipments("a", "b", "c"), 1)
    suspicion.refused(suspicion.alone(), 1)
    assert suspicion.suspects == ["a"]
    assert suspicion.taken(["b"]) == ["a"]
    assert [each.id for each in suspicion.alone()] == ["c"]
    assert suspicion.taken(["c"]) == []
    assert (suspicion.searching, suspicion.calm) == (False, True)


def test_nobody_is_blamed_while_nothing_is_taken() -> None:
    """However many were refused by themselves, it may be the queue."""
    suspicion = Suspicion()
    for first in range(0, 60, 3):
        suspicion.refused(shipments(*map(str, range(first, first + 3))), 1)
        while suspicion.searching:
            suspicion.refused(suspicion.alone(), 1)
    assert len(suspicion.suspects) == 60
    suspicion.begin_anew()
    assert suspicion.taken(["0"]) == []
