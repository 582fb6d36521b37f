"""A sign-in from its beginning to a person: where to send a browser, and what its return proves.

The law: nothing in the browser's return is believed but what can be held against something of
ours: the state against the sign-in that was begun, the code against the provider itself, the
token against keys, issuer, audience, nonce and clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlencode, urlsplit

from console.oidc.grants import Grants, Person
from console.oidc.pending import Begun, Pending
from console.oidc.provider import Provider
from console.oidc.refusal import Refusal, refused
from console.oidc.tokens import Expected, signed_with, verified

__all__ = ["SignIn"]

_SCOPE = "openid profile"


class SignIn:
    """Signs people in. `now` gives seconds since the epoch, as tokens count them."""

    def __init__(
        self, provider: Provider, pending: Pending, grants: Grants, now: Callable[[], float]
    ) -> None:
        self.grants = grants
        self._provider = provider
        self._pending = pending
        self._now = now

    async def begin(self) -> tuple[str, str]:
        """Begin one: the address to send the browser to, and the cookie that it keeps.

        Raises `SignInRefused` where the provider does not answer.
        """
        endpoint = (await self._provider.metadata()).authorization_endpoint
        begun = self._pending.begin()
        client = self._provider.client
        asked = {
            "response_type": "code",
            "client_id": client.id,
            "redirect_uri": client.redirect,
            "scope": _SCOPE,
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": begun.challenge,
            "code_challenge_method": "S256",
        }
        return _with(endpoint, asked), begun.cookie

    async def finish(self, cookie: str, answer: Mapping[str, str]) -> Person:
        """Take a browser's return: who it is. Raises `SignInRefused`."""
        begun = self._pending.take(cookie, answer.get("state", ""))
        # Sent by providers that follow RFC 9207; an answer of another one is not ours.
        if answer.get("iss", self._provider.client.issuer) != self._provider.client.issuer:
            raise refused(Refusal.ISSUER)
        if "error" in answer or not answer.get("code"):
            raise refused(Refusal.DECLINED)
        token = await self._provider.redeem(answer["code"], begun.verifier)
        return self.grants.person(await self._believed(token, begun))

    async def goodbye(self, back: str) -> str | None:
        """Give the address that ends the provider's own session and leads `back`, if it has one."""
        ends = (await self._provider.metadata()).end_session_endpoint
        if ends is None:
            return None
        said = {"client_id": self._provider.client.id, "post_logout_redirect_uri": back}
        return _with(ends, said)

    async def _believed(self, token: str, begun: Begun) -> Mapping[str, object]:
        _, kid = signed_with(token)
        key = await self._provider.key(kid)
        client = self._provider.client
        return verified(token, key, Expected(client.issuer, client.id, begun.nonce), self._now())


def _with(address: str, parameters: Mapping[str, str]) -> str:
    joint = "&" if urlsplit(address).query else "?"
    return f"{address}{joint}{urlencode(parameters)}"
