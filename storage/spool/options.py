"""How much a spool may hold, and how soon it syncs."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SpoolOptions"]


@dataclass(frozen=True, slots=True)
class SpoolOptions:
    """Limits and paces. Sizes in bytes, times in seconds.

    `max_exchanges` bounds how many are open or wait, because memory knows each of them,
    `queue_bytes` what waits in memory for the disk, `kept_bytes` what is kept in memory so that
    shipping need not read it. `reserve_numbers` are reserved ahead at a time. A segment that is
    written to is deleted when all in it was shipped and nothing came for `rest_seconds`.
    """

    max_bytes: int = 4 << 30
    max_exchanges: int = 500_000
    segment_bytes: int = 16 << 20
    sync_interval: float = 0.005
    open_timeout: float = 1.0
    queue_bytes: int = 64 << 20
    kept_bytes: int = 8 << 20
    reserve_numbers: int = 1000
    rest_seconds: float = 10.0

    @property
    def roll_over_at(self) -> int:
        """The size at which a new segment is begun: at most an eighth of the cap.

        A segment is deleted whole, and never while it is written to: one that could fill the
        cap alone would keep the spool full after everything in it has been shipped.
        """
        return min(self.segment_bytes, self.max_bytes // 8)
