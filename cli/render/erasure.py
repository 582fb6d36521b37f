"""Erasures and holds in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from audit.certificate import Erased
from audit.orders import Order
from audit.reading.neutral import neutral_line
from audit.value import Json
from workers.erasure import Erasure
from workers.holds import Held, Released
from workers.locating import Located

__all__ = [
    "erasure_lines",
    "held_lines",
    "hold_document",
    "hold_lines",
    "left_lines",
    "plan_document",
    "plan_lines",
    "released_lines",
]

_BEFORE = {
    "stored": "removed from the store",
    "waiting": "still sealed: will not be stored",
    "dead_lettered": "removed from the dead letters",
    "removed": "removed earlier",
}


def erasure_lines(erasure: Erasure, order: Order, *, waiting: int, out: Path | None) -> list[str]:
    """What was erased, and what the operator must know besides."""
    counts = Counter(each.before for each in erasure.certificate.erased)
    lines = [f"{count} {_BEFORE[before]}" for before, count in counts.items()]
    lines += _of_sessions(erasure.certificate.erased)
    lines = lines or ["nothing of it is stored"]
    lines.append(f"order {order.id} stands: what it names is not stored when it comes again")
    if order.consumer is not None and waiting:
        lines.append(
            f"{waiting} messages are still sealed; what the order names among them goes when a"
            " worker opens it, dead letters when they are replayed or discarded"
        )
    lines += _unfound(order)
    lines += left_lines(erasure.left)
    if not erasure.clean:
        why = "; ".join(erasure.obstacles) or "someone keeps reading the store"
        lines.append(f"{why}: bytes of what was removed may be left in its files; run it again")
    if out is not None:
        lines.append(f"the certificate is in {out}")
    return lines


def left_lines(left: Sequence[str]) -> list[str]:
    """The records that cannot be read and that the order does not reach, one line each."""
    return [
        f"{neutral_line(each)} cannot be read and was left: nobody can tell whether it is meant, a"
        " hold is on it, or its text is not where `blobs.*` says; `auditstream verify` tells more,"
        " and --id names it alone"
        for each in left
    ]


def _of_sessions(erased: Sequence[Erased]) -> list[str]:
    """How many records it was where an exchange had several: whoever named one hears of all."""
    several = [each.records for each in erased if each.records > 1]
    if not several:
        return []
    what = "1 of them is a session" if len(several) == 1 else f"{len(several)} of them are sessions"
    return [f"{what} of {sum(several)} records, which go together whichever was named"]


def plan_lines(found: Sequence[Located], order: Order) -> list[str]:
    """What would be erased, one line each."""
    return ([_planned(each) for each in found] or ["nothing"]) + _unfound(order)


def _planned(found: Located) -> str:
    records = f" ({found.entry.records} records)" if found.entry.records > 1 else ""
    return f"{neutral_line(found.id)}  {found.place.value}{records}"


def _unfound(order: Order) -> list[str]:
    """What an order by session cannot see."""
    if order.session is None:
        return []
    return ["records whose session redaction took out are not found by it; name them by --id"]


def plan_document(found: Sequence[Located]) -> Json:
    """What would be erased, as JSON."""
    return [
        {
            "id": each.id,
            "number": each.entry.number,
            "now": each.place.value,
            "records": each.entry.records,
        }
        for each in found
    ]


def held_lines(held: Held) -> list[str]:
    """What a new hold keeps."""
    lines = [f"hold {held.order.id} stands; {held.stored} stored exchanges are held"]
    if held.sealed:
        lines.append(f"{held.sealed} are still sealed, and will be stored held")
    return lines + _unfound(held.order)


def released_lines(released: Released) -> list[str]:
    """What a released hold set free."""
    lines = [f"hold {released.order.id} is released; {released.freed} exchanges are free"]
    if released.erased:
        lines.append(f"{released.erased} of them an erasure had named: they are erased now")
    return lines


def hold_lines(holds: Sequence[Order]) -> list[str]:
    """Every hold in a paragraph."""
    return [_hold(hold) for hold in holds] or ["there are no holds"]


def hold_document(holds: Sequence[Order]) -> Json:
    """Every hold as JSON, with all that the book has of it."""
    return list(holds)


def _hold(hold: Order) -> str:
    named = [f"  exchange {neutral_line(each)}" for each in hold.ids]
    if hold.consumer is not None:
        session = " (one session)" if hold.session is not None else ""
        named.append(f"  consumer {neutral_line(hold.consumer)}{session}")
    state = "stands" if hold.released is None else f"released {hold.released}"
    lines = [f"{hold.id}  {state}", f"  since {hold.at}: {neutral_line(hold.why)}", *named]
    if hold.released_why is not None:
        lines.append(f"  released because: {neutral_line(hold.released_why)}")
    return "\n".join(lines)
