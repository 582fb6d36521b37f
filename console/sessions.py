"""Sessions: a link, a token or an account becomes a cookie, and a cookie a principal.

The law: what a browser holds is drawn at random and kept here only as a digest, so that nothing
in this process's memory can be shown as a cookie. A link works once. Sessions end after a time
without use, after a longest time in any case, and with the process.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from console.principal import Principal, Visit, stated

__all__ = ["Session", "Sessions"]

IDLE_SECONDS = 8 * 3600.0
LONGEST_SECONDS = 24 * 3600.0
# A person has a handful; the limits keep a script from filling the memory.
MOST_SESSIONS = 1_000
MOST_SEARCHES = 200


@dataclass(slots=True)
class Session:
    """One browser that was let in. `csrf` must come with whatever it sends that changes things."""

    principal: Principal
    csrf: str = field(repr=False)
    began: float
    used: float
    purpose: str = field(default="", repr=False)
    _secret: str = field(default="", repr=False)
    _searches: OrderedDict[str, str] = field(default_factory=OrderedDict, repr=False)

    @property
    def visit(self) -> Visit:
        """Its principal with the purpose they gave."""
        return Visit(self.principal, self.purpose)

    def remember(self, text: str) -> str:
        """Keep a filter, and give the name it has in addresses, which tells nothing of it."""
        name = hmac.digest(self._secret.encode(), text.encode(), "sha256").hex()[:16]
        self._searches[name] = text
        self._searches.move_to_end(name)
        while len(self._searches) > MOST_SEARCHES:
            self._searches.popitem(last=False)
        return name

    def recall(self, name: str) -> str | None:
        """The filter of this name, while it is kept."""
        return self._searches.get(name)

    def state_purpose(self, text: str) -> None:
        """Take what the reader says it is for, as one line."""
        self.purpose = stated(text)


class Sessions:
    """All browsers that were let in. `draw` gives a random token, `now` seconds that only rise.

    A session ends after `idle` seconds without use and `longest` seconds from its beginning.
    """

    def __init__(
        self,
        draw: Callable[[], str],
        now: Callable[[], float],
        *,
        idle: float = IDLE_SECONDS,
        longest: float = LONGEST_SECONDS,
    ) -> None:
        self._draw = draw
        self._now = now
        self._idle = idle
        self._longest = longest
        self._links: dict[str, Principal] = {}
        self._open: OrderedDict[str, Session] = OrderedDict()

    def link(self, principal: Principal) -> str:
        """Make the code of a link that lets one browser in, once."""
        code = self._draw()
        self._links[_digest(code)] = principal
        return code

    def follow(self, code: str) -> Principal | None:
        """Say whom the code of a link lets in, once; None for any other text."""
        return self._links.pop(_digest(code), None)

    def open(self, principal: Principal) -> str:
        """Begin a session; gives the cookie."""
        cookie, now = self._draw(), self._now()
        session = Session(principal, self._draw(), now, now, _secret=self._draw())
        self._open[_digest(cookie)] = session
        while len(self._open) > MOST_SESSIONS:
            self._open.popitem(last=False)
        return cookie

    def find(self, cookie: str) -> Session | None:
        """The session of a cookie, which is used by this; None where there is none any more."""
        key = _digest(cookie)
        session = self._open.get(key)
        if session is None:
            return None
        now = self._now()
        if now - session.used > self._idle or now - session.began > self._longest:
            del self._open[key]
            return None
        session.used = now
        return session

    def close(self, cookie: str) -> None:
        """End a session."""
        self._open.pop(_digest(cookie), None)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
