"""The `secrets` detector: credentials by their form, and by the name they stand next to."""

from __future__ import annotations

from redaction.detectors.credential_fields import FIELDS
from redaction.detectors.credential_forms import FORMS
from redaction.detectors.credential_issuers import ISSUERS
from redaction.detectors.logins import LoginRecogniser
from redaction.detectors.passwords import PairRecogniser, SpokenPasswordRecogniser
from redaction.detectors.pins import PinRecogniser
from redaction.detectors.table_detector import TableDetector
from redaction.detectors.telling_names import TellingKeyRecogniser, TellingNameRecogniser

__all__ = ["SecretDetector"]


class SecretDetector(TableDetector):
    """Keys, tokens, passwords, connection strings and private keys, in text, code and JSON."""

    def __init__(self) -> None:
        names = (TellingNameRecogniser(), TellingKeyRecogniser())
        spoken = (SpokenPasswordRecogniser(), PairRecogniser(), PinRecogniser(), LoginRecogniser())
        super().__init__("secrets", "4", (*FORMS, *ISSUERS, *FIELDS, *names, *spoken))
