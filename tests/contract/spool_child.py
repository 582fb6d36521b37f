"""A tap's worth of spool in a process of its own, to be killed.

Run as `python -m tests.contract.spool_child FOLDER BOOT PUBLIC FINGERPRINT SIGN`. Prints `+ID`
when an opening is acknowledged and `*ID` after its record was handed over; every third exchange
stays open.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from storage.keys import signing_key, tap_keys
from storage.sealing import HpkeSealer
from storage.signing import Ed25519Signer
from storage.spool.options import SpoolOptions
from storage.spool.port import PieceKind
from storage.spool.spool import FileSpool
from storage.spool.start import open_spool
from tests.unit.storage.kit import an_opening


def say(line: str) -> None:
    """Tell the parent, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def talk(spool: FileSpool, lane: int) -> None:
    """Exchange after exchange, for ever."""
    while True:
        number = spool.next_number()
        record_id = f"{number.boot}-{number.seq}"
        await spool.open(an_opening(number, record_id), strict=lane == 0)
        say("+" + record_id)
        spool.piece(record_id, PieceKind.REQUEST_BODY, record_id.encode() * 20)
        if number.seq % 3:
            spool.close(record_id, record_id.encode() * 30)
            say("*" + record_id)


async def main(folder: str, boot: str, public: str, fingerprint: str, sign: str) -> None:
    """Run four lanes until killed."""
    sealer = HpkeSealer(tap_keys(public, fingerprint), Ed25519Signer(signing_key(sign)))
    options = SpoolOptions(segment_bytes=50_000, max_bytes=1 << 40)
    spool = await open_spool(Path(folder), "tap", boot, sealer, options)
    await asyncio.gather(*(talk(spool, lane) for lane in range(4)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
