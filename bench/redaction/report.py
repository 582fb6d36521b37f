"""The report: ours beside stock Presidio, in tables of plain text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bench.redaction.kinds import FLOORS, LATER
from bench.redaction.score import Counts, Score

__all__ = ["false_positive_lines", "score_lines", "table"]


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lay out rows under a head, the first column to the left, all others to the right."""
    cells = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    return [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in cells
    ]


def score_lines(ours: Score, stock: Score) -> list[str]:
    """Give character scores, then span recall by group, type and language."""
    whole = [
        (name, f"{getattr(ours, name):.3f}", f"{getattr(stock, name):.3f}")
        for name in ("recall", "precision", "f2")
    ]
    return [
        *table(("letters and digits", "ours", "stock"), whole), "",
        *table(("span recall by group", "spans", "ours", "stock", "floor"),
               (_row(name, ours.groups, stock.groups,
                     FLOORS.get(name)) for name in sorted(ours.groups))),
        "",
        *table(("by language", "spans", "ours", "stock", ""),
               (_row(name, ours.languages, stock.languages) for name in sorted(ours.languages))),
               "",
        *table(("by type", "spans", "ours", "stock", ""),
               (_row(name, ours.types, stock.types) for name in sorted(ours.types))),
    ]  # fmt: skip


def _row(
    name: str, ours: Mapping[str, Counts], stock: Mapping[str, Counts], floor: float | None = None
) -> tuple[str, ...]:
    said = "" if floor is None else f"{floor:.2f}"
    if name == LATER:
        said = "(no model)"
    mine = ours[name]
    return name, str(mine.planted), f"{mine.recall:.3f}", f"{stock[name].recall:.3f}", said


def false_positive_lines(rates: Mapping[str, tuple[float, float, float]]) -> list[str]:
    """Give the characters taken out of every 1,000 where nothing was to be taken."""
    rows = (
        (kind, f"{ours:.2f}", f"{stock:.2f}", f"{most:.0f}")
        for kind, (ours, stock, most) in rates.items()
    )
    return table(("false positives per 1,000", "ours", "stock", "at most"), rows)
