"""From the claims of a token to a principal: their role, and the consumers in their scope.

The law: who has no role of ours is not let in, and neither is a reader or reviewer to whom no
consumer is assigned. Both are granted by values that the provider puts into the token (app roles,
groups) and the settings translate; a value that the settings do not name grants nothing. An
administrator's scope is every consumer: the access log they read speaks of all of them.

Who somebody is, is their subject, which the provider never gives to another. The name is for
people to read; in Entra ID a user can change it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audit.reading.neutral import neutral_line
from console.oidc.refusal import Refusal, refused
from console.principal import Principal, Role

__all__ = ["EVERY", "Grants", "Person"]

# In place of a consumer's name.
EVERY = "*"
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom the provider vouches for: subject, name, and the values that may grant."""

    subject: str = field(repr=False)
    name: str = field(repr=False)
    roles: frozenset[str]
    groups: frozenset[str]

    @property
    def stranger(self) -> Principal:
        """Them, as somebody who may see nothing."""
        return Principal(self.name, "account", Role.READER, frozenset(), self.subject)


@dataclass(frozen=True, slots=True)
class Grants:
    """Which claims are read, and what their values grant.

    `roles` leads from a value of the roles claim to a role, `consumers` from a value of either
    claim to consumers, `EVERY` among them for all.
    """

    roles: Mapping[str, Role]
    consumers: Mapping[str, Sequence[str]]
    subject_claim: str = "sub"
    name_claim: str = "preferred_username"
    roles_claim: str = "roles"
    groups_claim: str = "groups"

    def person(self, claims: Mapping[str, Any]) -> Person:
        """Read who it is. Raises `SignInRefused` where the claims do not say so."""
        subject = claims.get(self.subject_claim)
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST:
            raise refused(Refusal.MALFORMED)
        name = claims.get(self.name_claim)
        return Person(
            subject=neutral_line(subject),
            name=neutral_line(name).strip()[:_LONGEST] if isinstance(name, str) else "",
            roles=_texts(claims.get(self.roles_claim)),
            groups=_texts(claims.get(self.groups_claim)),
        )

    def principal(self, person: Person) -> Principal:
        """Let them be what they are granted. Raises `SignInRefused` where that is nothing."""
        held = [role for value, role in self.roles.items() if value in person.roles]
        if not held:
            raise refused(Refusal.ROLE)
        role = max(held, key=list(Role).index)
        scope = None if role is Role.ADMIN else self._scope(person.roles | person.groups)
        if scope is not None and not scope:
            raise refused(Refusal.SCOPE)
        return Principal(person.name, "account", role, scope, person.subject)

    def _scope(self, values: Iterable[str]) -> frozenset[str] | None:
        scope = frozenset(name for value in values for name in self.consumers.get(value, ()))
        return None if EVERY in scope else scope


def _texts(claim: object) -> frozenset[str]:
    """Read a claim of one text or a list of them; anything else holds none."""
    listed = [claim] if isinstance(claim, str) else claim
    if not isinstance(listed, list):
        return frozenset()
    return frozenset(each for each in listed if isinstance(each, str))
