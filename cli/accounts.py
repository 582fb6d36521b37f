"""Who comes in by an account, put together from the settings; the cookies' seal, and the token."""

from __future__ import annotations

import json
import secrets
import ssl
import time

from audit.errors import SettingInvalid
from audit.settings import Settings
from cli.places import console_token
from console.oidc.grants import Grants
from console.oidc.http import HttpWire
from console.oidc.pending import Pending
from console.oidc.provider import Client, Provider
from console.oidc.sign_in import SignIn
from console.principal import Role
from console.sealed import KEY_BYTES, NONCE_BYTES, BrowserSeal

__all__ = ["provider_of", "seal_of", "sign_in_of", "token_of"]


def seal_of(settings: Settings) -> BrowserSeal:
    """What seals cookies: under the keys that are set, else under one that is drawn now."""
    given = [bytes.fromhex(each.get_secret_value()) for each in settings.console.session_keys]
    # Whoever changes what a claim grants does not want it to count from tomorrow on.
    oidc = settings.console.oidc.model_dump(mode="json", exclude={"client_secret", "ca", "timeout"})
    site = json.dumps([settings.console.url, oidc], sort_keys=True)
    keys = given or [secrets.token_bytes(KEY_BYTES)]
    return BrowserSeal(keys, site, lambda: secrets.token_bytes(NONCE_BYTES))


def sign_in_of(settings: Settings, seal: BrowserSeal) -> SignIn | None:
    """What signs people in; None where there are no accounts. Raises `SettingInvalid`."""
    provider = provider_of(settings)
    if provider is None:
        return None
    pending = Pending(seal, lambda: secrets.token_urlsafe(32), time.time)
    return SignIn(provider, pending, _grants(settings), time.time)


def provider_of(settings: Settings) -> Provider | None:
    """The provider, not yet asked; None where the settings name none. Raises `SettingInvalid`."""
    given = settings.console.oidc
    if given.issuer is None or given.client_id is None:
        return None
    secret = given.client_secret
    client = Client(
        issuer=given.issuer,
        id=given.client_id,
        redirect=f"{settings.console.url}/sign-in/back",
        secret=None if secret is None else secret.get_secret_value(),
    )
    return Provider(HttpWire(_tls(settings), given.timeout), client, time.monotonic)


def token_of(settings: Settings) -> str | None:
    """The token for programs. With accounts, none is made: only one that was set is taken."""
    if settings.console.oidc.issuer is not None and settings.console.token is None:
        return None
    return console_token(settings)


def _grants(settings: Settings) -> Grants:
    given = settings.console.oidc
    return Grants(
        roles={value: Role(role) for value, role in given.roles.items()},
        consumers=given.consumers,
        subject_claim=given.subject_claim,
        name_claim=given.name_claim,
        roles_claim=given.roles_claim,
        groups_claim=given.groups_claim,
    )


def _tls(settings: Settings) -> ssl.SSLContext | None:
    ca = settings.console.oidc.ca
    if ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError):
        raise SettingInvalid(f"setting console.oidc.ca: {ca} holds no certificates") from None
