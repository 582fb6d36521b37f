"""A process that opens one large exchange as a worker does, and says what memory that took.

Run as `python -m tests.unit.claims.opening KIND SIZE`: `KIND` is one of `KINDS`, `SIZE` about the
request's bytes. It prints the peak of the resident set in bytes, from before the exchange was
opened until its records were made, with the sealed body; and the CPU milliseconds of that.
"""

from __future__ import annotations

import base64
import ctypes
import gc
import gzip
import json
import random
import sys
import time
from collections.abc import Callable

from msgspec.structs import replace

from audit.exchange import Opening
from audit.ids import ExchangeNumber
from audit.sheaf import Sheaf
from audit.value import to_json
from cli.allocator import give_large_blocks_back
from storage.envelope import open_envelope
from storage.opened import OpenedRemnant
from storage.spool.frame import Kind
from storage.spool.ops import Append
from storage.spool.pieces import piece_number
from storage.spool.port import PieceKind
from storage.spool.reader import Frame, read_frames
from storage.spool.segments import Journal, SegmentHead
from tap.remnant import record_of_remnant
from tests.model.faulty_disk import FaultyDisk
from tests.unit.claims.measured import peak_from_now, peak_of
from tests.unit.storage.kit import OPENER, SEALER, an_opening

__all__ = ["KINDS", "an_envelope", "cleared"]

NUMBER = ExchangeNumber(tap="tap", boot="boot", seq=1)
_PIECE = 200_000


def _chat(content: object) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": content}]}).encode()


def _image(size: int) -> str:
    return base64.b64encode(random.Random(1).randbytes(size * 3 // 4)).decode()


def _media(size: int) -> bytes:
    url = {"url": f"data:image/png;base64,{_image(size)}"}
    return _chat([{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": url}])


def _form(size: int) -> bytes:
    head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    return b"".join((head, random.Random(1).randbytes(size), b"\r\n--B--\r\n"))


# What is sent: its path, its type, its coding and its bytes.
KINDS: dict[str, tuple[str, str, str | None, Callable[[int], bytes]]] = {
    "media": ("/v1/chat/completions", "application/json", None, _media),
    "escaped": (
        "/v1/chat/completions",
        "application/json",
        None,
        lambda size: _media(size).replace(b"/", b"\\/"),
    ),
    "form": ("/v1/audio/transcriptions", "multipart/form-data; boundary=B", None, _form),
    "gzip": (
        "/v1/chat/completions",
        "application/json",
        "gzip",
        lambda size: gzip.compress(_media(size), 1),
    ),
    "text": (
        "/v1/chat/completions",
        "application/json",
        None,
        lambda size: _chat("so many words " * (size // 14)),
    ),
}


def an_envelope(kind: str, size: int) -> bytes:
    """What a tap sent of an exchange that it left to the worker."""
    path, content_type, coding, made = KINDS[kind]
    opening: Opening = replace(
        an_opening(NUMBER, "id", path=path), content_type=content_type, content_encoding=coding
    )
    body = made(size)
    part = piece_number(PieceKind.REQUEST_BODY)
    pieces = [body[at : at + _PIECE] for at in range(0, len(body), _PIECE)]
    disk = FaultyDisk()
    origin = SegmentHead(tap="tap", boot="boot", index=0, key_id="", wrapped_key=b"")
    journal = Journal(disk, SEALER, origin, segment_bytes=1 << 30, reserved=99, reserve_ahead=1)
    written = journal.append(
        [
            Append(Kind.OPENED, to_json(opening), 1, "id"),
            *(Append(Kind.PIECE, each, 1, "id", part, at) for at, each in enumerate(pieces)),
        ]
    )
    assert written is not None
    data = disk.read(written.segment.name)
    return b"".join(each.raw for each in read_frames(data) if isinstance(each, Frame))


def cleared(envelope: bytes) -> Sheaf:
    """Open and reassemble it."""
    opened = open_envelope(envelope, OPENER)
    assert isinstance(opened, OpenedRemnant)
    return record_of_remnant(
        opened.opening, opened.pieces, missing=opened.missing, digest_key=b"k" * 32, salt="00"
    )


def main(kind: str, size: int) -> None:
    """Warm up with a small exchange, then measure."""
    cleared(an_envelope(kind, 1_000))
    envelope = an_envelope(kind, size)
    gc.collect()
    # What was freed while it was made is not to be had again for nothing.
    ctypes.CDLL(None).malloc_trim(0)
    before = peak_from_now()
    begun = time.process_time()
    records = cleared(envelope)
    taken = time.process_time() - begun
    sys.stdout.write(f"{peak_of() - before + len(envelope)} {1e3 * taken:.0f}\n")
    assert records


if __name__ == "__main__":
    give_large_blocks_back()
    main(sys.argv[1], int(sys.argv[2]))
