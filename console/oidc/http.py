"""The questions to a provider over HTTP: short, without redirections, and bounded.

The law: an answer is at most 1 MiB and comes within the time that the settings give; certificates
are checked; no cookie is kept; and whatever goes wrong is one reason without a word of the answer.
"""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Mapping

from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
)

from console.oidc.refusal import Refusal, refused

__all__ = ["HttpWire"]

_MOST_BYTES = 1024 * 1024


class HttpWire:
    """Implements `Wire`. `tls` is None for the certificates of the system."""

    def __init__(self, tls: ssl.SSLContext | None, timeout: float) -> None:
        self._tls = tls or True
        self._timeout = ClientTimeout(total=timeout)

    async def get(self, url: str) -> bytes:
        """Fetch a document."""
        status, body = await self._asked("GET", url, {}, None)
        if status != 200:
            raise refused(Refusal.UNREACHABLE)
        return body

    async def post(
        self, url: str, fields: Mapping[str, str], login: tuple[str, str] | None
    ) -> tuple[int, bytes]:
        """Post a form."""
        return await self._asked("POST", url, fields, login)

    async def _asked(
        self, method: str, url: str, fields: Mapping[str, str], login: tuple[str, str] | None
    ) -> tuple[int, bytes]:
        headers = {"Accept": "application/json"}
        if login is not None:
            headers["Authorization"] = f"Basic {b64encode(':'.join(login).encode()).decode()}"
        session = ClientSession(timeout=self._timeout, cookie_jar=DummyCookieJar(), headers=headers)
        try:
            async with (
                session,
                session.request(
                    method, url, data=fields or None, ssl=self._tls, allow_redirects=False
                ) as answer,
            ):
                return answer.status, await _body(answer)
        except (ClientError, TimeoutError, OSError, ValueError):
            raise refused(Refusal.UNREACHABLE) from None


async def _body(answer: ClientResponse) -> bytes:
    body = b""
    async for chunk in answer.content.iter_chunked(65_536):
        body += chunk
        if len(body) > _MOST_BYTES:
            raise refused(Refusal.STRANGE)
    return body
