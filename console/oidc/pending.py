"""Sign-ins under way: what was sent along, so that only its own answer is taken, once.

The law: `state` ties the answer to the browser that began (its cookie), `nonce` ties the token to
this sign-in, the verifier ties the code to us (PKCE, RFC 7636). Each is drawn at random, is good
for one answer within ten minutes, and is forgotten with it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from console.oidc.refusal import Refusal, refused

__all__ = ["MOST_PENDING", "PENDING_SECONDS", "Begun", "Pending"]

PENDING_SECONDS = 600.0
# Strangers can begin sign-ins: the limit keeps them from filling the memory, some 10 MB.
MOST_PENDING = 10_000


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in under way; `began` is in the seconds of `now`."""

    cookie: str = field(repr=False)
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    began: float

    @property
    def challenge(self) -> str:
        """What the provider is told of the verifier (`S256`)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Pending:
    """All sign-ins under way. `draw` gives a random token, `now` seconds that only rise."""

    def __init__(self, draw: Callable[[], str], now: Callable[[], float]) -> None:
        self._draw = draw
        self._now = now
        self._begun: OrderedDict[str, Begun] = OrderedDict()

    def begin(self) -> Begun:
        """Begin one. Those whose time is over go, and the oldest where there are too many."""
        now = self._now()
        begun = Begun(self._draw(), self._draw(), self._draw(), self._draw(), now)
        self._begun[begun.state] = begun
        while len(self._begun) > MOST_PENDING or self._oldest() < now - PENDING_SECONDS:
            self._begun.popitem(last=False)
        return begun

    def take(self, cookie: str, state: str) -> Begun:
        """Take the one that an answer belongs to. Raises `SignInRefused` where there is none."""
        begun = self._begun.pop(state, None)
        if begun is None or self._now() - begun.began > PENDING_SECONDS:
            raise refused(Refusal.STATE)
        if not hmac.compare_digest(cookie.encode("utf-8", "replace"), begun.cookie.encode()):
            raise refused(Refusal.STATE)
        return begun

    def _oldest(self) -> float:
        return next(iter(self._begun.values())).began
