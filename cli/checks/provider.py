"""The provider of accounts: whether it answers, is the one that is named, and has keys to trust.

Nobody signs in and nothing secret is sent: its description and its keys are public. Whether it
knows the reading room's id and way back is told only by a sign-in.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from audit.errors import SettingInvalid, SignInRefused
from audit.preflight import Finding, failed, passed, skipped
from audit.settings import Settings
from cli.checks.clock import clock
from cli.checks.wire import Unanswered, ask

if TYPE_CHECKING:
    from console.oidc.provider import Provider

__all__ = ["accounts"]

_NAME = "accounts"


async def accounts(settings: Settings) -> AsyncIterator[Finding]:
    """Fetch the description and the keys."""
    from cli.accounts import provider_of  # noqa: PLC0415 - only the console's image has what it needs

    try:
        provider = provider_of(settings)
    except SettingInvalid as error:
        yield failed(_NAME, str(error))
        return
    if provider is None:
        yield skipped(_NAME, "there are none: console.oidc.issuer is not set")
        return
    async for each in _asked(settings, provider):
        yield each


async def _asked(settings: Settings, provider: Provider) -> AsyncIterator[Finding]:
    issuer = provider.client.issuer
    try:
        await provider.metadata()
        yield passed(_NAME, f"{issuer} describes itself under this name")
        count = len(await provider.keys())
    except SignInRefused as error:
        yield _failure(issuer, error)
        return
    if count:
        yield passed(f"{_NAME}: keys", f"{count} to believe tokens by")
    else:
        yield failed(f"{_NAME}: keys", "none that could sign a token that is believed here")
    yield passed(f"{_NAME}: way back", f"register {provider.client.redirect} with the provider")
    if not settings.console.oidc.consumers and set(settings.console.oidc.roles.values()) != {
        "admin"
    }:
        told = "none is assigned to anybody: readers and reviewers will not be let in"
        yield failed(f"{_NAME}: consumers", told, "see console.oidc.consumers")
    try:
        yield clock(_NAME, await ask(issuer))
    except Unanswered as why:
        yield skipped(f"{_NAME}: clock", str(why))


def _failure(issuer: str, error: SignInRefused) -> Finding:
    from console.oidc.refusal import Refusal  # noqa: PLC0415 - as above

    if error.reason == Refusal.UNREACHABLE:
        told = f"{issuer}: no answer to /.well-known/openid-configuration, or to its keys"
        return failed(_NAME, told, "see console.oidc.issuer, the network, and console.oidc.ca")
    told = f"{issuer} describes itself under another name, or in a way that cannot be used"
    return failed(_NAME, told, "console.oidc.issuer must be its `issuer`, letter for letter")
