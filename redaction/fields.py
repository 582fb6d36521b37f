"""Fields: every string of a record that can carry content, and the way to put it back.

The law of this module: walked unless exempt. A field that a later version of the schema adds is
walked without a line being changed here; only what the audit itself makes or gives its form
(ids, digests, instants, codes) is exempt, by type and name, in `EXEMPT`. What names machines,
models, calls and codes, though others chose the words, is walked as `CODED`: for patterns,
credentials and the policy's own values, not for names of people. Enumerations, numbers and booleans
in typed fields cannot hold a person; numbers in free JSON can, and are walked.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from audit.exchange import Identity
from audit.parts import Media, ToolCall, ToolResult
from audit.record import (
    AuditRecord,
    ExchangeFacts,
    Integrity,
    Message,
    Output,
    Reference,
    Request,
    ResponseError,
    Retention,
    Safety,
    TapRef,
    Timing,
    Tool,
    Usage,
    Verdict,
)
from audit.value import Json

__all__ = ["CODED", "EXEMPT", "Kind", "Leaf", "changeable", "leaves", "pointer", "put_back"]

Place = tuple[str | int, ...]

EXEMPT: Mapping[type[msgspec.Struct], frozenset[str]] = {
    AuditRecord: frozenset({"id", "consumer", "day"}),
    TapRef: frozenset({"name", "boot"}),
    ExchangeFacts: frozenset({"operation", "ending_detail", "flags"}),
    Timing: frozenset({"received_at", "first_byte_at", "last_byte_at"}),
    # A trace id is 32 hex digits (the tap checks): a name of the call, by which callers search.
    Identity: frozenset({"key_fingerprint", "trace_id"}),
    Request: frozenset({"prompt_digest"}),
    Tool: frozenset({"digest"}),
    Media: frozenset({"digest"}),
    Usage: frozenset({"source"}),
    Integrity: frozenset({"salt", "commitment", "record_digest", "signature"}),
    Retention: frozenset({"expires_at"}),
}
# Vocabularies and identifiers: a model judges words by the sentence around them, and here is none.
CODED: Mapping[type[msgspec.Struct], frozenset[str]] = {
    ExchangeFacts: frozenset({
        *("method", "api_version", "deployment", "requested_model", "reported_model"),
        *("served_model", "system_fingerprint", "response_id", "previous_response_id"),
    }),
    Identity: frozenset({"app_id", "tenant_id", "upstream_request_id"}),
    Message: frozenset({"role"}),
    Output: frozenset({"role", "finish_reason"}),
    ResponseError: frozenset({"code", "type", "param"}),
    ToolCall: frozenset({"id"}),
    ToolResult: frozenset({"id"}),
    Media: frozenset({"mime"}),
    Safety: frozenset({"signals"}),
    Verdict: frozenset({"category", "severity"}),
    Reference: frozenset({"kind", "id"}),
}  # fmt: skip

# Members of the free JSON of a call's parameters that are of the same sort in every dialect.
_CODED_PARAMETERS = frozenset({
    "model", "service_tier", "reasoning_effort", "encoding_format", "quality", "size", "voice",
})  # fmt: skip
_PARAMETERS = ("request", "parameters")


class Kind(enum.Enum):
    """What a leaf is in the record's JSON."""

    TEXT = enum.auto()
    NUMBER = enum.auto()
    NAME = enum.auto()


@dataclass(frozen=True, slots=True)
class Leaf:
    """One string, number or member name of a record.

    `place` leads to it from the record's root; for a `NAME` it leads to the member of that
    name. `key` is the name of the free JSON member that holds the value, if one does. `coded`
    says that it is an identifier or a word of a vocabulary (`CODED`).
    """

    place: Place = field(repr=False)
    text: str = field(repr=False)
    kind: Kind = Kind.TEXT
    key: str | None = field(default=None, repr=False)
    coded: bool = False

    @property
    def dotted(self) -> str:
        """Name the field as policies do: `identity.user`."""
        return ".".join(str(step) for step in self.place)


