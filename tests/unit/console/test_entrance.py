"""Who is let in, and what goes with every answer."""

from __future__ import annotations

import aiohttp
import pytest

from tests.contract.samples import a_record, record_id
from tests.unit.console.kit import ADMIN, TOKEN, site

PAGES = ("/", "/overview", "/access-log", "/export", "/compare", f"/records/{record_id(1)}")


async def test_a_link_lets_one_browser_in_once() -> None:
    """The second one that follows it is shown the entrance and gets no cookie."""
    async with site() as here, here.visitor() as visitor:
        assert (await visitor.get("/")).status == 200
        async with aiohttp.ClientSession(here.url) as other, other.get("/enter/drawn-1") as answer:
            assert answer.status == 403
            assert "Set-Cookie" not in answer.headers


async def test_who_asks_for_the_head_alone_does_not_use_a_link_up() -> None:
    """A previewer is given nothing, and the reader after it comes in."""
    async with site() as here:
        code = here.console.sessions.link(ADMIN)
        async with aiohttp.ClientSession(here.url) as client:
            async with client.head(f"/enter/{code}", allow_redirects=False) as answer:
                assert (answer.status, "Set-Cookie" in answer.headers) == (405, False)
            async with client.get(f"/enter/{code}", allow_redirects=False) as answer:
                assert answer.status == 303


async def test_the_cookie_is_for_this_site_and_for_no_script() -> None:
    """It is HttpOnly and SameSite=Strict, and is drawn anew for each session."""
    async with site() as here:
        code = here.console.sessions.link(ADMIN)
        async with (
            aiohttp.ClientSession(here.url) as client,
            client.get(f"/enter/{code}", allow_redirects=False) as answer,
        ):
            (cookie,) = answer.headers.getall("Set-Cookie")
        assert answer.status == 303
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert code not in cookie


async def test_the_token_opens_a_session() -> None:
    """Another one does not, nor does the right one that another site posts."""
    async with site() as here, aiohttp.ClientSession(here.url) as client:
        for token, origin, status in (
            ("wrong", "same-origin", 403),
            (TOKEN, "cross-site", 403),
            (TOKEN, "same-origin", 303),
        ):
            headers = {"Sec-Fetch-Site": origin, "Accept": "text/html"}
            async with client.post(
                "/enter", data={"token": token}, headers=headers, allow_redirects=False
            ) as answer:
                assert answer.status == status


@pytest.mark.parametrize("path", PAGES)
async def test_a_stranger_sees_no_page(path: str) -> None:
    """A browser without a session is sent to the entrance, a program is refused."""
    async with site([a_record(1)]) as here, aiohttp.ClientSession(here.url) as client:
        headers = {"Accept": "text/html"}
        async with client.get(path, headers=headers, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/enter")
        for given in ("", "Bearer wrong", f"Bearer {TOKEN}x"):
            async with client.get(path, headers={"Authorization": given}) as answer:
                assert answer.status == 401
        assert await here.looks() == []


@pytest.mark.parametrize("path", ["/search", "/saved", "/saved/forget", "/purpose", "/export"])
async def test_a_post_without_the_sessions_own_token_is_refused(path: str) -> None:
    """Neither a missing nor another token passes; nothing is done and nothing is shown."""
    async with site([a_record(1)]) as here, here.visitor() as visitor:
        before = await here.looks()
        for token in ("", "drawn-1", "ü"):
            visitor.csrf = token
            values = {"filter": "", "name": "x", "shape": "csv", "purpose": "p"}
            assert (await visitor.post(path, **values)).status == 403
        async with visitor.client.post(path, json={"filter": ""}) as answer:
            assert answer.status == 403
        assert await here.looks() == before


async def test_every_answer_carries_the_headers() -> None:
    """Pages, errors, assets and JSON: no inline code, no sniffing, no framing, no cache."""
    async with site([a_record(1)]) as here, here.visitor() as visitor:
        for path in (*PAGES, "/nothing", "/healthz", "/openapi.json", "/static/console.js"):
            answer = await visitor.get(path)
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "Server" not in answer.headers
            kept = "immutable" if path.startswith("/static/") else "no-store"
            assert kept in answer.headers["Cache-Control"]


async def test_no_page_loads_or_runs_anything_inline_or_from_elsewhere() -> None:
    """Pages hold no script or style of their own and no address of another host."""
    async with site([a_record(1), a_record(2)]) as here, here.visitor() as visitor:
        compared = f"/compare?pick={record_id(1)}&pick={record_id(2)}"
        for path in (*PAGES, compared, "/enter"):
            text = (await visitor.get(path)).text
            assert "style=" not in text
            assert "<style" not in text
            assert " on" + "click" not in text
            assert text.count("<script") == text.count('<script src="/static/')
            assert "http://" not in text.replace("http://www.w3.org", "")
            assert "https://" not in text


async def test_leaving_ends_the_session() -> None:
    """The cookie that was kept opens nothing any more."""
    async with site() as here, here.visitor() as visitor:
        cookies = {c.key: c.value for c in visitor.client.cookie_jar}
        assert (await visitor.post("/leave")).path == "/enter"
        async with (
            aiohttp.ClientSession(here.url, cookies=cookies) as thief,
            thief.get("/", headers={"Accept": "text/html"}, allow_redirects=False) as answer,
        ):
            assert answer.status == 303


@pytest.mark.parametrize("back", ["//evil.example", "/\\evil.example", "https://evil.example", ""])
async def test_a_purpose_leads_back_to_this_site_only(back: str) -> None:
    """An address that leads elsewhere is taken for the search page."""
    async with site() as here, here.visitor() as visitor:
        answer = await visitor.post("/purpose", purpose=" weekly\n review ", back=back)
        assert answer.path == "/"
        assert "weekly review" in answer.text
        assert (await here.looks())[-1].purpose == "weekly review"
