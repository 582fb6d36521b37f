"""Reading a policy from TOML: either a whole, sensible policy or one clear sentence.

What is wrong is said by the name of the key, never with a value: deny lists hold personal data.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib import resources
from typing import Any, TypeVar

import msgspec

from audit.errors import SettingInvalid
from audit.value import Value
from redaction.policy import CREDENTIALS, Action, EntityRule, Policy

__all__ = ["default_policy", "read_policy"]

ValueT = TypeVar("ValueT", bound=Value)


def default_policy() -> Policy:
    """Give the policy that ships with the project."""
    text = resources.files("redaction.policies").joinpath("default.toml").read_text("utf-8")
    return read_policy(text, "policies/default.toml")


def read_policy(text: str, source: str) -> Policy:
    """Read a policy from TOML text; `source` is what the error calls it.

    Raises `SettingInvalid`, whose message names the offending key.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingInvalid(f"policy {source} is not TOML: {_position(error)}") from None
    # Rules are converted one by one, because an error inside a mapping does not name its key.
    named = {
        f"entities.{name}": rule for name, rule in _table(document, "entities", source).items()
    }
    if "default" in document:
        named["default"] = document["default"]
    for key, rule in named.items():
        _convert(rule, EntityRule, source, key)
    policy = _convert(document, Policy, source)
    for complaint in _complaints(policy):
        raise SettingInvalid(f"policy {source}: {complaint}")
    return policy


def _position(error: tomllib.TOMLDecodeError) -> str:
    """Give where the syntax breaks; the parser's message may quote what stands there."""
    _, at, place = str(error).rpartition("(at ")
    return f"at {place.rstrip(')')}" if at else "it cannot be parsed"


def _table(document: dict[str, Any], key: str, source: str) -> dict[str, Any]:
    table = document.get(key, {})
    if not isinstance(table, dict):
        raise SettingInvalid(f"policy {source}: `{key}` must be a table")
    return table


def _convert(raw: object, kind: type[ValueT], source: str, key: str = "") -> ValueT:
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        # Of an unknown enumeration value the message quotes the value; only its place is told.
        complaint, _, place = str(error).partition(" - at ")
        where = f"{key}.{place.strip('`$.')}".strip(".") if place else key
        what = complaint if "value" not in complaint else "it is not one of the known words"
        raise SettingInvalid(f"policy {source}: `{where or 'file'}`: {what}") from None


def _complaints(policy: Policy) -> Iterator[str]:
    rules = {"default": policy.default}
    rules |= {f"entities.{name}": rule for name, rule in policy.entities.items()}
    for key, rule in rules.items():
        yield from _rule_complaints(key, rule)
    for name in sorted(CREDENTIALS):
        if policy.rule(name).action is Action.KEEP:
            yield f'`entities.{name}.action` is "keep", but credentials are never kept'
    for name in sorted(set(policy.required) & set(policy.optional)):
        yield f"`optional` names {name}, which `required` names too"
    yield from _size_complaints(policy)


def _rule_complaints(key: str, rule: EntityRule) -> Iterator[str]:
    if rule.threshold is not None and not 0 <= rule.threshold <= 1:
        yield f"`{key}.threshold` must be from 0 to 1"
    if not 0 <= rule.mask_keeps <= 4:
        yield f"`{key}.mask_keeps` must be from 0 to 4"


def _size_complaints(policy: Policy) -> Iterator[str]:
    if not policy.name or not policy.version:
        yield "`name` and `version` must not be empty"
    if not 0 <= policy.threshold <= 1:
        yield "`threshold` must be from 0 to 1"
    if not policy.languages:
        yield "`languages` must name at least one language"
    if not policy.required:
        yield "`required` must name at least one detector"
    if policy.max_text_chars < 1:
        yield "`max_text_chars` must be at least 1"
    if policy.max_record_chars < policy.max_text_chars:
        yield "`max_record_chars` must not be less than `max_text_chars`"
