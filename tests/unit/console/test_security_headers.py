"""The checklist of response headers, held against every kind of answer.

The list is that of the OWASP Secure Headers Project, as far as it is about pages that hold other
people's words: what may run, load, frame, sniff, refer, share and be kept. Plain HTTP is without
the two that only TLS can promise: `Strict-Transport-Security`, and cookies named `__Host-`.
"""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import SimpleCookie

import aiohttp
import pytest

from tests.contract.samples import a_record, record_id
from tests.unit.console.accounts import house
from tests.unit.console.kit import TOKEN, Site, Visitor, site

POLICY = {
    "default-src": {"'none'"},
    "script-src": {"'self'"},
    "style-src": {"'self'"},
    "img-src": {"'self'"},
    "connect-src": {"'self'"},
    "form-action": {"'self'"},
    "base-uri": {"'none'"},
    "frame-ancestors": {"'none'"},
}
EXACTLY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "X-Permitted-Cross-Domain-Policies": "none",
}
# What would tell of the software, open the site to others, or switch a browser's own filter on.
NEVER = (
    *("Server", "X-Powered-By", "X-AspNet-Version", "Via", "Access-Control-Allow-Origin"),
    *("Access-Control-Allow-Credentials", "X-XSS-Protection", "Public-Key-Pins", "Refresh"),
)
ID = record_id(1)
ANSWERS = [
    *(("GET", path) for path in ("/", "/overview", "/export", "/access-log", "/enter")),
    *(("GET", path) for path in (f"/records/{ID}", f"/records/{ID}/raw", "/overview/charges.csv")),
    *(("GET", path) for path in ("/healthz", "/openapi.json", "/api/v1/fields")),
    *(
        ("GET", path)
        for path in ("/static/console.js", "/static/none.js", "/nothing", "/records/x")
    ),
    *(("GET", path) for path in ("/compare", "/enter/none", "/sign-in", "/search/none")),
    *(("HEAD", "/"), ("DELETE", "/"), ("POST", "/search"), ("POST", "/api/v1/search")),
    *(("POST", "/export"), ("POST", "/enter"), ("POST", "/leave")),
]


def checked(headers: Mapping[str, str], *, kept: bool, secure: bool) -> list[str]:
    """What of the checklist an answer does not keep."""
    wrong = [
        f"{name}: {headers.get(name)}" for name in EXACTLY if headers.get(name) != EXACTLY[name]
    ]
    wrong += [name for name in NEVER if name in headers]
    directives = [each.split() for each in headers["Content-Security-Policy"].split(";")]
    if {each[0]: set(each[1:]) for each in directives} != POLICY:
        wrong.append(headers["Content-Security-Policy"])
    allowed = headers["Permissions-Policy"].split(", ")
    if not {"camera=()", "microphone=()", "geolocation=()"} <= set(allowed):
        wrong.append(headers["Permissions-Policy"])
    if not all(each.endswith("=()") for each in allowed):
        wrong.append(headers["Permissions-Policy"])
    if ("no-store" in headers["Cache-Control"]) is kept:
        wrong.append(headers["Cache-Control"])
    if headers.get("Content-Type", "").startswith("text/") and "charset=utf-8" not in headers.get(
        "Content-Type", ""
    ):
        wrong.append(headers["Content-Type"])
    promise = headers.get("Strict-Transport-Security")
    if secure and (promise is None or int(promise.partition("=")[2]) < 31_536_000):
        wrong.append(f"Strict-Transport-Security: {promise}")
    if not secure and promise is not None:
        wrong.append("a promise of TLS over plain HTTP")
    return wrong


async def flaws(here: Site, visitor: Visitor, *, secure: bool) -> dict[str, list[str]]:
    """Every kind of answer that breaks the checklist: to a reader, a stranger and a program."""
    found: dict[str, list[str]] = {}
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(here.url) as stranger:
        for who, client, headers in (
            ("reader", visitor.client, {}),
            ("stranger", stranger, {}),
            ("program", stranger, bearer),
        ):
            for method, path in ANSWERS:
                form = {"csrf": visitor.csrf if path != "/leave" else "", "shape": "csv"}
                sent = {**form, "filter": "", "purpose": "p"} if method == "POST" else None
                async with client.request(
                    method, path, headers=headers, data=sent, allow_redirects=False
                ) as answer:
                    assert answer.status < 500, (who, path)
                    kept = path == "/static/console.js" and answer.status == 200
                    if wrong := checked(answer.headers, kept=kept, secure=secure):
                        found[f"{who} {method} {path}"] = wrong
    return found


async def test_every_answer_keeps_the_checklist() -> None:
    """Pages, redirections, errors, JSON, CSV, archives and assets, to whoever asks."""
    async with site([a_record(1)]) as here, here.visitor() as visitor:
        assert await flaws(here, visitor, secure=False) == {}


