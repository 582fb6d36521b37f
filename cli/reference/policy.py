"""The reference's section on redaction: what the policy that ships does to what it finds.

The law: it is read from the policy itself, as a worker reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audit.reading.words import GAPS
from cli.reference.markdown import code, coded, codes, table, title
from cli.reference.words import ACTIONS
from redaction.policy import CREDENTIALS, EntityRule
from redaction.policy_file import default_policy

__all__ = ["policy_section"]


def policy_section() -> Iterator[str]:
    """The section on redaction."""
    policy = default_policy()
    yield from title(
        "Redaction",
        "The policy that ships, `redaction/policies/default.toml`. Every record names the policy"
        " that made it as `name@version#hash`.",
    )
    yield f"- Required detectors: {codes(policy.required)}; each must answer for every text."
    yield f"- Optional detectors: {codes(policy.optional) or 'none'}."
    yield f"- Languages of national recognisers: {codes(policy.languages)}."
    yield f"- A finding counts from a score of {policy.threshold} on."
    yield (
        f"- Budgets: {policy.max_text_chars:,} characters a text, {policy.max_record_chars:,} a"
        " record; a record beyond them is dead-lettered."
    )
    yield f"- Pseudonyms stay the same within: {code(policy.pseudonym_scope)}."
    yield f"- Recognisers of Presidio that are not asked: {codes(policy.leave_out)}."
    yield f"- Values that are never taken out: {codes(policy.allow)}."
    yield f"- Credentials, which no policy can keep: {codes(sorted(CREDENTIALS))}."
    yield ""
    rules = [_rule(code(name), rule) for name, rule in sorted(policy.entities.items())]
    shown = ("Type", "Action", "Threshold", "May become a pseudonym")
    yield from table(shown, [*rules, _rule("every other", policy.default)])
    yield from title("Whole fields", "Fields whose whole value is of one type.", level=3)
    yield from coded("Field", ((field, code(kind)) for field, kind in policy.fields.items()))
    yield from title("Actions", "What stands in a value's place.", level=3)
    yield from coded("Action", ACTIONS.items())
    yield from title("Gaps", "What a configuration cannot see; `redaction.gaps` says so.", level=3)
    yield from coded("Gap", GAPS.items())


def _rule(name: str, rule: EntityRule) -> Sequence[str]:
    threshold = "" if rule.threshold is None else str(rule.threshold)
    return name, code(rule.action), threshold, "yes" if rule.linkable else "no"
