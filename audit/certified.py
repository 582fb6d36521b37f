"""Does a certificate of erasure hold? Each thing it says, against ledger, store and keys.

The law: a certificate is confirmed when a trusted worker has signed it, the ledger says of each
of its numbers, believed, that it was erased or has expired, and no record of it is left. What may
still wait in a spool or in the queue, sealed, contradicts nothing: the ledger's entry and the
standing order keep it from being stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from audit.belief import Belief
from audit.certificate import Certificate, Erased
from audit.completeness import Evidence
from audit.ids import ExchangeNumber
from audit.ledger import LedgerEntry, LedgerState
from audit.signing import Role, certificate_statement

__all__ = ["CertificateReport", "CertificateVerdict", "Contradiction", "check_certificate"]

_REMOVED = (LedgerState.ERASED, LedgerState.EXPIRED)

# Without these a certificate can be contradicted, but not confirmed.
_NEEDED = {"ledger", "records", "keys"}


class CertificateVerdict(StrEnum):
    """The answer in one word."""

    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    UNDETERMINED = "undetermined"

    @property
    def exit_code(self) -> int:
        """0 confirmed, 1 contradicted, 2 could not tell."""
        return {"confirmed": 0, "contradicted": 1, "undetermined": 2}[self.value]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What speaks against the certificate: of the record `id`, or without one of all of it.

    `reason` is a key of `REASONS`.
    """

    reason: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class CertificateReport:
    """What was found of a certificate; `waiting` are the ids that still wait somewhere, sealed."""

    certificate: Certificate
    contradictions: tuple[Contradiction, ...] = ()
    waiting: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def verdict(self) -> CertificateVerdict:
        """Contradicted if anything is proven; else confirmed if all of it could be looked at.

        A certificate of nothing proves nothing.
        """
        if self.contradictions:
            return CertificateVerdict.CONTRADICTED
        open_ends = _NEEDED.intersection(self.unread) or not self.certificate.erased
        return CertificateVerdict.UNDETERMINED if open_ends else CertificateVerdict.CONFIRMED


def check_certificate(certificate: Certificate, evidence: Evidence) -> CertificateReport:
    """Hold a certificate against all evidence."""
    ids = {each.id for each in certificate.erased}
    held = [each.id for each in (*evidence.waiting, *evidence.dead)]
    return CertificateReport(
        certificate,
        tuple(_contradictions(certificate, evidence)),
        tuple(sorted(ids.intersection(held))),
        evidence.unread,
    )


def _contradictions(certificate: Certificate, evidence: Evidence) -> Iterator[Contradiction]:
    if evidence.trust is not None and not evidence.trust.bears_out(
        Role.WORKER, certificate_statement(certificate), certificate.signature
    ):
        yield Contradiction("certificate_forged")
    entries = _entries(certificate, evidence)
    left = {mark.id.partition("/")[0] for mark in evidence.stored}
    for each in certificate.erased:
        reason = _entered(each, entries.get(each.number))
        if reason and not (reason == "not_entered" and "ledger" in evidence.unread):
            yield Contradiction(reason, each.id)
        if each.id in left:
            yield Contradiction("record_there", each.id)


def _entries(certificate: Certificate, evidence: Evidence) -> dict[ExchangeNumber, LedgerEntry]:
    """The believed entries of the certificate's numbers, the latest of each."""
    belief = Belief(evidence.trust)
    numbers = {each.number for each in certificate.erased}
    asked = (e for e in (*evidence.entries, *evidence.later) if e.number in numbers)
    return {entry.number: entry for entry in asked if belief.entry(entry)}


def _entered(erased: Erased, entry: LedgerEntry | None) -> str | None:
    """Why the entry does not say what the certificate says; None where it does."""
    if entry is None:
        return "not_entered"
    if entry.id != erased.id:
        return "entry_differs"
    if entry.state not in _REMOVED:
        return "not_erased"
    last = entry.amendments[-1].record_digest if entry.amendments else entry.record_digest
    digest_differs = erased.record_digest is not None and erased.record_digest != last
    differs = digest_differs or (erased.commitment or entry.commitment) != entry.commitment
    return "entry_differs" if differs else None