async def test_behind_tls_every_answer_promises_it() -> None:
    """With an https address, `Strict-Transport-Security` comes with each of them."""
    async with (
        site([a_record(1)], url="https://audit.example.org") as here,
        aiohttp.ClientSession(here.url) as stranger,
    ):
        assert await flaws(here, Visitor(stranger), secure=True) == {}


async def cookies_of(url: str, path: str) -> list[str]:
    """The cookies that an answer sets."""
    async with (
        aiohttp.ClientSession(url) as client,
        client.get(path, allow_redirects=False) as answer,
    ):
        return answer.headers.getall("Set-Cookie", [])


@pytest.mark.parametrize(("url", "name"), [(None, ""), ("https://audit.example.org", "__Host-")])
async def test_a_sessions_cookie_is_bound_to_the_site(url: str | None, name: str) -> None:
    """HttpOnly, of no other host, of the whole site; over TLS never sent without it."""
    async with site(url=url) as here:
        code = here.console.sessions.link(here.console.owner)
        (set_cookie,) = await cookies_of(here.url, f"/enter/{code}")
        ((key, cookie),) = SimpleCookie(set_cookie).items()
        assert key == f"{name}auditstream_session"
        assert (cookie["path"], cookie["domain"], cookie["httponly"]) == ("/", "", True)
        assert bool(cookie["secure"]) is (url is not None)
        assert cookie["samesite"] == "Strict"
        # The browser sends it under this name, and it is the one that is looked for.
        async with aiohttp.ClientSession(here.url, cookies={key: cookie.value}) as client:
            async with client.get("/api/v1/fields") as answer:
                assert answer.status == 200
            other = "auditstream_session" if name else "__Host-auditstream_session"
        async with (
            aiohttp.ClientSession(here.url, cookies={other: cookie.value}) as client,
            client.get("/api/v1/fields") as answer,
        ):
            assert answer.status == 401


@pytest.mark.parametrize(("url", "name"), [(None, ""), ("https://audit.example.org", "__Secure-")])
async def test_a_searchs_cookie_goes_with_its_own_page_only(url: str | None, name: str) -> None:
    """It is bound to the page's path, to this site and to no script."""
    async with site(url=url) as here:
        code = here.console.sessions.link(here.console.owner)
        ((key, cookie),) = SimpleCookie((await cookies_of(here.url, f"/enter/{code}"))[0]).items()
        session = here.console.sessions.find(cookie.value)
        assert session is not None
        async with (
            aiohttp.ClientSession(here.url, cookies={key: cookie.value}) as client,
            client.post(
                "/search",
                data={"filter": "refund", "csrf": session.csrf},
                allow_redirects=False,
            ) as answer,
        ):
            (set_cookie,) = answer.headers.getall("Set-Cookie")
        ((key, cookie),) = SimpleCookie(set_cookie).items()
        assert key == f"{name}auditstream_search"
        assert cookie["path"] == answer.headers["Location"] == f"/search/{session.named('refund')}"
        assert (cookie["domain"], cookie["httponly"], cookie["samesite"]) == ("", True, "Strict")
        assert bool(cookie["secure"]) is (url is not None)


async def test_the_cookies_of_a_sign_in_come_back_from_the_provider_and_end() -> None:
    """Lax, for a browser that another site sends back; the one of the way there ends with it."""
    async with house(roles=["Log.Admin"]) as there, there.browser() as browser:
        (begun,) = await cookies_of(there.site.url, "/sign-in")
        assert "SameSite=Lax" in begun
        assert "HttpOnly" in begun
        assert "Max-Age=600" in begun
        async with browser.client.get("/sign-in", allow_redirects=False) as answer:
            at_provider = answer.headers["Location"]
        async with browser.client.get(at_provider, allow_redirects=False) as answer:
            back = answer.headers["Location"]
        async with browser.client.get(back, allow_redirects=False) as answer:
            given = answer.headers.getall("Set-Cookie")
        session, ended = sorted(given)
        assert session.startswith("auditstream_session=")
        assert "SameSite=Lax" in session
        assert "HttpOnly" in session
        assert ended.startswith('auditstream_sign_in=""')
        assert "Max-Age=0" in ended


async def test_leaving_clears_what_the_browser_kept() -> None:
    """Its cache and storage, and no cookie of a neighbouring site."""
    async with site() as here, here.visitor() as visitor:
        data = {"csrf": visitor.csrf}
        async with visitor.client.post("/leave", data=data, allow_redirects=False) as answer:
            assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
            assert "auditstream_session" in answer.headers["Set-Cookie"]
