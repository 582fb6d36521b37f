"""Every text of a record, of a reader and of a filter at once is hostile: no page runs any of it.

Each page is parsed as a browser parses it. What counts is what is left then: which elements there
are, which attributes, where they lead, and which characters a person would not see.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from audit.record import RedactedRecord
from audit.value import to_json
from console.principal import Principal, Role
from tests.contract.samples import record_id
from tests.unit.console.kit import site
from tests.unit.console.test_record_page import full

# A script, an element that loads, ways out of attributes and raw text, a template, a formula;
# overrides and isolates of direction, escapes, line separators, a lone surrogate's stand-in.
EVIL = (
    "=1+1\"'><script>alert(1)</script><img src=x onerror=alert(1)></title></style></textarea>"
    "<svg onload=alert(1)><a href=javascript:alert(1)>x</a>{{7*7}}{%raw%}<!--"
    "\u202egnp.exe\u2066\u2069\u200f\x1b[2J\x00\x07\u2028\u2029\ufeff\x9b"
)
ADA = Principal(f"ada {EVIL}", "account", Role.ADMIN, None, f"subject {EVIL}")

_SPELT = """
html head meta title link script body a header nav main section aside div p progress span b em
strong code pre h1 h2 h3 ul ol li dl dt dd details summary fieldset legend table caption thead
tbody tr th td form label input button select option textarea datalist mark kbd figure figcaption
svg rect line text polyline circle
"""
ELEMENTS = set(_SPELT.split())
LEADING = {"href", "src", "action", "formaction", "srcset", "data", "poster", "xlink:href"}
# Times and ids are made by the tap and the worker; a record in which they are no such is none.
OURS = {"id", "day", "schema", "record_digest"}


class Seen(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.comments: list[str] = []
        self.scripts: list[str] = []
        self.shown: list[str] = []
        self._in_script = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.add(tag)
        held = [(tag, name, value or "") for name, value in attrs]
        self.attributes += held
        # What an option or a hidden field sends back is exact, and is not shown; what stands in
        # the search box is what the reader put there, to be changed by them.
        unseen = tag == "option" or (tag, "type", "hidden") in held or (tag, "id", "filter") in held
        self.shown += [value for _, name, value in held if not (unseen and name == "value")]
        self._in_script = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        """Note its end."""
        self._in_script = self._in_script and tag != "script"

    def handle_data(self, data: str) -> None:
        """Note what is said, and what a script holds."""
        self.shown.append(data)
        if self._in_script and data.strip():
            self.scripts.append(data)

    def handle_comment(self, data: str) -> None:
        """Note a comment."""
        self.comments.append(data)


def poisoned(seq: int) -> RedactedRecord:
    """A record with every kind of part, in which every text that can be any text is hostile."""
    plain = msgspec.json.decode(to_json(full()))
    for holder, key in list(_texts(plain)):
        kept = holder[key]
        holder[key] = EVIL
        try:
            msgspec.convert(plain, RedactedRecord)
        except msgspec.ValidationError:
            holder[key] = kept
    plain["redaction"]["counts"] = {EVIL: 2}
    where = {"path": "/request/messages/1/parts/0/text", "start": 0, "end": len(EVIL)}
    found = {"type": EVIL, "detector": EVIL, "score": 1.0, "token": EVIL}
    plain["redaction"]["findings"] = [{**where, **found}]
    plain["id"] = record_id(seq)
    plain["tap"]["seq"] = seq
    return msgspec.convert(plain, RedactedRecord)


def _texts(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a text, as what holds it and the key it is held by."""
    for key in list(value if isinstance(value, dict) else range(len(value))):
        if isinstance(value[key], dict | list):
            yield from _texts(value[key])
        elif isinstance(value[key], str | None) and key not in OURS and "_at" not in str(key):
            yield value, key


