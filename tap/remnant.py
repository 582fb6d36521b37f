"""Remnants: an exchange that the tap did not put together, made into records from its pieces.

The law: the pieces go through the same reassembly as a live exchange. A tap that lived to see the
end has left its evidence with them, and the records are what the tap would have made; without it,
the tap died before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from audit.exchange import AnswerHead, Ending, Opening
from audit.sheaf import Sheaf
from audit.value import Value, from_json
from storage.opened import Piece
from storage.spool.port import PieceKind
from tap.capture import Captured, Evidence
from tap.held import Held
from tap.reassembly import assemble

__all__ = ["record_of_remnant"]


ValueT = TypeVar("ValueT", bound=Value)
Pieces = Sequence[Piece]


def record_of_remnant(
    opening: Opening, pieces: Pieces, *, missing: int, digest_key: bytes, salt: str
) -> Sheaf:
    """Reassemble what the pieces hold; `missing` ones are known to be lost.

    Each is opened when its bytes are read, and as often as they are. Raises nothing for any bytes.
    """
    evidence = _last(pieces, PieceKind.END, Evidence)
    head = _last(pieces, PieceKind.ANSWER_HEAD, AnswerHead)
    captured = Captured(
        **msgspec.structs.asdict(evidence or _of_crash(head)),
        request_body=_held(pieces, PieceKind.REQUEST_BODY),
        answer_head=head,
        answer_body=_held(pieces, PieceKind.ANSWER_BODY),
        missing=missing,
    )
    return assemble(opening, captured, digest_key=digest_key, salt=salt)


def _of_crash(head: AnswerHead | None) -> Evidence:
    """What a crash is evidence of.

    When the answer's head was seen, the request had been forwarded whole, as far as one can
    tell; when exactly the last bytes passed is not known, so no end time is claimed.
    """
    return Evidence(
        request_whole=head is not None,
        answer_whole=False,
        transport=Ending.TAP_CRASHED,
        detail="recovered_from_spool",
    )


def _held(pieces: Pieces, wanted: PieceKind) -> Held:
    found = [piece for piece in pieces if piece.kind is wanted]
    return Held((piece.size for piece in found), lambda at: found[at].opened())


def _last(pieces: Pieces, wanted: PieceKind, kind: type[ValueT]) -> ValueT | None:
    """Read the piece of a kind of which there is one; None where it is not or cannot be read."""
    for piece in reversed(pieces):
        if piece.kind is wanted:
            try:
                return from_json(piece.opened(), kind)
            except msgspec.DecodeError:
                return None
    return None
