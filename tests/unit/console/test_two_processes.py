"""Two query sides behind one address with a key in common: what one begins the other takes up."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import ClientResponse
from yarl import URL

from audit.errors import StoreUnavailable
from console.leaving import HEARD_WITHIN, Leavings
from console.sealed import BrowserSeal
from console.sessions import LONGEST_SECONDS, RENEWED_AFTER
from storage.access.memory import MemoryEndedSessions
from storage.access.port import EndedSessions
from tests.contract.samples import a_record, record_id
from tests.emulators.oidc import OidcServer, oidc_server
from tests.unit.console.accounts import Clock, signing_in
from tests.unit.console.kit import Site, Visitor, a_seal, site
from tests.unit.console.test_sign_in import ADMIN, READER, refusal


@dataclass
class Pair:
    """Two processes, the provider of accounts, and the clock of all."""

    here: Site
    there: Site
    provider: OidcServer
    clock: Clock

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[Visitor]:
        """A browser that is sent to either, by whole addresses."""
        jar = aiohttp.CookieJar(unsafe=True)  # the address is an IP
        async with aiohttp.ClientSession(cookie_jar=jar, headers={"Accept": "text/html"}) as client:
            yield Visitor(client)

    async def come_back(self, browser: Visitor, begin: Site) -> str:
        """Sign in as far as the provider's answer: the path that it sends the browser to."""
        address = f"{begin.url}sign-in"
        for _ in range(2):
            async with browser.client.get(address, allow_redirects=False) as answer:
                address = answer.headers["Location"]
        return urlsplit(address)._replace(scheme="", netloc="").geturl().removeprefix("/")


@asynccontextmanager
async def pair(
    person: Mapping[str, Any], key: bytes = bytes(32), ended: EndedSessions | None = None
) -> AsyncIterator[Pair]:
    """Serve two, of which the second has this key; both have the address of the first.

    `ended` is what they share of sessions that were left.
    """
    clock = Clock()
    mine, other = a_seal(bytes(32)), a_seal(key)
    async with oidc_server(**person) as provider, _site(provider, clock, mine, ended) as here:
        provider.redirect = f"{here.url}sign-in/back"
        async with _site(provider, clock, other, ended, here.url.rstrip("/")) as there:
            yield Pair(here, there, provider, clock)


@asynccontextmanager
async def _site(
    provider: OidcServer,
    clock: Clock,
    seal: BrowserSeal,
    ended: EndedSessions | None,
    url: str | None = None,
) -> AsyncIterator[Site]:
    make = signing_in(provider, clock, seal)
    async with site(
        [a_record(1), a_record(2)],
        sign_in=lambda own: make(url or own),
        url=url,
        seal=seal,
        clock=clock.rising,
        draw=lambda: secrets.token_urlsafe(32),
        ended=ended,
    ) as made:
        yield made


