"""What a worker needs of others: someone who redacts, someone who opens, someone who reassembles.

They are handed in at the composition root, so that a worker knows neither detectors nor keys nor
wire formats.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from audit.record import AuditRecord, RedactedRecord
from storage.envelope import OpenedRecord, OpenedRemnant

__all__ = ["OpensEnvelope", "Reassembles", "Redacts"]


class Redacts(Protocol):
    """Takes personal data out."""

    async def redact(self, record: AuditRecord) -> RedactedRecord:
        """Give the record that may be stored, with its digest.

        Raises `TransientError` when a required detector is not there now, `PermanentError` when
        this record cannot be redacted.
        """


# Opens a sealed body. Raises `KeyMissing` or `EnvelopeDamaged`. Called off the event loop.
OpensEnvelope: TypeAlias = Callable[[bytes], OpenedRecord | OpenedRemnant]

# Makes a record of what a crash left. Raises nothing for any bytes. Called off the event loop.
Reassembles: TypeAlias = Callable[[OpenedRemnant], AuditRecord]
