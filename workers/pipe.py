"""The words between a worker and a process that redacts for it, and their frames in the pipe.

A frame is four bytes of length (big-endian), as much JSON (`Asked` or `Answered`), and the body
whose size that JSON gives: the JSON of an exchange's records, clear on the way there and redacted
on the way back.
The law: an error crosses as its code, without its message, which may repeat what was said. Only
when a process tells why it cannot begin is there nothing yet to repeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TypeVar

from audit.errors import AuditStreamError, TransientError
from audit.value import Value, from_json, prepare, to_json

__all__ = ["BEGIN", "Answered", "Asked", "Failure", "Ready", "error_of", "failure_of", "framed"]
__all__ += ["read_frame"]

HeadT = TypeVar("HeadT", "Asked", "Answered")

_LENGTH = 4
# The call in which a process gets what it is to redact with; records are counted from the next.
BEGIN = 0


class Asked(Value, frozen=True):
    """A record to redact, in the `size` bytes that follow; `gone` when nobody waits any more."""

    call: int
    size: int = 0
    gone: bool = False


class Failure(Value, frozen=True):
    """What was raised: its code, None for an error without one, and when to come again."""

    code: str | None = None
    retry_after: float | None = None
    message: str | None = None


class Answered(Value, frozen=True):
    """The redacted record, in the `size` bytes that follow, or why there is none."""

    call: int
    size: int = 0
    failure: Failure | None = None


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


def failure_of(error: Exception) -> Failure:
    """Say of an error what the worker's settlement depends on."""
    if not isinstance(error, AuditStreamError):
        return Failure()
    return Failure(code=error.code, retry_after=getattr(error, "retry_after", None))


def error_of(failure: Failure) -> AuditStreamError | None:
    """Raise this on the other side: an error of the same class; None for one without a code.

    The classes are those this process knows: an adapter's own must be imported here too.
    """
    for kind in _kinds(AuditStreamError):
        if kind.code == failure.code and kind is not AuditStreamError:
            if issubclass(kind, TransientError):
                return kind(failure.message, retry_after=failure.retry_after)
            return kind(failure.message)
    return None


def _kinds(base: type[AuditStreamError]) -> Iterator[type[AuditStreamError]]:
    yield base
    for each in base.__subclasses__():
        yield from _kinds(each)


prepare(Asked, Answered, Ready)
