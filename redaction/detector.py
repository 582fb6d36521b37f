"""The port of detection: whoever can tell where personal data or a secret stands.

A detector finds and never replaces. Unsure means raise: an empty answer is a promise that the
detector read the whole passage and found nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from redaction.finding import Passage, Span

__all__ = ["Detector"]


class Detector(Protocol):
    """One layer of detection. Instances are shared by all records of a process."""

    @property
    def name(self) -> str:
        """A stable name; policies and records know the detector by it."""

    @property
    def version(self) -> str:
        """What must change when its findings can change."""

    async def detect(self, passages: Sequence[Passage]) -> Sequence[Sequence[Span]]:
        """Give the spans of each passage, in the order of `passages`.

        Raises `DetectorUnavailable` when asking again later may help and `DetectorFailed` when
        this text cannot be read; never answers for a passage it has not read in full.
        """
