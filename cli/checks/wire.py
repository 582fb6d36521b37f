"""One harmless question to a server: `HEAD /` without a credential, and what its answer tells.

The law: nothing secret is sent, nothing that was answered is kept but the status and the server's
clock, and the question ends within `SECONDS`.
"""

from __future__ import annotations

import os
import ssl
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
)

__all__ = ["SECONDS", "Answer", "Unanswered", "ask", "reason"]

SECONDS = 10.0


class Unanswered(Exception):
    """Nobody answered; the message says why, in words that are ours."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The status, after how many seconds it came, and the server's clock less ours, if it tells."""

    status: int
    seconds: float
    ahead: float | None


async def ask(url: str, tls: ssl.SSLContext | None = None) -> Answer:
    """Ask for the head of the root. Raises `Unanswered`."""
    begun = time.monotonic()
    session = ClientSession(timeout=ClientTimeout(total=SECONDS), cookie_jar=DummyCookieJar())
    try:
        async with session, session.head(url, ssl=tls or True, allow_redirects=False) as response:
            taken = time.monotonic() - begun
            return Answer(response.status, taken, _ahead(response.headers.get("Date"), taken))
    except (ClientError, TimeoutError, OSError, ValueError) as error:
        raise Unanswered(reason(error, SECONDS)) from None


def _ahead(date: str | None, taken: float) -> float | None:
    """The server wrote its date about half way through the exchange."""
    if date is None:
        return None
    try:
        return parsedate_to_datetime(date).timestamp() - (time.time() - taken / 2)
    except (TypeError, ValueError):
        return None


def reason(error: Exception, seconds: float) -> str:
    """Say why a server gave no answer in so many seconds, in words that are ours."""
    match error:
        case ClientConnectorCertificateError() | ClientConnectorSSLError():
            return "its certificate is not trusted, or it does not speak TLS"
        case ClientConnectorDNSError():
            return "its name is not known to the resolver"
        case ClientConnectorError():
            return f"no connection ({os.strerror(error.os_error.errno or 0).lower()})"
        case TimeoutError():
            return f"no answer within {seconds:.0f} s"
        case _:
            return f"no answer in HTTP ({type(error).__name__})"
