"""A process that sends or fetches large bodies and says how much memory that took at most.

Run as `python -m tests.unit.claims.measured SIDE PLACE SIZE COUNT [plain]`. `SIDE` is `send` or
`fetch`, `PLACE` a folder or a connection string, `SIZE` a body's bytes, `COUNT` how many deliveries
are held at the same time; `plain` leaves the allocator as it comes. It prints one number: the peak
of the resident set beyond what there was before, in bytes. What a sender has in memory before it
sends is not counted.
"""

from __future__ import annotations

import asyncio
import gc
import re
import sys
from pathlib import Path

from cli.allocator import give_large_blocks_back
from storage.blobs.azure import AzureAccess, AzureBlobs
from storage.blobs.folder import FolderBlobs
from storage.queue.claim_check import ClaimCheckInbox, ClaimCheckOutbox
from storage.queue.memory import MemoryQueue
from tests.contract.samples import a_message

__all__ = ["CONTAINER", "body_of", "peak_from_now", "peak_of"]

CONTAINER = "measured"
_LIMIT = 1_000


def body_of(size: int) -> bytes:
    """A body that is cheap to make and different in each of its blocks."""
    block = b"".join(n.to_bytes(4) for n in range(1 << 16))
    return (block * (size // len(block) + 1))[:size]


def peak_from_now(pid: int | str = "self") -> int:
    """Bytes resident now; the kernel forgets the peak so far (proc(5))."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return _resident(pid, "VmRSS")


def peak_of(pid: int | str = "self") -> int:
    """Bytes resident at most since then."""
    return _resident(pid, "VmHWM")


def _resident(pid: int | str, kind: str) -> int:
    found = re.search(rf"{kind}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


async def blobs_at(place: str) -> AzureBlobs | FolderBlobs:
    """The adapter for a place."""
    if "=" not in place:
        return FolderBlobs(Path(place))
    return await AzureBlobs.open(AzureAccess(container=CONTAINER, connection_string=place))


async def main(side: str, place: str, size: int, count: int) -> None:
    """Warm up with a small body, then measure."""
    blobs = await blobs_at(place)
    queue = MemoryQueue(lease=600.0, clock=lambda: 1e9)
    outbox = ClaimCheckOutbox(queue, blobs, lambda: _LIMIT)
    inbox = ClaimCheckInbox(queue, blobs, room=size)

    async def carry() -> None:
        (delivery,) = await inbox.receive(1, 0)
        async with inbox.room(delivery.message):
            whole = await inbox.fetch(delivery.message)
            assert len(whole.body) > _LIMIT

    await outbox.send([a_message(count + 1, body_of(_LIMIT + 1))])
    await carry()
    messages = [a_message(seq, body_of(size)) for seq in range(1, count + 1)]
    if side == "fetch":
        await outbox.send(messages)
        del messages
    gc.collect()
    before = peak_from_now()
    if side == "send":
        await outbox.send(messages)
    else:
        await asyncio.gather(*(carry() for _ in range(count)))
    sys.stdout.write(f"{peak_of() - before}\n")
    if isinstance(blobs, AzureBlobs):
        await blobs.close()


if __name__ == "__main__":
    if sys.argv[5:] != ["plain"]:
        give_large_blocks_back()
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
