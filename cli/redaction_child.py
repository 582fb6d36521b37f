"""A process that redacts: `python -m cli.redaction_child`, started by a worker's pool.

The law: it holds no key that opens or signs, and no store is open here. Clear text comes in through
standard input and leaves redacted through standard output; when its worker is gone, so is it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvloop

from audit.errors import AuditStreamError
from audit.settings import Settings
from audit.value import to_json
from cli.collector import collect_as_usual, collect_seldom
from cli.logs import configure_for
from cli.policies import check_models, policy_of
from cli.redactors import ONE_CORE, read_orders
from redaction.detector import Detector
from redaction.detectors.lean import load_lean
from workers.consulting import AskedDetector, Questions
from workers.pipe import BEGIN, Answered, Asked, Ready, failure_of, framed, read_frame
from workers.pool_child import Serving

if TYPE_CHECKING:
    from redaction.redactor import Redactor

__all__ = ["main", "redactor_of"]

_LOOK_SECONDS = 1.0


def redactor_of(settings: Settings, pseudonym_key: bytes, *asked: Detector) -> Redactor:
    """Build the redactor that the settings describe, with detectors that others have.

    Raises `SettingInvalid`.
    """
    check_models(settings)
    policy = policy_of(settings)
    # Read when it loads what is below; a command that redacts has not been told by a worker.
    os.environ |= ONE_CORE
    load_lean((*policy.required, *policy.optional))
    # Imported late: it imports what has just been loaded lean.
    from redaction.build import build_redactor  # noqa: PLC0415 - see above

    return build_redactor(
        policy,
        spacy_models=settings.redaction.models,
        pseudonym_key=pseudonym_key,
        given=asked,
    )


def main() -> None:
    """Redact until the worker ends the input, or is gone. Stopping is the worker's to order."""
    collect_seldom()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)
    threading.Thread(target=_follow, args=(os.getppid(),), daemon=True).start()
    # What a library prints must not end up among the answers.
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    uvloop.run(_redact(_writes(answers)))


async def _redact(tell: Callable[[bytes], None]) -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    _, given = await read_frame(reader, Asked)
    settings, pseudonym_key, asked = read_orders(given)
    log = configure_for("redaction", settings)
    questions = Questions(tell)
    try:
        ours = [AskedDetector(name, version, questions) for name, version in asked.items()]
        redactor = redactor_of(settings, pseudonym_key, *ours)
        serving = asyncio.create_task(Serving(redactor, tell, log, questions).run(reader))
        await redactor.prepare()
    except AuditStreamError as error:
        failure = failure_of(error, message=str(error))
        tell(framed(Answered(call=BEGIN, failure=failure)))
        return
    collect_as_usual()
    ready = to_json(Ready(policy=redactor.policy, gaps=redactor.gaps))
    tell(framed(Answered(call=BEGIN, size=len(ready)), ready))
    await serving


def _writes(descriptor: int) -> Callable[[bytes], None]:
    def write(data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]

    return write


def _follow(parent: int) -> None:
    """End with the worker, also in the middle of a long record: nobody waits for it any more."""
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
