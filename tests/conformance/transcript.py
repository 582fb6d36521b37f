"""What was seen of a case at both ends, as a value that can be compared."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

__all__ = ["Transcript", "differences"]


@dataclass(frozen=True)
class Transcript:
    """The requests as the upstream got them, the answers as the client did, and what came of it.

    `after` says whether the client's connection went on, or which step never happened. `endings`
    are those of the tap's records, in the order of their numbers; empty where there is no tap.
    """

    requests: tuple[bytes, ...]
    told: bytes
    after: str
    endings: tuple[str, ...] = ()


def differences(direct: Transcript, seen: Transcript) -> list[str]:
    """Say how two transcripts differ, line by line, as people read it."""
    found = [
        *_between("request", b"".join(direct.requests), b"".join(seen.requests)),
        *_between("answer", direct.told, seen.told),
    ]
    if direct.after != seen.after:
        found.append(f"connection: {seen.after} instead of: {direct.after}")
    return found


def _between(side: str, before: bytes, after: bytes) -> list[str]:
    old, new = before.split(b"\r\n"), after.split(b"\r\n")
    return [
        f"{side} {line[0]} {line[2:]}"
        for line in difflib.ndiff([_shown(each) for each in old], [_shown(each) for each in new])
        if line[0] in "+-"
    ]


def _shown(line: bytes) -> str:
    text = line.decode("ascii", "backslashreplace")
    text = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
    return text if len(text) <= 60 else f"{text[:40]}... ({len(line)} bytes)"
