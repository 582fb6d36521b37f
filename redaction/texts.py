"""One text: what a policy would take out of it, with offsets into the text as it came.

What the redactor does with the strings of a record, without a record: for trying a policy, and
for measuring it.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.errors import TextTooLarge
from redaction.detector import Detector
from redaction.examine import examine
from redaction.fields import Leaf
from redaction.finding import Span
from redaction.policy import Policy
from redaction.reading import Reading, passages, settle
from redaction.structure import views

__all__ = ["covered"]


async def covered(
    texts: Sequence[str], policy: Policy, detectors: Sequence[Detector]
) -> list[list[Span]]:
    """Give for each text the disjoint covers, in reading order, as offsets into the text itself.

    The texts are read as those of one exchange: what is found in one is looked for in all.
    Raises `TextTooLarge` over the policy's budget, and what a required detector raises.
    """
    if any(len(text) > policy.max_text_chars for text in texts):
        raise TextTooLarge
    readings = [Reading(Leaf((), text), list(views(text))) for text in texts]
    examination = await examine(passages(readings), detectors, frozenset(policy.optional))
    settle(readings, examination.spans, policy)
    return [_outermost(reading) for reading in readings]


def _outermost(reading: Reading) -> list[Span]:
    """Translate the covers of all views into offsets of the outermost text."""
    return [
        Span(*view.locate(cover.start, cover.end), cover.type, cover.score, cover.detector)
        for view, covers in zip(reading.views, reading.covers, strict=True)
        for cover in covers
    ]
