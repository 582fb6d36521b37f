"""Sessions: a link, a token or an account becomes a cookie, and a cookie a principal.

The law: a session is in its cookie, sealed (`console.sealed`), and in no process; so any query side
that has the key takes it up. What follows from it is made of a secret inside: the token that forms
carry, and the names of its searches. It ends after a time without use, after a longest time in any
case, and when its reader leaves. Of that the other processes hear where they share a store
(`console.leaving`); else a copy that somebody took is good there until its time is over. A link
works once, in the process that made it.

A cookie is sealed anew when it was used a minute after it was sealed, never more often, and nothing
but the instant of its use changes in it: of two answers that cross, either may come last.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from audit.errors import QueryInvalid
from audit.value import Value, from_json, prepare
from console.oidc.refusal import Refusal, refused
from console.principal import Principal, Role, Visit, stated
from console.sealed import LONGEST, BrowserSeal, Kind

__all__ = ["Session", "Sessions"]

IDLE_SECONDS = 8 * 3600.0
LONGEST_SECONDS = 24 * 3600.0
# Clocks of several machines differ; a cookie of the future is of a clock that was wrong.
LEEWAY = 60.0
RENEWED_AFTER = 60.0
# Only who was let in can leave; the limit keeps a script that has the token from filling memory.
MOST_ENDED = 10_000
LONGEST_SEARCH = 3_000


class _Kept(Value, frozen=True):
    """What a cookie holds. Instants are seconds since the epoch."""

    secret: str
    began: float
    used: float
    name: str
    via: str
    role: Role
    consumers: list[str] | None
    subject: str


@dataclass(slots=True)
class Session:
    """One browser that was let in. `csrf` must come with whatever it sends that changes things."""

    principal: Principal
    began: float
    used: float
    purpose: str = field(repr=False)
    secret: str = field(repr=False)
    seal: BrowserSeal = field(repr=False)

    @property
    def id(self) -> str:
        """Which one it is, to us; nothing that a browser shows."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    @property
    def csrf(self) -> str:
        """The token of its pages."""
        return self._made("csrf", "")

    @property
    def visit(self) -> Visit:
        """Its principal with the purpose they gave."""
        return Visit(self.principal, self.purpose)

    def state_purpose(self, text: str) -> str:
        """Take what the reader says it is for, as one line; gives the cookie that keeps it."""
        self.purpose = stated(text)
        return self.seal.seal(Kind.PURPOSE, self.id, self.purpose.encode())

    def named(self, text: str) -> str:
        """The name that a filter has in addresses, which tells nothing of it."""
        return self._made("search", text)[:16]

    def kept(self, text: str) -> str:
        """The cookie that keeps a filter under its name. Raises `QueryInvalid` for one too long."""
        cookie = self.seal.seal(Kind.SEARCH, self._of(self.named(text)), text.encode())
        if len(cookie) > LONGEST_SEARCH:
            raise QueryInvalid("the filter is longer than a page can keep; shorten it")
        return cookie

    def recall(self, name: str, cookie: str) -> str | None:
        """The filter of this name, by the cookie that keeps it; the empty one needs none."""
        if name == self.named(""):
            return ""
        found = self.seal.open(Kind.SEARCH, self._of(name), cookie)
        return None if found is None else found.decode()

    def _of(self, name: str) -> str:
        return f"{self.id}/{name}"

    def _made(self, what: str, of: str) -> str:
        said = f"{what}\n{of}".encode()
        return hmac.digest(self.secret.encode(), said, "sha256").hex()


class Sessions:
    """Lets browsers in. `draw` gives a random token, `now` seconds since the epoch.

    A session ends after `idle` seconds without use and `longest` seconds from its beginning.
    """

    def __init__(
        self,
        seal: BrowserSeal,
        draw: Callable[[], str],
        now: Callable[[], float],
        *,
        idle: float = IDLE_SECONDS,
        longest: float = LONGEST_SECONDS,
    ) -> None:
        self.longest = longest
        self._seal = seal
        self._draw = draw
        self._now = now
        self._idle = idle
        self._links: dict[str, Principal] = {}
        # Sessions that their readers have ended, with the instant at which they would have.
        self._ended: OrderedDict[str, float] = OrderedDict()

    def link(self, principal: Principal) -> str:
        """Make the code of a link that lets one browser in, once."""
        code = self._draw()
        self._links[_digest(code)] = principal
        return code

    def follow(self, code: str) -> Principal | None:
        """Say whom the code of a link lets in, once; None for any other text."""
        return self._links.pop(_digest(code), None)

    def open(self, principal: Principal) -> str:
        """Begin a session; gives the cookie.

        Raises `SignInRefused` for a scope of more consumers than a cookie has room for.
        """
        now = self._now()
        cookie = self._sealed(Session(principal, now, now, "", self._draw(), self._seal))
        if len(cookie) > LONGEST:
            raise refused(Refusal.SIZE)
        return cookie

    def find(self, cookie: str, purpose: str = "") -> Session | None:
        """The session of a cookie, with the purpose of the cookie beside it; None where it is over.

        Whatever is not one of ours is None too.
        """
        session = self.leaving(cookie)
        if session is None or session.id in self._ended:
            return None
        said = self._seal.open(Kind.PURPOSE, session.id, purpose)
        session.purpose = "" if said is None else said.decode()
        return session

    def leaving(self, cookie: str) -> Session | None:
        """The session of a cookie, also one that was ended here; None where its time is over."""
        session = self._opened(cookie)
        return None if session is None or self._over(session) else session

    def renewed(self, session: Session) -> str | None:
        """The cookie to give in place of the one that came, where that is due."""
        now = self._now()
        if now - session.used < min(RENEWED_AFTER, self._idle / 10):
            return None
        session.used = now
        return self._sealed(session)

    def close(self, cookie: str) -> tuple[str, float] | None:
        """End a session, in this process: its id, and the instant when it would be over anyway.

        What is none is left alone. One that was ended gives the same again: whoever was to tell
        the other processes may not have got so far.
        """
        session = self.leaving(cookie)
        if session is None:
            return None
        now = self._now()
        while self._ended and next(iter(self._ended.values())) < now:
            self._ended.popitem(last=False)
        ended = (session.id, session.began + self.longest + LEEWAY)
        self._ended.update([ended])
        while len(self._ended) > MOST_ENDED:
            self._ended.popitem(last=False)
        return ended

    def _over(self, session: Session) -> bool:
        now = self._now()
        if session.began > now + LEEWAY or session.used > now + LEEWAY:
            return True
        return now - session.used > self._idle or now - session.began > self.longest

    def _sealed(self, session: Session) -> str:
        who = session.principal
        kept = _Kept(
            secret=session.secret,
            began=session.began,
            used=session.used,
            name=who.name,
            via=who.via,
            role=who.role,
            consumers=None if who.consumers is None else sorted(who.consumers),
            subject=who.subject,
        )
        return self._seal.seal(Kind.SESSION, "", msgspec.json.encode(kept))

    def _opened(self, cookie: str) -> Session | None:
        data = self._seal.open(Kind.SESSION, "", cookie)
        if data is None:
            return None
        try:
            kept = from_json(data, _Kept)
        except msgspec.DecodeError:  # of another version
            return None
        scope = None if kept.consumers is None else frozenset(kept.consumers)
        who = Principal(kept.name, kept.via, kept.role, scope, kept.subject)
        return Session(who, kept.began, kept.used, "", kept.secret, self._seal)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


prepare(_Kept)
