"""Comparing two policies: what the second one does otherwise than the first.

The law: compared is what a policy does, not how it is written: a type that one of them does not
name follows its default. A value of the deny list, which is personal data, is never repeated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from audit.value import Json
from redaction.policy import Action, EntityRule, Policy

__all__ = ["Change", "Effect", "differences"]


class Effect(StrEnum):
    """What a change does to what is taken out."""

    MORE = "more is taken out"
    LESS = "less is taken out"
    OTHER = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: the key, what each policy says there, and what follows from it.

    `before` is None for what only the second policy has, `after` for what only the first has.
    """

    key: str
    before: Json
    after: Json
    effect: Effect = Effect.OTHER


def differences(before: Policy, after: Policy) -> list[Change]:
    """Give every difference, in the order in which a policy is written."""
    return [
        *_plain(before, after, "name", "version"),
        *_listed("languages", before.languages, after.languages, new=Effect.MORE),
        *_threshold("threshold", before.threshold, after.threshold),
        *_plain(before, after, "max_text_chars", "max_record_chars", "pseudonym_scope"),
        *_listed("required", before.required, after.required, new=Effect.MORE),
        *_listed("optional", before.optional, after.optional, new=Effect.MORE),
        *_listed("leave_out", before.leave_out, after.leave_out, new=Effect.LESS),
        *_rule("default", before.default, after.default),
        *_types(before, after),
        *_fields(before, after),
        *_listed("allow", before.allow, after.allow, new=Effect.LESS),
        *_denied(before, after),
    ]


def _plain(before: Policy, after: Policy, *keys: str) -> Iterator[Change]:
    for key in keys:
        one, other = getattr(before, key), getattr(after, key)
        if one != other:
            yield Change(key, one, other)


def _listed(
    key: str, before: Iterable[str], after: Iterable[str], *, new: Effect
) -> Iterator[Change]:
    """Compare lists whose order means nothing; `new` is what an entry does that comes in."""
    gone = Effect.LESS if new is Effect.MORE else Effect.MORE
    one, other = list(dict.fromkeys(before)), list(dict.fromkeys(after))
    for value in one:
        if value not in other:
            yield Change(key, value, None, gone)
    for value in other:
        if value not in one:
            yield Change(key, None, value, new)


def _threshold(key: str, before: float | None, after: float | None) -> Iterator[Change]:
    if before == after:
        return
    if before is None or after is None:
        yield Change(key, before, after)
    else:
        yield Change(key, before, after, Effect.LESS if after > before else Effect.MORE)


def _types(before: Policy, after: Policy) -> Iterator[Change]:
    for name in sorted({*before.entities, *after.entities}):
        yield from _rule(f"entities.{name}", before.rule(name), after.rule(name))


def _rule(key: str, before: EntityRule, after: EntityRule) -> Iterator[Change]:
    if before.action is not after.action:
        kept = Effect.LESS if after.action is Action.KEEP else Effect.OTHER
        effect = Effect.MORE if before.action is Action.KEEP else kept
        yield Change(f"{key}.action", before.action.value, after.action.value, effect)
    yield from _threshold(f"{key}.threshold", before.threshold, after.threshold)
    if before.mask_keeps != after.mask_keeps:
        yield Change(f"{key}.mask_keeps", before.mask_keeps, after.mask_keeps)
    if before.linkable != after.linkable:
        yield Change(f"{key}.linkable", before.linkable, after.linkable)


def _fields(before: Policy, after: Policy) -> Iterator[Change]:
    for name in sorted({*before.fields, *after.fields}):
        one, other = before.fields.get(name), after.fields.get(name)
        if one != other:
            gone = Effect.LESS if other is None else Effect.OTHER
            yield Change(f'fields."{name}"', one, other, Effect.MORE if one is None else gone)


def _denied(before: Policy, after: Policy) -> Iterator[Change]:
    """Count, by type, the values that only one of them has."""
    gone = Counter(kind for value, kind in before.deny.items() if after.deny.get(value) != kind)
    new = Counter(kind for value, kind in after.deny.items() if before.deny.get(value) != kind)
    for kind, count in sorted(gone.items()):
        yield Change(f"deny ({kind})", _values(count), None, Effect.LESS)
    for kind, count in sorted(new.items()):
        yield Change(f"deny ({kind})", None, _values(count), Effect.MORE)


def _values(count: int) -> str:
    return "1 value" if count == 1 else f"{count} values"
