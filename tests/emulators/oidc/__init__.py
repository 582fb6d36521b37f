"""An OpenID Connect provider for tests: real signatures, and misbehaviour on command."""

from __future__ import annotations

from tests.emulators.oidc.faults import Fault
from tests.emulators.oidc.server import CLIENT, SECRET, OidcServer, oidc_server

__all__ = ["CLIENT", "SECRET", "Fault", "OidcServer", "oidc_server"]
