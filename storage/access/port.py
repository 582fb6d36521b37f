"""The doors of the access log, of saved searches, and of sessions that their readers have left.

The law: the log is only ever added to, and an entry is durable before what it speaks of is shown.
Each entry carries the digest of the one before, so that one that is taken out or altered breaks
the chain. What was looked for stands in words, free text as the number of its words: the log must
not become a second place where people's data rests.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Protocol

from audit.value import Value, canonical_json, prepare

__all__ = [
    "GENESIS",
    "Access",
    "AccessLog",
    "Deed",
    "EndedSessions",
    "LoggedAccess",
    "SavedSearch",
    "SavedSearches",
    "chained",
]

# What the first entry is chained to.
GENESIS = "0" * 64


class Deed(StrEnum):
    """What somebody did."""

    ENTER = "enter"
    SEARCH = "search"
    TAIL = "tail"
    VIEW = "view"
    COMPARE = "compare"
    OVERVIEW = "overview"
    EXPORT = "export"
    READ_LOG = "read_log"
    SAVE = "save"
    FORGET = "forget"


class Access(Value, frozen=True):
    """One look: who, how they came in, what they did and to how many records.

    `at` is UTC text as in a record. `asked` is a filter in words without its free text, or the
    ids that were opened. `purpose` is what the reader said it was for. `records` counts what was
    shown; `outcome` is `shown`, or the code of the error that was answered instead.
    """

    at: str
    who: str
    via: str
    deed: Deed
    asked: str
    records: int
    purpose: str = ""
    outcome: str = "shown"

    def __repr__(self) -> str:
        return f"<Access {self.deed}>"


class LoggedAccess(Value, frozen=True):
    """An entry as it stands in the log: its number from 1, and its link of the chain, in hex."""

    number: int
    access: Access
    chain: str


class AccessLog(Protocol):
    """Where looks are entered, and read by those who may."""

    async def enter(self, access: Access) -> None:
        """Add an entry, durably. Raises `StoreUnavailable`: then nothing may be shown."""

    async def newest(self, limit: int, before: int | None = None) -> Sequence[LoggedAccess]:
        """The newest entries, or the newest with a number below `before`."""

    def entries(self) -> AsyncIterator[LoggedAccess]:
        """All of them, oldest first."""


class SavedSearch(Value, frozen=True):
    """A filter that somebody keeps under a name."""

    owner: str
    name: str
    filter: str
    at: str


class SavedSearches(Protocol):
    """What readers keep."""

    async def save(self, search: SavedSearch) -> None:
        """Keep it; one of its owner and name gives way. Raises `StoreUnavailable`."""

    async def forget(self, owner: str, name: str) -> None:
        """Remove it, if it is there."""

    async def saved(self, owner: str) -> Sequence[SavedSearch]:
        """The owner's, by name."""


class EndedSessions(Protocol):
    """Sessions that were left, for query sides that share them. An id opens nothing by itself."""

    async def end(self, session: str, until: float) -> None:
        """Let all know, durably, that it is over; the same twice is a success.

        It may be forgotten at `until`, in seconds since the epoch, when nobody would take it any
        more. Raises `StoreUnavailable`.
        """

    async def has_ended(self, session: str) -> bool:
        """Whether it was left. Raises `StoreUnavailable`."""


def chained(before: str, access: Access) -> str:
    """Give the link of the chain for an entry that comes after the link `before`: SHA-256, hex."""
    return hashlib.sha256(before.encode() + b"\n" + canonical_json(access)).hexdigest()


prepare(Access, LoggedAccess, SavedSearch)
