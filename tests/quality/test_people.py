"""The quality of the whole redaction as a gate, on texts about people in eight languages."""

from __future__ import annotations

import functools
import math
import random
import re
import tomllib

import pytest

from bench.redaction.people import people, values
from bench.redaction.quality import FLOORS, LANGUAGES, Quality, measured, the_set
from bench.redaction.score import Counts
from bench.redaction.subjects import ours
from tests.unit.docs.source import ROOT

# Its failures can be drawn again with it.
SEED = random.SystemRandom().randrange(10**6)


@functools.cache
def _quality() -> Quality:
    return measured(ours(), the_set(SEED))


@pytest.mark.parametrize("name", ["recall", "precision"])
def test_letters_and_digits_of_what_is_personal_go_and_others_stay(name: str) -> None:
    """Under the policy that ships, without any other model."""
    assert getattr(_quality(), name) >= FLOORS[name], f"seed {SEED}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_people_are_found_in_every_language(language: str) -> None:
    """Whole; the values are drawn, and three standard errors below the floor are chance."""
    floor = FLOORS["PERSON en" if language == "en" else "PERSON"]
    _reaches(_quality().languages[language], floor)


def test_addresses_are_found() -> None:
    """From the first word to the last."""
    _reaches(_quality().types["ADDRESS"], FLOORS["ADDRESS"])


def _reaches(counts: Counts, floor: float) -> None:
    error = math.sqrt(floor * (1 - floor) / counts.planted)
    assert counts.recall >= floor - 3 * error, f"seed {SEED}"


@pytest.mark.parametrize("style", ["code", "prose"])
def test_texts_without_people_stay_readable(style: str) -> None:
    """What is taken out of them is counted in characters of a thousand."""
    assert getattr(_quality(), style) <= FLOORS[style]


def test_nothing_of_the_set_was_taught() -> None:
    """No whole name, no street and no text of the set stands in what training is made of."""
    folder = ROOT / "training"
    taught = "\n".join(
        path.read_text("utf-8") for path in folder.rglob("*") if path.suffix in {".txt", ".toml"}
    )
    words = set(re.findall(r"\w+", taught))
    for kinds in values().values():
        assert not [each for each in kinds["streets"] if each.split("{n}")[0].strip() in words]
        assert sum(family in words for family in kinds["family"]) <= len(kinds["family"]) // 10
    templates = {re.sub(r"\{\w+\}", "{}", line) for line in taught.splitlines()}
    for sample in people(1):
        bare = sample.text
        for mark in reversed(list(sample.marked)):
            bare = f"{bare[: mark.start]}{{}}{bare[mark.end :]}"
        assert bare not in templates


def test_no_name_of_the_set_is_on_the_lists_or_made_of_their_parts() -> None:
    """Neither whole nor put together; what Faker has of them is counted in the docs."""
    lists = ROOT / "training" / "lists"
    english = tomllib.loads((lists / "english.toml").read_text("utf-8"))
    others = tomllib.loads((lists / "names.toml").read_text("utf-8"))
    taught = {*english["first"], *english["last"]}
    taught |= {head + tail for head in english["heads"] for tail in english["tails"]}
    taught |= {
        name
        for group in others.values()
        for part in ("first", "last")
        for name in group.get(part, ())
    }
    held_out = {
        name for kinds in values().values() for kind in ("given", "family") for name in kinds[kind]
    }
    assert not taught & held_out


# What every interpreter prints, and every form asks.
STOCK = frozenset({
    "traceback most recent call last", "most recent call last file",
    "first name _ last name", "name _ date of birth",
})  # fmt: skip


def test_training_and_the_set_share_no_run_of_five_words() -> None:
    """Four words and a slot, or five words, in both: that would be a phrase that was taught."""
    judged = {run for text in _judged_texts() for run in _runs(text)}
    taught = {
        run: path.name
        for path in (ROOT / "training").rglob("*")
        if path.suffix in {".txt", ".toml"}
        for line in path.read_text("utf-8").replace("¶", " ").splitlines()
        for piece in (re.findall(r'"([^"]*)"', line) if path.suffix == ".toml" else [line])
        for run in _runs(piece)
    }
    assert len(judged) > 5000
    assert not [run for run in taught if run in judged and run not in STOCK]


def _judged_texts() -> list[str]:
    """The set's texts with their slots, and those without anybody."""
    texts = [path.read_text("utf-8") for path in (ROOT / "bench" / "redaction").rglob("*.txt")]
    return [block for text in texts for block in re.split(r"(?m)^%%.*$", text)]


def _runs(text: str) -> set[str]:
    """Every five words in a row, of which one may be a slot."""
    bare = re.sub(r"\{\{?\w+(\|\w+)?\}?\}", " _ ", text).lower()
    words = re.findall(r"_(?!\w)|[^\W_]+(?:'[^\W_]+)?", bare)
    runs = [words[at : at + 5] for at in range(len(words) - 4)]
    return {" ".join(run) for run in runs if run.count("_") < 2}
