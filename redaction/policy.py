"""Policy: what is looked for, how sure is sure enough, and what becomes of it, as data.

A policy is a frozen value. It names itself `name@version#hash8` on every record it made, the
hash being over everything it says, so that two policies of one name cannot be confused.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from functools import cached_property

import msgspec

from audit.exchange import Level
from audit.value import Value, canonical_json

__all__ = ["CREDENTIALS", "DETECTORS", "Action", "EntityRule", "Policy", "PseudonymScope"]

# Types that no policy may keep, whatever the level.
CREDENTIALS = frozenset(
    {"API_KEY", "ACCESS_TOKEN", "PASSWORD", "PRIVATE_KEY", "CONNECTION_STRING", "SECRET"}
)


# The detectors that a policy may name.
DETECTORS = frozenset({"patterns", "secrets", "presidio", "names", "azure_language"})


class Action(StrEnum):
    """What becomes of a value."""

    TOKEN = "token"  # noqa: S105 - the name of an action
    PSEUDONYM = "pseudonym"
    MASK = "mask"
    DROP = "drop"
    KEEP = "keep"


class PseudonymScope(StrEnum):
    """Within what a pseudonym stays the same."""

    SESSION = "session"
    TENANT = "tenant"
    CONSUMER = "consumer"


class EntityRule(Value, frozen=True, forbid_unknown_fields=True):
    """What becomes of one type.

    `threshold` overrides the policy's. `mask_keeps` is how many of the last characters a mask
    leaves, only letters and digits, at most 4. `linkable` says that a numbered token may become
    a pseudonym at level `pseudonymised`.
    """

    action: Action = Action.TOKEN
    threshold: float | None = None
    mask_keeps: int = 0
    linkable: bool = True


class Policy(Value, frozen=True, forbid_unknown_fields=True, dict=True):
    """How to redact.

    `threshold` is the score from which a finding counts. `required` and `optional` name
    detectors. `leave_out` names recognisers of Presidio that are not asked. `fields` gives the
    type of whole fields (`identity.user = "USER_ID"`). `allow` lists values that are never
    taken out (credentials are nevertheless), `deny` values that always are, with their type;
    letter case does not matter in either. The budgets are in characters.
    """

    name: str
    version: str
    languages: tuple[str, ...] = ("en",)
    threshold: float = 0.5
    max_text_chars: int = 2_000_000
    max_record_chars: int = 8_000_000
    pseudonym_scope: PseudonymScope = PseudonymScope.TENANT
    required: tuple[str, ...] = ("patterns", "secrets", "presidio")
    optional: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    default: EntityRule = EntityRule()
    entities: dict[str, EntityRule] = msgspec.field(default_factory=dict)
    fields: dict[str, str] = msgspec.field(default_factory=dict)
    allow: tuple[str, ...] = ()
    deny: dict[str, str] = msgspec.field(default_factory=dict)

    @cached_property
    def label(self) -> str:
        """What records call this policy: `name@version#hash8`."""
        digest = hashlib.sha256(canonical_json(self)).hexdigest()
        return f"{self.name}@{self.version}#{digest[:8]}"

    @cached_property
    def allowed(self) -> frozenset[str]:
        """The allow list, letter case taken away."""
        return frozenset(value.casefold() for value in self.allow)

    def rule(self, entity: str) -> EntityRule:
        """Give the rule for a type; a type the policy does not name follows `default`."""
        return self.entities.get(entity, self.default)

    def counts(self, entity: str, score: float, value: str) -> bool:
        """Decide whether a finding is to be acted on."""
        rule = self.rule(entity)
        threshold = self.threshold if rule.threshold is None else rule.threshold
        if entity in CREDENTIALS:
            return score >= threshold
        kept = rule.action is Action.KEEP or value.casefold() in self.allowed
        return score >= threshold and not kept

    def action(self, entity: str, level: Level) -> Action:
        """Give what becomes of a value of this type at this level."""
        rule = self.rule(entity)
        if rule.action is Action.TOKEN and level is Level.PSEUDONYMISED and rule.linkable:
            return Action.PSEUDONYM
        return rule.action
