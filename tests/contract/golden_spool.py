"""The spool that stands for format 1 for ever: what is in it, and how it was made.

`python -m tests.contract.golden_spool FOLDER` made it once. It is never made again for format 1:
a change that would need it is another format. A segment may be added for what the others leave out,
as the third one was.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import zstandard
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from audit.digest import CHAIN_START, chain
from audit.signing import Role
from audit.value import to_json
from storage.keys import (
    SigningKey,
    TrustedKey,
    WorkerKeys,
    encoded_key,
    key_id_of,
    signing_key,
    worker_keys,
)
from storage.sealing import _INFO, _SUITE, AesFrameSealer
from storage.signing import Ed25519Signer, TrustedKeys
from storage.spool.disk import RealDisk
from storage.spool.frame import LAST, SEALED, ZSTD, Kind
from storage.spool.notes import BOOTS, NUMBERS, BootNote, BootsNote, NumbersNote, save_note
from storage.spool.packing import Packer
from storage.spool.segments import SegmentHead, segment_name, segment_statement

__all__ = [
    "BOOT",
    "ENDED_PIECES",
    "GOLDEN",
    "RECORD",
    "REMNANT_PIECES",
    "SEGMENTS",
    "SQUEEZED",
    "TAP",
    "segment",
    "trust",
    "worker",
]

GOLDEN = Path(__file__).parent.parent / "data" / "spool-v1"
TAP, BOOT, BEFORE = "golden-tap", "018f00000000-0001", "018e00000000-0000"
KEYS = "keys.json"
SEGMENTS = 3

RECORD = b'{"record":"one"}'
SQUEEZED = b'{"record":"' + b"five " * 200 + b'"}'
REMNANT_PIECES = [(1, b'{"messages":[]}'), (2, b"200 OK"), (3, "data: naïve\n".encode())]
EVIDENCE = (
    b'{"request_whole":true,"request_cut":false,"answer_whole":true,"answer_cut":false,'
    b'"transport":null,"detail":null,"ended_ns":3,"timing":{"first_ns":1,"last_ns":2,"chunks":2},'
    b'"of_a_later_version":1}'
)
HEAD = b'{"status":200,"content_type":"text/plain","content_encoding":null,"at_ns":2}'
# What a tap that lived left to the worker; the piece between was dropped.
ENDED_PIECES = [(0, 2, HEAD), (2, 3, b"much"), (3, 4, EVIDENCE)]


@dataclass(frozen=True)
class Frame:
    """What a frame is made from."""

    kind: int
    payload: bytes = field(repr=False)
    seq: int = 0
    part: int = 0
    index: int = 0
    flags: int = LAST

    @property
    def id(self) -> str:
        """Exchanges are named after their number."""
        return f"id-{self.seq}" if self.flags & SEALED else ""


def frames(index: int) -> Iterator[Frame]:
    """What stands in each of the segments behind its head."""
    whole = SEALED | LAST
    if index == 0:
        yield Frame(Kind.OPENED, opening(1), 1, flags=whole)
        yield Frame(Kind.OPENED, opening(2), 2, flags=whole)
        for number, (part, content) in enumerate(REMNANT_PIECES):
            yield Frame(Kind.PIECE, content, 2, part, number, whole)
        yield Frame(Kind.CLOSED, RECORD[:5], 1, flags=SEALED)
        yield Frame(Kind.CLOSED, RECORD[5:], 1, index=1, flags=whole)
        yield Frame(Kind.UNRECORDED, b"forwarded:spool.full", 3)
        yield Frame(Kind.OPENED, opening(4), 4, flags=whole)
        yield Frame(Kind.CHECKPOINT, CHECKPOINT)
    elif index == 1:
        yield Frame(Kind.SHIPPED, b'{"018f00000000-0001":[[4,4]]}')
        # What a later version may add: a kind, a flag that may be ignored, one that may not.
        yield Frame(99, b"of a later version")
        yield Frame(Kind.OPENED, opening(5), 5, flags=whole | 8)
        yield Frame(Kind.PIECE, b"cannot be understood", 5, 1, 0, whole | 0x10)
        squeezed = zstandard.ZstdCompressor(level=3).compress(SQUEEZED)
        yield Frame(Kind.CLOSED, squeezed, 5, flags=whole | ZSTD)
    else:
        yield Frame(Kind.OPENED, opening(6), 6, flags=whole)
        for number, part, content in ENDED_PIECES:
            yield Frame(Kind.PIECE, content, 6, part, number, whole)


def opening(seq: int) -> bytes:
    """An opening's JSON, with a field that this version does not know."""
    number = {"tap": TAP, "boot": BOOT, "seq": seq}
    known = {"id": f"id-{seq}", "number": number, "received_at_ns": 1, "consumer": "golden"}
    more = {"day": "2026-01-01", "level": "redacted", "method": "POST", "target_path": "/chat"}
    rest: dict[str, object] = {
        "query": {},
        "content_type": None,
        "content_encoding": None,
        "identity": {},
    }
    return json.dumps(known | more | rest | {"of_a_later_version": 1}).encode()


