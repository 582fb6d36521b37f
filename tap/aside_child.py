"""The process aside: reads a task and its bodies, answers with the record, and forgets them.

The law of this module: nothing is written but the answer, and the end of the input is the end.
"""

from __future__ import annotations

import signal
import sys
from typing import BinaryIO

import msgspec

from audit.sheaf import sheaf_json
from audit.value import from_json, to_json
from tap.aside import LENGTH, Made, Task
from tap.capture import Captured
from tap.reassembly import assemble

__all__ = ["serve"]


def serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """Answer one task after another until there are no more."""
    while length := asked.read(LENGTH):
        task = from_json(asked.read(int.from_bytes(length)), Task)
        made = to_json(_made(task, asked.read(task.request), asked.read(task.answer)))
        answers.write(len(made).to_bytes(LENGTH) + made)
        answers.flush()


def _made(task: Task, request: bytes, answer: bytes) -> Made:
    captured = Captured(
        **msgspec.structs.asdict(task.evidence),
        request_body=request,
        answer_head=task.head,
        answer_body=answer,
    )
    records = assemble(task.opening, captured, digest_key=task.digest_key, salt=task.salt)
    return Made(ending=str(records[-1].exchange.ending), record=sheaf_json(records))


if __name__ == "__main__":
    # Ctrl-C is for the tap, which drains first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.stdin.buffer, sys.stdout.buffer)
