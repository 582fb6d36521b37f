"""Spools as taps leave them behind: real folders with real frames, and nobody who ships them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from audit.ids import ExchangeNumber, boot_name, uuid7
from audit.settings import Settings
from audit.signing import Role
from cli.places import signer_of, tap_keys_of
from storage.sealing import HpkeSealer
from storage.spool.options import SpoolOptions
from storage.spool.port import PieceKind
from storage.spool.start import open_spool
from tests.harness.tree import Tree, auditstream
from tests.unit.storage.kit import an_opening

__all__ = ["NOBODY", "carried", "counts", "installation", "leave"]

# An upstream where nobody listens.
NOBODY = "http://127.0.0.1:9"

_SEGMENT = 50_000


def installation(data: Path) -> Path:
    """A data folder with keys of its own, as a first start makes them."""
    made = auditstream("fingerprint", "--data", str(data), stdin="key")
    assert made.returncode == 0, made.stderr
    return data


async def leave(
    folder: Path, data: Path, exchanges: int, *, tap: str = "gone", shipped: int = 0
) -> Sequence[str]:
    """Have a tap with the keys of `data` open so many exchanges, all cut short, in `folder`.

    The first `shipped` have left the spool, to whoever. Gives the ids of those that wait.
    """
    settings = Settings(data=data)
    sealer = HpkeSealer(tap_keys_of(settings), signer_of(settings, Role.TAP))
    boot = boot_name(time.time_ns() // 1_000_000, b"\0\0")
    options = SpoolOptions(segment_bytes=_SEGMENT)
    spool = await open_spool(folder, tap, boot, sealer, options)
    ids = []
    for _ in range(exchanges):
        number = spool.next_number()
        ids.append(_id_of(number))
        await spool.open(an_opening(number, ids[-1], "/v1/chat/completions"))
        spool.piece(ids[-1], PieceKind.REQUEST_BODY, b'{"messages": []}')
    for each in ids[:shipped]:
        spool.surrender(each)
    gone: list[str] = []
    while len(gone) < shipped:
        batch = await spool.shipments(100, 1.0)
        spool.shipped([each.id for each in batch])
        gone += [each.id for each in batch]
    await spool.shut()
    return [each for each in ids if each not in gone]


async def carried(data: Path) -> None:
    """Have everything that waits carried to the store."""
    tree = Tree(data, NOBODY)
    await tree.start()
    assert await tree.stop() == 0, tree.log.read_text()


def counts(data: Path) -> dict[str, int]:
    """What `verify` counts in a complete log."""
    verified = auditstream("verify", "--data", str(data), "--json")
    assert verified.returncode == 0, (verified.stdout, verified.stderr)
    found = msgspec.json.decode(verified.stdout)["counts"]
    return {outcome: count for outcome, count in found.items() if count}


def _id_of(number: ExchangeNumber) -> str:
    return uuid7(int(number.boot[:12], 16), number.seq.to_bytes(10, "big"))
