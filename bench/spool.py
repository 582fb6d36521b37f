"""`python -m bench.spool`: what the spool costs beside the disk's own pace.

A durable append is a piece of an exchange whose sync has been confirmed to the one who wrote it:
`piece` hands it over, and `synced` returns when it, sealed and framed, would survive a power cut.
64 writers do that side by side, each waiting for its own confirmation before its next append;
latency is from hand-over to confirmation. A strict opening, which the tap awaits before it
forwards, is the same promise for a whole opening and stands in a row of its own.

Beside it, in each round and in the same folder: one writer in a loop of `write` and `fsync` of the
same size, and the same bytes in blocks of 1 MiB, once with one `fsync` at the end and once with one
after as much as all writers have in flight: what a group commit could reach that did nothing else.
Figures are medians over the rounds; machines differ and are noisy, so only ratios taken in one run
mean anything, and those only where nothing else waits for the same disk.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import uvloop
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from audit.exchange import Identity, Level, Opening
from audit.ids import ExchangeNumber
from storage.keys import encoded_key, signing_key, tap_keys
from storage.sealing import HpkeSealer
from storage.signing import Ed25519Signer
from storage.spool.options import SpoolOptions
from storage.spool.port import PieceKind
from storage.spool.spool import FileSpool
from storage.spool.start import open_spool

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "7"))
# Not /tmp, which may lie in memory.
FOLDER = os.environ.get("BENCH_DIR", ".")
WRITERS = 64
_BLOCK = 1 << 20
# As the tap sets it, see `cli/run_tap.py`.
_SWITCH_SECONDS = 0.0005


@dataclass(frozen=True)
class Scenario:
    """Appends of so many bytes, so many by each writer, and so many by the bare loop."""

    name: str
    size: int
    each: int
    bare: int
    openings: bool = False


SCENARIOS = [
    Scenario("pieces of 2 KB", 2 << 10, 400, 2000),
    Scenario("pieces of 64 KB", 64 << 10, 64, 500),
    Scenario("strict openings of 2 KB", 2 << 10, 300, 2000, openings=True),
]


@dataclass(frozen=True)
class Figures:
    """One round: appends a second, seconds at the 99th percentile, CPU seconds per append."""

    rate: float
    p99: float
    cpu: float
    bare_rate: float
    bandwidth: float
    grouped: float


def main() -> None:
    """Run all scenarios, or those whose names begin with an argument."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    chosen = [s for s in SCENARIOS if not sys.argv[1:] or s.name.startswith(tuple(sys.argv[1:]))]
    rounds: dict[str, list[Figures]] = {each.name: [] for each in chosen}
    for _ in range(ROUNDS):
        for scenario in chosen:
            rounds[scenario.name].append(_round(scenario))
    for scenario in chosen:
        _report(scenario, rounds[scenario.name])


def _round(scenario: Scenario) -> Figures:
    with tempfile.TemporaryDirectory(prefix="bench-spool-", dir=FOLDER) as scratch:
        folder = Path(scratch)
        bare_rate = _bare_loop(folder / "bare", scenario.size, scenario.bare)
        total, in_flight = scenario.size * scenario.each * WRITERS, scenario.size * WRITERS
        bandwidth = _sequential(folder / "sequential", total, total)
        grouped = _sequential(folder / "grouped", total, max(in_flight, _BLOCK))
        rate, p99, cpu = uvloop.run(_spool(folder / "spool", scenario))
    return Figures(rate, p99, cpu, bare_rate, bandwidth, grouped)


def _bare_loop(path: Path, size: int, count: int) -> float:
    """Writes and syncs a second."""
    data = os.urandom(size)
    with path.open("xb", buffering=0) as file:
        begun = time.perf_counter()
        for _ in range(count):
            file.write(data)
            os.fsync(file.fileno())
        return count / (time.perf_counter() - begun)


