"""What one policy does otherwise than another."""

from __future__ import annotations

import pytest

from redaction.policy_diff import Change, Effect, differences
from redaction.policy_file import default_policy, read_policy

HEAD = 'name = "p"\nversion = "1"\n'

# What the second policy says beside what the first says, and the one change that is told.
CHANGES = {
    "threshold = 0.6": Change("threshold", 0.5, 0.6, Effect.LESS),
    "threshold = 0.4": Change("threshold", 0.5, 0.4, Effect.MORE),
    'required = ["patterns", "secrets"]': Change("required", "presidio", None, Effect.LESS),
    'optional = ["azure_language"]': Change("optional", None, "azure_language", Effect.MORE),
    'languages = ["en", "de"]': Change("languages", None, "de", Effect.MORE),
    'leave_out = ["UrlRecognizer"]': Change("leave_out", None, "UrlRecognizer", Effect.LESS),
    'allow = ["root"]': Change("allow", None, "root", Effect.LESS),
    "max_text_chars = 1000": Change("max_text_chars", 2_000_000, 1000),
    'pseudonym_scope = "session"': Change("pseudonym_scope", "tenant", "session"),
    '[default]\naction = "drop"': Change("default.action", "token", "drop"),
    '[entities.PERSON]\naction = "keep"': Change(
        "entities.PERSON.action", "token", "keep", Effect.LESS
    ),
    '[entities.PERSON]\naction = "mask"': Change("entities.PERSON.action", "token", "mask"),
    "[entities.PERSON]\nthreshold = 0.7": Change("entities.PERSON.threshold", None, 0.7),
    "[entities.PERSON]\nlinkable = false": Change("entities.PERSON.linkable", True, False),
    '[fields]\n"identity.user" = "USER_ID"': Change(
        'fields."identity.user"', None, "USER_ID", Effect.MORE
    ),
    '[deny]\n"Quillerby" = "CODENAME"': Change("deny (CODENAME)", None, "1 value", Effect.MORE),
}
_OPPOSITE = {Effect.MORE: Effect.LESS, Effect.LESS: Effect.MORE, Effect.OTHER: Effect.OTHER}


@pytest.mark.parametrize("text", CHANGES)
def test_each_thing_a_policy_can_say_is_compared(text: str) -> None:
    """One line more is one change, with what follows from it; backwards it is the opposite."""
    one, other = read_policy(HEAD, "a"), read_policy(HEAD + text, "b")
    change = CHANGES[text]
    assert differences(one, other) == [change]
    back = Change(change.key, change.after, change.before, _OPPOSITE[change.effect])
    assert differences(other, one) == [back]


def test_a_policy_does_the_same_as_itself() -> None:
    """However it is written: what a rule says of a type that follows the default is no change."""
    assert differences(default_policy(), default_policy()) == []
    said = read_policy(HEAD + '[entities.PERSON]\naction = "token"\n', "b")
    assert differences(read_policy(HEAD, "a"), said) == []


def test_a_denied_value_is_never_repeated() -> None:
    """Of another value of the same type only the number is told."""
    one = read_policy(HEAD + '[deny]\n"Quillerby" = "CODENAME"\n', "a")
    other = read_policy(HEAD + '[deny]\n"Nightingale" = "CODENAME"\n', "b")
    told = differences(one, other)
    assert [(each.before, each.after) for each in told] == [("1 value", None), (None, "1 value")]
