"""The `secrets` detector: credentials by their form, and by the name they stand next to."""

from __future__ import annotations

from redaction.detectors.credential_forms import FORMS
from redaction.detectors.patterns import TableDetector
from redaction.detectors.telling_names import TellingNameRecogniser

__all__ = ["SecretDetector"]


class SecretDetector(TableDetector):
    """Keys, tokens, passwords, connection strings and private keys, in text, code and JSON."""

    def __init__(self) -> None:
        super().__init__("secrets", "1", (*FORMS, TellingNameRecogniser()))
