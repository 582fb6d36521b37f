"""Reading a record: its leaves, their passages, and what is to be covered in each.

A `Reading` is one leaf on its way through redaction. This module knows records, policies and
spans; it knows neither detectors nor replacements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from audit.errors import TextTooLarge
from redaction.fields import Kind, Leaf, leaves
from redaction.finding import BY_POLICY, Passage, Span
from redaction.languages import language_of
from redaction.merge import merged
from redaction.persons import PERSON, Parts
from redaction.policy import Policy
from redaction.repeats import Values
from redaction.structure import View, views

__all__ = ["Reading", "passages", "read", "settle"]


@dataclass(slots=True)
class Reading:
    """One leaf, its passages, and per passage the covers: disjoint, in reading order.

    `language` is that of the leaf as a whole, None where it does not show.
    """

    leaf: Leaf
    views: Sequence[View] = field(repr=False)
    covers: list[list[Span]] = field(default_factory=list)
    language: str | None = None


def read(records: Iterable[msgspec.Struct], policy: Policy) -> list[list[Reading]]:
    """Take every leaf of each record apart into passages: a list for each record.

    Raises `TextTooLarge` when one text, or all of all records together, exceed the policy's budget.
    """
    found = [[leaf for leaf in leaves(record) if leaf.text] for record in records]
    sizes = [len(leaf.text) for of_one in found for leaf in of_one]
    if max(sizes, default=0) > policy.max_text_chars or sum(sizes) > policy.max_record_chars:
        raise TextTooLarge
    return [[_reading(leaf, policy) for leaf in of_one] for of_one in found]


def _reading(leaf: Leaf, policy: Policy) -> Reading:
    language = language_of(leaf.text) if leaf.kind is Kind.TEXT else None
    return Reading(leaf, list(_views(leaf, policy)), language=language)


def _views(leaf: Leaf, policy: Policy) -> Iterable[View]:
    if leaf.kind is Kind.TEXT and leaf.dotted not in policy.fields:
        return views(leaf.text, leaf.key)
    return [View(leaf.text, leaf.key, range(len(leaf.text) + 1))]


def passages(readings: Sequence[Reading]) -> list[Passage]:
    """Give all passages in reading order, as detectors want them."""
    return [
        Passage(view.text, view.key, reading.language, reading.leaf.coded)
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
                s for s in spans if policy.counts(s.type, s.score, view.text[s.start : s.end])
            ]
            reading.covers.append(_covers(acted_on, reading.leaf, view))
            for span in (*acted_on, *reading.covers[-1]):
                values.add(view.text[span.start : span.end], span)
            for span in reading.covers[-1]:
                if span.type == PERSON:
                    parts.add(view.text[span.start : span.end], span)
    _cover_repeats(readings, values, parts, policy)
    return values


def _cover_repeats(
    readings: Sequence[Reading], values: Values, parts: Parts, policy: Policy
) -> None:
    if not values and not parts:
        return
    for reading in readings:
        for index, view in enumerate(reading.views):
            spans = [*reading.covers[index], *values.find(view.text)]
            if parts:
                spans += [
                    span
                    for span in parts.find(view.text)
                    if policy.counts(span.type, span.score, view.text[span.start : span.end])
                ]
            reading.covers[index] = _covers(spans, reading.leaf, view)


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
