"""Keys from environment variables: for containers that are given their secrets that way.

The law of this module: a variable that is needed and missing is named, with what it is for; none
is ever shown. The variables are read by whoever constructs this, once.
"""

from __future__ import annotations

from collections.abc import Mapping

from audit.errors import KeyMissing, SettingInvalid
from audit.signing import Role
from storage.keys import (
    SigningKey,
    TapKeys,
    TrustedKey,
    WorkerKeys,
    signing_key,
    tap_keys,
    trusted_key,
    worker_keys,
)

__all__ = ["EnvironmentKeys"]

PUBLIC = "AUDITSTREAM_KEY_PUBLIC"
PRIVATE = "AUDITSTREAM_KEY_PRIVATE"
FINGERPRINT = "AUDITSTREAM_KEY_FINGERPRINT"
SIGN = "AUDITSTREAM_KEY_SIGN"
TRUSTED = "AUDITSTREAM_KEY_TRUSTED"

_MAKE = "`auditstream keys new` makes one"


class EnvironmentKeys:
    """A `KeyProvider` over variables by name.

    A process is one part, so there is one signing key; who it speaks for is what `trusted` says.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given

    def tap(self) -> TapKeys:
        """What a tap seals and recognises with; the first public key is the current one."""
        public, *earlier = self._listed(PUBLIC)
        return tap_keys(public, self._needed(FINGERPRINT), earlier)

    def worker(self) -> WorkerKeys:
        """Every private key that is given."""
        return worker_keys(self._listed(PRIVATE), self._needed(FINGERPRINT))

    def signing(self, role: Role) -> SigningKey:
        """The private key of this process, whichever its role is."""
        needed = self._needed(SIGN, f"the {role}'s private signing key; {_MAKE}")
        return signing_key(needed)

    def trusted(self) -> tuple[TrustedKey, ...]:
        """The public keys that are given with their roles."""
        if TRUSTED not in self._given:
            return ()
        return tuple(_trusted(each) for each in self._listed(TRUSTED))

    def _listed(self, name: str) -> list[str]:
        return self._needed(name).split(",")

    def _needed(self, name: str, what: str = "") -> str:
        if name in self._given:
            return self._given[name]
        others = ", ".join(sorted(self._given))
        meaning = f": {what}" if what else ""
        raise KeyMissing(f"environment {name} is needed where {others} is set{meaning}")


def _trusted(text: str) -> TrustedKey:
    role, _, public = text.strip().partition(":")
    if role not in set(Role):
        roles = " or ".join(f"{each}:<base64>" for each in Role)
        raise SettingInvalid(f"environment {TRUSTED}: each key is {roles}")
    return trusted_key(Role(role), public)
