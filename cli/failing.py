"""What a command says last when an error ends it: one line, never a traceback."""

from __future__ import annotations

from pathlib import Path

from audit.errors import AuditStreamError
from audit.reading.neutral import neutral_line
from audit.telemetry import frames_of
from storage.sight import barred

__all__ = ["last_words"]


def last_words(error: Exception) -> str:
    """Say what went wrong; of an error without a code where, since its message may be content."""
    if isinstance(error, PermissionError) and isinstance(error.filename, str):
        error = barred(Path(error.filename), error)
    if isinstance(error, AuditStreamError):
        return f"auditstream: {neutral_line(str(error))}\n"
    kind, where = type(error).__name__, frames_of(error)
    return f"auditstream: unexpected {kind}, a defect of this program: {where}\n"
