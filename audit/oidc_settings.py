"""The settings of sign-in with accounts: who vouches for people, and what their claims grant.

Nothing is asked of a provider unless `console.oidc.issuer` is set. The claims are those of the ID
token; in Entra ID, `roles` holds the app roles that somebody was assigned, and `groups` the object
ids of their groups.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from audit.engine_settings import Secret

__all__ = ["OidcSettings", "Origin", "is_private"]

# Where plain HTTP does not leave the machine.
_LOCAL_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


def is_private(url: str) -> bool:
    """Whether what is sent to this address is read by nobody on the way."""
    parts = urlsplit(url)
    plain = parts.scheme == "http" and parts.hostname in _LOCAL_HOSTS
    return plain or (parts.scheme == "https" and bool(parts.hostname))


def _over_tls(value: str) -> str:
    parts = urlsplit(value)
    if not is_private(value):
        raise ValueError("must be a URL that begins with https:// (http:// on this machine only)")
    if parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError("must be a URL without name, query or fragment")
    return value


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise ValueError("must be a URL such as https://audit.example.com")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("must be a scheme, host and port only")
    return value.rstrip("/")


# The address of a site as browsers see it: scheme, host, and the port if it is not the usual one.
Origin = Annotated[str, AfterValidator(_origin)]


class OidcSettings(BaseModel):
    """An OpenID Connect provider, such as Entra ID."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    issuer: Annotated[str, AfterValidator(_over_tls)] | None = Field(
        None,
        description=(
            "The provider's issuer, https://login.microsoftonline.com/TENANT/v2.0; people then"
            " come in by their accounts only."
        ),
    )
    client_id: str | None = Field(
        None,
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="Id under which the provider knows the reading room.",
    )
    client_secret: Secret | None = Field(
        None, description="Secret that goes with it, where the provider wants one beside PKCE."
    )
    ca: Path | None = Field(
        None, description="File of CA certificates for the provider; the system's when not set."
    )
    timeout: float = Field(
        10.0, gt=0, le=60, description="Seconds that one request to the provider may take."
    )
    subject_claim: str = Field(
        "sub",
        min_length=1,
        description="Claim that names an account for ever: sub, or oid in Entra ID.",
    )
    name_claim: str = Field(
        "preferred_username",
        min_length=1,
        description="Claim that is shown as a person's name; it grants nothing.",
    )
    roles_claim: str = Field(
        "roles", min_length=1, description="Claim whose values `console.oidc.roles` translates."
    )
    groups_claim: str = Field(
        "groups",
        min_length=1,
        description="Claim that may assign consumers too, beside the roles claim.",
    )
    roles: dict[str, Literal["reader", "reviewer", "admin"]] = Field(
        {"reader": "reader", "reviewer": "reviewer", "admin": "admin"},
        description="Role that a value of the roles claim grants: reader, reviewer or admin.",
    )
    consumers: dict[str, list[str]] = Field(
        default_factory=dict,
        description=(
            "Consumers that a value of the roles or groups claim lets readers and reviewers see:"
            " {team-a = ['shop', 'desk']}; '*' is all of them."
        ),
    )
