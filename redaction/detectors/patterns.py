"""The `patterns` detector: identifiers with a structure, proven where they can be.

It works on every language, needs no model and no network, and is the floor under all others.
"""

from __future__ import annotations

from collections.abc import Sequence

from redaction.detectors.finance import CARDS, IbanRecogniser
from redaction.detectors.mail import MailRecogniser
from redaction.detectors.national_ids import NATIONAL_IDS
from redaction.detectors.network import IPV4, IPV6, MAC
from redaction.detectors.personal import FACTS, KeyRecogniser
from redaction.detectors.phones import REGIONS, PhoneRecogniser
from redaction.detectors.recogniser import Recogniser
from redaction.finding import Passage, Span

__all__ = ["PatternDetector", "TableDetector"]


class TableDetector:
    """A detector that is a table of recognisers, each asked about each passage."""

    def __init__(self, name: str, version: str, recognisers: Sequence[Recogniser]) -> None:
        self._name = name
        self._version = version
        self._recognisers = tuple(recognisers)

    @property
    def name(self) -> str:
        """The name policies know it by."""
        return self._name

    @property
    def version(self) -> str:
        """Changes whenever a row of the table changes what it finds."""
        return self._version

    async def detect(self, passages: Sequence[Passage]) -> Sequence[Sequence[Span]]:
        """Ask every recogniser; raises nothing for any text."""
        return [self._read(passage) for passage in passages]

    def _read(self, passage: Passage) -> list[Span]:
        return [span for recogniser in self._recognisers for span in recogniser.find(passage)]


class PatternDetector(TableDetector):
    """Cards, accounts, addresses of people and machines, national numbers, facts in context."""

    def __init__(self, regions: Sequence[str] = REGIONS) -> None:
        numbers: tuple[Recogniser, ...] = (CARDS, IbanRecogniser(), IPV4, IPV6, MAC)
        people: tuple[Recogniser, ...] = (
            MailRecogniser(),
            PhoneRecogniser(regions),
            KeyRecogniser(),
        )
        super().__init__("patterns", "1", (*numbers, *people, *NATIONAL_IDS, *FACTS))
