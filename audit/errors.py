"""Errors that answer two questions: whether it can ever succeed, and what its code is.

A `TransientError` may succeed later and may say when; a `PermanentError` will not, and its
delivery is dead-lettered with the code. Codes are stable and safe to log; messages are written
for people and are not assumed safe. An exception's docstring is its default message.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AccessDenied",
    "AuditStreamError",
    "BlobMissing",
    "BlobsUnavailable",
    "ConsumerUnknown",
    "DetectorFailed",
    "DetectorUnavailable",
    "EnvelopeDamaged",
    "ExchangeUnknown",
    "FormatUnknown",
    "KeyMissing",
    "MessageDamaged",
    "OrderInvalid",
    "PermanentError",
    "PlaceBarred",
    "PolicyViolation",
    "QueryInvalid",
    "QueryTooCostly",
    "QueueUnavailable",
    "RecordHeld",
    "RecordInvalid",
    "RedactionLost",
    "RedactorUnavailable",
    "SettingInvalid",
    "SignInRefused",
    "SignatureInvalid",
    "SpoolFull",
    "SpoolUnavailable",
    "StoreUnavailable",
    "TextTooLarge",
    "TransientError",
    "WrongKey",
    "error_codes",
]


class AuditStreamError(Exception):
    """Something went wrong in the audit."""

    code: ClassVar[str] = "audit.error"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__ or self.code)


class TransientError(AuditStreamError):
    """It did not work now and may work later."""

    code = "audit.transient"

    def __init__(self, message: str | None = None, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PermanentError(AuditStreamError):
    """It will not work however often it is tried."""

    code = "audit.permanent"


class SettingInvalid(PermanentError):
    """A setting has a value that cannot be used."""

    code = "setting.invalid"


class PlaceBarred(SettingInvalid):
    """What is in this place may not be seen by this user."""

    code = "place.barred"


class SpoolUnavailable(TransientError):
    """The spool could not take a frame."""

    code = "spool.unavailable"


class SpoolFull(SpoolUnavailable):
    """The spool holds as many bytes or exchanges as it may."""

    code = "spool.full"


class QueueUnavailable(TransientError):
    """The queue could not be reached."""

    code = "queue.unavailable"


class BlobsUnavailable(TransientError):
    """The blob store could not be reached."""

    code = "blobs.unavailable"


class BlobMissing(PermanentError):
    """A large body is not where its message or document says it is."""

    code = "blob.missing"


class StoreUnavailable(TransientError):
    """The record store could not be reached."""

    code = "store.unavailable"


class KeyMissing(PermanentError):
    """The key that opens this is not there."""

    code = "key.missing"


class WrongKey(PermanentError):
    """The key does not belong to this data."""

    code = "key.wrong"


class SignatureInvalid(PermanentError):
    """The signature is missing, or is not that of a trusted key."""

    code = "signature.invalid"


class EnvelopeDamaged(PermanentError):
    """A sealed envelope is damaged or was altered."""

    code = "envelope.damaged"


class MessageDamaged(PermanentError):
    """A message's row in the queue is damaged: what it is cannot be read."""

    code = "message.damaged"


class FormatUnknown(PermanentError):
    """A sealed envelope was written by a version whose format this one does not read."""

    code = "envelope.format_unknown"


class RecordInvalid(PermanentError):
    """A record does not have the shape of its schema version."""

    code = "record.invalid"


class RecordHeld(PermanentError):
    """A hold forbids to remove this record."""

    code = "record.held"


class ExchangeUnknown(PermanentError):
    """No exchange of this id is known in store, ledger, queue or spool."""

    code = "exchange.unknown"


class ConsumerUnknown(PermanentError):
    """No consumer of this name is known in settings, store or ledger."""

    code = "consumer.unknown"


class OrderInvalid(PermanentError):
    """The order cannot be given as it stands."""

    code = "order.invalid"


class DetectorUnavailable(TransientError):
    """A required detector did not answer."""

    code = "detector.unavailable"


class DetectorFailed(PermanentError):
    """A required detector failed on this text."""

    code = "detector.failed"


class TextTooLarge(PermanentError):
    """The text is larger than the policy's budget allows to inspect."""

    code = "redaction.text_too_large"


class PolicyViolation(PermanentError):
    """The result of redaction breaks the policy it was made under."""

    code = "redaction.policy_violation"


class RedactorUnavailable(TransientError):
    """No process that redacts runs now."""

    code = "redaction.unavailable"


class RedactionLost(AuditStreamError):
    """The process that redacted the record died or was stuck."""

    code = "redaction.lost"


class QueryInvalid(PermanentError):
    """The filter cannot be understood."""

    code = "query.invalid"


class AccessDenied(PermanentError):
    """This is not open to you."""

    code = "access.denied"


class SignInRefused(PermanentError):
    """You could not be let in."""

    code = "access.sign_in_refused"

    def __init__(self, reason: str, message: str | None = None) -> None:
        super().__init__(message)
        # A name of a closed list: safe to log.
        self.reason = reason


class QueryTooCostly(PermanentError):
    """The query's time or request units were spent before it found anything; narrow it."""

    code = "query.too_costly"


def error_codes() -> dict[str, str]:
    """Every error's code with its docstring: what the documentation must list."""
    found: dict[str, str] = {}
    waiting: list[type[AuditStreamError]] = [AuditStreamError]
    while waiting:
        kind = waiting.pop()
        found[kind.code] = (kind.__doc__ or "").strip()
        waiting.extend(kind.__subclasses__())
    return dict(sorted(found.items()))
