"""Canaries: planted values that run through the living system, and how it is told how they fared.

The law: a canary is its trace id and a key. The id names the families that are planted, a draw of
chance and a keyed digest over both; the values are drawn from all of it under the same key. So
nobody keeps state, nobody without the key can make one or know its values, and whoever looks for
one has a single digest to compare. The trace id is the one name of a call that no redaction
touches, whatever the policy; that the text is there is seen by its first and last sentence.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from audit.digest import KeyedDigest
from audit.record import RedactedRecord
from audit.value import Json
from redaction.canary_search import Place, places
from redaction.canary_values import TYPES, Dice, Family, Planted, compact, plant

__all__ = ["ENTROPY", "Canaries", "Canary", "Leak", "Result", "Verdict", "judge"]

# The key of version 1 of values and sentences; another version is another purpose.
_PURPOSE = "auditstream canary 1"
# Bytes of chance in an id.
ENTROPY = 6
_SEED = 4 + 2 * ENTROPY
_ID = 32
# A canary has some 2,000 characters, and its record a few times as many. What is longer is somebody
# else's text under a canary's id, and is not searched.
_MOST_CHARS = 200_000
_FIRST = "This is a canary of the audit log: every value in it is made up and belongs to nobody."
_ASKED = "Please repeat this message word for word."
_LAST = "Here the canary ends."


@dataclass(frozen=True, slots=True)
class Canary:
    """A canary: its trace id, and what it plants."""

    trace_id: str
    planted: tuple[Planted, ...] = field(repr=False)

    @property
    def text(self) -> str:
        """What it says: a sentence for each value, between two that must stay readable."""
        return "\n".join([_FIRST, _ASKED, *(f"- {each.said}" for each in self.planted), _LAST])

    @property
    def body(self) -> dict[str, Json]:
        """What is asked in the shape of a chat, but for the model."""
        return {"messages": [{"role": "user", "content": self.text}], "stream": False}

    def echoed(self, text: str) -> int:
        """Count the planted values that stand in a text, as they were written."""
        return sum(each.value in text for each in self.planted)


class Result(StrEnum):
    """How a canary fared. `UNREAD`: what it said is not in the record, so that nothing is shown."""

    CLEAN = "clean"
    LEAKED = "leaked"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class Leak:
    """A planted value that can be read: of which family and type, and where.

    `path` is a JSON Pointer into the record and may hold names that a caller wrote; `group` is its
    beginning, such as `request.messages`, and holds the schema's own names only.
    """

    family: Family
    entity: str
    path: str = field(repr=False)
    group: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a record shows of a canary."""

    result: Result
    leaks: tuple[Leak, ...] = ()

    @property
    def types(self) -> tuple[str, ...]:
        """The types that leaked."""
        return tuple(sorted({leak.entity for leak in self.leaks}))

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of the record in which something leaked."""
        return tuple(sorted({leak.group for leak in self.leaks}))


class Canaries:
    """Makes canaries and knows them again, under a key that taps and workers share."""

    def __init__(self, key: bytes) -> None:
        self._digest = KeyedDigest(key).apart(_PURPOSE)

    def hatch(self, entropy: bytes, without: Collection[Family] = ()) -> Canary:
        """Make a canary out of `ENTROPY` bytes of chance, with all families but these."""
        if len(entropy) != ENTROPY:
            raise ValueError(f"a canary is made of {ENTROPY} bytes")
        mask = sum(1 << n for n, family in enumerate(Family) if family not in without)
        seed = f"{mask:04x}{entropy.hex()}"
        return self._of(seed + self._tag(seed))

    def recognise(self, trace_id: str | None) -> Canary | None:
        """Give the canary of this trace id, None for one that nobody with the key made."""
        if trace_id is None or len(trace_id) != _ID or not trace_id.isascii():
            return None
        genuine = hmac.compare_digest(self._tag(trace_id[:_SEED]), trace_id[_SEED:])
        return self._of(trace_id) if genuine else None

    def _tag(self, seed: str) -> str:
        return self._digest(f"id|{seed}".encode())[: _ID - _SEED]

    def _of(self, trace_id: str) -> Canary:
        mask = int(trace_id[:4], 16)
        families = [family for n, family in enumerate(Family) if mask >> n & 1]
        drawn = (plant(each, Dice(self._digest, f"{trace_id}|{each}")) for each in families)
        return Canary(trace_id, tuple(drawn))


def judge(canary: Canary, record: RedactedRecord) -> Verdict:
    """Search a record, all of it, for what the canary planted. Raises nothing for any record.

    What is percent-encoded, escaped, spaced out, disguised or in base 64 is found as what it says.
    """
    found = places(msgspec.to_builtins(record), _MOST_CHARS)
    if found is None:
        return Verdict(Result.UNREAD)
    leaks = tuple(
        Leak(each.family, TYPES[each.family], place.path, place.group)
        for each in canary.planted
        for place in found
        if any(sign in reading for sign in each.telling for reading in place.readings)
    )
    if leaks:
        return Verdict(Result.LEAKED, leaks)
    return Verdict(Result.CLEAN if any(map(_says_it, found)) else Result.UNREAD)


def _says_it(place: Place) -> bool:
    """Whether the canary's first and last sentence stand in one text of the request."""
    said = (compact(_FIRST), compact(_LAST))
    return place.group.startswith("request.") and any(
        all(sentence in reading for sentence in said) for reading in place.readings
    )
