"""Requests that no browser would make: never a defect, never an answer without its headers."""

from __future__ import annotations

import pytest

from tests.contract.samples import a_record, record_id
from tests.unit.console.kit import TOKEN, site

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"

BODIES = [
    (FORM, b"csrf=\xff\xfe"),
    (FORM, b"csrf=%ff%00&filter=%ff%00"),
    (FORM, b"&&&=&=="),
    (FORM + "; charset=nonsense", b"csrf=a"),
    (MULTIPART, b"--b\r\n"),
    (MULTIPART, b"nothing of the kind"),
    ("multipart/form-data", b""),
    (
        MULTIPART,
        b'--b\r\nContent-Disposition: form-data; name="csrf"; filename="x"\r\n\r\nx\r\n--b--\r\n',
    ),
    ("application/json", b"\xff{"),
    ("text/plain", b"csrf=a"),
    ("", b""),
]
PATHS = [
    "/search/%00",
    "/search/x?after=%ff",
    "/?after=garbage",
    "/?after=" + "A" * 5000,
    "/records/%00%ff",
    "/records/" + "x" * 4000,
    "/records/../../etc/passwd",
    "/compare?pick=%00&pick=%ff",
    "/compare?pick=a&pick=b&pick=c",
    "/overview?span=%ff",
    "/overview?consumer=%00%ff'\"<script>",
    "/overview/charges.csv?consumer=%E2%80%AE",
    "/access-log?before=0",
    "/access-log?before=-1",
    "/access-log?before=٣",
    "/access-log?before=999999999999999999999",
    "/search/nothing/export",
    "/static/..%2fapp.py",
    "/static/%00",
    "/enter/%00",
    "/api/v1/records/%00",
    "/api/v1/access-log?limit=٣",
]


@pytest.mark.parametrize("path", ["/search", "/enter", "/saved", "/export", "/purpose", "/leave"])
async def test_no_body_is_a_defect(path: str) -> None:
    """Whatever is posted is answered, with a code of ours below 500 and with the headers."""
    async with site([a_record(1)]) as here, here.visitor() as visitor:
        for kind, body in BODIES:
            headers = {"Content-Type": kind} if kind else {}
            async with visitor.client.post(
                path, data=body, headers=headers, allow_redirects=False
            ) as answer:
                assert answer.status < 500, (kind, body)
                assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize("path", PATHS)
async def test_no_address_is_a_defect(path: str) -> None:
    """Whatever is asked for is answered, and nothing of it comes back as markup."""
    async with site([a_record(1)]) as here, here.visitor() as visitor:
        answer = await visitor.get(path)
        assert answer.status < 500
        assert "Content-Security-Policy" in answer.headers
        assert "<script>" not in answer.text.replace('<script src="/static/', "")


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"null",
        b"[]",
        b'{"filter": 1}',
        b'{"filter": "\\u0000"}',
        b'{"limit": 1e99}',
        b"{" * 9999,
    ],
)
@pytest.mark.parametrize("path", ["search", "facets", "overview"])
async def test_no_question_of_a_program_is_a_defect(path: str, body: bytes) -> None:
    """What cannot be understood is a 400 with a code."""
    async with site([a_record(1)]) as here, here.visitor() as visitor:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with visitor.client.post(f"/api/v1/{path}", data=body, headers=headers) as answer:
            assert answer.status == 400
            assert (await answer.json())["error"]["code"] == "query.invalid"


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "OPTIONS", "TRACE"])
async def test_other_methods_do_nothing(method: str) -> None:
    """They are refused, and a record that was there stays."""
    async with site([a_record(1)]) as here, here.visitor() as visitor:
        for path in ("/", f"/records/{record_id(1)}", "/access-log", "/search"):
            async with visitor.client.request(method, path) as answer:
                assert answer.status in (403, 405)
        assert await here.records.get(record_id(1)) is not None
