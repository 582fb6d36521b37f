"""`python -m bench.claim_memory`: what large bodies take of memory, beside their own size.

A process of its own sends bodies through a claim check, or holds deliveries of them all at once
and fetches them while there is room for one; its peak is what was resident beyond the time before.
1 is one body. With the allocator as it comes, which keeps what was freed, for each thread its own;
and told to give large blocks back, as a worker tells it.

Then what a worker makes of one: a process opens an exchange whose request has this many bytes, and
reads it into its record. There the sealed body is counted too.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile

from storage.blobs.azure import AzureAccess, service_client
from tests.emulators.azurite import azurite
from tests.unit.claims.measured import CONTAINER
from tests.unit.claims.opening import KINDS

SIZES = (200_000, 2_000_000, 30_000_000)
AT_ONCE = int(os.environ.get("BENCH_AT_ONCE", "16"))
OPENING = "tests.unit.claims.opening"
ALLOCATORS = {"as it comes": ["plain"], "giving back": []}


async def _peak(side: str, place: str, size: int, allocator: list[str]) -> int:
    asked = (side, place, str(size), str(AT_ONCE), *allocator)
    return int(await _said("tests.unit.claims.measured", *asked))


async def _said(module: str, *asked: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *asked), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return said


async def _opening_rows() -> None:
    for kind in KINDS:
        row = ""
        for size in SIZES:
            peak, milliseconds = map(int, (await _said(OPENING, kind, str(size))).split())
            row += f"{peak / 1e6:>8.1f} MB {peak / size:>5.2f} x {milliseconds:>4} ms"
        print(f"{'open':<8}{kind:<10}{row}", flush=True)


async def _rows(kind: str, place: str) -> None:
    for side in ("send", "fetch"):
        for told, allocator in ALLOCATORS.items():
            peaks = [await _peak(side, place, size, allocator) for size in SIZES]
            row = "".join(
                f"{peak / 1e6:>10.1f} MB {peak / size:>5.2f} x"
                for peak, size in zip(peaks, SIZES, strict=True)
            )
            print(f"{kind:<8}{side:<7}{told:<13}{row}", flush=True)


async def main() -> None:
    """Measure each size, side, allocator and place."""
    heads = "".join(f"{size / 1e6:>18.1f} MB" for size in SIZES)
    print(f"{AT_ONCE} bodies of each size{heads[7:]}")
    with tempfile.TemporaryDirectory() as folder:
        await _rows("folder", folder)
    async with azurite() as running:
        access = AzureAccess(container=CONTAINER, connection_string=running.connection_string)
        async with service_client(access) as service:
            await service.create_container(CONTAINER)
        await _rows("azurite", running.connection_string)
    await _opening_rows()


if __name__ == "__main__":
    asyncio.run(main())
