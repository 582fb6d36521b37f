"""Remnants: what a crash left of an exchange, made into a record.

The law: the pieces go through the same reassembly as a live exchange; only the evidence of the
end is another one: the tap died before it saw it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from audit.exchange import AnswerHead, Ending, Opening
from audit.record import AuditRecord
from audit.value import from_json
from storage.spool.port import PieceKind
from tap.capture import Captured, ChunkTiming
from tap.reassembly import assemble

__all__ = ["record_of_remnant"]


Pieces = Sequence[tuple[PieceKind, bytes]]


def record_of_remnant(
    opening: Opening, pieces: Pieces, *, missing: int, digest_key: bytes, salt: str
) -> AuditRecord:
    """Reassemble what passed before the crash; `missing` pieces are known to be lost.

    Raises nothing for any bytes.

    When the answer's head was seen, the request had been forwarded whole, as far as one can
    tell; when exactly the last bytes passed is not known, so no end time is claimed.
    """
    head = _head(pieces)
    captured = Captured(
        request_body=_joined(pieces, PieceKind.REQUEST_BODY),
        request_whole=head is not None,
        answer_head=head,
        answer_body=_joined(pieces, PieceKind.ANSWER_BODY),
        answer_whole=False,
        transport=Ending.TAP_CRASHED,
        detail="recovered_from_spool",
        missing=missing,
        timing=ChunkTiming(),
    )
    return assemble(opening, captured, digest_key=digest_key, salt=salt)


def _joined(pieces: Pieces, wanted: PieceKind) -> bytes:
    return b"".join(data for kind, data in pieces if kind is wanted)


def _head(pieces: Pieces) -> AnswerHead | None:
    for kind, data in pieces:
        if kind is PieceKind.ANSWER_HEAD:
            try:
                return from_json(data, AnswerHead)
            except msgspec.DecodeError:
                return None
    return None
