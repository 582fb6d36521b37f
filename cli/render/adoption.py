"""What an adoption found, took and left, for people: one line each, without content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from audit.reading.neutral import neutral_line
from storage.queue.port import MessageKind
from storage.spool.frame import FORMAT
from storage.spool.recovery import RecoveryReport

__all__ = ["Adopted", "adoption_lines"]


@dataclass(frozen=True, slots=True)
class Adopted:
    """What became of one folder.

    `taken` counts what the queue holds now, `left` the exchanges that still wait in the folder.
    `refused` says that the queue did not take all it was given. `witness` is where this data
    folder keeps the tap's notes, for a folder that is elsewhere.
    """

    folder: Path
    tap: str
    report: RecoveryReport = field(repr=False)
    taken: Counter[MessageKind]
    left: int
    refused: bool
    witness: Path | None = None

    @property
    def whole(self) -> bool:
        """Whether the queue has taken everything."""
        report = self.report
        return not (self.left or self.refused or report.unreadable or report.other_formats)


def adoption_lines(adopted: Adopted) -> Iterator[str]:
    """Say what was found, what was taken, what was left in place, and what to do."""
    report, taken = adopted.report, adopted.taken
    yield neutral_line(f"{adopted.folder}: spool of the tap {adopted.tap}")
    yield f"  found: {_count(report.boots, 'boot')}, {_count(report.segments, 'segment')}"
    yield (
        f"  taken by the queue: {_count(taken[MessageKind.RECORD], 'record')},"
        f" {_count(taken[MessageKind.REMNANT], 'remnant')},"
        f" {_count(taken[MessageKind.CHECKPOINT], 'checkpoint')}"
    )
    if report.torn_tails:
        yield f"  torn tails: {report.torn_tails} cut off ({_count(report.torn_bytes, 'byte')})"
    if report.damaged:
        stretches = _count(report.damaged, "stretch", "stretches")
        yield from _names(f"{stretches} damaged, left in place", report.damaged_files)
    yield from _names("damaged notes", report.damaged_notes)
    yield from _names("foreign files, left as they are", report.foreign)
    yield from _names("segments that the disk did not give", report.unreadable)
    others = tuple(f"{name} (format {number})" for name, number in report.other_formats)
    yield from _names(f"in another format than {FORMAT}, left in place", others)
    yield from _ending(adopted)


def _ending(adopted: Adopted) -> Iterator[str]:
    if adopted.refused:
        left = _count(adopted.left, "exchange")
        yield f"  left: {left}, because the queue took no more; run the same command again"
    elif not adopted.whole:
        left = _count(adopted.left, "exchange")
        yield f"  left: {left}, and the files named above, which could not be read"
    else:
        yield "  left: nothing"
        if adopted.witness is not None:
            yield "  " + neutral_line(f"its history is kept in {adopted.witness}")


def _names(what: str, names: tuple[str, ...]) -> Iterator[str]:
    if names:
        yield "  " + neutral_line(f"{what}: {', '.join(names)}")


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
