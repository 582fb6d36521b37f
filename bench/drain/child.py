"""A process that redacts as `cli.redaction_child` does, and writes down how long each record took.

One line of JSON for each process in the file that the variable `BENCH_DRAIN_TIMES` names, when its
input ends: `redacted` are the seconds of computing for each record, `computed` is all computing
since the first one came, reading and answering included.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from audit.record import AuditRecord, RedactedRecord
from audit.settings import Settings
from cli import redaction_child
from redaction.detector import Detector
from redaction.reading import Standing
from redaction.redactor import Redactor

_TIMES: list[float] = []
_BEGUN: list[float] = []


def _timed(settings: Settings, pseudonym_key: bytes, *asked: Detector) -> Redactor:
    redactor = _redactor_of(settings, pseudonym_key, *asked)
    real = redactor.redact_sheaf

    async def redact(
        records: Sequence[AuditRecord], standing: Sequence[Standing] = ()
    ) -> Sequence[RedactedRecord]:
        begun = time.thread_time()
        _BEGUN.append(begun)
        redacted = await real(records, standing)
        _TIMES.append(time.thread_time() - begun)
        return redacted

    redactor.redact_sheaf = redact  # type: ignore[method-assign]  # the same, with a clock
    return redactor


_redactor_of = redaction_child.redactor_of

if __name__ == "__main__":
    redaction_child.redactor_of = _timed
    redaction_child.main()
    with Path(os.environ["BENCH_DRAIN_TIMES"]).open("a") as file:
        computed = time.thread_time() - _BEGUN[0] if _BEGUN else 0.0
        file.write(json.dumps({"redacted": _TIMES, "computed": computed}) + "\n")
