"""What a worker takes out of an envelope: a whole record, or the pieces that a crash left.

The law of this module: a piece is given as often as it is asked for and need not be kept, so that
whoever reads a large exchange has its sealed bytes and one clear piece in memory, not both twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from audit.exchange import Opening
from storage.spool.port import PieceKind

__all__ = ["OpenedRecord", "OpenedRemnant", "Piece", "clear_piece"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an exchange, of `size` clear bytes; `opened` gives them, the same each time."""

    kind: PieceKind
    size: int
    opened: Callable[[], bytes] = field(repr=False)


def clear_piece(kind: PieceKind, data: bytes) -> Piece:
    """A piece that is in memory."""
    return Piece(kind, len(data), lambda: data)


@dataclass(frozen=True, slots=True)
class OpenedRecord:
    """A whole record, as the JSON its tap wrote."""

    record_json: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenedRemnant:
    """What a crash left of an exchange: its opening and its pieces in their order.

    `missing` counts pieces that are known to have existed and cannot be given.
    """

    opening: Opening
    pieces: Sequence[Piece] = field(repr=False)
    missing: int = 0
