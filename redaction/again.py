"""Redacting again: a record that is redacted already, read once more by a later policy.

The law of this module: nothing that was taken out comes back, and a token stays the token that it
is, in a field that goes whole too, unless what was missed lies around it and takes it along. While
the record is read, a character that nobody writes stands for each token, so that no detector
finds a person in `<PERSON_1>` and no value that was missed stands in the clear in any part. The
record tells of each reading in a receipt.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, groupby
from operator import attrgetter

import msgspec

from audit.digest import record_digest
from audit.errors import RecordInvalid, TextTooLarge
from audit.record import AuditRecord, Engine, Finding, RedactedRecord, Redaction, Review
from audit.value import Json
from redaction.reading import Standing
from redaction.redactor import Redactor

__all__ = ["Reread", "reread", "seen_by"]

# Two planes of Unicode without a single assigned character: who has more tokens is not read.
_NOBODYS = range(0xF0000, 0x10FFFE)
_TOKEN = re.compile(r"<([A-Z][A-Z0-9_]*)_(?:[0-9]{1,9}|[a-z2-7]{16})>")


@dataclass(frozen=True, slots=True)
class Reread:
    """A record as it is after another reading, and what that reading took out of it, by type."""

    record: RedactedRecord
    found: dict[str, int]


@dataclass
class _Stand:
    """What stands for tokens while a record is read.

    A character for each token and what its findings say of it beside their place; None where they
    say nothing, in the names of members.
    """

    characters: Iterator[str]
    tokens: dict[str, str] = field(default_factory=dict, repr=False)
    findings: dict[str, Finding] = field(default_factory=dict, repr=False)
    put_in: Counter[str] = field(default_factory=Counter, repr=False)
    _known: dict[tuple[str, Finding | None], str] = field(default_factory=dict, repr=False)

    def put(self, token: str, finding: Finding | None = None) -> str:
        """Give the character that stands for this token; raises `TextTooLarge` when all do."""
        said = finding and msgspec.structs.replace(finding, path="", start=0, end=0)
        character = self._known.get((token, said)) or self._new(token, said)
        self.put_in[character] += 1
        return character

    def _new(self, token: str, said: Finding | None) -> str:
        character = next(self.characters, None)
        if character is None:
            raise TextTooLarge
        self._known[token, said] = character
        self.tokens[character] = token
        if said is not None:
            self.findings[character] = said
        return character

    def gone_from(self, tree: Json) -> Counter[str]:
        """Count of each character how often it does not stand in a tree any more."""
        there = Counter(msgspec.json.encode(tree).decode())
        return Counter({c: put - there[c] for c, put in self.put_in.items() if put > there[c]})

    def back(self, text: str) -> str:
        """Put the tokens back into a text."""
        return "".join(self.tokens.get(c, c) for c in text)


def seen_by(record: RedactedRecord, redactor: Redactor) -> bool:
    """Whether the redactor's policy has read this record before, with the same detectors."""
    return any(
        each.policy == redactor.policy and each.engines == redactor.engines
        for each in record.redaction.receipts
    )


async def reread(
    records: Sequence[RedactedRecord], redactor: Redactor, *, at: str, order: str
) -> list[Reread]:
    """Read the records of one exchange once more, as one.

    Each gets a receipt with `at` and `order`, a digest and no signature. Raises what `redact_sheaf`
    raises, and `RecordInvalid` where a record's findings do not lead to its tokens.
    """
    stands = [_Stand(_unused(record)) for record in records]
    clear = [_without_tokens(each, stand) for each, stand in zip(records, stands, strict=True)]
    before = [_standing(each, stand, redactor) for each, stand in zip(records, stands, strict=True)]
    made = await redactor.redact_sheaf(clear, before)
    return [
        _put_together(old, new, stand, _receipt(new, redactor, at, order))
        for old, new, stand in zip(records, made, stands, strict=True)
    ]


def _standing(record: RedactedRecord, stand: _Stand, redactor: Redactor) -> Standing:
    """Say what the redactor's detectors, as they are now, have seen of the record before."""
    scores: dict[tuple[str, str], float] = {}
    for each in record.redaction.findings:
        by = each.detector, each.type
        scores[by] = min(each.score, scores.get(by, each.score))
    here: set[str] = set()
    elsewhere: set[tuple[str, str]] = set()
    for policy, engines, types in _readings(record.redaction):
        same = {each.name for each in redactor.engines if each in engines}
        if policy == redactor.policy:
            here |= same
        elsewhere |= {(name, kind) for name in same for kind in types}
    taken = {by: score for by, score in scores.items() if by in elsewhere}
    return Standing(stand.tokens, frozenset(here), taken)


def _readings(redaction: Redaction) -> Iterator[tuple[str, Sequence[Engine], Iterable[str]]]:
    """Give of each reading its policy, its detectors and the types that it took out."""
    first = Counter(redaction.counts)
    for each in redaction.receipts:
        first.subtract(each.found)
        yield each.policy, each.engines, each.found
    yield redaction.policy, redaction.engines, +first


def _receipt(new: RedactedRecord, redactor: Redactor, at: str, order: str) -> Review:
    return Review(
        policy=redactor.policy,
        at=at,
        order=order,
        engines=new.redaction.engines,
        found=new.redaction.counts,
    )


def _unused(record: RedactedRecord) -> Iterator[str]:
    """Characters that do not stand in the record."""
    there = set(msgspec.json.encode(record).decode())
    return (c for n in _NOBODYS if (c := chr(n)) not in there)