def flaws(text: str) -> list[object]:
    """What a page holds that it must not."""
    seen = Seen(text)
    found: list[object] = [*(seen.elements - ELEMENTS), *seen.comments, *seen.scripts]
    for tag, name, value in seen.attributes:
        if name.startswith("on") or name in {"style", "srcdoc"}:
            found.append((tag, name))
        if name in LEADING and not value.startswith(("/", "#", "?")):
            found.append((tag, name, value))
        if name in LEADING and value.startswith(("//", "/\\")):
            found.append((tag, name, value))
        if tag == "script" and name == "src" and not value.startswith("/static/"):
            found.append((tag, name, value))
    found += sorted({hex(ord(each)) for each in "".join(seen.shown) if _acts(each)})
    if "49" in "".join(text.split("{{7*7}}")) and "{{7*7}}" not in text:
        found.append("a template was run")
    return found


def _acts(character: str) -> bool:
    """Whether a character acts instead of showing. Joiners are part of writing."""
    return (
        unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp", "Cs"}
        and character not in "\n\t\r\u200c\u200d"
    )


def test_every_text_was_poisoned() -> None:
    """The record of these tests is hostile in its names, too, not only in what was said."""
    record = poisoned(1)
    names = (record.consumer, record.exchange.requested_model, record.exchange.path)
    assert set(names) == {EVIL}
    assert to_json(record).count(b"onload=alert") > 60


PAGES = [
    "/",
    f"/records/{record_id(1)}",
    f"/records/{record_id(1)}/raw",
    f"/compare?pick={record_id(1)}&pick={record_id(2)}",
    "/overview?span=30d",
    "/access-log",
    "/export",
]


@pytest.fixture(scope="module")
def records() -> list[RedactedRecord]:
    """Two of them: made once."""
    return [poisoned(1), poisoned(2)]


async def test_no_page_runs_or_hides_anything(records: list[RedactedRecord]) -> None:
    """Every page that shows records, readers, filters, names or purposes, and every error."""
    async with site(records) as here, here.visitor(ADA) as ada:
        asked = '"' + EVIL.replace('"', "").replace("\x00", "") + '"'
        wrong: dict[str, list[object]] = {}
        for filter_text in (asked, f"consumer:{EVIL}", f"{EVIL}:"):
            wrong[f"search {filter_text[:9]}"] = flaws((await ada.search(filter_text)).text)
        for path, form in (
            ("/purpose", {"purpose": EVIL, "back": "/"}),
            ("/saved", {"name": EVIL, "filter": asked}),
            ("/export", {"shape": EVIL, "purpose": EVIL, "filter": asked}),
        ):
            wrong[path] = flaws((await ada.post(path, **form)).text)
        for path in PAGES:
            answer = await ada.get(path)
            assert answer.status == 200, path
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            wrong[path] = flaws(answer.text)
        name = (await ada.search("after:2026-01-01")).path
        headers = {"X-CSRF-Token": ada.csrf}
        async with ada.client.post(f"{name}/newer", json={}, headers=headers) as rows:
            text = await rows.text()
            assert text.count("<tr") == 2
            wrong["live rows"] = flaws(text)
    assert {page: each for page, each in wrong.items() if each} == {}


async def test_what_is_no_page_is_never_taken_for_one(records: list[RedactedRecord]) -> None:
    """JSON, CSV and archives say what they are, are not sniffed, and are saved, not shown."""
    async with site(records) as here, here.visitor(ADA) as ada:
        raw = await ada.get(f"/api/v1/records/{record_id(1)}")
        assert raw.headers["Content-Type"].startswith("application/json")
        assert raw.headers["X-Content-Type-Options"] == "nosniff"
        charges = await ada.get("/overview/charges.csv?span=30d")
        assert charges.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert charges.headers["Content-Disposition"].startswith("attachment;")
        # A spreadsheet would run a cell that begins with a sign of a formula.
        assert not any(line.startswith(("=", '"=')) for line in charges.text.splitlines())
        archive = await ada.post("/export", filter="", shape="csv", purpose="p")
        assert archive.headers["Content-Disposition"].startswith("attachment;")
        assert archive.headers["Content-Type"] == "application/zip"
