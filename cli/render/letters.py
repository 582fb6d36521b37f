"""Dead letters in words: what each is, why it was set aside, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from audit.errors import AuditStreamError, PermanentError
from audit.reading.neutral import neutral_line
from audit.value import Json
from storage.queue.port import DeadLetter

__all__ = ["advice", "known_codes", "letter_document", "letter_lines", "list_lines"]

_ANYWAY = "remove the cause, then replay it; or discard it with a reason"
_ADVICE: dict[str, str] = {
    "blob.missing": (
        "its body was removed from the blobs: bring it back from a copy and replay it, or discard"
        " it with a reason"
    ),
    "delivery.too_many_attempts": (
        "the worker's log says which error came back each time; mend it, then replay it"
    ),
    "detector.failed": "mend the detector that the worker's log names, then replay it",
    "envelope.damaged": "its bytes were altered and cannot be had back; discard it with a reason",
    "envelope.format_unknown": "a later version wrote it; run its worker, then replay it",
    "key.missing": "put the private key it was sealed for into the keys folder, then replay it",
    "key.wrong": "give the worker the keys this data was made with, then replay it",
    "message.damaged": (
        "the queue's file was damaged there: bring the file back from a copy, or discard it with a"
        " reason"
    ),
    "record.held": "release the hold that keeps its record, or leave it; then replay it",
    "record.invalid": "run a worker of the version that made it, or a later one; then replay it",
    "redaction.policy_violation": "correct the policy that the worker uses, then replay it",
    "redaction.text_too_large": "raise the policy's budget for texts, then replay it",
    "signature.invalid": (
        "trust the key that signed it, if it is yours, then replay it; if nobody of yours did,"
        " someone wrote to the queue: discard it"
    ),
}


def advice(code: str) -> str:
    """What an operator can do about a reason code."""
    return _ADVICE.get(code, _ANYWAY)


def known_codes(letters: Sequence[DeadLetter]) -> list[str]:
    """Every reason code that a letter can have: ours, and whatever word a broker gave to one."""
    ours = {kind.code for kind in _kinds(PermanentError)}
    return sorted(ours | _ADVICE.keys() | {each.code for each in letters})


def _kinds(base: type[AuditStreamError]) -> Iterator[type[AuditStreamError]]:
    yield base
    for each in base.__subclasses__():
        yield from _kinds(each)


def list_lines(letters: Sequence[DeadLetter]) -> list[str]:
    """One line for each; nothing is cut, however narrow the terminal."""
    rows: list[tuple[str, ...]] = [("ID", "KIND", "CODE", "SINCE", "ATTEMPTS", "REPLAYS", "BYTES")]
    rows += [
        (
            neutral_line(each.id),
            each.kind.value,
            neutral_line(each.code),
            _instant(each.dead_since),
            *map(str, (each.attempts, each.replays, each.size)),
        )
        for each in letters
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def letter_lines(letter: DeadLetter) -> list[str]:
    """Everything that is known of one without opening it."""
    facts = {
        "id": letter.id,
        "kind": letter.kind.value,
        "number": repr(letter.number),
        "code": letter.code,
        "means": letter.description,
        "to do": advice(letter.code),
        "since": _instant(letter.dead_since),
        "attempts": str(letter.attempts),
        "replays": str(letter.replays),
        "bytes": str(letter.size),
    }
    return [f"{name + ':':10}{neutral_line(value)}" for name, value in facts.items()]


def letter_document(letter: DeadLetter) -> Json:
    """The same as JSON."""
    return {
        "id": letter.id,
        "kind": letter.kind.value,
        "number": letter.number,
        "code": letter.code,
        "means": letter.description,
        "to_do": advice(letter.code),
        "since": _instant(letter.dead_since),
        "attempts": letter.attempts,
        "replays": letter.replays,
        "bytes": letter.size,
    }


def _instant(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%dT%H:%M:%SZ}"
