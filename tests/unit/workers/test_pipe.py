"""What crosses between a worker and a process that redacts: whole, and without anyone's words."""

from __future__ import annotations

import asyncio

import pytest

from audit.errors import (
    AuditStreamError,
    DetectorFailed,
    DetectorUnavailable,
    PermanentError,
    PolicyViolation,
    TextTooLarge,
    TransientError,
)
from audit.value import to_json
from workers.pipe import Asked, error_of, failure_of, framed, read_frame
from workers.settlement import Hold, Patience, SetAside, decide

WORDS = "jane@example.com"


@pytest.mark.parametrize(
    "kind", [DetectorFailed, PolicyViolation, TextTooLarge, DetectorUnavailable]
)
def test_an_error_arrives_as_what_it_was_and_says_nothing_of_the_text(
    kind: type[PermanentError | TransientError],
) -> None:
    """Class and code decide what becomes of the delivery; the message stays where it was made."""
    failure = failure_of(kind(WORDS))
    assert WORDS not in to_json(failure).decode()
    arrived = error_of(failure)
    assert type(arrived) is kind
    assert WORDS not in str(arrived)


def test_when_to_come_again_arrives_too() -> None:
    """A service that said so is not asked earlier."""
    arrived = error_of(failure_of(DetectorUnavailable(retry_after=7)))
    assert isinstance(arrived, DetectorUnavailable)
    assert arrived.retry_after == 7


def test_an_error_without_a_code_has_none_on_the_other_side() -> None:
    """It is tried again, and set aside in the end."""
    assert error_of(failure_of(KeyError(WORDS))) is None


@pytest.mark.parametrize(
    ("base", "settlement"), [("TransientError", Hold), ("PermanentError", SetAside)]
)
def test_an_error_that_only_the_other_side_knows_is_settled_as_it_is_there(
    base: str, settlement: type
) -> None:
    """An outage that a detector has a class of its own for must not set anything aside."""
    failure = failure_of(
        {"TransientError": TransientError, "PermanentError": PermanentError}[base]()
    )
    foreign = type(failure)(code="detector.of_its_own", transient=failure.transient)
    arrived = error_of(foreign)
    assert isinstance(arrived, AuditStreamError)
    assert arrived.code == "detector.of_its_own"
    decided = decide(arrived, 1, 1, Patience())
    assert isinstance(decided, settlement)
    assert (TransientError.code, PermanentError.code) == ("audit.transient", "audit.permanent")


async def test_frames_arrive_however_they_are_cut() -> None:
    """Byte by byte, and two in one piece; a pipe that ends within one says so."""
    reader = asyncio.StreamReader()
    frame = framed(Asked(call=3, size=5), b"clear")
    for at in range(len(frame)):
        reader.feed_data(frame[at : at + 1])
    reader.feed_data(frame + frame[:7])
    reader.feed_eof()
    for _ in range(2):
        assert await read_frame(reader, Asked) == (Asked(call=3, size=5), b"clear")
    with pytest.raises(EOFError):
        await read_frame(reader, Asked)
