"""What to do about an error that ended a look, where the error itself does not say it.

The law: no line that failed leaves its reader without a next step.
"""

from __future__ import annotations

from audit.errors import (
    AuditStreamError,
    BlobsUnavailable,
    DetectorUnavailable,
    KeyMissing,
    QueueUnavailable,
    SettingInvalid,
    StoreUnavailable,
    WrongKey,
)
from audit.preflight import Finding, failed

__all__ = ["advice_for", "refused"]

_AGAIN = "see that it runs and can be reached from here, then check again"
_ADVICE: dict[type[AuditStreamError], str] = {
    SettingInvalid: "`auditstream settings` says what each setting takes",
    KeyMissing: "`auditstream keys list` says which are here; copy the others from where they are",
    WrongKey: "give this part the keys that its data was made with",
    QueueUnavailable: f"look at the settings under queue; {_AGAIN}",
    StoreUnavailable: f"look at the settings under store; {_AGAIN}",
    BlobsUnavailable: f"look at the settings under blobs; {_AGAIN}",
    DetectorUnavailable: f"look at the settings under language; {_AGAIN}",
}


def advice_for(error: Exception) -> str:
    """The next step after this error."""
    for kind, advice in _ADVICE.items():
        if isinstance(error, kind):
            return advice
    return "remove the cause, then check again"


def refused(name: str, error: Exception, told: str = "") -> Finding:
    """The line for an error of ours, or of the system with what is `told` of it.

    What follows a semicolon in an error's words is what to do: then nothing is added to it.
    """
    found, _, advice = (told or str(error)).partition("; ")
    return failed(name, found, advice or advice_for(error))
