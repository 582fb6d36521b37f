"""Examining: all detectors over all passages, or an error.

The law of this module: a passage counts as read only when every required detector has answered
for it with spans that lie inside it. An optional detector that fails is named as missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.errors import AuditStreamError, DetectorFailed
from redaction.detector import Detector
from redaction.finding import Passage, Span

__all__ = ["Examination", "examine"]


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found in each passage, who read it, and which optional detectors did not."""

    spans: Sequence[Sequence[Span]]
    read_by: tuple[Detector, ...]
    missing: tuple[str, ...]


async def examine(
    passages: Sequence[Passage], detectors: Sequence[Detector], optional: frozenset[str]
) -> Examination:
    """Unite what the detectors find.

    Raises `TransientError` or `PermanentError` as a required detector did; what is neither
    becomes `DetectorFailed` without its message, which might quote the text.
    """
    found: list[list[Span]] = [[] for _ in passages]
    read_by: list[Detector] = []
    missing: list[str] = []
    for detector in detectors:
        try:
            answers = await _ask(detector, passages)
        except AuditStreamError:
            if detector.name not in optional:
                raise
            missing.append(detector.name)
            continue
        read_by.append(detector)
        for spans, answer in zip(found, answers, strict=True):
            spans.extend(answer)
    return Examination(found, tuple(read_by), tuple(missing))


async def _ask(detector: Detector, passages: Sequence[Passage]) -> Sequence[Sequence[Span]]:
    try:
        answers = await detector.detect(passages)
    except AuditStreamError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold text
        raise DetectorFailed(f"{detector.name} failed with {type(error).__name__}") from None
    if len(answers) != len(passages):
        raise DetectorFailed(f"{detector.name} answered for another number of passages")
    for passage, spans in zip(passages, answers, strict=True):
        if any(not 0 <= span.start <= span.end <= len(passage.text) for span in spans):
            raise DetectorFailed(f"{detector.name} found something outside its passage")
    return answers
