"""What a worker needs of others: someone who redacts, someone who opens, someone who reassembles.

They are handed in at the composition root, so that a worker knows neither detectors nor keys nor
wire formats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from audit.record import RedactedRecord
from audit.sheaf import Sheaf
from storage.envelope import OpenedRecord, OpenedRemnant

__all__ = ["OpensEnvelope", "Reassembles", "Redacts"]


class Redacts(Protocol):
    """Takes personal data out."""

    async def redact_sheaf(self, records: Sheaf) -> Sequence[RedactedRecord]:
        """Give the records of an exchange that may be stored, each with its digest, in order.

        What is found in one of them is taken out of all, under one token. Raises
        `TransientError` when a required detector is not there now, `PermanentError` when
        one of them cannot be redacted.
        """


# Opens a sealed body. Raises `KeyMissing` or `EnvelopeDamaged`. Called off the event loop.
OpensEnvelope: TypeAlias = Callable[[bytes], OpenedRecord | OpenedRemnant]

# Makes records of what a crash left. Raises nothing for any bytes. Called off the event loop.
Reassembles: TypeAlias = Callable[[OpenedRemnant], Sheaf]
