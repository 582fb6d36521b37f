"""Reading a record: its leaves, their passages, and what is to be covered in each.

A `Reading` is one leaf on its way through redaction. This module knows records, policies and
spans; it knows neither detectors nor replacements. What was found in an identifier stays there:
a deployment that has somebody's name, or seems to, takes no word out of what was said. The other
way round mere words are not sought in identifiers: `claude-sonnet-4-5` stays, whoever spoke of
Claude. Credentials and what the policy's deny list names are sought everywhere; of a field that the
policy takes whole a mere word is a mere word.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from audit.errors import TextTooLarge
from redaction.fields import Kind, Leaf, leaves
from redaction.finding import BY_POLICY, Passage, Span
from redaction.languages import language_of
from redaction.merge import merged
from redaction.paths import PATH, path_views
from redaction.persons import PERSON, Parts
from redaction.policy import CREDENTIALS, Policy
from redaction.repeats import Values
from redaction.structure import View, views

__all__ = ["Reading", "Standing", "passages", "read", "repeats", "settle", "taken_apart"]

# Neither a number nor an address nor several words.
_MERE_WORD = re.compile(r"[^\s\d@]+")
# Stands for what is covered where one looks at what will be left: no letter, so words end at it.
_COVERED = "\ufffc"


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in a record that was redacted before.

    `tokens` are its characters that stand for tokens. `read_by` names the detectors that have read
    it under this very policy: what one of them sees around a token is the gap, since it saw the
    whole before. Of those that read it under another policy `taken` says, by detector and type,
    what score was enough: that policy may have kept other types, and what was less sure.
    """

    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    read_by: frozenset[str] = frozenset()
    taken: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def settled(self, value: str, span: Span) -> bool:
        """Whether nothing is left to take out: beside tokens no letter or digit, or nothing new."""
        if not any(c in self.tokens for c in value):
            return False
        enough = self.taken.get((span.detector, span.type), math.inf)
        seen = span.detector in self.read_by or span.score >= enough
        return seen or not any(map(str.isalnum, value))

    def told(self, value: str) -> str:
        """Give a value with its tokens."""
        return "".join(self.tokens.get(c, c) for c in value)


_NOTHING = Standing()


@dataclass(slots=True)
class Reading:
    """One leaf, its passages, and per passage the covers: disjoint, in reading order.

    `language` is that of the leaf as a whole, None where it does not show. `standing` is
    what was taken out of the leaf's record before.
    """

    leaf: Leaf
    views: Sequence[View] = field(repr=False)
    covers: list[list[Span]] = field(default_factory=list)
    language: str | None = None
    standing: Standing = _NOTHING


def read(
    records: Iterable[msgspec.Struct], policy: Policy, standing: Sequence[Standing] = ()
) -> list[list[Reading]]:
    """Take every leaf of each record apart into passages: a list for each record.

    `standing` tells of each record what was taken out of it before.

    Raises `TextTooLarge` when one text, or all of all records together, exceed the policy's budget.
    """
    found = [[leaf for leaf in leaves(record) if leaf.text] for record in records]
    sizes = [len(leaf.text) for of_one in found for leaf in of_one]
    if max(sizes, default=0) > policy.max_text_chars or sum(sizes) > policy.max_record_chars:
        raise TextTooLarge
    before = standing or [_NOTHING] * len(found)
    return [
        [_reading(leaf, policy, known) for leaf in of_one]
        for of_one, known in zip(found, before, strict=True)
    ]


def _reading(leaf: Leaf, policy: Policy, standing: Standing) -> Reading:
    told = leaf.kind is Kind.TEXT and not leaf.coded
    language = language_of(leaf.text) if told else None
    return Reading(leaf, list(_views(leaf, policy)), language=language, standing=standing)


def _views(leaf: Leaf, policy: Policy) -> Iterable[View]:
    if leaf.kind is Kind.TEXT and leaf.dotted not in policy.fields:
        return taken_apart(leaf, leaf.text)
    return [View(leaf.text, leaf.key, range(len(leaf.text) + 1), coded=leaf.coded)]


def taken_apart(leaf: Leaf, text: str) -> Iterable[View]:
    """Give the passages of what stands, or is to stand, in a leaf."""
    if leaf.dotted == PATH:
        return path_views(text)
    made = views(text, leaf.key)
    return (replace(view, coded=True) for view in made) if leaf.coded else made


