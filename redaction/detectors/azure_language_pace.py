"""How fast Azure AI Language may be asked, and whether it is worth asking: no clock, no waiting.

Times are seconds of one clock that only goes forward, given by whoever calls. The law: nothing is
asked before the service's `Retry-After` has passed, and after a refusal one request goes first, to
see; while the service is down, one request at a time finds out whether it still is.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Breaker", "Pacer"]

# After the first 429 requests are this many seconds apart at least. Each further 429 doubles that,
# and ten seconds of answers halve it, so that a fixed budget is tried again every ten seconds.
_FIRST_GAP, _LONGEST_GAP, _LEAST_GAP = 0.05, 2.0, 0.005
_HALVED_IN = 10.0
# Seconds to wait after a 429 that does not say how long.
_UNSAID = 1.0


@dataclass(slots=True)
class Pacer:
    """When the next request may begin, and how many may be under way at once."""

    most: int
    gap: float = 0.0
    _free_at: float = 0.0
    _refused_at: float = -1.0
    _at_once: int = 0
    _eased_at: float = 0.0

    def __post_init__(self) -> None:
        self._at_once = self.most

    @property
    def at_once(self) -> int:
        """How many requests may be under way."""
        return self._at_once

    def wait(self, now: float) -> float:
        """Seconds until the next request may begin; 0 when it may now."""
        return max(0.0, self._free_at - now)

    def began(self, now: float) -> None:
        """Note that a request begins."""
        self._free_at = max(now, self._free_at) + self.gap

    def accepted(self, now: float) -> None:
        """Note an answer: a little faster, and one more at once."""
        self._at_once = min(self.most, self._at_once + 1)
        eased = self.gap * 0.5 ** ((now - self._eased_at) / _HALVED_IN)
        self.gap = eased if eased > _LEAST_GAP else 0.0
        self._eased_at = now

    def refused(self, began: float, now: float, retry_after: float | None) -> None:
        """Note a 429, or a 503 that says when to come again, to a request begun at `began`."""
        pause = _UNSAID if retry_after is None else retry_after
        self._free_at = max(self._free_at, now + pause)
        if began <= self._refused_at:
            return  # It was under way when another was refused: that was the same refusal.
        self._refused_at = self._eased_at = now
        self._at_once = 1
        self.gap = min(_LONGEST_GAP, max(_FIRST_GAP, 2 * self.gap))


@dataclass(slots=True)
class Breaker:
    """Opens after `failures` in a row; then for `pause` seconds nothing is asked, then once.

    The pause doubles while that one fails, up to `longest`. One answer closes it.
    """

    failures: int = 3
    pause: float = 1.0
    longest: float = 30.0
    _failed: int = 0
    _until: float = 0.0
    _next: float = 0.0

    @property
    def trying(self) -> bool:
        """Whether it has opened, so that one at a time may try."""
        return self._failed >= self.failures

    def wait(self, now: float) -> float:
        """Seconds for which nothing is asked; 0 when one may try."""
        return max(0.0, self._until - now) if self.trying else 0.0

    def answered(self) -> None:
        """Note that the service is there, whatever it said."""
        self._failed, self._next = 0, 0.0

    def failed(self, now: float) -> None:
        """Note that it did not answer, or not sensibly."""
        if self.wait(now):
            return  # It was under way when the breaker opened.
        self._failed += 1
        if self._failed >= self.failures:
            self._next = min(self.longest, max(self.pause, 2 * self._next))
            self._until = now + self._next
