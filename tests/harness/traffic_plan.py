"""Random exchanges: what one client and its upstream are going to do, drawn from a seed.

The law: a plan is a value. Two runs of one seed want the same of every client and upstream; what
the network makes of it is noted by both ends.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Noted", "Plan", "draw"]

ClientDoes = Literal["stays", "leaves", "resets", "stops sending"]
UpstreamDoes = Literal["answers", "cuts", "resets", "stalls", "hangs up", "answers early"]
Framing = Literal["none", "length", "chunked", "close"]

_CLIENT_FAULTS: list[ClientDoes] = ["leaves", "resets", "stops sending"]
_UPSTREAM_FAULTS: list[UpstreamDoes] = ["cuts", "resets", "stalls", "hangs up", "answers early"]
_FRAMINGS: list[Framing] = ["length", "chunked", "close"]


@dataclass(frozen=True)
class Plan:
    """One exchange. Bodies are given with the places at which they are cut into writes.

    `after` is how many bytes of the answer pass before the side that misbehaves does so.
    """

    trace: str
    method: str
    asked: bytes = field(repr=False)
    asked_framing: Framing
    status: int
    said: bytes = field(repr=False)
    said_framing: Framing
    client: ClientDoes
    upstream: UpstreamDoes
    after: int
    writes: int
    slow: bool
    closes: bool

    @property
    def stands_still(self) -> bool:
        """Whether only a timeout ends it."""
        return self.client == "stops sending" or self.upstream == "stalls"


@dataclass
class Noted:
    """What both ends saw of one exchange.

    `whole` says that the client has the whole answer; `own` is the code of an answer in the
    tap's own name. `seen` counts the requests at the upstream, `sent` its content bytes.
    """

    begun: bool = False
    whole: bool = False
    answered: bool = False
    own: str = ""
    heard: bytes = field(default=b"", repr=False)
    seen: int = 0
    sent: int = 0
    finished: bool = False
    fault: str = ""


def draw(rng: random.Random) -> Plan:
    """Draw one exchange: every second one goes well, most others go wrong on one side only."""
    wrong = rng.choices(["neither", "client", "upstream", "both"], [50, 24, 22, 4])[0]
    client: ClientDoes = "stays"
    upstream: UpstreamDoes = "answers"
    if wrong in {"client", "both"}:
        client = rng.choices(_CLIENT_FAULTS, [6, 6, 1])[0]
    if wrong in {"upstream", "both"}:
        upstream = rng.choices(_UPSTREAM_FAULTS, [5, 5, 1, 4, 5])[0]
    asked = _words(rng, 0 if rng.random() < 0.4 else _size(rng))
    said = _words(rng, _size(rng))
    needs_body = client == "stops sending" or upstream == "answers early"
    if needs_body and len(asked) < 100:
        asked = _words(rng, 40_000)
    framing: Framing = "none" if not asked else rng.choice(["length", "chunked"])
    return Plan(
        trace=f"{rng.getrandbits(127) + 1:032x}",
        method="GET" if not asked and rng.random() < 0.7 else "POST",
        asked=asked,
        asked_framing=framing,
        status=rng.choices([200, 429, 500], [8, 1, 1])[0],
        said=said,
        said_framing=rng.choices(_FRAMINGS, [4, 5, 1])[0],
        client=client,
        upstream=upstream,
        after=rng.randrange(len(said)),
        writes=rng.choice([1, 2, 5, 20]),
        slow=rng.random() < 0.1,
        closes=rng.random() < 0.15,
    )


def _size(rng: random.Random) -> int:
    return rng.choice([10, 500, 5_000, rng.randrange(1, 70_000), rng.randrange(1, 300_000)])


def _words(rng: random.Random, size: int) -> bytes:
    word = rng.choice([b"one ", b"other words ", b"and a sentence that goes on "])
    return (word * (size // len(word) + 1))[:size]
