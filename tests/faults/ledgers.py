"""What the two ends of the wire know of each exchange: the judge's evidence.

The law: an entry is made before the deed it speaks of, so that nothing that was begun is missing.
Neither side asks AuditStream anything. Times are seconds on the harness's own steady clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Call", "History", "Plan", "Span", "Told"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What both ends mean to do: the answer's words, how upstream and client behave.

    `upstream` is `whole`, `cuts`, `rejects` or `silent`, from the word numbered `turn` on;
    `client` is `stays`, `slow`, or `leaves` after so many words. The prompt comes with an `image`
    of so many bytes.
    """

    prompt: str
    marker: str
    words: tuple[str, ...]
    streamed: bool
    key: str
    upstream: str = "whole"
    client: str = "stays"
    turn: int = 0
    image: int = 0


@dataclass(slots=True)
class Call:
    """One exchange as its caller saw it; `code` is set where the tap answered in its own name.

    `acted_on` says that the same caller had an answer to a later call already.
    """

    trace: str
    plan: Plan = field(repr=False)
    begun: float
    ended: float = float("inf")
    status: int | None = None
    code: str | None = None
    text: str = field(default="", repr=False)
    done: bool = False
    left: bool = False
    acted_on: bool = False


@dataclass(slots=True)
class Told:
    """One exchange as the upstream saw it: how often it was asked, what it said, how it ended.

    `end` is empty until the upstream's own end: `whole`, `cut`, `rejected` or `silent`.
    """

    times: int = 0
    text: str = field(default="", repr=False)
    end: str = ""
    longest_gap: float = 0.0


Span = tuple[float, float]


@dataclass(slots=True)
class History:
    """When things happened that excuse what is found.

    `deaths` are the tap's, from the blow or the request to stop until it was gone; `gone` is when
    the upstream took no connection; `disk` when the spool's disk failed or was slow; `stopped`
    when the tap stood still.
    """

    deaths: list[Span] = field(default_factory=list)
    gone: list[Span] = field(default_factory=list)
    disk: list[Span] = field(default_factory=list)
    stopped: list[Span] = field(default_factory=list)

    def died_during(self, call: Call, *, grace: float) -> bool:
        """Whether the tap died while the call was on, or in a moment of grace after it."""
        return meets(self.deaths, call.begun, call.ended + grace)

    def excused(self, call: Call, *, grace: float) -> bool:
        """Whether the spool may have been unable to take this call's opening in time."""
        return meets((*self.disk, *self.stopped), call.begun - grace, call.ended)

    def in_the_dark(self, call: Call, *, grace: float) -> bool:
        """Whether the tap died before a disk that failed could be told of this call.

        One whose parent died takes calls until it has gone too.
        """
        dark = [
            (start, gone)
            for start, end in self.disk
            for death, gone in self.deaths
            if start <= death <= end + grace
        ]
        return meets(dark, call.begun, call.begun)


def meets(spans: Sequence[Span], start: float, end: float) -> bool:
    """Whether any of the spans has a moment in common with the one from `start` to `end`."""
    return any(first <= end and start <= last for first, last in spans)
