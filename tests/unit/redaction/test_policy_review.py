"""What a policy may say and had better not."""

from __future__ import annotations

import pytest

from redaction.policy_file import default_policy, read_policy
from redaction.policy_review import Remark, finds_names, remarks

HEAD = 'name = "p"\nversion = "1"\n'
QUIET = {"en": "a_model"}

# What is written, and the key that the remark must name.
UNWISE = {
    'required = ["patterns", "secrets"]': "required",
    'required = ["patterns", "secrets"]\noptional = ["azure_language"]': "optional",
    'required = ["secrets", "presidio"]\noptional = ["patterns"]': "optional",
    'required = ["patterns", "presidio"]': "required",
    "threshold = 0.9": "threshold",
    "threshold = 0.0": "threshold",
    "[entities.PERSON]\nthreshold = 0.99": "entities.PERSON.threshold",
    '[entities.PERSON]\naction = "keep"': "entities.PERSON",
    '[entities.EMAIL]\naction = "mask"': "entities.EMAIL",
    '[entities.EMAIL_ADRESS]\naction = "mask"': "entities.EMAIL_ADRESS",
    '[entities.API_KEY]\naction = "mask"\nmask_keeps = 4': "entities.API_KEY",
    "[entities.CREDIT_CARD]\nmask_keeps = 4": "entities.CREDIT_CARD",
    '[fields]\n"a.b" = "MAIL"\n[entities.MAIL]\naction = "keep"': 'fields."a.b"',
    '[deny]\n"Qx" = "CODENAME"': "deny",
    'allow = ["Quillerby"]\n[deny]\n"quillerby" = "CODENAME"': "deny",
}


def on(text: str, models: dict[str, str] | None = None) -> list[Remark]:
    """The remarks on a policy that says this, and no others."""
    usual = set(remarks(read_policy(HEAD, "p"), QUIET))
    found = remarks(read_policy(HEAD + text, "p"), QUIET if models is None else models)
    return [remark for remark in found if remark not in usual]


@pytest.mark.parametrize("text", UNWISE)
def test_what_is_allowed_and_unwise_is_named_by_its_key(text: str) -> None:
    """Each of these loads, and each is remarked on."""
    assert UNWISE[text] in [remark.key for remark in on(text)]


def test_values_of_the_lists_are_never_repeated() -> None:
    """They may be personal data: they are counted."""
    told = str(on('allow = ["Quillerby", "Q"]\n[deny]\n"Quillerby" = "X"\n"Q" = "X"'))
    assert "Quillerby" not in told
    assert "'Q'" not in told


def test_the_policy_that_ships_is_remarked_on_for_names_at_most() -> None:
    """It is as wise as a policy can be without a name model; with one there is nothing to say."""
    assert {remark.key for remark in remarks(default_policy())} <= {"required"}
    assert remarks(default_policy(), QUIET) == []


def test_credentials_that_become_pseudonyms_are_remarked_on() -> None:
    """A policy that says nothing of them would show where one is used again."""
    told = remarks(read_policy(HEAD, "p"), QUIET)
    assert [remark.key for remark in told] == ["entities"]
    assert "PASSWORD" in told[0].sentence


def test_presidio_finds_names_only_with_a_model() -> None:
    """It counts as a detector of names where one is configured."""
    policy = read_policy(HEAD, "p")
    assert finds_names(policy, {}) == []
    assert finds_names(policy, QUIET) == ["presidio"]


@pytest.mark.parametrize("name", ["ES_NIE", "IT_DRIVER_LICENSE", "CODENAME", "PERSON", "EVENT"])
def test_a_type_that_may_well_be_found_is_no_slip(name: str) -> None:
    """Only what resembles a known type is taken for a slip."""
    assert on(f'[entities.{name}]\naction = "mask"') == []
