"""What the query side writes: its access log, and a token where none is set.

The law: nothing is made. Where a file is to lie is tried with one beside it, which goes again. What
is kept in Cosmos DB, `cli.checks.store` looks at.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryFile

from audit.preflight import Finding, failed, passed
from audit.settings import Settings
from cli.engines import log_place
from storage.sight import is_there, nearest

__all__ = ["console_data"]


async def console_data(settings: Settings) -> AsyncIterator[Finding]:
    """Whether the access log can be kept, without which nothing is shown; and the token made."""
    log = log_place(settings)
    if isinstance(log, Path):
        yield _writable("access log", log, "set console.access_log to a file, or data to a folder,")
    token = settings.key_folder / "console.token"
    if settings.console.token is None and not is_there(token):
        yield _writable("console.token: place", token, "set console.token, or keys to a folder")


def _writable(name: str, file: Path, advice: str) -> Finding:
    folder = nearest(file.parent)
    try:
        if is_there(file):
            with file.open("r+b"):
                pass
        with TemporaryFile(dir=folder):  # SQLite keeps files beside its own
            pass
    except OSError as error:
        why = (error.strerror or "cannot be used").lower()
        told = f"{file} cannot be written ({why})"
        return failed(name, told, f"{advice} that user id {os.getuid()} may write")
    return passed(name, f"{file} can be written")
