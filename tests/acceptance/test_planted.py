"""Personal data planted in every place of an exchange, and sought in everything that is left.

On files, and on Azure's services: there in what the emulators hold and have written too.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.engines import ENGINES
from tests.harness.leaks import Search, forms_of
from tests.harness.planting import Aftermath, run
from tests.harness.plants import Plant

_TOKEN = r"<[A-Z_]+_\d+>"


@pytest.fixture(scope="module", params=ENGINES)
def aftermath(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Aftermath:
    """One run: everything planted, one kill, one outage, and everything gathered afterwards."""
    folder = tmp_path_factory.mktemp("planted")
    after = Aftermath(folder / "data", request.param)
    asyncio.run(run(folder, after))
    return after


def test_nothing_that_was_planted_is_left_anywhere(aftermath: Aftermath) -> None:
    """In files, logs, rows, outputs, metrics and processes: no value in any form."""
    assert len(aftermath.values) > 500
    assert sorted(Search(aftermath.values).hits_in(aftermath.places)) == []


def test_the_text_index_knows_no_planted_value(aftermath: Aftermath) -> None:
    """A search for the words of a planted value finds no record."""
    assert [value for value in aftermath.values if aftermath.by_words[value]] == []


def test_what_is_not_personal_is_found_by_the_same_searches(aftermath: Aftermath) -> None:
    """The control words are in the store's bytes, in the outputs and in the text index."""
    kept = [each for each in aftermath.sent.values() if each.kept]
    assert len(kept) > 30
    shown = b"".join(said for at, said in aftermath.places.items() if at.startswith("show"))
    search = Search(placement.marker for placement in kept)
    places = {**aftermath.stored, "show": shown}
    found = {place: search.hits(place, said) for place, said in places.items()}
    for placement in kept:
        for place, hits in found.items():
            assert f"{placement.marker!r} as utf-8 in {place}" in hits, placement.name
        in_text = placement.name not in _BESIDE_THE_TEXT
        assert aftermath.by_words[placement.marker] == in_text, placement.name


# What is kept there is no text of prompt or answer, so that words do not find it.
_BESIDE_THE_TEXT = {"path", "query", "metadata", "an unknown member"}


def test_a_value_is_found_in_every_form_it_could_take(tmp_path: Path) -> None:
    """The search itself: each form is noticed, inside other bytes and broken by a line's end."""
    value = "ada.lovelace+x/y é@example.com"
    search = Search([value])
    for name, form in forms_of(value).items():
        assert search.hits("here", b"\x00before" + form + b"after"), name
        assert search.hits("here", form.swapcase()) or not form.isalpha(), name
    assert search.hits("here", b"ada.lovelace+x/y \xc3\xa9@exam\nple.com")
    assert not search.hits("here", b"ada.lovelace+x/y @example.com")


def test_the_text_around_a_value_stays_readable(aftermath: Aftermath) -> None:
    """Where a value stood in a sentence, its token stands in the same sentence."""
    unreadable = [
        (placement.name, plant.kind)
        for trace, placement in aftermath.sent.items()
        if placement.kept and placement.in_sentences
        for plant in placement.planted
        if not _has_sentence(aftermath.found[trace], plant)
    ]
    assert unreadable == []


def _has_sentence(record: dict[str, Any], plant: Plant) -> bool:
    sentence = re.compile(f"{re.escape(plant.before)} {_TOKEN}{re.escape(plant.after)}")
    return any(sentence.search(text) for text in _strings(record))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        yield from _strings(_decoded(value))
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from (name, *_strings(member))
    elif isinstance(value, list):
        for element in value:
            yield from _strings(element)


def _decoded(text: str) -> object:
    try:
        return json.loads(text) if text[:1] in ("{", "[") else None
    except ValueError:
        return None


def test_tool_call_arguments_stay_json(aftermath: Aftermath) -> None:
    """In prompt and answer, nested in strings or not, streamed or not: they can be parsed."""
    calls = [
        part["arguments"]
        for name in (
            "tool-call arguments",
            "JSON in JSON arguments",
            "streamed arguments",
            "a whole answer",
        )
        for part in _parts(aftermath.of(name)[1])
        if part["kind"] == "tool_call"
    ]
    assert len(calls) == 4
    assert all(isinstance(json.loads(arguments), dict | list) for arguments in calls)
    deep = json.loads(json.loads(json.loads(json.loads(calls[1])["note"])["deep"][0])["deeper"])
    assert len(deep["lines"]) > 20


def _parts(record: dict[str, Any]) -> list[dict[str, Any]]:
    turns = [*record["request"]["messages"], *record["response"]["outputs"]]
    return [part for turn in turns for part in turn["parts"]]


def test_findings_name_each_token_and_where_it_stands(aftermath: Aftermath) -> None:
    """Every finding cuts its token out of the record, and every record says its policy."""
    for record in aftermath.found.values():
        assert re.fullmatch(r"default@4#[0-9a-f]{8}", record["redaction"]["policy"])
        for finding in record["redaction"]["findings"]:
            there = _follow(record, finding["path"])
            assert there[finding["start"] : finding["end"]] == finding["token"]


def _follow(document: Any, path: str) -> str:
    for step in path.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        document = document[int(name) if isinstance(document, list) else name]
    assert isinstance(document, str)
    return document


def test_an_exchange_cut_by_a_kill_is_recorded_redacted(aftermath: Aftermath) -> None:
    """What had passed before `kill -9` is in the record, as far as it had been written."""
    placement, record = aftermath.of("killed")
    assert record["exchange"]["ending"] == "tap_crashed"
    assert placement.marker in record["request"]["messages"][0]["parts"][0]["text"]
    assert record["response"]["outputs"][0]["parts"][0]["text"].startswith("It is so. ")


def test_an_exchange_that_reached_nobody_is_recorded_redacted(aftermath: Aftermath) -> None:
    """The prompt of a call that the upstream never got is there, without what was planted."""
    placement, record = aftermath.of("unreachable upstream")
    assert record["exchange"]["ending"] == "upstream_unreachable"
    assert placement.marker in record["request"]["messages"][0]["parts"][0]["text"]


def test_what_cannot_be_redacted_is_set_aside_sealed(aftermath: Aftermath) -> None:
    """Too long for the policy's budget: a dead letter with a code, no record, and accounted for."""
    assert aftermath.report["verdict"] == "complete"
    assert aftermath.report["counts"]["dead_lettered"] == 1
    assert aftermath.report["counts"]["stored"] == len(aftermath.found)
    (trace,) = [t for t, each in aftermath.sent.items() if each.name == "more than the budget"]
    assert trace not in aftermath.found
    (letter,) = aftermath.letters
    code = letter["code"]
    assert code == "redaction.text_too_large"
    words = "The text is larger than the policy's budget allows to inspect."
    assert letter["means"] == words
    assert letter["bytes"] > 1000
    assert f"code={code}".encode() in aftermath.places[f"{aftermath.data}.log"]


def test_bytes_that_were_no_request_are_counted_and_not_repeated(aftermath: Aftermath) -> None:
    """The answer to garbage says 400 or 431 in the tap's own words."""
    answer = aftermath.places["answer to garbage"]
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"HTTP/1.1 431 " in answer
