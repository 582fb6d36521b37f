"""What a transcript does not show: when the tap acts, and what for.

Each is a check that raises where the promise is broken, so that it can be held against a tap that
was broken on purpose too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.spool import disk
from storage.spool.frame import Kind
from storage.spool.reader import Frame, read_frames
from tests.conformance.stage import staged
from tests.conformance.ways import tapped

__all__ = ["PROMISES"]

Check = Callable[[Path, float], Coroutine[object, object, None]]

GET = b"GET / HTTP/1.1\r\nHost: t\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def opening_first(folder: Path, seconds: float) -> None:
    """The opening stands in the spool's file before the upstream is sent a byte."""
    async with staged(seconds) as stage, tapped(stage, folder):
        client = await stage.client()
        for number in range(3):
            client.send(GET)
            upstream, _ = await stage.asked()
            assert _openings(folder) == number + 1
            upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await client.head()


def _openings(folder: Path) -> int:
    """How many openings the files hold now."""
    found = 0
    for path in folder.rglob("*.spool"):
        frames = [each for each in read_frames(path.read_bytes()) if isinstance(each, Frame)]
        found += sum(frame.header.kind == Kind.OPENED for frame in frames)
    return found


async def nothing_waits_for_the_audit(folder: Path, seconds: float) -> None:
    """Once forwarded, a disk that does not answer holds up no byte of either direction."""
    async with staged(seconds) as stage, tapped(stage, folder):
        client = await stage.client()
        client.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\n")
        upstream, _ = await stage.asked()
        with _hanging_disk():
            for _ in range(9):
                client.send(b"x")
                await upstream.exactly(1)
            upstream.send(CHUNKED)
            await client.head()
            for number in range(30):
                piece = b"3\r\n%03d\r\n" % number
                upstream.send(piece)
                assert await client.exactly(len(piece)) == piece
            upstream.send(b"0\r\n\r\n")
            assert await client.exactly(5) == b"0\r\n\r\n"


@contextmanager
def _hanging_disk() -> Iterator[None]:
    """Let no write to a file of the spool come back."""
    gate, write = threading.Event(), disk._RealFile.write

    def waiting(self: disk._RealFile, data: bytes | memoryview) -> None:
        gate.wait()
        write(self, data)

    disk._RealFile.write = waiting  # type: ignore[method-assign]  # as intended
    try:
        yield
    finally:
        disk._RealFile.write = write  # type: ignore[method-assign]  # as it was
        gate.set()


async def a_defect_of_ours_stays_ours(folder: Path, seconds: float) -> None:
    """An error of the recording changes nothing for either end, and what there is is kept."""
    async with staged(seconds) as stage, tapped(stage, folder) as tap:
        client = await stage.client()
        client.send(GET)
        upstream, _ = await stage.asked()
        upstream.send(CHUNKED)
        await client.head()
        tap.desk.recorder.capture_limit = None  # type: ignore[assignment]  # each note raises now
        upstream.send(b"0\r\n\r\n")
        await client.until(b"0\r\n\r\n")
        client.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nask")
        upstream, _ = await stage.request()
        answer = CHUNKED + b"3\r\nand\r\n6\r\nanswer\r\n0\r\n\r\n"
        upstream.send(answer)
        assert await client.exactly(len(answer)) == answer
        records = await tap.records()
        assert [str(each.exchange.ending) for each in records] == ["complete", "tap_crashed"]
        assert tap.notes.counts["auditstream_recording_failures_total"] == 1


PROMISES: dict[str, Check] = {
    "the opening is written first": opening_first,
    "nothing waits for the audit": nothing_waits_for_the_audit,
    "a defect of ours stays ours": a_defect_of_ours_stays_ours,
}
