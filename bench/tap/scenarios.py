"""What is asked of each subject: so many calls, so many at once, of this or that kind."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LENGTHS", "OPEN", "PLAIN", "SIZES", "STREAMS", "Scenario"]


@dataclass(frozen=True)
class Scenario:
    """So many calls, so many at once; `chunks` 0 is a plain answer. Sizes in bytes.

    `rounds` None means as many as are asked for; one that takes long brings its own number.
    """

    name: str
    calls: int
    at_once: int
    chunks: int = 0
    interval_ms: float = 0.0
    size: int = 20
    upload: int = 0
    rounds: int | None = None

    @property
    def captured_kib(self) -> float:
        """What an open call has the tap keep in memory, at most: its request and its answer."""
        return (max(self.upload, 400) + self.size + self.chunks * (170 + self.size)) / 1024


STREAMS = Scenario("200 streams of 50 chunks at 20 ms, 100 at once", 200, 100, 50, 20.0)
PLAIN = Scenario("plain JSON calls, 16 at once", 4000, 16, size=400)
LENGTHS = [
    Scenario(f"streams of {count} chunks, one at once", max(2, 4000 // count), 1, count, 0.2)
    for count in (10, 100, 1000, 10_000)
]
OPEN = [
    Scenario("1000 streams, a chunk a second for 20 s", 1000, 1000, 20, 1000.0, rounds=1),
    Scenario("5000 streams, a chunk a second for 60 s", 5000, 5000, 60, 1000.0, rounds=1),
]
SIZES = [
    Scenario("uploads of 4 MB, 4 at once", 40, 4, size=400, upload=4 << 20, rounds=3),
    Scenario("downloads of 4 MB, 4 at once", 40, 4, size=4 << 20, rounds=3),
]
