"""One call of an official SDK in each dialect, through the whole system and out of its store.

What each SDK says has an address and a key in it, and what it is told has an address that comes in
two pieces, so that nothing finds it that does not join them first.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.harness.leaks import Search, rows_of
from tests.harness.plants import plants
from tests.harness.raw_upstream import RawUpstream
from tests.harness.replay import Replay
from tests.harness.sdk_calls import CALLS
from tests.harness.sdk_hearing import Call, Heard, hear
from tests.harness.sdk_returned import returned
from tests.harness.sdk_told import recorded
from tests.harness.sdk_upstream import Library
from tests.harness.tree import Tree, auditstream, records

# The SDK advises against the API; its callers are recorded all the same.
pytestmark = pytest.mark.filterwarnings("ignore:The Assistants API:DeprecationWarning")

Json = Any

CHOSEN = {
    "openai.responses": "a streamed response",
    "openai.completions": "a streamed completion",
    "openai.embeddings": "embeddings",
    "openai.images": "an edited picture",
    "openai.audio": "a streamed transcript",
    "openai.assistants": "a streamed run",
    "anthropic.messages": "an answer with its thoughts",
}
# Words of the examples, and the same with the halves of an address among them.
_TEA = (("A cup ", "A cup {a}"), ("of tea", "{b} of tea"))
_SPLIT: dict[str, tuple[tuple[str, str], ...]] = {
    "openai.responses": (("The harbour ", "The harbour {a}"), ("opens at", "{b} opens at")),
    "openai.completions": (('"Once', '"Once {a}'), ('" upon', '"{b} upon')),
    "openai.embeddings": (),
    "openai.images": (("in thick fog", "for {a}{b} in thick fog"),),
    "openai.audio": (
        ("Good morning", "Good {a}{b} morning"),
        ('"delta":"Good"', '"delta":"Good {a}"'),
        ('"delta":" mor', '"delta":"{b} mor'),
    ),
    "openai.assistants": _TEA,
    "anthropic.messages": _TEA,
}
# A token that stands where something was taken out; what is put there to compare the texts.
_TOKEN = re.compile(r"<[A-Z_]+_\d+>")
_TAKEN = "[taken]"


@dataclass
class Exchange:
    """What one caller asked, with what is planted in it, what it heard, and what is stored."""

    dialect: str
    call: Call
    address: str
    key: str
    given: str
    trace: str = field(default_factory=lambda: secrets.token_hex(16))
    heard: Heard = field(default_factory=Heard)
    shown: str = ""

    @property
    def planted(self) -> list[str]:
        """What must not be in the store: in the prompt, and in the answer where it has words."""
        return [self.address, self.key, *([self.given] if _SPLIT[self.dialect] else [])]

    @property
    def answers(self) -> list[tuple[str, str]]:
        """What is put in the place of the example's own words."""
        a, b = self.given[: len(self.given) // 2], self.given[len(self.given) // 2 :]
        return [(said, put.format(a=a, b=b)) for said, put in _SPLIT[self.dialect]]


def _exchange(dialect: str, rng: random.Random) -> Exchange:
    drawn = {plant.kind: plant for plant in plants(rng)}
    mail, key = drawn["mail"], drawn["project key"]
    call = CALLS[dialect][CHOSEN[dialect]]
    first, *others = call.prompts
    asking = f"{first}. So {mail.said}, for {key.said}"
    asked = json.loads(json.dumps(call.asked, default=repr).replace(first, asking))
    kept = {name: value for name, value in call.asked.items() if name in ("file", "image")}
    call = replace(call, asked={**asked, **kept}, prompts=(asking, *others))
    return Exchange(dialect, call, mail.value, key.value, _another_mail(rng))


def _another_mail(rng: random.Random) -> str:
    return next(plant.value for plant in plants(rng) if plant.kind == "mail")


@dataclass(frozen=True)
class Aftermath:
    """Every exchange by its dialect, and the folder of what was stored."""

    data: Path
    exchanges: dict[str, Exchange]


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    """One tree takes a call in each dialect, drains and ends; then the records are shown."""
    rng = random.SystemRandom()
    after = Aftermath(
        tmp_path_factory.mktemp("sdk") / "data",
        {dialect: _exchange(dialect, rng) for dialect in CHOSEN},
    )
    asyncio.run(_live(after))
    ids = {each["identity"]["trace_id"]: each["id"] for each in records(after.data)}
    for exchange in after.exchanges.values():
        shown = auditstream("show", "--data", str(after.data), "--json", ids[exchange.trace])
        assert shown.returncode == 0, shown.stderr
        exchange.shown = shown.stdout
    return after


async def _live(after: Aftermath) -> None:
    exchanges = after.exchanges.values()
    answers = {exchange.call.answer: exchange.answers for exchange in exchanges}
    async with RawUpstream(Replay(Library(answers))) as upstream:
        tree = Tree(after.data, f"http://127.0.0.1:{upstream.port}")
        await tree.start()
        for each in exchanges:
            each.heard = await hear("asynchronous", tree.url, each.call, each.trace)
        assert await tree.stop() == 0, tree.log.read_text()
        assert not upstream.errors


def _told(exchange: Exchange) -> Json:
    """What the caller was told, as the SDK has it in the end."""
    return asdict(returned(exchange.dialect, exchange.heard, lambda _: _TAKEN))


def _undigested(record: Json) -> Json:
    """The record with a mark for each digest: the key of this system's is its own."""
    for part in (part for output in record["response"]["outputs"] for part in output["parts"]):
        if part.get("digest"):
            part["digest"] = _TAKEN
    return record


def _without(value: Json, planted: Sequence[str] = ()) -> Json:
    """Everything with a mark where there is a token, or what was planted."""
    if isinstance(value, dict):
        return {name: _without(each, planted) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without(each, planted) for each in value]
    if not isinstance(value, str):
        return value
    for each in planted:
        value = value.replace(each, _TAKEN)
    return _TOKEN.sub(_TAKEN, value)


@pytest.mark.parametrize("dialect", CHOSEN)
def test_nothing_that_was_planted_is_shown(aftermath: Aftermath, dialect: str) -> None:
    """The caller was told the address; the record has a token in its place, and in the key's."""
    exchange = aftermath.exchanges[dialect]
    assert not _SPLIT[dialect] or exchange.given in json.dumps(_told(exchange))
    assert Search(exchange.planted).hits("shown", exchange.shown.encode()) == set()
    counts = json.loads(exchange.shown)["redaction"]["counts"]
    assert counts["EMAIL_ADDRESS"] >= len(exchange.planted) - 1


def test_nothing_that_was_planted_is_in_the_store(aftermath: Aftermath) -> None:
    """No cell of any table of the store holds a planted value, in any form."""
    planted = [value for each in aftermath.exchanges.values() for value in each.planted]
    search = Search(planted)
    cells = list(rows_of(aftermath.data / "records.sqlite"))
    assert len(cells) > len(CHOSEN)
    assert search.hits("records.sqlite", b"\n".join(cells)) == set()


@pytest.mark.parametrize("dialect", CHOSEN)
def test_but_for_what_was_taken_out_the_record_says_what_the_caller_was_told(
    aftermath: Aftermath, dialect: str
) -> None:
    """Texts, calls, counts, reasons and ids are as the SDK's accumulator has them."""
    exchange = aftermath.exchanges[dialect]
    record = json.loads(exchange.shown)
    says = _without(asdict(recorded(_undigested(record))))
    assert says == _without(_told(exchange), exchange.planted)
    assert record["exchange"]["dialect"] == dialect
    assert record["exchange"]["ending"] == "complete"
    said = [part for each in record["request"]["messages"] for part in each["parts"]]
    texts = [_without(part["text"]) for part in said if part["kind"] == "text"]
    assert texts == _without(exchange.call.prompts, exchange.planted)
