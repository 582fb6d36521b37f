"""The provider: description, keys, authorization, tokens, and the end of its own session.

The law: without a fault it is as strict as a provider must be. A code is good once, for the client,
the way back and the verifier it was given for; a client that shows another secret gets nothing.
Whoever asks for authorization is signed in at once as `person`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus, urlencode

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.emulators.oidc.faults import Fault, token_with
from tests.emulators.oidc.signing import SigningKey, key_number

__all__ = ["CLIENT", "SECRET", "OidcServer", "oidc_server"]

CLIENT = "reading-room"
SECRET = "a secret+with/signs"


@dataclass
class OidcServer:
    """The running provider. What it says of itself, of `person`, and does wrong can be changed."""

    issuer: str
    redirect: str = ""
    person: dict[str, Any] = field(default_factory=dict)
    fault: Fault | None = None
    described: dict[str, Any] = field(default_factory=dict)
    keys: list[SigningKey] = field(default_factory=lambda: [key_number(1)])
    more_keys: list[dict[str, Any]] = field(default_factory=list)
    withdrawn: bool = False
    asked: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def rotate(self, number: int) -> None:
        """Sign with another key from now on, and list it alone."""
        self.keys = [key_number(number)]

    def description(self) -> dict[str, Any]:
        """The discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/logout",
            "response_types_supported": ["code"],
            **self.described,
        }

    def token(self, nonce: str) -> str:
        """Make an ID token for `person`."""
        now = int(time.time())
        ours = {"iss": self.issuer, "aud": CLIENT, "sub": "subject-1", "nonce": nonce}
        claims = {**ours, "iat": now, "exp": now + 3600, **self.person}
        return token_with(self.fault, claims, self.keys[0])

    def application(self) -> web.Application:
        """Put the paths together."""
        app = web.Application()
        app.router.add_get("/tenant/.well-known/openid-configuration", self._description)
        app.router.add_get("/tenant/keys", self._keys)
        app.router.add_get("/tenant/authorize", self._authorize)
        app.router.add_post("/tenant/token", self._token)
        app.router.add_get("/tenant/logout", self._logout)
        return app

    async def _description(self, request: web.Request) -> web.Response:
        del request
        self.asked.append("description")
        return web.json_response(self.description())

    async def _keys(self, request: web.Request) -> web.Response:
        del request
        self.asked.append("keys")
        own = [] if self.withdrawn else [key.jwk() for key in self.keys]
        return web.json_response({"keys": [*own, *self.more_keys]})

    async def _authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        good = (
            asked.get("client_id") == CLIENT
            and asked.get("redirect_uri") == self.redirect
            and asked.get("response_type") == "code"
            and asked.get("code_challenge_method") == "S256"
            and "openid" in asked.get("scope", "").split()
            and len(asked.get("nonce", "")) > 20
        )
        if not good:
            return web.Response(status=400, text="this client asked for something else")
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        return web.Response(status=302, headers={"Location": f"{self.redirect}?{back}"})

    async def _token(self, request: web.Request) -> web.StreamResponse:
        self.asked.append("token")
        match self.fault:
            case Fault.BROKEN:
                return web.Response(status=500)
            case Fault.HUGE:
                return await _endless(request)
            case Fault.REDIRECT:
                return web.Response(status=302, headers={"Location": f"{self.issuer}/elsewhere"})
            case Fault.NO_TOKEN:
                return web.json_response({"access_token": "x", "token_type": "Bearer"})
        form = {name: str(value) for name, value in (await request.post()).items()}
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None or self.fault is Fault.CODE or not self._is_client(request, form, asked):
            return web.json_response({"error": "invalid_grant"}, status=400)
        self.tokens.append(self.token(asked["nonce"]))
        return web.json_response({"id_token": self.tokens[-1], "token_type": "Bearer"})

    def _is_client(self, request: web.Request, form: dict[str, str], asked: dict[str, str]) -> bool:
        if "token_endpoint_auth_methods_supported" in self.described:
            shown = f"{form.get('client_id')}:{form.get('client_secret')}"
        else:
            # No method in the description means `client_secret_basic`, of form-encoded values.
            basic = request.headers.get("Authorization", "").removeprefix("Basic ")
            shown = unquote_plus(base64.b64decode(basic).decode())
        verifier = form.get("code_verifier", "")
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        return (
            shown == f"{CLIENT}:{SECRET}"
            and form.get("grant_type") == "authorization_code"
            and form.get("redirect_uri") == self.redirect
            and 43 <= len(verifier) <= 128
            and digest.rstrip(b"=").decode() == asked["code_challenge"]
        )

    async def _logout(self, request: web.Request) -> web.Response:
        return web.Response(text=f"left; back to {request.query['post_logout_redirect_uri']}")


async def _endless(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    try:
        while True:
            await answer.write(b"x" * 65_536)
    except (ConnectionError, asyncio.CancelledError):
        return answer


@asynccontextmanager
async def oidc_server(**person: Any) -> AsyncIterator[OidcServer]:
    """Run one, under a path of its own as Entra ID's tenants have it."""
    server = OidcServer("")
    server.person = person
    async with TestServer(server.application()) as running:
        server.issuer = str(running.make_url("/tenant"))
        yield server
