"""Merging: what several detectors said of one passage, made into disjoint covers.

The law of this module: whatever any span covers stays covered. Overlapping spans become one
cover from the first start to the last end, so that no edge of a value is left standing; which
type names the cover does not depend on the order in which the detectors answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from redaction.finding import BY_POLICY, Span
from redaction.policy import CREDENTIALS

__all__ = ["merged"]


# Spans are sorted as they compare; to compare their values is several times faster.
_PLACE = attrgetter("start", "end", "type", "score", "detector")


def merged(spans: Iterable[Span]) -> list[Span]:
    """Give disjoint covers in reading order, each named after its strongest span.

    The strongest span is a credential where there is one, because its type decides that it is
    neither kept nor linked; else the longest, among those of one length what the policy itself
    says, then the surest, then the first by type and detector. So a user's id that is an e-mail
    address is a user's id. Empty spans are dropped; spans that only touch stay apart.
    """
    covers: list[Span] = []
    group: list[Span] = []
    end = 0
    for span in sorted((span for span in spans if span.start < span.end), key=_PLACE):
        if group and span.start >= end:
            covers.append(_cover(group, end))
            group = []
        end = max(end, span.end) if group else span.end
        group.append(span)
    if group:
        covers.append(_cover(group, end))
    return covers


def _cover(group: list[Span], end: int) -> Span:
    strongest = min(group, key=_strength)
    return Span(group[0].start, end, strongest.type, strongest.score, strongest.detector)


def _strength(span: Span) -> tuple[bool, int, bool, float, str, str]:
    length, said = span.end - span.start, span.detector == BY_POLICY
    return (span.type not in CREDENTIALS, -length, not said, -span.score, span.type, span.detector)
