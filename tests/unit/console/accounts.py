"""Accounts for the kit's site: the provider of `tests.emulators.oidc`, and a log that is kept."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from audit.telemetry import NoLog
from console.oidc.grants import Grants
from console.oidc.http import HttpWire
from console.oidc.pending import Pending
from console.oidc.provider import Client, Provider
from console.oidc.sign_in import SignIn
from console.principal import Role
from console.sealed import BrowserSeal
from tests.contract.samples import a_record
from tests.emulators.oidc import CLIENT, SECRET, OidcServer, oidc_server
from tests.unit.console.kit import Answer, Site, Visitor, a_seal, site

__all__ = ["GRANTS", "Clock", "House", "KeptLog", "house", "signing_in"]

GRANTS = Grants(
    roles={"Log.Reader": Role.READER, "Log.Reviewer": Role.REVIEWER, "Log.Admin": Role.ADMIN},
    consumers={"Log.Reader": ["demo"], "group-7": ["ours"], "everything": ["*"]},
)


@dataclass
class Clock:
    """A clock that is set: seconds that rise, and seconds since the epoch beside it."""

    seconds: float = 0.0

    def rising(self) -> float:
        """As a monotonic clock."""
        return self.seconds

    def wall(self) -> float:
        """As the time of day."""
        return time.time() + self.seconds


class KeptLog(NoLog):
    """A log that can be read."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def warning(self, event: str, **keys: object) -> object:
        """Keep the line."""
        self.lines.append(f"{event} {keys}")
        return None


@dataclass
class House:
    """A site with accounts, its provider, its clock and its log."""

    site: Site
    provider: OidcServer
    clock: Clock
    log: KeptLog
    jars: list[aiohttp.CookieJar] = field(default_factory=list)

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[Visitor]:
        """A browser that nobody was let in with yet."""
        jar = aiohttp.CookieJar(unsafe=True)  # the address is an IP
        headers = {"Accept": "text/html"}
        async with aiohttp.ClientSession(self.site.url, cookie_jar=jar, headers=headers) as client:
            yield Visitor(client)

    async def sign_in(self, browser: Visitor) -> Answer:
        """Go to the provider and come back."""
        return await browser.get("/sign-in")


@asynccontextmanager
async def house(**person: Any) -> AsyncIterator[House]:
    """Serve a room with one record of `demo`, where a person of these claims may sign in."""
    clock, log, seal = Clock(), KeptLog(), a_seal()
    async with oidc_server(**person) as provider:
        make = signing_in(provider, clock, seal)
        async with site(
            [a_record(1)], sign_in=make, events=log, seal=seal, clock=clock.rising
        ) as made:
            provider.redirect = f"{made.url.rstrip('/')}/sign-in/back"
            yield House(made, provider, clock, log)


def signing_in(provider: OidcServer, clock: Clock, seal: BrowserSeal) -> Callable[[str], SignIn]:
    """What signs people in, for a site at an address."""

    def make(address: str) -> SignIn:
        client = Client(provider.issuer, CLIENT, f"{address}/sign-in/back", SECRET)
        asked = Provider(HttpWire(None, 10.0), client, clock.rising)
        drawn = Pending(seal, lambda: secrets.token_urlsafe(32), clock.rising)
        return SignIn(asked, drawn, GRANTS, clock.wall)

    return make
