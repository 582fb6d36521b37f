"""A policy in words: what it does, what of it is unwise, and how two of them differ.

The law: values of the lists are counted; those of the deny list are personal data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from audit.reading.neutral import neutral_line
from audit.value import Json
from redaction.policy import CREDENTIALS, EntityRule, Policy
from redaction.policy_diff import Change
from redaction.policy_review import Remark, finds_names

__all__ = ["difference_document", "difference_lines", "policy_document", "policy_lines"]

_NOBODY = "none"


def policy_lines(
    policy: Policy, found: Sequence[Remark], models: Mapping[str, str]
) -> Iterator[str]:
    """Say what a policy does, a line for each thing, and then what of it is unwise."""
    yield neutral_line(f"{policy.label} is whole")
    for name, told in _facts(policy, models):
        yield f"  {name:11} {neutral_line(told)}"
    yield "what becomes of what is found"
    rules = sorted(policy.entities.items())
    width = max((len(name) for name, _ in rules), default=0)
    for name, rule in rules:
        yield f"  {neutral_line(name):{width}}  {_rule(rule, policy)}"
    yield f"  {'every other':{width}}  {_rule(policy.default, policy)}"
    yield f"  credentials are never kept: {', '.join(sorted(CREDENTIALS))}"
    for remark in found:
        yield neutral_line(f"warning: {remark.key}: {remark.sentence}")


def policy_document(policy: Policy, found: Sequence[Remark], models: Mapping[str, str]) -> Json:
    """Give the same for programs."""
    rules: Json = msgspec.to_builtins(policy)
    denied = Counter(policy.deny.values())
    said = {key: value for key, value in rules.items() if key not in {"allow", "deny"}}
    return {
        "policy": policy.label,
        "hash": policy.label.rpartition("#")[2],
        **said,
        "finds_names": finds_names(policy, models),
        "allow": len(policy.allow),
        "deny": dict(sorted(denied.items())),
        "warnings": [{"key": each.key, "sentence": each.sentence} for each in found],
    }


def difference_lines(before: Policy, after: Policy, changes: Sequence[Change]) -> Iterator[str]:
    """Say how two policies differ, a line for each difference."""
    yield neutral_line(f"from {before.label} to {after.label}")
    if not changes:
        yield "both do the same"
    for each in changes:
        effect = f" ({each.effect})" if each.effect else ""
        yield f"  {neutral_line(f'{each.key}: {_change(each)}{effect}')}"


def difference_document(before: Policy, after: Policy, changes: Sequence[Change]) -> Json:
    """Give the same for programs."""
    rows: list[Json] = [
        {"key": each.key, "before": each.before, "after": each.after, "effect": each.effect.value}
        for each in changes
    ]
    return {"before": before.label, "after": after.label, "same": not rows, "changes": rows}


def _facts(policy: Policy, models: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield "required", _list(policy.required)
    yield "optional", _list(policy.optional)
    yield "names", f"found by {_list(finds_names(policy, models))}"
    yield "languages", _list(policy.languages)
    yield "threshold", str(policy.threshold)
    yield (
        "budget",
        f"{policy.max_text_chars:,} characters a text, {policy.max_record_chars:,} a record",
    )
    yield "pseudonyms", f"the same within a {policy.pseudonym_scope}"
    yield "left out", f"{len(policy.leave_out)} of Presidio's recognisers"
    yield "fields", _list(f"{field} ({kind})" for field, kind in policy.fields.items())
    yield "lists", f"{len(policy.allow)} values allowed, {len(policy.deny)} denied"


def _rule(rule: EntityRule, policy: Policy) -> str:
    said = [str(rule.action)]
    if rule.mask_keeps:
        said.append(f"but for the last {rule.mask_keeps}")
    if rule.threshold is not None and rule.threshold != policy.threshold:
        said.append(f"from a score of {rule.threshold}")
    if not rule.linkable:
        said.append("never a pseudonym")
    return ", ".join(said)


def _change(change: Change) -> str:
    if change.before is None and not isinstance(change.after, float):
        return f"{_said(change.after)} is new"
    if change.after is None and not isinstance(change.before, float):
        return f"{_said(change.before)} is gone"
    return f"{_said(change.before)} \N{RIGHTWARDS ARROW} {_said(change.after)}"


def _said(value: Any) -> str:
    if value is None:
        return "the policy's"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _list(values: Iterable[str]) -> str:
    return ", ".join(values) or _NOBODY
