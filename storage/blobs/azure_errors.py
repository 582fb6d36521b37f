"""What Blob Storage's errors mean here: a literal table.

The law: whatever the service or the SDK says, a caller hears that a blob is missing or that blobs
cannot be had now, with what to do about it. The service's own words are left out: nobody knows
what stands in them. Codes are those of "Blob service error codes" in the service's REST reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from audit.errors import BlobMissing, BlobsUnavailable

__all__ = ["ALREADY_THERE", "error_code", "translated"]

ALREADY_THERE = "BlobAlreadyExists"

_CREDENTIAL = "the credential was refused; see blobs.account and blobs.connection_string"
_ROLE = "the identity may not do this; give it the role Storage Blob Data Contributor"

_NOBODY = (
    "this process cannot sign in as any identity; give it one that DefaultAzureCredential finds, or"
    " set blobs.connection_string"
)

REASONS: dict[str, str] = {
    "AccountIsDisabled": "the account is disabled",
    "AuthenticationFailed": _CREDENTIAL,
    "AuthorizationFailure": f"{_CREDENTIAL}; or the account's network rules keep this machine out",
    "AuthorizationPermissionMismatch": _ROLE,
    "BlobImmutableDueToPolicy": "a policy of immutability keeps blobs from being removed",
    "ContainerBeingDeleted": "the container is being deleted; run `auditstream provision` later",
    "ContainerNotFound": "the container is not there; run `auditstream provision`",
    "InsufficientAccountPermissions": _ROLE,
    "InternalError": "the service failed",
    "InvalidAuthenticationInfo": _CREDENTIAL,
    "KeyBasedAuthenticationNotPermitted": "the account takes no keys: set blobs.account in place"
    " of blobs.connection_string",
    "NoAuthenticationInformation": _CREDENTIAL,
    "OperationTimedOut": "the service did not answer in time",
    "ServerBusy": "the service is busy",
}

# Where there is no code: the first that fits. An error without an answer is one of these.
_KINDS: tuple[tuple[type[AzureError], str], ...] = (
    (ClientAuthenticationError, _CREDENTIAL),
    (ServiceRequestError, "the service could not be reached"),
    (ServiceResponseError, "the service did not answer, or broke off"),
)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise `BlobMissing` or `BlobsUnavailable` in place of what the SDK raises.

    `where` names account and container.
    """
    try:
        yield
    except TimeoutError:
        raise BlobsUnavailable(f"{where}: no answer within blobs.timeout") from None
    except AzureError as error:
        if error_code(error) == "BlobNotFound":
            raise BlobMissing from None
        raise BlobsUnavailable(
            f"{where}: {_reason(error)}", retry_after=_retry_after(error)
        ) from None


def error_code(error: AzureError) -> str:
    """The service's own code; empty where it gave none.

    The answer to a HEAD has no body: then the header has it.
    """
    code = getattr(error, "error_code", None) or _header(error, "x-ms-error-code")
    return str(getattr(code, "value", code))


def _reason(error: AzureError) -> str:
    known = REASONS.get(error_code(error))
    if known is not None:
        return known
    if isinstance(error, ClientAuthenticationError) and error.status_code is None:
        # Nobody has answered: no credential was found that could be shown.
        return _NOBODY
    by_kind = (reason for kind, reason in _KINDS if isinstance(error, kind))
    status = error.status_code if isinstance(error, HttpResponseError) else None
    return next(by_kind, f"the service refused (status {status})")


def _retry_after(error: AzureError) -> float | None:
    """The pause that the service asks for, in seconds."""
    said = _header(error, "Retry-After")
    return float(said) if said.isascii() and said.isdigit() else None


def _header(error: AzureError, name: str) -> str:
    answer = error.response if isinstance(error, HttpResponseError) else None
    return str(getattr(answer, "headers", {}).get(name, ""))
