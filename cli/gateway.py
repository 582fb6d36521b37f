"""The gateway behind the tap, as the settings name it.

The law: an address or a file of certificates that cannot be used stops the program before anything
starts. Nothing is connected here.
"""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

from audit.errors import SettingInvalid
from audit.settings import Settings
from tap.pool import Endpoint

__all__ = ["endpoint_of"]


def endpoint_of(settings: Settings) -> Endpoint:
    """Where the upstream is. Raises `SettingInvalid` when that is not set or cannot be used."""
    if settings.upstream is None:
        raise SettingInvalid(
            "setting upstream: is needed, such as --upstream https://my-apim.azure-api.net"
            " (or --demo with `auditstream up`)"
        )
    parts = urlsplit(settings.upstream)
    host = parts.hostname or ""
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    shown = f"[{host}]" if ":" in host else host
    authority = shown if parts.port is None else f"{shown}:{port}"
    return Endpoint(host, port, authority.encode(), _tls(settings) if secure else None, host)


def _tls(settings: Settings) -> ssl.SSLContext:
    bundle = settings.tap.upstream_ca
    try:
        context = ssl.create_default_context(cafile=str(bundle) if bundle else None)
    except (OSError, ssl.SSLError):
        raise SettingInvalid(
            f"setting tap.upstream_ca: {bundle} is no file of CA certificates (PEM)"
        ) from None
    context.set_alpn_protocols(["http/1.1"])
    return context
