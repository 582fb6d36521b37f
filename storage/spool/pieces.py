"""Piece kinds by their number in a frame's header."""

from __future__ import annotations

from storage.spool.port import PieceKind

__all__ = ["piece_kind", "piece_number"]

_NUMBERS = {
    PieceKind.REQUEST_BODY: 1,
    PieceKind.ANSWER_HEAD: 2,
    PieceKind.ANSWER_BODY: 3,
    PieceKind.END: 4,
}
_KINDS = {number: kind for kind, number in _NUMBERS.items()}


def piece_number(kind: PieceKind) -> int:
    """The number that stands in a header's `part`."""
    return _NUMBERS[kind]


def piece_kind(number: int) -> PieceKind | None:
    """The kind that a number stands for; None for one that a later version added."""
    return _KINDS.get(number)
