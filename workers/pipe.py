"""The words between a worker and a process that redacts for it, and their frames in the pipe.

A frame is four bytes of length (big-endian), as much JSON (`Asked` or `Answered`), and the body
whose size that JSON gives: the JSON of an exchange's records, clear on the way there and redacted
on the way back. The process may ask the worker in turn, about passages for a detector that only
the worker has.
The law: an error crosses as its code, without its message, which may repeat what was said. Only
when a process tells why it cannot begin is there nothing yet to repeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TypeVar

from audit.errors import AuditStreamError, PermanentError, TransientError
from audit.value import Value, from_json, prepare, to_json

__all__ = ["BEGIN", "Answered", "Asked", "Failure", "Ready", "error_of", "failure_of", "framed"]
__all__ += ["read_frame"]

HeadT = TypeVar("HeadT", "Asked", "Answered")

_LENGTH = 4
# The call in which a process gets what it is to redact with; records are counted from the next.
BEGIN = 0


class Asked(Value, frozen=True):
    """A record to redact, in the `size` bytes that follow; `gone` when nobody waits any more.

    With `found` it answers the question `call` of the process: spans, or the `failure`.
    """

    call: int
    size: int = 0
    gone: bool = False
    found: bool = False
    failure: Failure | None = None


class Failure(Value, frozen=True):
    """What was raised: its code, None for an error without one; whether it may pass, and when."""

    code: str | None = None
    transient: bool = False
    retry_after: float | None = None
    message: str | None = None


class Answered(Value, frozen=True):
    """The redacted record, in the `size` bytes that follow, or why there is none.

    With `taken` it only says that the process has the record now, and is at work on it. With
    `asks` it is a question of the process, numbered `call`, about the passages that follow, to
    the detector of that name; `gone` when it waits no more.
    """

    call: int
    size: int = 0
    failure: Failure | None = None
    taken: bool = False
    asks: str | None = None
    gone: bool = False


class Ready(Value, frozen=True):
    """What a process redacts with: the policy's label, and what nobody looks for."""

    policy: str
    gaps: tuple[str, ...] = ()


def framed(head: Asked | Answered, body: bytes = b"") -> bytes:
    """Give the bytes of a frame; `head.size` is the body's."""
    words = to_json(head)
    return b"".join((len(words).to_bytes(_LENGTH), words, body))


async def read_frame(reader: asyncio.StreamReader, kind: type[HeadT]) -> tuple[HeadT, bytes]:
    """Read one frame. Raises `EOFError` or `OSError` where the pipe ends, also inside a frame."""
    length = int.from_bytes(await reader.readexactly(_LENGTH))
    head = from_json(await reader.readexactly(length), kind)
    return head, await reader.readexactly(head.size)


def failure_of(error: Exception, message: str | None = None) -> Failure:
    """Say of an error what the worker's settlement depends on."""
    if not isinstance(error, AuditStreamError):
        return Failure()
    transient = isinstance(error, TransientError)
    after = getattr(error, "retry_after", None)
    return Failure(code=error.code, transient=transient, retry_after=after, message=message)


def error_of(failure: Failure) -> AuditStreamError | None:
    """Give what to raise on this side: an error of the same class; None for one without a code.

    One whose class is not known here, because only the other side imports it, is as transient or
    permanent as it is there, and has its code.
    """
    if failure.code is None:
        return None
    general = TransientError if failure.transient else PermanentError
    known = {kind.code: kind for kind in _kinds(general)}
    kind = known.get(failure.code, general)
    if issubclass(kind, TransientError):
        error: AuditStreamError = kind(failure.message, retry_after=failure.retry_after)
    else:
        error = kind(failure.message)
    if kind.code != failure.code:
        error.code = failure.code  # type: ignore[misc]  # of this one error, not of its class
    return error


def _kinds(base: type[AuditStreamError]) -> Iterator[type[AuditStreamError]]:
    yield base
    for each in base.__subclasses__():
        yield from _kinds(each)


prepare(Asked, Answered, Ready)
