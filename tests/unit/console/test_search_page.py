"""The search page: what is asked, refined, paged, kept and followed."""

from __future__ import annotations

import html
import re

import pytest

from audit.errors import QueryInvalid
from audit.exchange import Ending
from audit.record import RedactedRecord
from console.searching import conditions, facets, problem_of
from storage.records.facts import FactPage, facts_of
from storage.records.findable import findable
from storage.records.query import FIELDS, parse
from storage.records.query_match import matches
from tests.contract.samples import a_record, record_id, some_facts
from tests.unit.console.kit import NOW_NS, site

FILTERS = [
    "",
    "consumer:a",
    "consumer:a OR consumer:b",
    "refund -consumer:b",
    '"please refund" OR ending:filtered',
    "(consumer:a OR consumer:b) ending:complete",
    "-(consumer:b)",
]


def some_records() -> list[RedactedRecord]:
    """Records of two consumers, of several endings."""
    return [
        a_record(
            seq,
            consumer="ab"[seq % 2],
            facts=some_facts(ending=Ending.FILTERED if seq % 3 else Ending.COMPLETE),
            prompt="please refund" if seq % 4 else "something else",
        )
        for seq in range(1, 13)
    ]


@pytest.mark.parametrize("text", FILTERS)
def test_a_facets_click_finds_exactly_what_it_counts(text: str) -> None:
    """The filter that a value gives finds as many records as stand beside it."""
    records, query = some_records(), parse(text, NOW_NS)
    found = [each for each in records if matches(query.where, findable(each))]
    page = FactPage([facts_of(each) for each in found], more=False)
    for facet in facets(text, query, page):
        for value in (*facet.values, *facet.more):
            clicked = parse(value.filter, NOW_NS)
            hits = [each for each in records if matches(clicked.where, findable(each))]
            assert value.active or len(hits) == value.count, (facet.field, value)


def test_a_second_click_takes_the_condition_away() -> None:
    """A chosen value is marked, and its filter is the one without it."""
    query = parse("consumer:a ending:filtered", NOW_NS)
    page = FactPage([facts_of(each) for each in some_records()], more=False)
    (consumer,) = [each for each in facets("", query, page) if each.field == "consumer"]
    states = {value.label: (value.active, value.filter) for value in consumer.values}
    assert states["a"] == (True, "ending:filtered")
    assert not states["b"][0]


def test_each_condition_can_be_taken_away() -> None:
    """What is left is the filter without it, still in the language one types."""
    query = parse("consumer:a (ending:failed OR refund) -status:500", NOW_NS)
    left = [parse(each.without, NOW_NS) for each in conditions(query)]
    assert next(each.words for each in conditions(query)) == "the consumer is a"
    assert left[0] == parse("(ending:failed OR refund) -status:500", NOW_NS)
    assert left[2] == parse("consumer:a (ending:failed OR refund)", NOW_NS)


@pytest.mark.parametrize(
    ("text", "at"),
    [("ending:happy", 0), ('consumer:a "open', 11), ("a b colour:red", 4), ("(a", 0)],
)
async def test_an_error_says_where_and_what(text: str, at: int) -> None:
    """The box keeps what was typed, and the character is pointed at."""
    async with site() as here, here.visitor() as visitor:
        answer = await visitor.search(text)
    assert answer.status == 400
    assert html.escape(text, quote=True).replace("&#x27;", "&#39;") in answer.text.replace(
        "&#34;", "&quot;"
    )
    pointed = re.search(r'<pre class="pointed">(.*?)<mark>', answer.text, re.DOTALL)
    assert pointed is not None
    assert html.unescape(pointed[1]) == text[:at]


def test_a_place_beyond_the_text_is_not_pointed_at() -> None:
    """An error without a place has none."""
    assert problem_of("abc", QueryInvalid("nothing")).at is None
    assert problem_of("abc", QueryInvalid("wrong (at character 9)")).at is None


async def test_paging_neither_repeats_nor_skips_while_records_arrive() -> None:
    """The second page goes on where the first one ended, whatever came in between."""
    async with (
        site(
            [
                a_record(seq, received_at=f"2026-11-20T10:{seq:02d}:00.000000Z")
                for seq in range(1, 56)
            ]
        ) as here,
        here.visitor() as visitor,
    ):
        first = await visitor.search("consumer:demo")
        await here.put(a_record(56, received_at="2026-11-20T10:59:00.000000Z"))
        older = re.search(r'href="([^"]+)" rel="next"', first.text)
        assert older is not None
        second = await visitor.get(html.unescape(older[1]))
    shown = [re.findall(r'data-id="([^"]+)"', page.text) for page in (first, second)]
    assert [len(each) for each in shown] == [50, 5]
    assert sorted({*shown[0], *shown[1]}) == sorted(record_id(seq) for seq in range(1, 56))


async def test_a_search_for_a_numbered_token_is_said_to_mix_people() -> None:
    """Beside what was understood; a pseudonym needs no warning."""
    async with site([a_record(1)]) as here, here.visitor() as visitor:
        await visitor.get("/")
        warned = await visitor.search('user:"<PERSON_1>"')
        assert "&lt;PERSON_1&gt; is numbered anew in each exchange" in warned.text
        assert "numbered anew" not in (await visitor.search("consumer:demo")).text


async def test_a_search_is_kept_and_forgotten() -> None:
    """It stands under its name, gives its filter, and is its owner's alone."""
    async with site([a_record(1)]) as here, here.visitor() as visitor:
        await visitor.get("/")
        answer = await visitor.post("/saved", name=" my  search ", filter="ending:complete")
        assert answer.status == 200
        assert "my search" in answer.text
        assert 'value="ending:complete" title' in answer.text
        answer = await visitor.post("/saved/forget", name="my search")
        assert "my search" not in answer.text
        assert (await visitor.post("/saved", name="x", filter="ending:happy")).status == 400


async def test_a_live_page_brings_each_record_once() -> None:
    """What is shown is not given again, and what is not understood is refused."""
    async with site([a_record(1)]) as here, here.visitor() as visitor:
        path = (await visitor.search("consumer:demo")).path
        live = await visitor.get(f"{path}?live")
        assert f'data-live="{path}/newer"' in live.text
        assert '<noscript><meta http-equiv="refresh"' in live.text
        await here.put(a_record(2))
        headers = {"X-CSRF-Token": visitor.csrf}
        for shown, fresh in (([record_id(1)], [record_id(2)]), ([record_id(1), record_id(2)], [])):
            async with visitor.client.post(
                f"{path}/newer", json={"shown": shown}, headers=headers
            ) as answer:
                assert re.findall(r'data-id="([^"]+)"', await answer.text()) == fresh
        async with visitor.client.post(
            f"{path}/newer", data=b"[", headers=headers | {"Content-Type": "application/json"}
        ) as answer:
            assert answer.status == 400
        tails = [look for look in await here.looks() if look.deed == "tail"]
        assert [look.records for look in tails] == [1]


async def test_the_page_lists_every_field_of_the_language() -> None:
    """What can be asked stands on the page, without a script."""
    async with site() as here, here.visitor() as visitor:
        text = html.unescape((await visitor.get("/")).text)
    assert [f.name for f in FIELDS.values() if f.example not in text] == []


async def test_a_search_that_is_no_longer_kept_leads_to_the_start() -> None:
    """A name of an earlier session is no error."""
    async with site() as here, here.visitor() as visitor:
        assert (await visitor.get("/search/0123456789abcdef")).path == "/"