def leaves(record: msgspec.Struct) -> Iterator[Leaf]:
    """Give every leaf that is not exempt, in the order of the record's JSON."""
    yield from _walk_struct(record, ())


def _walk_struct(value: msgspec.Struct, place: Place) -> Iterator[Leaf]:
    exempt, coded = (of.get(type(value), frozenset()) for of in (EXEMPT, CODED))
    for spec in msgspec.structs.fields(value):
        if spec.name in exempt:
            continue
        held = getattr(value, spec.name)
        inside = (*place, spec.encode_name)
        if spec.type is Any:
            yield from _walk_json(held, inside, None)
        else:
            yield from _walk(held, inside, coded=spec.name in coded)


def _walk(value: object, place: Place, *, coded: bool = False) -> Iterator[Leaf]:
    """Walk what a typed field holds; a dict or a list there is free JSON."""
    if isinstance(value, msgspec.Struct):
        yield from _walk_struct(value, place)
    elif isinstance(value, tuple):
        for index, element in enumerate(value):
            yield from _walk(element, (*place, index), coded=coded)
    elif isinstance(value, dict | list):
        yield from _walk_json(value, place, None)
    elif isinstance(value, str) and not isinstance(value, enum.Enum):
        yield Leaf(place, value, coded=coded)


def _walk_json(value: Json, place: Place, key: str | None) -> Iterator[Leaf]:
    if isinstance(value, str):
        coded = place[:-1] == _PARAMETERS and place[-1] in _CODED_PARAMETERS
        yield Leaf(place, value, Kind.TEXT, key, coded)
    elif isinstance(value, dict):
        for name, member in value.items():
            yield Leaf((*place, name), name, Kind.NAME)
            yield from _walk_json(member, (*place, name), name)
    elif isinstance(value, list | tuple):
        for index, element in enumerate(value):
            yield from _walk_json(element, (*place, index), key)
    elif isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1:
        yield Leaf(place, str(int(value)), Kind.NUMBER, key)


def changeable(value: Json) -> Json:
    """Give a JSON tree of whatever msgspec made of a record, in which every list can be changed."""
    if isinstance(value, dict):
        return {name: changeable(member) for name, member in value.items()}
    return [changeable(each) for each in value] if isinstance(value, list | tuple) else value


def put_back(
    tree: dict[str, Json], texts: Mapping[Place, str], names: Mapping[Place, str]
) -> dict[Place, str]:
    """Put redacted texts and member names into a record's JSON tree, in place.

    Gives the names as they now are: where two members would have come to share one (by a mask,
    say), the later one is numbered, so that no member is lost.
    """
    for place, text in texts.items():
        _held(tree, place[:-1])[place[-1]] = text
    given: dict[Place, str] = {}
    # Deepest first: a place is spelt with the names its ancestors had before.
    for parent in sorted({place[:-1] for place in names}, key=len, reverse=True):
        given |= _rename(_held(tree, parent), parent, names)
    return given


def _rename(holder: dict[str, Json], parent: Place, names: Mapping[Place, str]) -> dict[Place, str]:
    """Rename the members of one object at one go, however many they are; their order stays."""
    members = list(holder.items())
    holder.clear()
    taken = {old for old, _ in members if (*parent, old) not in names}
    numbers: Counter[str] = Counter()
    given: dict[Place, str] = {}
    for old, value in members:
        place = (*parent, old)
        if place in names:
            given[place] = _unused(names[place], taken, numbers)
        holder[given.get(place, old)] = value
    return given


def _held(tree: Json, place: Place) -> Json:
    for step in place:
        tree = tree[step]
    return tree


def _unused(name: str, taken: set[str], numbers: Counter[str]) -> str:
    """Give the name, with a number where it is taken; `numbers` are those already tried."""
    candidate = name
    while candidate in taken:
        numbers[name] += 1
        candidate = f"{name}#{numbers[name] + 1}"
    taken.add(candidate)
    return candidate


def pointer(place: Place, names: Mapping[Place, str]) -> str:
    """Spell a place as a JSON Pointer (RFC 6901) into the redacted record."""
    steps = (names.get(place[: i + 1], str(step)) for i, step in enumerate(place))
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
