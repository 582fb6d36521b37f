"""The official SDKs, in every dialect: what they make of an answer is what its record says.

Each call is made straight and through a tap, blocking and not, of the maker's own paths and of
Azure's. The answers are the examples of the dialects, so that the SDK's own accumulators judge the
examples too.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from audit.digest import keyed_digest
from audit.value import to_json
from tests.harness.raw_upstream import RawUpstream
from tests.harness.replay import Replay
from tests.harness.sdk_calls import CALLS, UPLOAD
from tests.harness.sdk_hearing import KINDS, Call, hear
from tests.harness.sdk_returned import returned
from tests.harness.sdk_told import recorded
from tests.harness.sdk_upstream import Library
from tests.harness.tap import running_tap

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK advises against an API, and against a form of a call; both are recorded all the same.
    pytest.mark.filterwarnings("ignore:The Assistants API:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning"),
]

Json = Any

EVERY = [
    pytest.param(dialect, call, id=f"{dialect}: {name}")
    for dialect, calls in CALLS.items()
    for name, call in calls.items()
]
# Of what says that a body was not what its format makes it.
BROKEN = ("unparsed", "malformed", "salvaged", "undecodable", "unterminated", "invalid")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys and spool, for one tap after the other."""
    return tmp_path_factory.mktemp("sdk")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def upstream() -> AsyncIterator[RawUpstream]:
    """The examples, as they are."""
    async with RawUpstream(Replay(Library())) as upstream:
        yield upstream
        assert not upstream.errors


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("dialect", "call"), EVERY)
async def test_an_sdk_is_told_the_same_through_the_tap_and_its_record_says_it(
    upstream: RawUpstream, folder: Path, kind: str, dialect: str, call: Call
) -> None:
    """Events, objects and errors are equal; texts, calls, counts, reasons and ids are recorded."""
    trace = secrets.token_hex(16)
    straight = await hear(kind, f"http://127.0.0.1:{upstream.port}", call, trace)
    async with running_tap(folder, upstream.port) as tap:
        tapped = await hear(kind, f"http://127.0.0.1:{tap.port}", call, trace)
        records = [json.loads(to_json(each)) for each in await tap.records(at_least=1)]
        digest = partial(keyed_digest, tap.keys.fingerprint_key)
    assert tapped == straight
    (record,) = records
    assert record["identity"]["trace_id"] == trace
    assert recorded(record) == returned(dialect, tapped, digest)
    _assert_facts(record, dialect, call)
    _assert_asked(record["request"], call, digest(UPLOAD))


def _assert_facts(record: Json, dialect: str, call: Call) -> None:
    """What the record says of the exchange itself."""
    exchange = record["exchange"]
    assert exchange["dialect"] == dialect
    assert exchange["ending"] == call.ending
    assert exchange["streamed"] == call.answer.endswith(".sse")
    assert [flag for flag in exchange["flags"] if any(word in flag for word in BROKEN)] == []


def _assert_asked(request: Json, call: Call, upload: str) -> None:
    """What was asked: texts, files, and what the server was to add from earlier requests."""
    parts = [part for message in request["messages"] for part in message["parts"]]
    assert [part["text"] for part in parts if "text" in part] == list(call.prompts)
    files = [part["digest"] for part in parts if part["kind"] == "media"]
    assert files == [upload for value in _leaves(call.asked) if value == UPLOAD]
    references = {(each["kind"], each["id"]) for each in request["references"]}
    named = {(name[:-3], value) for name, value in call.asked.items() if name.endswith("_id")}
    assert references == named


def _leaves(value: Json) -> Iterator[Json]:
    """Every value that holds no others."""
    if isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _leaves(each)
    else:
        yield value
