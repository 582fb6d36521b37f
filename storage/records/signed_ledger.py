"""What a worker signs: ledger entries, records, certificates of erasure.

The law of this module: what is entered through a `SigningLedger` is signed as it stands, so that
whoever may write the store cannot make up what became of a number. A signature replaces the one
that was there: whoever changes an entry or a record signs it anew.
"""

from __future__ import annotations

import msgspec

from audit.certificate import Certificate
from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint, LedgerEntry
from audit.record import RedactedRecord
from audit.signing import Signer, certificate_statement, entry_statement, record_statement
from storage.records.port import LedgerWriter

__all__ = ["SigningLedger", "signed", "signed_certificate", "signed_record"]


class SigningLedger:
    """A `LedgerWriter` that signs each entry and hands it to another one."""

    def __init__(self, ledger: LedgerWriter, signer: Signer) -> None:
        self._ledger = ledger
        self._signer = signer

    async def enter(self, entry: LedgerEntry) -> bool:
        """Enter the entry with its signature; false when what was there stays."""
        return await self._ledger.enter(signed(entry, self._signer))

    async def entry(self, number: ExchangeNumber) -> LedgerEntry | None:
        """What became of a number, as the other ledger has it."""
        return await self._ledger.entry(number)

    async def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a tap's checkpoint; it bears the tap's own signature."""
        await self._ledger.checkpoint(checkpoint)


def signed(entry: LedgerEntry, signer: Signer) -> LedgerEntry:
    """Give the entry with a signature over all of it."""
    return msgspec.structs.replace(entry, signature=signer.sign(entry_statement(entry)))


def signed_record(record: RedactedRecord, signer: Signer) -> RedactedRecord:
    """Give the record with a signature over its id and its integrity group.

    The record's digest must be right already: it is what ties the content to the signature.
    """
    signature = signer.sign(record_statement(record.id, record.integrity))
    integrity = msgspec.structs.replace(record.integrity, signature=signature)
    return msgspec.structs.replace(record, integrity=integrity)


def signed_certificate(certificate: Certificate, signer: Signer) -> Certificate:
    """Give the certificate with a signature over all of it."""
    signature = signer.sign(certificate_statement(certificate))
    return msgspec.structs.replace(certificate, signature=signature)
