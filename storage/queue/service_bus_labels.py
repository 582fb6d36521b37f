"""What stands on a message beside its body: the names by which it may be listed and logged.

The law: labels hold no content and are believed only in their shape. They are texts throughout,
because the SDK sends an integer in 32 bits and gives texts back as bytes. What lacks one of them,
or has one of another shape, is not ours or is damaged, and names no exchange: its own words are
repeated nowhere.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from audit.ids import ExchangeNumber
from storage.queue.port import Message, MessageKind

__all__ = [
    "CONTENT_TYPES",
    "Labels",
    "SetAsideNote",
    "broker_id",
    "labels_of",
    "note_of",
    "note_text",
    "replay_id",
]

SCHEMA = "1"

CONTENT_TYPES = {
    MessageKind.RECORD: "application/vnd.auditstream.sealed",
    MessageKind.REMNANT: "application/vnd.auditstream.sealed",
    MessageKind.CHECKPOINT: "application/json",
    MessageKind.DAMAGED: "application/octet-stream",
}

# Service Bus takes no longer message id. A checkpoint's has at most 92 characters: a tap's name
# of 64, a boot's of 17, an index.
_LONGEST_ID = 128

# Stands for a name that cannot be read; no tap can have it.
_UNREADABLE = "?"

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}|\?")
_ID = re.compile(r"\??[A-Za-z0-9._/#:-]{1,256}")
_KIND = re.compile("|".join(MessageKind))
_COUNT = re.compile(r"[0-9]{1,19}")

_NOTE = re.compile(
    r"(?P<said>.*?) ?\[attempt (?P<attempt>[0-9]{1,9}) at (?P<at>[0-9T:.+-]+)\]", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Labels:
    """The names on a message; `replays` counts how often it was brought back."""

    id: str
    kind: MessageKind
    number: ExchangeNumber
    replays: int = 0

    @classmethod
    def of(cls, message: Message) -> Labels:
        """The labels of a message that is sent for the first time."""
        return cls(message.id, message.kind, message.number)

    def properties(self) -> dict[str | bytes, str]:
        """As application properties."""
        return {
            "schema": SCHEMA,
            "id": self.id,
            "kind": self.kind.value,
            "tap": self.number.tap,
            "boot": self.number.boot,
            "seq": str(self.number.seq),
            "replays": str(self.replays),
        }


@dataclass(frozen=True, slots=True)
class SetAsideNote:
    """What a dead letter's description says: words, in which attempt, when (since the epoch)."""

    said: str
    attempt: int
    at: float


def labels_of(properties: Mapping[str | bytes, object] | None, place: int) -> Labels:
    """Read the labels; `place` is the message's number in the queue, to name one without."""
    texts = {_text(key): _text(value) for key, value in (properties or {}).items()}
    read = _read(texts)
    if read is not None:
        return read
    nowhere = ExchangeNumber(tap=_UNREADABLE, boot=_UNREADABLE, seq=0)
    return Labels(f"{_UNREADABLE}{place}", MessageKind.DAMAGED, nowhere)


def broker_id(message_id: str) -> str:
    """The id by which the broker knows duplicates: ours, or its digest where it is too long."""
    if len(message_id) <= _LONGEST_ID:
        return message_id
    return "sha256:" + hashlib.sha256(message_id.encode()).hexdigest()


def replay_id(labels: Labels, place: int) -> str:
    """The id under which a dead letter is sent again.

    Duplicate detection would drop the old one. It is the same for the same dead letter, so that
    a replay that was broken off and is done again is a duplicate of itself.
    """
    return broker_id(f"{labels.id}~{place}")


def note_text(note: SetAsideNote, when: datetime) -> str:
    """A description that keeps what the broker does not: `when` is `note.at` in UTC."""
    return f"{note.said} [attempt {note.attempt} at {when.isoformat()}]".lstrip()


def note_of(description: str) -> SetAsideNote | None:
    """Read a description; None for one that was not written here."""
    if (match := _NOTE.fullmatch(description)) is None:
        return None
    try:
        at = datetime.fromisoformat(match["at"]).timestamp()
    except ValueError:
        return None
    return SetAsideNote(match["said"], int(match["attempt"]), at)


def _read(texts: Mapping[str, str]) -> Labels | None:
    wanted = ("id", "kind", "tap", "boot", "seq", "replays")
    shapes = (_ID, _KIND, _NAME, _NAME, _COUNT, _COUNT)
    values = [texts.get(name, "") for name in wanted]
    if texts.get("schema") != SCHEMA:
        return None
    if not all(shape.fullmatch(value) for shape, value in zip(shapes, values, strict=True)):
        return None
    record_id, kind, tap, boot, seq, replays = values
    number = ExchangeNumber(tap=tap, boot=boot, seq=int(seq))
    return Labels(record_id, MessageKind(kind), number, int(replays))


def _text(value: object) -> str:
    """Texts come back as bytes; what is neither has no shape of ours."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, str) else ""