async def test_a_sign_in_begun_at_one_is_ended_at_the_other_and_read_at_both() -> None:
    """The provider's answer may come anywhere; what follows is the same session."""
    async with pair(READER) as two, two.browser() as browser:
        path = await two.come_back(browser, begin=two.here)
        async with browser.client.get(f"{two.there.url}{path}", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/")
        for side in (two.here, two.there, two.here):
            page = await browser.get(f"{side.url}records/{record_id(1)}")
            assert page.status == 200
            assert page.path.startswith("/records/")
        assert [look.deed.value for look in await two.there.looks()] == ["enter", "view"]
        assert {look.who for look in await two.here.looks()} == {"ada@example.org [subject-ada]"}


async def test_an_answer_is_taken_once_by_either() -> None:
    """Where it was taken it is known; elsewhere the provider knows its code."""
    async with pair(READER) as two, two.browser() as browser:
        path = await two.come_back(browser, begin=two.here)
        held = {each.key: each.value for each in browser.client.cookie_jar}
        await browser.get(f"{two.there.url}{path}")
        async with two.browser() as thief:
            for side, reason in ((two.there, "state_unknown"), (two.here, "code_refused")):
                thief.client.cookie_jar.update_cookies(held, URL(side.url))
                assert refusal(await thief.get(f"{side.url}{path}")) == reason


async def test_a_page_of_one_is_posted_to_the_other() -> None:
    """Its token is taken, its search is known, followed, exported, and its purpose stated."""
    async with pair(READER) as two, two.browser() as browser:
        await browser.get(f"{two.here.url}{await two.come_back(browser, begin=two.there)}")
        assert (await browser.get(two.here.url)).status == 200
        async with await _posted(browser, two.there, "search", filter="consumer:demo") as answer:
            name = answer.headers["Location"]
        for side in (two.here, two.there):
            page = await browser.get(f"{side.url.rstrip('/')}{name}")
            assert page.path == name
            assert 'value="consumer:demo"' in page.text
            assert (
                'value="consumer:demo"' in (await browser.get(f"{side.url}{name[1:]}/export")).text
            )
            async with await _posted(browser, side, f"{name[1:]}/newer", json=True) as answer:
                assert answer.status == 200
        async with await _posted(browser, two.here, "purpose", purpose="case 7") as answer:
            assert answer.status == 303
        await browser.get(f"{two.there.url}records/{record_id(2)}")
        assert (await two.there.looks())[-1].purpose == "case 7"


async def test_who_leaves_is_out_where_they_left_and_their_browser_everywhere() -> None:
    """With nothing in common, a copy of the cookie is good elsewhere until its time is over."""
    async with pair(READER) as two, two.browser() as browser, two.browser() as thief:
        await browser.get(f"{two.here.url}{await two.come_back(browser, begin=two.here)}")
        await browser.get(two.here.url)
        held = {each.key: each.value for each in browser.client.cookie_jar}
        async with await _posted(browser, two.here, "leave") as answer:
            assert answer.status == 303
        assert await _is_out(browser, two.here)
        assert await _is_out(browser, two.there)
        thief.client.cookie_jar.update_cookies(held, URL(two.here.url))
        assert await _is_out(thief, two.here)
        assert not await _is_out(thief, two.there)
        # However often it is used, and so renewed.
        for _ in range(int(LONGEST_SECONDS // 3600)):
            two.clock.seconds += 3600.0
            await thief.get(two.there.url)
        two.clock.seconds += 1.0
        assert await _is_out(thief, two.there)


async def test_who_leaves_is_out_everywhere_within_seconds_where_a_store_is_shared() -> None:
    """A copy of the cookie opens nothing at the other side either; so it is with a new sign-in."""
    async with pair(READER, ended=MemoryEndedSessions()) as two, two.browser() as browser:
        for leave in (True, False):
            await browser.get(f"{two.here.url}{await two.come_back(browser, begin=two.here)}")
            await browser.get(two.here.url)
            held = {each.key: each.value for each in browser.client.cookie_jar}
            async with two.browser() as thief:
                thief.client.cookie_jar.update_cookies(held, URL(two.here.url))
                assert not await _is_out(thief, two.there)
                if leave:
                    (await _posted(browser, two.here, "leave")).close()
                else:
                    back = await two.come_back(browser, begin=two.here)
                    await browser.get(f"{two.here.url}{back}")
                assert await _is_out(thief, two.here)
                two.clock.seconds += HEARD_WITHIN
                assert await _is_out(thief, two.there)


class Silent(MemoryEndedSessions):
    """A store that does not answer."""

    async def end(self, session: str, until: float) -> None:
        """Refuse."""
        del session, until
        raise StoreUnavailable("no answer")

    async def has_ended(self, session: str) -> bool:
        """Refuse."""
        del session
        raise StoreUnavailable("no answer")


async def test_where_nobody_can_tell_who_has_left_nothing_is_shown() -> None:
    """And who leaves meanwhile is out where they left, and is told that others may not know."""
    store = MemoryEndedSessions()
    async with pair(READER, ended=store) as two, two.browser() as browser:
        await browser.get(f"{two.here.url}{await two.come_back(browser, begin=two.here)}")
        await browser.get(two.here.url)
        store.__class__ = Silent
        two.clock.seconds += HEARD_WITHIN
        page = await browser.get(f"{two.there.url}records/{record_id(1)}")
        assert (page.status, "refund" in page.text) == (503, False)
        async with await _posted(browser, two.here, "leave") as answer:
            assert answer.status == 503
            assert "you have left here" in await answer.text()
        assert await _is_out(browser, two.here)
        store.__class__ = MemoryEndedSessions
        assert await _is_out(browser, two.there)


@pytest.mark.parametrize("leave", [True, False])
async def test_who_leaves_again_tells_the_others_what_they_could_not_be_told(leave: bool) -> None:
    """It is over here by then: the first answer was lost, or a new sign-in was refused."""
    store = MemoryEndedSessions()
    async with pair(READER, ended=store) as two, two.browser() as browser, two.browser() as thief:
        await browser.get(f"{two.here.url}{await two.come_back(browser, begin=two.here)}")
        await browser.get(two.here.url)
        held = {each.key: each.value for each in browser.client.cookie_jar}
        for kind, statuses in ((Silent, {503}), (MemoryEndedSessions, {200, 303})):
            store.__class__ = kind
            browser.client.cookie_jar.update_cookies(held, URL(two.here.url))
            if leave:
                async with await _posted(browser, two.here, "leave") as answer:
                    status = answer.status
            else:
                path = await two.come_back(browser, begin=two.here)
                status = (await browser.get(f"{two.here.url}{path}")).status
            assert status in statuses
        thief.client.cookie_jar.update_cookies(held, URL(two.here.url))
        for side in (two.here, two.there):
            assert await _is_out(thief, side)


async def test_a_session_is_asked_for_once_in_a_while() -> None:
    """Not at each click, and again when the time is over in which one must hear of it."""
    clock, store = Clock(), Counting()
    leavings = Leavings(store, clock.rising)
    for _ in range(5):
        assert not await leavings.heard("a1")
    assert store.asked == 1
    await store.end("a1", 0.0)
    clock.seconds += HEARD_WITHIN
    for _ in range(2):
        assert await leavings.heard("a1")


class Counting(MemoryEndedSessions):
    """Counts how often it is asked."""

    asked = 0

    async def has_ended(self, session: str) -> bool:
        """Answer, and count."""
        self.asked += 1
        return await super().has_ended(session)


async def test_a_session_that_is_used_is_renewed_for_the_same_site() -> None:
    """With the marks of the first cookie, and not by the answer that ends it."""
    async with pair(ADMIN) as two, two.browser() as browser:
        await browser.get(f"{two.here.url}{await two.come_back(browser, begin=two.here)}")
        two.clock.seconds += RENEWED_AFTER
        async with browser.client.get(f"{two.there.url}overview") as answer:
            ((name, cookie),) = SimpleCookie(answer.headers["Set-Cookie"]).items()
        assert (name, cookie["samesite"], cookie["httponly"]) == (
            "auditstream_session",
            "Lax",
            True,
        )
        assert (cookie["path"], cookie["max-age"]) == ("/", "")
        async with browser.client.get(f"{two.here.url}overview") as answer:
            assert "Set-Cookie" not in answer.headers
        await browser.get(two.here.url)
        two.clock.seconds += RENEWED_AFTER
        async with await _posted(browser, two.here, "leave") as answer:
            ended = [SimpleCookie(each) for each in answer.headers.getall("Set-Cookie")]
        assert {(name, each["max-age"]) for made in ended for name, each in made.items()} == {
            ("auditstream_session", "0"),
            ("auditstream_purpose", "0"),
        }


@pytest.mark.parametrize("key", [b"x" * 32])
async def test_without_a_key_in_common_nothing_is_taken_up(key: bytes) -> None:
    """Neither a sign-in nor a session, nor is the one at the other side lost by trying."""
    async with pair(READER, key) as two, two.browser() as browser:
        path = await two.come_back(browser, begin=two.here)
        assert refusal(await browser.get(f"{two.there.url}{path}")) == "state_unknown"
        await browser.get(f"{two.here.url}{await two.come_back(browser, begin=two.here)}")
        assert await _is_out(browser, two.there)
        assert not await _is_out(browser, two.here)


async def _is_out(browser: Visitor, side: Site) -> bool:
    address = f"{side.url}records/{record_id(1)}"
    return (await browser.get(address)).path.startswith("/enter")


async def _posted(
    browser: Visitor, side: Site, path: str, *, json: bool = False, **values: str
) -> ClientResponse:
    """Post a form, or an empty list, with the token of the page that was read last."""
    return await browser.client.post(
        f"{side.url}{path}",
        data=None if json else values,
        json={"shown": []} if json else None,
        headers={"X-CSRF-Token": browser.csrf},
        allow_redirects=False,
    )
