"""Long runs of base64: what is made without them is what would have been made with them."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle, pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from audit.digest import KeyedDigest, keyed_digest
from audit.flags import Flag
from audit.parts import Media, Text
from tap.dialects.base64_text import DECODERS, decode_base64
from tap.dialects.json_body import read_body
from tap.dialects.keeping import Keeper
from tap.dialects.reading import Body, Dialect
from tap.dialects.registry import route
from tap.dialects.stand_ins import LONG_RUN
from tap.held import Held
from tests.harness.dialects import Reader, by_name, every_reader
from tests.harness.hostile_json import places
from tests.unit.tap_cores.kit import DIGEST_KEY, opened, recorded

Json = Any

BYTES = random.Random(1).randbytes(110_000)
LONG = base64.b64encode(BYTES).decode()
URL_SAFE = base64.urlsafe_b64encode(BYTES[:51_000]).decode()
RUN = base64.b64encode(BYTES[:51_000]).decode()
PADDED = base64.b64encode(BYTES[:51_001]).decode()

# What a place of a document may hold; each has a long run.
VALUES = [
    *(RUN, URL_SAFE, PADDED, PADDED.rstrip("="), f"{RUN}A", f"{RUN[:40_000]}={RUN}{RUN}"),
    *(f"data:image/png;base64,{RUN}", f"DATA:Image/PNG;charset=x;base64,{URL_SAFE}"),
    f"see data:image/png;base64,{RUN} and data:audio/wav;base64,{PADDED} so",
    *(f"{RUN} \n", f"{RUN}\n{RUN}", f"data:image/png;base64,{RUN}A!", f"data:;base64,{RUN}"),
    json.dumps({"image": f"data:image/png;base64,{RUN}", "other": [RUN]}),
    json.dumps({"image": f"data:image/png;base64,{RUN}"}).replace("/", "\\/"),
    f"data:image/{RUN.replace('/', 'x')};base64,{RUN}",
    *(f"data:text/plain,{RUN}", f"https://x.example/{RUN}?sig={URL_SAFE}"),
    *("1234567890" * 7_000, BYTES[:40_000].hex(), f"a word {RUN} a word", f"{RUN}\u00e9"),
    "A" * 70_000,
]

PATHS = ["/v1/chat/completions", "/v1/messages", "/v1/responses"]
READERS = every_reader()
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


def read(dialect: Dialect, body: Body, side: str, keeper: Keeper) -> tuple[object, set[Flag]]:
    """What a reader makes of a request or of a plain answer, and what the keeper noted."""
    if side == "request":
        made: object = dialect.request(body, keeper)
    else:
        made = dialect.answer(read_body(body, keeper, Flag.ANSWER_SALVAGED), keeper)
    return keeper.restored(made), keeper.flags


def alike(dialect: Dialect, data: bytes, side: str = "request", *, cuts: list[int]) -> bool:
    """Whether a body reads alike with its runs and without, however it is cut."""
    broken = not data.endswith(b"}")
    ends = sorted({0, len(data)} | {each for each in cuts if each < len(data)})
    held = Held.joined([data[a:b] for a, b in pairwise(ends)])
    whole, pieces = (
        Body(content=content, content_type="application/json", broken=broken)
        for content in (data, held)
    )
    kept = Keeper(lambda content: keyed_digest(DIGEST_KEY, content))
    return read(dialect, whole, side, kept) == read(
        dialect, pieces, side, Keeper(KeyedDigest(DIGEST_KEY))
    )


def planted(reader: Reader) -> Iterator[tuple[str, bytes]]:
    """Each place of each example with a long run in it: bare, and in every other form by turns."""
    values = cycle(VALUES)
    seen: set[tuple[str, str]] = set()
    for body in reader.examples("request", "answer"):
        for document in body.documents()[:1]:
            for holder, key in places(document):
                if (body.kind, str(key)) in seen or not isinstance(holder[key], str | None):
                    continue
                seen.add((body.kind, str(key)))
                kept = holder[key]
                for holder[key] in (PADDED, next(values)):
                    yield body.kind, json.dumps(document).encode()
                holder[key] = kept


@pytest.mark.parametrize("reader", READERS, ids=by_name)
def test_no_reader_tells_a_body_from_its_shortened_one(reader: Reader) -> None:
    """Whatever place of whatever format holds a long run, the reading is the same."""
    for side, data in planted(reader):
        assert alike(reader.dialect, data, side, cuts=[30_011, 60_000])


@pytest.mark.parametrize(
    ("path", "value"), list(zip(cycle(PATHS), VALUES, strict=False)), ids=range(len(VALUES))
)
def test_a_run_in_any_form_is_what_it_was(path: str, value: str) -> None:
    """As an image, as text, in what nobody knows, as a name, and where credentials stand."""
    source = {"type": "base64", "media_type": "image/png", "data": value}
    parts = [
        {"type": "image_url", "image_url": {"url": value}},
        {"type": "input_image", "image_url": value},
        {"type": "image", "source": source},
        {"type": "text", "text": value},
        {"type": "unheard-of", value: value, "api_key": value, "server_url": value},
    ]
    messages = [{"role": "user", "content": parts}, {"role": "user", "content": value}]
    asked = {"messages": messages, "input": messages, "tools": [{"name": value}], value: value}
    assert alike(route("POST", path, None).dialect, json.dumps(asked).encode(), cuts=[70_000])


@pytest.mark.parametrize(
    "written",
    [
        "1" * 70_000,
        "1E" + "0" * 70_000 + "1",
        '"A' + "\\/" * 40_000 + '"',
        '"' + "\\/" * 40_000 + 'A"',
        '"\\\\/' + RUN + '\\n"',
        f'"{RUN}"}},{{"b":"{RUN.replace("/", "z")}"',
    ],
    ids=["a number", "an exponent", "odd slashes", "even slashes", "a backslash", "two alike"],
)
def test_what_only_looks_like_a_run_is_read_as_it_was(written: str) -> None:
    """Numbers stay numbers, and no escape is cut in two."""
    data = f'{{"messages":[{{"role":"user","content":"x"}}],"a":[{{"b":{written}}}]}}'.encode()
    for path in ("/v1/chat/completions", "/other"):
        assert alike(route("POST", path, None).dialect, data, cuts=[30_001, 65_001])


def _texts() -> st.SearchStrategy[str]:
    """What stands between two quotes, as it is written there: runs, and what ends or bends them."""
    bounds = (LONG_RUN - 1, LONG_RUN, LONG_RUN + 1, LONG_RUN + 2_048, 2 * LONG_RUN)
    starts, sizes = st.integers(0, 4_000), st.sampled_from(bounds)
    plain = st.builds(lambda at, size: LONG[at : at + size], starts, sizes)
    escaped = plain.map(lambda run: run.replace("/", "\\/"))
    odd = ["\\/", "\\\\", "\\\\/", "\\n", "\\u002b", "=", "==", "/", "\\", '"', '","', ".", " ", ""]
    odd += ["data:image/png;base64,", "data:;base64,", "\u00e9", "0" * LONG_RUN, "1E5"]
    return st.lists(plain | escaped | st.sampled_from(odd), min_size=1, max_size=6).map("".join)


@settings(max_examples=60, suppress_health_check=SLOW)
@given(
    text=_texts(),
    url=st.booleans(),
    head=st.sampled_from(['{"messages":[{"role":"user","content":', '{"model":', '[{"a":1},']),
    quote=st.sampled_from(['"', ""]),
    cuts=st.lists(st.integers(1, 400_000), max_size=5),
    end=st.none() | st.integers(1, 300_000),
)
def test_a_body_with_planted_runs_reads_the_same_without_them(
    text: str, url: bool, head: str, quote: str, cuts: list[int], end: int | None
) -> None:
    """Valid, broken, escaped, repeated, over any border, in no string, or broken off anywhere."""
    start = "data:image/png;base64," if url else ""
    tail = "}" * head.count("{") if "[" not in head else "}]}"
    data = f"{head}{quote}{start}{text}{quote}{tail}".encode()[:end]
    for path in ("/v1/chat/completions", "/other"):
        assert alike(route("POST", path, None).dialect, data, cuts=cuts)


def test_a_body_in_pieces_makes_the_same_record_as_a_whole_one() -> None:
    """Mime, byte count, digest and order of several media are those of the bytes they stand for."""
    urls = [f"data:image/png;base64,{RUN}", f"data:audio/wav;base64,{URL_SAFE}", RUN + "A"]
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    asked = {"messages": [{"role": "user", "content": [{"type": "text", "text": RUN}, *parts]}]}
    data = json.dumps(asked).encode()
    opening = opened("/v1/chat/completions", content_type="application/json")
    pieces = Held.joined([data[at : at + 1_000] for at in range(0, len(data), 1_000)])
    record = recorded(b"", opening=opening, request_body=pieces)
    assert record == recorded(b"", opening=opening, request=data)
    digest = keyed_digest(DIGEST_KEY, BYTES[:51_000])
    assert record.request.messages[0].parts == (
        Text(text=RUN),
        Media(mime="image/png", bytes=51_000, digest=digest),
        Media(mime="audio/wav", bytes=51_000, digest=digest),
        Media(bytes=68_001, digest=keyed_digest(DIGEST_KEY, (RUN + "A").encode())),
    )
    assert Flag.MEDIA_UNDECODABLE in record.exchange.flags


@pytest.mark.parametrize("escaped", [False, True], ids=["plain", "escaped"])
def test_what_stands_in_for_a_run_is_short_and_is_told_to_nobody(*, escaped: bool) -> None:
    """A long body is decoded as a short one, and no digest that a record tells stands in it."""
    digest = KeyedDigest(DIGEST_KEY)
    keeper = Keeper(digest)
    content = {"content": f"data:image/png;base64,{LONG}"}
    text = json.dumps(content)
    data = (text.replace("/", "\\/") if escaped else text).encode()
    escape = data.find(b"\\", 80_000) + 1
    short = keeper.shortened(Held.joined([data[:escape], data[escape:]]))
    assert len(short) < 4_000
    assert json.loads(keeper.whole(short.decode())) == content
    for known in (b"", LONG.encode(), LONG[:4_096].encode()):
        assert digest(known)[:32].encode() not in short


def test_bytes_that_were_made_of_a_shortened_text_are_described_as_they_were() -> None:
    """Who writes a value anew and digests it need not know of runs."""
    keeper, data = Keeper(KeyedDigest(DIGEST_KEY)), json.dumps([LONG]).encode()
    short = keeper.shortened(data)
    plain = Keeper(KeyedDigest(DIGEST_KEY))
    assert keeper.bytes_as_media(short, None) == plain.bytes_as_media(data, None)
    assert keeper.digest(short) == plain.digest(data)


WORDS = st.sampled_from(["AAAA", "b9+/", "b9-_", "A", "AA", "=", "==", " ", "\r\n", "!", "\u00e9"])
PIECES = st.lists(st.lists(WORDS, max_size=3).map("".join), max_size=6)
REAL = st.lists(st.binary(max_size=30).map(lambda data: base64.b64encode(data).decode()))


@settings(max_examples=300)
@given(pieces=PIECES | REAL)
@example(pieces=["AAAA=", "AAA"])
@example(pieces=["AA==", "AAAA", "AAAA"])
def test_base64_in_pieces_decodes_as_a_whole(pieces: list[str]) -> None:
    """The same bytes, or refused alike, wherever it is cut."""
    made = None
    for decoder in reversed(DECODERS):
        with suppress(ValueError):
            made = b"".join(decoder([each.encode() for each in pieces]))
    assert made == decode_base64("".join(pieces))
