"""A reading room over memory, served on a real socket, and a browser's manners to visit it."""

from __future__ import annotations

import itertools
import re
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import msgspec
from aiohttp.test_utils import TestServer

from audit.record import RedactedRecord
from audit.telemetry import Log, NoLog
from console.app import Console, build_app
from console.leaving import Leavings
from console.oidc.sign_in import SignIn
from console.principal import Principal, Role
from console.room import ReadingRoom, Sources
from console.sealed import BrowserSeal
from console.sessions import Sessions
from storage.access.memory import MemoryAccessLog, MemorySavedSearches
from storage.access.port import Access, EndedSessions
from storage.records.facts_walk import WalkingFacts, WalkingTotals
from storage.records.memory import MemoryLedger, MemoryRecords
from tests.contract.samples import an_entry

__all__ = ["ADMIN", "NOW_NS", "TOKEN", "Site", "Visitor", "a_seal", "site"]

# A minute after the samples' time.
NOW_NS = 1_795_168_860 * 10**9
TOKEN = "a-token-of-at-least-16-characters"
ADMIN = Principal("ada", "token", Role.ADMIN)
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


def a_seal(*keys: bytes, site: str = "") -> BrowserSeal:
    """What seals cookies: two of the same keys and site open each other's."""
    # Counted, so that two sites that are asked the same give the same cookies.
    nonces = itertools.count(1)
    return BrowserSeal(keys or (bytes(32),), site, lambda: next(nonces).to_bytes(12))


@dataclass
class Site:
    """The served room, and what is behind it."""

    url: str
    records: MemoryRecords
    ledger: MemoryLedger
    log: MemoryAccessLog
    console: Console

    async def put(self, *records: RedactedRecord) -> None:
        """Store records with their ledger entries."""
        for record in records:
            await self.records.put(record)
            entry = an_entry(record.tap.seq)
            await self.ledger.enter(
                msgspec.structs.replace(
                    entry,
                    consumer=record.consumer,
                    day=record.day,
                    record_digest=record.integrity.record_digest,
                )
            )

    async def looks(self) -> list[Access]:
        """What was entered in the access log, oldest first."""
        return [each.access async for each in self.log.entries()]

    @asynccontextmanager
    async def visitor(self, principal: Principal = ADMIN) -> AsyncIterator[Visitor]:
        """Let a browser in as somebody."""
        jar = aiohttp.CookieJar(unsafe=True)  # the address is an IP
        headers = {"Accept": "text/html"}
        async with aiohttp.ClientSession(self.url, cookie_jar=jar, headers=headers) as client:
            code = self.console.sessions.link(principal)
            visitor = Visitor(client)
            assert (await visitor.get(f"/enter/{code}")).status == 200
            yield visitor


@dataclass
class Answer:
    """What came back."""

    status: int
    text: str = field(repr=False)
    path: str
    headers: dict[str, str]
    body: bytes = field(repr=False)


@dataclass
class Visitor:
    """A browser: it keeps its cookie, follows redirections, and posts its page's own token."""

    client: aiohttp.ClientSession
    csrf: str = ""

    async def get(self, path: str) -> Answer:
        """Open a page."""
        async with self.client.get(path) as answer:
            return await self._read(answer)

    async def post(self, path: str, **values: str) -> Answer:
        """Post a form of the page that was opened last."""
        data = {"csrf": self.csrf, **values}
        async with self.client.post(path, data=data) as answer:
            return await self._read(answer)

    async def search(self, text: str) -> Answer:
        """Ask as the box does."""
        return await self.post("/search", filter=text)

    async def _read(self, answer: aiohttp.ClientResponse) -> Answer:
        body = await answer.read()
        text = body.decode("utf-8", "replace")
        if found := _CSRF.search(text):
            self.csrf = found[1]
        return Answer(answer.status, text, answer.url.path_qs, dict(answer.headers), body)


@asynccontextmanager
async def site(
    records: Sequence[RedactedRecord] = (),
    *,
    max_rows: int = 1000,
    max_export: int = 1000,
    store: MemoryRecords | None = None,
    sign_in: Callable[[str], SignIn] | None = None,
    url: str | None = None,
    events: Log | None = None,
    seal: BrowserSeal | None = None,
    clock: Callable[[], float] = lambda: 0.0,
    draw: Callable[[], str] | None = None,
    ended: EndedSessions | None = None,
) -> AsyncIterator[Site]:
    """Serve a room with these records, out of a store of one's own or a plain one.

    `sign_in` makes accounts for a site at an address; `seal` is what its cookies are sealed with.
    """
    # Bound at once: a provider must know the address before the site is put together.
    bound = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{bound.getsockname()[1]}"
    store, ledger, log = store or MemoryRecords(), MemoryLedger(), MemoryAccessLog()
    sources = Sources(store, WalkingFacts(store), WalkingTotals(ledger), ledger, log)
    drawn = itertools.count(1)
    draw = draw or (lambda: f"drawn-{next(drawn)}")
    console = Console(
        room=ReadingRoom(sources, lambda: NOW_NS, max_rows=max_rows),
        sessions=Sessions(seal or a_seal(), draw, clock),
        saved=MemorySavedSearches(),
        owner=ADMIN,
        token=TOKEN,
        max_export=max_export,
        leavings=Leavings(ended, clock) if ended is not None else None,
        sign_in=sign_in(address) if sign_in is not None else None,
        url=url if url is not None or sign_in is None else address,
        log=events or NoLog(),
    )
    async with TestServer(build_app(console), socket_factory=lambda *_: bound) as server:
        made = Site(str(server.make_url("/")), store, ledger, log, console)
        await made.put(*records)
        yield made
