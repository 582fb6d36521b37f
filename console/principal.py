"""Who reads, and of whom they may read.

The law: what a principal may see is said here and asked in one place (`console.room`). A scope is
a condition that is joined to every query, so that what lies outside is neither found, counted,
nor told apart from what does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from storage.records.query import Match, Query, either, every

__all__ = ["Principal", "Role", "Visit"]


class Role(StrEnum):
    """What somebody may do beyond reading."""

    READER = "reader"
    REVIEWER = "reviewer"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who was let in: a name, how they came in, a role, and the consumers in scope.

    `consumers` is None for all of them.
    """

    name: str
    via: str
    role: Role = Role.READER
    consumers: frozenset[str] | None = None

    @property
    def reads_log(self) -> bool:
        """Whether the access log is open to them."""
        return self.role is Role.ADMIN

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
