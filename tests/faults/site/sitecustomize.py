"""Python imports this before anything else where this folder is on its path: faults go in here.

Only the parts of a running AuditStream are touched, and only under the harness, which names the
board in the environment. What goes wrong here ends the process: `site` would pass over an error,
and a fault that was never installed would look like one that was survived.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_words = sys.orig_argv
_named = [name for name in ("tap", "worker") if name in _words]

if "FAULTS_BOARD" in os.environ and "cli.main" in _words and _named:
    _part = _named[0] if "--child" in _words else "second"
    try:
        from tests.faults.inject import install

        install(Path(os.environ["FAULTS_BOARD"]), _part)
    except Exception as error:  # noqa: BLE001 - see the module's law
        raise SystemExit(f"fault harness: could not be installed: {error!r}") from None