_CHAIN = chain(chain(CHAIN_START, 1, "id-1"), 2, "id-2")
CHECKPOINT = json.dumps(
    {"tap": TAP, "boot": BOOT, "index": 0, "opened": 2, "chain": _CHAIN, "at": "2026-01-01"}
).encode()


def segment(index: int, keys: dict[str, list[str]]) -> bytes:
    """One segment's bytes, from the keys that were drawn for it."""
    raw, wrapped = (base64.b64decode(keys[name][index]) for name in ("data", "wrapped"))
    sealer = AesFrameSealer(keys["id"][0], wrapped, raw)
    packer = Packer(TAP, BOOT)
    head = SegmentHead(
        tap=TAP,
        boot=BOOT,
        index=index,
        key_id=sealer.key_id,
        wrapped_key=wrapped,
        predecessor=BEFORE,
        predecessor_opened=7,
        predecessor_chain="c" * 64,
    )
    fields = json.loads(to_json(head)) | {"of_a_later_version": [1.5, "é", None]}
    fields["signature"] = Ed25519Signer(signing(keys)).sign(segment_statement(to_json(fields)))
    packer.pack(sealer, 0, to_json(fields), kind=Kind.SEGMENT)
    for counter, each in enumerate(frames(index), 1):
        packer.pack(
            sealer,
            counter,
            each.payload,
            kind=each.kind,
            seq=each.seq,
            record_id=each.id,
            part=each.part,
            flags=each.flags,
            index=each.index,
        )
    return bytes(packer.packed())


def signing(keys: dict[str, list[str]]) -> SigningKey:
    """What the golden tap signs with."""
    return signing_key(keys["sign"][0])


def trust() -> TrustedKeys:
    """Belief in the golden tap."""
    key = signing(json.loads((GOLDEN / KEYS).read_text()))
    return TrustedKeys([TrustedKey(Role.TAP, key.key_id, key.public_key)])


def worker() -> WorkerKeys:
    """What opens it."""
    keys = json.loads((GOLDEN / KEYS).read_text())
    return worker_keys(keys["private"], encoded_key(bytes(32)))


def make(folder: Path) -> None:
    """Draw the keys and write the folder."""
    private = X25519PrivateKey.generate()
    public = private.public_key()
    drawn = [os.urandom(32) for _ in range(SEGMENTS)]
    wrapped = [_SUITE.encrypt(each, public, _INFO) for each in drawn]
    keys = {
        "id": [key_id_of(public.public_bytes_raw())],
        "private": [encoded_key(private.private_bytes_raw())],
        "data": [encoded_key(each) for each in drawn],
        "wrapped": [encoded_key(each) for each in wrapped],
        "sign": [encoded_key(os.urandom(32))],
    }
    (folder / KEYS).write_text(json.dumps(keys, indent=1) + "\n")
    for index in range(SEGMENTS):
        (folder / segment_name(BOOT, index)).write_bytes(segment(index, keys))
    disk = RealDisk(folder)
    before = BootNote(boot=BEFORE, opened=7, reserved=1000, chained=7, chain="c" * 64)
    note = BootNote(boot=BOOT, predecessor=BEFORE)
    save_note(disk, BOOTS, BootsNote(tap=TAP, boots=(before, note)))
    save_note(disk, NUMBERS, NumbersNote(boot=BOOT, reserved=1000))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
