"""The `patterns` detector: identifiers with a structure, proven where they can be.

It works on every language, needs no model and no network, and is the floor under all others.
"""

from __future__ import annotations

from collections.abc import Sequence

from redaction.detectors.customers import CUSTOMERS
from redaction.detectors.dates_of_birth import AGES, BIRTHS, STARRED
from redaction.detectors.documents import DOCUMENTS
from redaction.detectors.finance import CARDS, IbanRecogniser
from redaction.detectors.foreign_ids import FOREIGN_IDS
from redaction.detectors.mail import MailRecogniser
from redaction.detectors.mail_obfuscated import ObfuscatedMailRecogniser
from redaction.detectors.national_ids import NATIONAL_IDS
from redaction.detectors.network import IPV4, IPV6, MAC
from redaction.detectors.personal import KeyRecogniser
from redaction.detectors.phones import REGIONS, PhoneRecogniser
from redaction.detectors.places import PLACES
from redaction.detectors.recogniser import Recogniser
from redaction.detectors.spelt_out import SPELT_OUT
from redaction.detectors.table_detector import TableDetector
from redaction.detectors.users import USERS

__all__ = ["PatternDetector"]


class PatternDetector(TableDetector):
    """Cards, accounts, addresses of people and machines, national numbers, facts in context."""

    def __init__(self, regions: Sequence[str] = REGIONS) -> None:
        numbers: tuple[Recogniser, ...] = (CARDS, SPELT_OUT, IbanRecogniser(), IPV4, IPV6, MAC)
        people: tuple[Recogniser, ...] = (
            MailRecogniser(),
            ObfuscatedMailRecogniser(),
            PhoneRecogniser(regions),
            KeyRecogniser(),
        )
        facts: tuple[Recogniser, ...] = (
            *BIRTHS,
            STARRED,
            *AGES,
            *DOCUMENTS,
            *PLACES,
            *USERS,
            *CUSTOMERS,
        )
        super().__init__("patterns", "4", (*numbers, *people, *NATIONAL_IDS, *FOREIGN_IDS, *facts))
