"""The provider: its description, its keys, and a code made into a token.

The law: the description is believed only from the issuer that the settings name, word for word,
and leads nowhere but over TLS (or on this machine). Keys are fetched again after an hour, and
for an unknown key's id at once, but not more often than every ten seconds: a key that the
provider has withdrawn is soon not believed any more, a new one at once, and nobody can make us
ask without end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote_plus

import msgspec

from audit.oidc_settings import is_private
from console.oidc.refusal import Refusal, refused
from console.oidc.tokens import Key, keys_of

__all__ = ["Client", "Metadata", "Provider", "Wire"]

KEPT_SECONDS = 3600.0
RETRY_SECONDS = 10.0


class Wire(Protocol):
    """Two questions over HTTP. Both raise `SignInRefused` where nobody answers."""

    async def get(self, url: str) -> bytes:
        """Fetch a document; anything but 200 is no answer."""

    async def post(
        self, url: str, fields: Mapping[str, str], login: tuple[str, str] | None
    ) -> tuple[int, bytes]:
        """Post a form, with a name and password where `login` has them: status and body."""


@dataclass(frozen=True, slots=True)
class Client:
    """What the provider knows us as. `redirect` is where it sends browsers back to."""

    issuer: str
    id: str
    redirect: str
    secret: str | None = field(default=None, repr=False)


class Metadata(msgspec.Struct, frozen=True):
    """A provider's description (OpenID Connect Discovery 1.0), as far as it is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None = None
    # Its default is given by the specification.
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Answer(msgspec.Struct):
    id_token: str


class Provider:
    """Asks the provider of one client. `now` gives seconds that only rise."""

    def __init__(self, wire: Wire, client: Client, now: Callable[[], float]) -> None:
        self.client = client
        self._wire = wire
        self._now = now
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, tuple[Key, ...]] | None = None

    async def metadata(self) -> Metadata:
        """Fetch the description, or give the one that was. Raises `SignInRefused`."""
        held, now = self._metadata, self._now()
        if held is None or now - held[0] > KEPT_SECONDS:
            at = f"{self.client.issuer.rstrip('/')}/.well-known/openid-configuration"
            held = (now, _metadata(await self._wire.get(at), self.client.issuer))
            self._metadata = held
        return held[1]

    async def keys(self) -> tuple[Key, ...]:
        """Fetch the keys that sign. Raises `SignInRefused`."""
        asked = self._now()
        found = keys_of(await self._wire.get((await self.metadata()).jwks_uri))
        self._keys = (asked, found)
        return found

    async def key(self, kid: str | None) -> Key:
        """Give the key of this id. Raises `SignInRefused` where the provider names none.

        A token without an id is signed by the provider's only key, or by none that is known.
        """
        held, now = self._keys, self._now()
        key = _named(held[1], kid) if held and now - held[0] <= KEPT_SECONDS else None
        if key is None and (held is None or now - held[0] > RETRY_SECONDS):
            key = _named(await self.keys(), kid)
        if key is None:
            raise refused(Refusal.KEY)
        return key

    async def redeem(self, code: str, verifier: str) -> str:
        """Make a code into an ID token (text, not yet believed). Raises `SignInRefused`."""
        metadata, client = await self.metadata(), self.client
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect,
            "client_id": client.id,
            "code_verifier": verifier,
        }
        login: tuple[str, str] | None = None
        if client.secret is not None:
            if "client_secret_post" in metadata.token_endpoint_auth_methods_supported:
                fields["client_secret"] = client.secret
            else:
                # RFC 6749, section 2.3.1: both are form-encoded first.
                login = (quote_plus(client.id), quote_plus(client.secret))
        status, body = await self._wire.post(metadata.token_endpoint, fields, login)
        return _id_token(status, body)


def _named(keys: tuple[Key, ...], kid: str | None) -> Key | None:
    fitting = [key for key in keys if kid is None or key.id == kid]
    return fitting[0] if len(fitting) == 1 else None


def _metadata(document: bytes, issuer: str) -> Metadata:
    try:
        described = msgspec.json.decode(document, type=Metadata)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise refused(Refusal.STRANGE) from None
    leads_to = (described.authorization_endpoint, described.token_endpoint, described.jwks_uri)
    ends = described.end_session_endpoint
    if described.issuer != issuer or not all(map(_safe, (*leads_to, *([ends] if ends else ())))):
        raise refused(Refusal.STRANGE)
    return described


def _safe(url: str) -> bool:
    try:
        return is_private(url)
    except ValueError:  # no URL at all
        return False


def _id_token(status: int, body: bytes) -> str:
    if status >= 500:
        raise refused(Refusal.UNREACHABLE)
    if status != 200:
        raise refused(Refusal.CODE)
    try:
        return msgspec.json.decode(body, type=_Answer).id_token
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise refused(Refusal.MALFORMED) from None