def _sequential(path: Path, total: int, synced_after: int) -> float:
    """Bytes a second, synced after so many and at the end."""
    block = os.urandom(_BLOCK)
    with path.open("xb", buffering=0) as file:
        begun = time.perf_counter()
        for count in range(1, total // _BLOCK + 1):
            file.write(block)
            if count * _BLOCK % synced_after < _BLOCK:
                os.fsync(file.fileno())
        os.fsync(file.fileno())
        return total // _BLOCK * _BLOCK / (time.perf_counter() - begun)


async def _spool(folder: Path, scenario: Scenario) -> tuple[float, float, float]:
    options = SpoolOptions(max_bytes=1 << 40)
    spool = await open_spool(folder, "bench", "000000000000-0000", _sealer(), options)
    writers = [await _writer(spool, scenario, lane) for lane in range(WRITERS)]
    latencies: list[float] = []
    cpu, begun = time.process_time(), time.perf_counter()
    await asyncio.gather(*(_appends(each, scenario.each, latencies) for each in writers))
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    await spool.shut()
    count = len(latencies)
    return count / seconds, statistics.quantiles(latencies, n=100)[98], cpu / count


async def _appends(
    append: Callable[[], Awaitable[None]], count: int, latencies: list[float]
) -> None:
    for _ in range(count):
        begun = time.perf_counter()
        await append()
        latencies.append(time.perf_counter() - begun)


async def _writer(spool: FileSpool, scenario: Scenario, lane: int) -> Callable[[], Awaitable[None]]:
    """One of the concurrent writers: each call is one durable append."""
    record_id = f"018f0000-0000-7000-8000-{lane:012x}"
    if scenario.openings:
        return _opener(spool, scenario.size, record_id)
    await spool.open(_opening(spool.next_number(), record_id, "/"))
    data = os.urandom(scenario.size)

    async def append() -> None:
        spool.piece(record_id, PieceKind.ANSWER_BODY, data)
        await spool.synced()

    return append


def _opener(spool: FileSpool, size: int, record_id: str) -> Callable[[], Awaitable[None]]:
    path = "/" + os.urandom(size // 2).hex()

    async def append() -> None:
        number = spool.next_number()
        await spool.open(_opening(number, f"{record_id}-{number.seq}", path), strict=True)

    return append


def _opening(number: ExchangeNumber, record_id: str, path: str) -> Opening:
    return Opening(
        id=record_id,
        number=number,
        received_at_ns=1,
        consumer="bench",
        day="2026-01-01",
        level=Level.REDACTED,
        method="POST",
        target_path=path,
        query={},
        content_type=None,
        content_encoding=None,
        identity=Identity(),
    )


def _sealer() -> HpkeSealer:
    public = X25519PrivateKey.generate().public_key().public_bytes_raw()
    return HpkeSealer(
        tap_keys(encoded_key(public), encoded_key(bytes(32))),
        Ed25519Signer(signing_key(encoded_key(bytes(32)))),
    )


def _report(scenario: Scenario, rounds: list[Figures]) -> None:
    def median(of: Callable[[Figures], float]) -> float:
        return statistics.median(of(each) for each in rounds)

    print(f"{scenario.name}, {WRITERS} writers, {len(rounds)} rounds")
    print(f"  durable appends     {median(lambda f: f.rate):10,.0f} a second")
    print(f"  latency, p99        {median(lambda f: f.p99) * 1e3:10.2f} ms")
    print(f"  CPU                 {median(lambda f: f.cpu) * 1e6:10.1f} µs an append")
    print(f"  bare write + fsync  {median(lambda f: f.bare_rate):10,.0f} a second")
    print(f"  ratio               {median(lambda f: f.rate / f.bare_rate):10.1f} x")
    print(f"  payload written     {median(lambda f: f.rate) * scenario.size / 1e6:10,.0f} MB/s")
    print(f"  sequential + fsync  {median(lambda f: f.bandwidth) / 1e6:10,.0f} MB/s")
    print(f"  ratio               {median(lambda f: f.rate * scenario.size / f.bandwidth):10.0%}")
    print(f"  same, synced often  {median(lambda f: f.grouped) / 1e6:10,.0f} MB/s")
    print(f"  ratio               {median(lambda f: f.rate * scenario.size / f.grouped):10.0%}")


if __name__ == "__main__":
    main()
