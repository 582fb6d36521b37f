"""Policies: what the shipped one says, and how a bad one is refused."""

from __future__ import annotations

import re

import pytest

from audit.errors import SettingInvalid
from audit.exchange import Level
from redaction.policy import CREDENTIALS, Action
from redaction.policy_file import default_policy, read_policy

HEAD = 'name = "p"\nversion = "1"\n'


def test_the_shipped_policy_is_whole() -> None:
    """It loads, names itself with a hash, and keeps no credential."""
    policy = default_policy()
    assert re.fullmatch(r"default@4#[0-9a-f]{8}", policy.label)
    assert all(policy.rule(name).action is not Action.KEEP for name in CREDENTIALS)
    assert all(not policy.rule(name).linkable for name in CREDENTIALS)


def test_the_label_changes_with_anything_the_policy_says() -> None:
    """Two policies of one name and version are told apart by their hash."""
    one = read_policy(HEAD, "a.toml")
    assert one.label == read_policy(HEAD + "# a comment\n", "b.toml").label
    assert one.label != read_policy(HEAD + "threshold = 0.6\n", "a.toml").label


def test_a_threshold_of_a_type_wins_over_the_general_one() -> None:
    """What is sure enough is said per type, else for all."""
    policy = read_policy(HEAD + "threshold = 0.5\n[entities.AGE]\nthreshold = 0.9\n", "p.toml")
    assert not policy.counts("AGE", 0.8, "34")
    assert policy.counts("PERSON", 0.5, "Ada")
    assert not policy.counts("PERSON", 0.49, "Ada")


def test_kept_types_and_allowed_values_stay_but_credentials_do_not() -> None:
    """An allow list cannot let a key through."""
    policy = read_policy(
        HEAD + 'allow = ["Acme", "hunter2"]\n[entities.URL]\naction = "keep"\n', "p"
    )
    assert not policy.counts("URL", 1.0, "https://x")
    assert not policy.counts("PERSON", 1.0, "ACME")
    assert policy.counts("PASSWORD", 1.0, "hunter2")


def test_at_level_pseudonymised_only_what_may_be_linked_is() -> None:
    """Numbered tokens become pseudonyms, masks stay masks, credentials stay numbered."""
    policy = read_policy(
        HEAD + '[entities.CREDIT_CARD]\naction = "mask"\n[entities.API_KEY]\nlinkable = false\n',
        "p",
    )
    assert policy.action("PERSON", Level.REDACTED) is Action.TOKEN
    assert policy.action("PERSON", Level.PSEUDONYMISED) is Action.PSEUDONYM
    assert policy.action("CREDIT_CARD", Level.PSEUDONYMISED) is Action.MASK
    assert policy.action("API_KEY", Level.PSEUDONYMISED) is Action.TOKEN


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("x =", "not TOML"),
        ('name = "p"', "version"),
        (HEAD + "treshold = 0.5", "treshold"),
        (HEAD + 'threshold = "high"', "threshold"),
        (HEAD + "threshold = 1.5", "threshold"),
        (HEAD + "entities = 3", "entities"),
        (HEAD + '[entities.AGE]\naction = "explode"', "entities.AGE.action"),
        (HEAD + "[entities.AGE]\nthreshold = 2.0", "entities.AGE.threshold"),
        (HEAD + '[entities.AGE]\nactoin = "keep"', "actoin"),
        (HEAD + "[entities.AGE]\nmask_keeps = 9", "entities.AGE.mask_keeps"),
        (HEAD + '[entities.API_KEY]\naction = "keep"', "entities.API_KEY.action"),
        (HEAD + '[default]\naction = "keep"', "credentials are never kept"),
        (HEAD + 'optional = ["secrets"]', "optional"),
        (HEAD + "required = []", "required"),
        (HEAD + "languages = []", "languages"),
        (HEAD + 'pseudonym_scope = "world"', "pseudonym_scope"),
        (HEAD + "max_text_chars = 0", "max_text_chars"),
        (HEAD + "max_record_chars = 5", "max_record_chars"),
        ('name = ""\nversion = "1"', "name"),
    ],
)
def test_a_bad_policy_is_refused_by_the_name_of_its_key(text: str, named: str) -> None:
    """One clear sentence that names file and key, before anything starts."""
    with pytest.raises(SettingInvalid, match=re.escape(named)) as refused:
        read_policy(text, "mine.toml")
    assert "mine.toml" in str(refused.value)


def test_a_refusal_quotes_no_value() -> None:
    """Deny lists hold personal data, and error messages end up in logs."""
    with pytest.raises(SettingInvalid) as refused:
        read_policy(HEAD + '[deny]\n"Ada Lovelace" = ["PERSON"]\n', "p.toml")
    assert "Ada" not in str(refused.value)
