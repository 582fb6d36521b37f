"""Sign-ins under way: what was sent along, so that only its own answer is taken, once.

The law: `state` ties the answer to the browser that began (its cookie), `nonce` ties the token to
this sign-in, the verifier ties the code to us (PKCE, RFC 7636). Each is drawn at random and is good
for one answer within ten minutes. All of it is in the browser's cookie, sealed, so that the answer
may come to another query side than the one where it began. One that was taken here is not taken
here again; elsewhere the provider refuses the code, which it redeems once (RFC 6749, 4.1.2).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from audit.value import Value, from_json, prepare
from console.oidc.refusal import Refusal, refused
from console.sealed import BrowserSeal, Kind

__all__ = ["MOST_TAKEN", "PENDING_SECONDS", "Begun", "Pending"]

PENDING_SECONDS = 600.0
# Clocks of several machines differ.
LEEWAY = 60.0
# Strangers can begin and end sign-ins: the limit keeps them from filling the memory.
MOST_TAKEN = 10_000


class _Kept(Value, frozen=True):
    """What a cookie holds; `began` is in seconds since the epoch."""

    state: str
    nonce: str
    verifier: str
    began: float


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in under way."""

    cookie: str = field(repr=False)
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)

    @property
    def challenge(self) -> str:
        """What the provider is told of the verifier (`S256`)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Pending:
    """Begins sign-ins and takes their answers.

    `draw` gives a random token, `now` seconds since the epoch.
    """

    def __init__(
        self, seal: BrowserSeal, draw: Callable[[], str], now: Callable[[], float]
    ) -> None:
        self._seal = seal
        self._draw = draw
        self._now = now
        # States that were taken, with the instant from which on nobody would take them anyway.
        self._taken: OrderedDict[str, float] = OrderedDict()

    def begin(self) -> Begun:
        """Begin one."""
        state, nonce, verifier = self._draw(), self._draw(), self._draw()
        kept = _Kept(state=state, nonce=nonce, verifier=verifier, began=self._now())
        cookie = self._seal.seal(Kind.SIGN_IN, "", msgspec.json.encode(kept))
        return Begun(cookie, state, nonce, verifier)

    def take(self, cookie: str, state: str) -> Begun:
        """Take the one that an answer belongs to. Raises `SignInRefused` where there is none."""
        kept, now = self._opened(cookie), self._now()
        if not hmac.compare_digest(state.encode("utf-8", "replace"), kept.state.encode()):
            raise refused(Refusal.STATE)
        if not -LEEWAY <= now - kept.began <= PENDING_SECONDS or kept.state in self._taken:
            raise refused(Refusal.STATE)
        self._note(kept, now)
        return Begun(cookie, kept.state, kept.nonce, kept.verifier)

    def _opened(self, cookie: str) -> _Kept:
        data = self._seal.open(Kind.SIGN_IN, "", cookie)
        try:
            return from_json(data or b"", _Kept)
        except msgspec.DecodeError:
            raise refused(Refusal.STATE) from None

    def _note(self, kept: _Kept, now: float) -> None:
        while self._taken and next(iter(self._taken.values())) < now:
            self._taken.popitem(last=False)
        self._taken[kept.state] = kept.began + PENDING_SECONDS
        while len(self._taken) > MOST_TAKEN:
            self._taken.popitem(last=False)


prepare(_Kept)