def passages(readings: Sequence[Reading]) -> list[Passage]:
    """Give all passages in reading order, as detectors want them."""
    return [
        Passage(view.text, view.key, reading.language, view.coded)
        for reading in readings
        for view in reading.views
    ]


def settle(readings: Sequence[Reading], found: Iterable[Sequence[Span]], policy: Policy) -> Values:
    """Decide what is covered, from what detectors found in each passage, in order.

    Gives the values that were found; each of them is covered wherever it stands, and so are the
    parts of people's names.
    """
    values, denied, parts = Values(), _denied(policy), Parts()
    answers = iter(found)
    for reading in readings:
        for view in reading.views:
            spans = [*next(answers), *denied.find(view.text), *_whole_field(reading.leaf, policy)]
            acted_on = [
                s
                for s in spans
                if policy.counts(s.type, s.score, view.text[s.start : s.end])
                and not reading.standing.settled(view.text[s.start : s.end], s)
            ]
            reading.covers.append(_covers(acted_on, reading.leaf, view))
            for span in _sought_elsewhere(view, (*acted_on, *reading.covers[-1])):
                values.add(view.text[span.start : span.end], span)
            for span in reading.covers[-1]:
                if span.type == PERSON and not view.coded:
                    parts.add(view.text[span.start : span.end], span)
    _cover_repeats(readings, values, parts, policy)
    return values


def _sought_elsewhere(view: View, spans: Iterable[Span]) -> Iterator[Span]:
    for span in spans:
        if not view.coded or span.type in CREDENTIALS or span.detector == BY_POLICY:
            yield span


def repeats(view: View, values: Values) -> Iterator[Span]:
    """Give what was found elsewhere and stands here, too; in an identifier no mere word."""
    for span in values.find(view.text):
        value = view.text[span.start : span.end]
        if not view.coded or span.type in CREDENTIALS or not _MERE_WORD.fullmatch(value):
            yield span


def _cover_repeats(
    readings: Sequence[Reading], values: Values, parts: Parts, policy: Policy
) -> None:
    if not values and not parts:
        return

    def known(view: View) -> Iterator[Span]:
        yield from repeats(view, values)
        if parts and not view.coded:
            for span in parts.find(view.text):
                if policy.counts(span.type, span.score, view.text[span.start : span.end]):
                    yield span

    for reading in readings:
        for index, view in enumerate(reading.views):
            covers = _covers([*reading.covers[index], *known(view)], reading.leaf, view)
            reading.covers[index] = _with_what_is_glued(covers, reading.leaf, view, known)


def _with_what_is_glued(
    covers: list[Span], leaf: Leaf, view: View, known: Callable[[View], Iterable[Span]]
) -> list[Span]:
    """Cover what stands alone once its neighbours are gone: the name in `Okonkwo88412345.zip`.

    Once is enough: what is found so has ends of words on both sides, and sets nothing else free.
    """
    if not _any_glued(view.text, covers):
        return covers
    found = [*known(replace(view, text=_without(view.text, covers)))]
    return _covers([*covers, *found], leaf, view) if found else covers


def _any_glued(text: str, covers: Iterable[Span]) -> bool:
    """Whether a letter or digit stands directly beside what is covered."""
    return any(
        text[max(span.start - 1, 0) : span.start].isalnum()
        or text[span.end : span.end + 1].isalnum()
        for span in covers
    )


def _without(text: str, covers: Iterable[Span]) -> str:
    """Give the text as it will be left, each place where it was."""
    pieces, done = [], 0
    for span in covers:
        pieces += [text[done : span.start], _COVERED * (span.end - span.start)]
        done = span.end
    return "".join((*pieces, text[done:]))


def _covers(spans: Iterable[Span], leaf: Leaf, view: View) -> list[Span]:
    covers = merged(spans)
    if covers and (view.quote or leaf.kind is Kind.NUMBER):
        # Half a number is no number: the literal goes as a whole.
        first = covers[0]
        return [Span(0, len(view.text), first.type, first.score, first.detector)]
    return covers


def _whole_field(leaf: Leaf, policy: Policy) -> Iterator[Span]:
    if leaf.kind is not Kind.NAME and leaf.dotted in policy.fields:
        yield Span(0, len(leaf.text), policy.fields[leaf.dotted], 1.0, BY_POLICY)


def _denied(policy: Policy) -> Values:
    denied = Values(shortest=1)
    for value, entity in policy.deny.items():
        denied.add(value, Span(0, len(value), entity, 1.0, BY_POLICY))
    return denied
