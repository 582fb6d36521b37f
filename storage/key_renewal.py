"""Keys that a running worker learns of: looked up again where one is not known yet.

The law of this module: a rotation never sets data aside. Parts start at different times, so that a
worker meets what a newer tap sealed or signed; it reads its keys again before it says that one is
missing. A key that was taken away since is not forgotten before the next start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from audit.errors import AuditStreamError, KeyMissing
from audit.signing import Role, Trust
from storage.keys import TrustedKey, WorkerKeys
from storage.seal import FrameOpener, Wrapped
from storage.sealing import HpkeOpener
from storage.signing import TrustedKeys

__all__ = ["RenewedOpener", "RenewedTrust"]


class RenewedOpener:
    """An `Opener` over the keys that `read` gives, now and whenever one is missing."""

    def __init__(self, read: Callable[[], WorkerKeys], trust: Trust) -> None:
        self._trust = trust
        self._read = read
        self._keys = read()
        self._opener = HpkeOpener(self._keys, trust)

    def segment(self, wrapped: Wrapped) -> FrameOpener:
        """Unwrap a data key; raises as the port says."""
        try:
            return self._opener.segment(wrapped)
        except KeyMissing:
            if not self._learn(wrapped.key_id):
                raise
            return self._opener.segment(wrapped)

    def _learn(self, key_id: str) -> bool:
        try:
            keys = self._read()
        except AuditStreamError:
            return False
        if key_id not in keys.private_keys:
            return False
        known = {**self._keys.private_keys, **keys.private_keys}
        self._keys = WorkerKeys(known, self._keys.fingerprint_key)
        self._opener = HpkeOpener(self._keys, self._trust)
        return True


class RenewedTrust:
    """A `Trust` in the keys that `read` gives, now and whenever a signature is not borne out."""

    def __init__(self, read: Callable[[], Iterable[TrustedKey]]) -> None:
        self._read = read
        self._keys = frozenset(read())
        self._trust = TrustedKeys(self._keys)

    def bears_out(self, role: Role, statement: bytes, signature: str | None) -> bool:
        """Whether a key that is trusted by now signed exactly this statement; never raises."""
        if self._trust.bears_out(role, statement, signature):
            return True
        self._learn()
        return self._trust.bears_out(role, statement, signature)

    def _learn(self) -> None:
        with suppress(AuditStreamError):
            known = self._keys | frozenset(self._read())
            if known != self._keys:
                # In this order: on another thread what is no longer new is believed already.
                self._trust = TrustedKeys(known)
                self._keys = known
