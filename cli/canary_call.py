"""One call to a tap, as any client would make it.

The law: it ends within `SECONDS`, follows nowhere, and whatever goes wrong is told in our own
words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar

from cli.checks.wire import Unanswered, reason

__all__ = ["SECONDS", "Answered", "post"]

# A model that repeats a page of text takes some ten seconds.
SECONDS = 120.0
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back: the status, and the beginning of the body as text."""

    status: int
    text: str = field(repr=False)


async def post(url: str, headers: Mapping[str, str], body: bytes) -> Answered:
    """Post a body. Raises `Unanswered`; then the tap may or may not have seen the call."""
    timeout = ClientTimeout(total=SECONDS)
    session = ClientSession(timeout=timeout, cookie_jar=DummyCookieJar())
    try:
        async with (
            session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            read = await response.content.read(_MOST_BYTES)
            return Answered(response.status, read.decode("utf-8", "replace"))
    except (ClientError, TimeoutError, OSError, ValueError) as error:
        raise Unanswered(reason(error, SECONDS)) from None
