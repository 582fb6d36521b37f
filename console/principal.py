"""Who reads, and of whom they may read.

The law: what a principal may do and see is said here and asked in one place (`console.room`). A
scope is a condition that is joined to every query, so that what lies outside is neither found,
counted, nor told apart from what does not exist. What a role may do is the table `MAY`; whatever
stands in no row of it is nobody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from audit.reading.neutral import neutral_line
from storage.access.port import Deed
from storage.records.query import Match, Query, either, every

__all__ = ["LONGEST_PURPOSE", "MAY", "Principal", "Role", "Visit", "stated"]

LONGEST_PURPOSE = 200


class Role(StrEnum):
    """What somebody may do, from the least to the most."""

    READER = "reader"
    REVIEWER = "reviewer"
    ADMIN = "admin"


_READING = frozenset(Deed) - {Deed.READ_LOG}

# What each role may do, within its scope. Reviews, which will set reviewers apart from readers,
# are still to come.
MAY: dict[Role, frozenset[Deed]] = {
    Role.READER: _READING,
    Role.REVIEWER: _READING,
    Role.ADMIN: frozenset(Deed),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who was let in: a name, how they came in, a role, and the consumers in scope.

    `consumers` is None for all of them. `subject` is what the provider of their account knows
    them by for ever; a name can pass to another, and is all there is without an account.
    """

    name: str
    via: str
    role: Role = Role.READER
    consumers: frozenset[str] | None = None
    subject: str = ""

    @property
    def who(self) -> str:
        """Who they are, as the access log says it."""
        return f"{self.name} [{self.subject}]".strip() if self.subject else self.name

    @property
    def key(self) -> str:
        """What belongs to them is kept under this; never the same as another's."""
        return f"account:{self.subject}" if self.subject else self.name

    @property
    def reads_log(self) -> bool:
        """Whether the access log is open to them."""
        return self.may(Deed.READ_LOG)

    def may(self, deed: Deed) -> bool:
        """Whether they may do this. The log speaks of every consumer: a scope closes it."""
        return deed in MAY[self.role] and (deed is not Deed.READ_LOG or self.sees_all)

    @property
    def sees_all(self) -> bool:
        """Whether they may see what belongs to no consumer, such as a tap's progress."""
        return self.consumers is None

    def sees(self, consumer: str | None) -> bool:
        """Whether this consumer's exchanges are in scope."""
        return self.consumers is None or consumer in self.consumers

    def within(self, query: Query) -> Query:
        """The same query over what is in scope."""
        if self.consumers is None:
            return query
        scope = either(tuple(Match("consumer", name) for name in sorted(self.consumers)))
        return Query(every((query.where, scope)))


@dataclass(frozen=True, slots=True)
class Visit:
    """A principal at work, with what they say it is for."""

    principal: Principal
    purpose: str = ""


def stated(purpose: str) -> str:
    """Take what somebody says it is for, as one line of bounded length."""
    return neutral_line(purpose).strip()[:LONGEST_PURPOSE]
