"""Reviewing a policy: what it may say, and had better not.

A policy that `redaction.policy_file` refuses never gets here. The law: a remark names the key and
says what would happen; it never repeats a value of the lists, which may be personal data.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from audit.exchange import Level
from redaction.detectors.azure_language_types import TYPES
from redaction.policy import CREDENTIALS, Action, EntityRule, Policy

__all__ = ["Remark", "finds_names", "remarks"]

# Detectors that find people's names with what ships, or with what they ask. Presidio is one where a
# name model is configured.
_FIND_NAMES = ("names", "azure_language")
# Types that name nobody by themselves, or topics more often than people.
_HARMLESS = frozenset(
    {"AGE", "DATE_TIME", "EVENT", "NRP", "ORGANIZATION", "PERSON_TYPE", "PRODUCT", "QUANTITY"}
    | {"SKILL", "URL", "UUID"}
)
# What detectors call things; they may learn more, so that it serves for hints only.
_KNOWN = (
    frozenset(TYPES.values())
    | CREDENTIALS
    | {"ADDRESS", "AGE", "BANK_ACCOUNT", "COORDINATES", "CRYPTO", "DATE_OF_BIRTH", "DRIVER_LICENSE"}
    | {"ID_DOCUMENT", "LICENSE_PLATE", "MAC_ADDRESS", "MEDICAL_RECORD", "NATIONAL_ID", "NRP"}
    | {"CUSTOMER_NUMBER", "EMPLOYEE_ID", "MEMBER_ID", "POLICY_NUMBER", "VEHICLE_ID"}
    | {"PASSPORT", "USERNAME", "USER_ID", "UUID", "VAT_ID"}
)
# Most of what is found by its shape alone, without a proof, scores less than this.
_HIGH = 0.85
# Shorter values stand in many unrelated words.
_SHORT = 3


@dataclass(frozen=True, slots=True)
class Remark:
    """What is allowed and unwise: the key it is about, and a sentence."""

    key: str
    sentence: str


def remarks(policy: Policy, models: Mapping[str, str] | None = None) -> list[Remark]:
    """Give all remarks; `models` are the name models that Presidio is to use, by language."""
    return [
        *_on_detectors(policy, models or {}),
        *_on_thresholds(policy),
        *_on_types(policy),
        *_on_credentials(policy),
        *_on_lists(policy),
    ]


def finds_names(policy: Policy, models: Mapping[str, str]) -> list[str]:
    """Name the detectors of a policy that find names of people."""
    named = (*policy.required, *policy.optional)
    with_models = ["presidio"] if models and "presidio" in named else []
    return [*with_models, *(name for name in _FIND_NAMES if name in named)]


def _on_detectors(policy: Policy, models: Mapping[str, str]) -> Iterator[Remark]:
    names = finds_names(policy, models)
    if not names:
        yield Remark(
            "required",
            "no detector finds names of people: they stay in the records (`names` would)",
        )
    elif not set(names) & set(policy.required):
        yield Remark(
            "optional",
            f"names of people are found by {', '.join(names)} only, which may fail to answer:"
            " records are then stored with them",
        )
    for name, what in (("patterns", "identifiers are"), ("secrets", "credentials are")):
        if name in policy.optional:
            yield Remark("optional", f"{name} is not required: {what} stored where it fails")
        elif name not in policy.required:
            yield Remark("required", f"{name} is not named: {what} left to the other detectors")


def _on_thresholds(policy: Policy) -> Iterator[Remark]:
    thresholds = {"threshold": policy.threshold} | {
        f"entities.{name}.threshold": rule.threshold
        for name, rule in policy.entities.items()
        if rule.threshold is not None
    }
    for key, threshold in thresholds.items():
        if threshold > _HIGH:
            yield Remark(key, f"above {_HIGH} hardly anything counts that no checksum proves")
        elif threshold == 0:
            yield Remark(key, "at 0 every guess counts: much is taken out that is no personal data")


def _on_types(policy: Policy) -> Iterator[Remark]:
    if policy.default.action is Action.KEEP:
        yield Remark("default", "types that no rule names stay in the records, new ones too")
    rules = {f"entities.{name}": (name, rule) for name, rule in policy.entities.items()}
    for key, (name, rule) in rules.items():
        yield from _on_type(key, name, rule)
        if (meant := _meant(name, policy)) is not None:
            yield Remark(key, f"no detector is known to find {name}; did you mean {meant}?")
    yield from _on_mask("default", policy.default)


def _on_type(key: str, name: str, rule: EntityRule) -> Iterator[Remark]:
    if rule.action is Action.KEEP and name not in _HARMLESS:
        yield Remark(key, f"{name} is kept: it stays in the records as it was said")
    if name in CREDENTIALS and rule.action is Action.MASK and rule.mask_keeps:
        yield Remark(key, f"the mask leaves the last {rule.mask_keeps} characters of a credential")
    yield from _on_mask(key, rule)


def _on_credentials(policy: Policy) -> Iterator[Remark]:
    linked = [
        name
        for name in sorted(CREDENTIALS)
        if policy.action(name, Level.PSEUDONYMISED) is Action.PSEUDONYM
    ]
    if linked:
        yield Remark(
            "entities",
            f"pseudonyms show where a credential is used again, of {', '.join(linked)}:"
            " say `linkable = false`",
        )


def _on_mask(key: str, rule: EntityRule) -> Iterator[Remark]:
    if rule.mask_keeps and rule.action is not Action.MASK:
        yield Remark(key, f"mask_keeps does nothing where the action is {rule.action}")


def _meant(name: str, policy: Policy) -> str | None:
    """Give the known type that an unknown one may be a slip of."""
    if name in _KNOWN or name in {*policy.fields.values(), *policy.deny.values()}:
        return None
    # Numbers of one country resemble those of others, and are found by more than is known here.
    national = len(name.partition("_")[0]) == 2
    near = [] if national else difflib.get_close_matches(name, sorted(_KNOWN), 1, 0.8)
    begun = [known for known in sorted(_KNOWN) if known.startswith(f"{name}_")]
    return next(iter((*near, *begun)), None)


def _on_lists(policy: Policy) -> Iterator[Remark]:
    short = sum(len(value.strip()) < _SHORT for value in policy.deny)
    if short:
        yield Remark(
            "deny", f"{short} of its values are so short that they are found in unrelated words"
        )
    both = sum(value.casefold() in policy.allowed for value in policy.deny)
    if both:
        yield Remark("deny", f"{both} of its values are in `allow` too, and stay")
    for field, entity in policy.fields.items():
        if policy.rule(entity).action is Action.KEEP:
            yield Remark(f'fields."{field}"', f"its type {entity} is kept, so that it does nothing")