def _without_tokens(record: RedactedRecord, stand: _Stand) -> AuditRecord:
    tree: dict[str, Json] = msgspec.to_builtins(record)
    redaction = record.redaction
    del tree["redaction"]
    ordered = sorted(redaction.findings, key=attrgetter("path", "start", "end"))
    for path, findings in groupby(ordered, attrgetter("path")):
        holder, name = _held(tree, path)
        holder[name] = "".join(_cut(holder[name], findings, stand))
    # What was taken out of members' names is counted only; it is told by its form.
    tree = _renamed(tree, stand, frozenset(redaction.counts))
    return msgspec.convert({**tree, "level": redaction.level.value}, AuditRecord)


def _cut(text: Json, findings: Iterable[Finding], stand: _Stand) -> Iterator[str]:
    """Give what stands between tokens, and the characters for them."""
    done = 0
    for finding in findings:
        start, end, token = finding.start, finding.end, finding.token
        if not (isinstance(text, str) and done <= start <= end and text[start:end] == token):
            raise RecordInvalid("a finding does not lead to its token")
        yield text[done:start]
        yield stand.put(token, finding)
        done = end
    yield text[done:]


def _held(tree: Json, path: str) -> tuple[Json, str | int]:
    """Follow a JSON Pointer to what holds its last step."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]
    try:
        for step in steps[:-1]:
            tree = tree[int(step)] if isinstance(tree, list | tuple) else tree[step]
        last: str | int = int(steps[-1]) if isinstance(tree, list) else steps[-1]
        tree[last]
    except (KeyError, IndexError, ValueError, TypeError):
        raise RecordInvalid("a finding does not lead to its token") from None
    return tree, last


def _renamed(tree: Json, stand: _Stand, types: frozenset[str]) -> Json:
    """Let characters stand for tokens in the names of members."""

    def instead(match: re.Match[str]) -> str:
        return stand.put(match[0]) if match[1] in types else match[0]

    if isinstance(tree, dict):
        return {
            _TOKEN.sub(instead, name): _renamed(value, stand, types) for name, value in tree.items()
        }
    if isinstance(tree, list | tuple):
        return [_renamed(each, stand, types) for each in tree]
    return tree


def _put_together(
    old: RedactedRecord, new: RedactedRecord, stand: _Stand, receipt: Review
) -> Reread:
    tree: dict[str, Json] = msgspec.to_builtins(new)
    del tree["redaction"]
    findings = [*_told(tree, new.redaction.findings, stand)]
    counts = Counter(old.redaction.counts)
    for character, times in stand.gone_from(tree).items():
        counts[_type_of(stand.tokens[character], stand.findings.get(character))] -= times
    counts.update(new.redaction.counts)
    redaction = msgspec.structs.replace(
        old.redaction,
        counts={kind: count for kind, count in sorted(counts.items()) if count > 0},
        findings=tuple(findings),
        languages=tuple(dict.fromkeys((*old.redaction.languages, *new.redaction.languages))),
        # What is looked for now is no longer missing.
        degraded=tuple(e for e in old.redaction.degraded if e in new.redaction.degraded),
        gaps=tuple(each for each in old.redaction.gaps if each in new.redaction.gaps),
        reviews=(*old.redaction.receipts, receipt),
    )
    tree["redaction"] = msgspec.to_builtins(redaction)
    made = msgspec.convert(_with_tokens(tree, stand), RedactedRecord)
    integrity = msgspec.structs.replace(
        old.integrity, record_digest=record_digest(made), signature=None
    )
    return Reread(msgspec.structs.replace(made, integrity=integrity), dict(new.redaction.counts))


def _type_of(token: str, finding: Finding | None) -> str:
    form = _TOKEN.fullmatch(token)
    return finding.type if finding is not None else form[1] if form else ""


def _told(tree: Json, added: Sequence[Finding], stand: _Stand) -> Iterator[Finding]:
    """Give the findings of before that still stand, and the new ones, where they stand now."""
    new: dict[str, list[Finding]] = {}
    for finding in added:
        new.setdefault(finding.path, []).append(finding)
    for path, text in _texts(tree, ""):
        there = [
            (at, stand.tokens[c], stand.findings.get(c))
            for at, c in enumerate(text)
            if c in stand.tokens
        ]
        spans = [(at, at + 1, finding) for at, _, finding in there if finding is not None]
        spans += [(each.start, each.end, each) for each in new.get(path, ())]
        moved = _Moved([(at, len(token) - 1) for at, token, _ in there])
        for start, end, finding in sorted(spans, key=lambda span: span[:2]):
            yield msgspec.structs.replace(
                finding, path=stand.back(path), start=moved(start), end=moved(end)
            )


class _Moved:
    """Where a place of a text is once tokens stand in it again."""

    def __init__(self, grown: Sequence[tuple[int, int]]) -> None:
        self._places = [place for place, _ in grown]
        self._sums = [0, *accumulate(more for _, more in grown)]

    def __call__(self, place: int) -> int:
        return place + self._sums[bisect_left(self._places, place)]


def _with_tokens(tree: Json, stand: _Stand) -> Json:
    if isinstance(tree, str):
        return stand.back(tree)
    if isinstance(tree, dict):
        return {stand.back(name): _with_tokens(value, stand) for name, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_with_tokens(each, stand) for each in tree]
    return tree


def _texts(tree: Json, path: str) -> Iterator[tuple[str, str]]:
    """Give every text with its JSON Pointer."""
    if isinstance(tree, str):
        yield path, tree
    elif isinstance(tree, dict):
        for name, value in tree.items():
            yield from _texts(value, f"{path}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(tree, list | tuple):
        for index, value in enumerate(tree):
            yield from _texts(value, f"{path}/{index}")
