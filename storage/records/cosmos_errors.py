"""What Cosmos DB's refusals are in our words: one literal table.

The law: what the service or the SDK says is never repeated, since it may quote what it was sent.
Whatever can be mended by the operator or by waiting is transient, a wrong key too: the deliveries
wait for it. Permanent is only what is wrong with the one document at hand.
"""

from __future__ import annotations

from collections.abc import Mapping

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.cosmos.exceptions import CosmosClientTimeoutError, CosmosHttpResponseError

from audit.errors import AuditStreamError, RecordInvalid, StoreUnavailable

__all__ = ["CHARGE", "charge_of", "translated"]

CHARGE = "x-ms-request-charge"
_RETRY_AFTER = "x-ms-retry-after-ms"

# Seconds after which to try what the service answered with 449, a write that met another one.
_MET_ANOTHER = 0.1

_KEY = "does not accept the key or identity; see store.key"
_NOBODY = (
    "gets no token from this process, which cannot sign in as any identity; give it one that"
    " DefaultAzureCredential finds, or set store.key"
)
_PROVISION = "has no such database or container; run auditstream provision"

_ANSWERS: dict[int, str] = {
    401: _KEY,
    403: f"refuses: it {_KEY}, or a firewall or a role of the account forbids it",
    404: _PROVISION,
    408: "took too long over a request",
    409: "met a conflict that was not expected",
    410: "is moving the data",
    412: "found the document changed meanwhile",
    429: "has no request units left for now",
    449: "met another write of the same document",
    500: "failed",
    502: "cannot be reached through its gateway",
    503: "is unavailable",
    504: "cannot be reached through its gateway",
}
_WRITES: dict[int, str] = {
    400: "the store refuses the document as malformed",
    413: "the document is larger than the store takes",
}


def translated(
    problem: AzureError | TimeoutError, where: str, *, writing: bool
) -> AuditStreamError:
    """The error to raise; `where` names account and container for people."""
    if isinstance(problem, CosmosHttpResponseError):
        return _answered(problem, where, writing=writing)
    if isinstance(problem, ClientAuthenticationError):
        # Where nobody has answered, no credential was found that could be shown.
        return StoreUnavailable(f"{where} {_KEY if problem.status_code else _NOBODY}")
    if isinstance(problem, CosmosClientTimeoutError | TimeoutError):
        return StoreUnavailable(f"{where} did not answer within store.timeout")
    if isinstance(problem, ServiceRequestError):
        return StoreUnavailable(f"{where} cannot be reached")
    if isinstance(problem, ServiceResponseError):
        return StoreUnavailable(f"{where} broke off its answer")
    return StoreUnavailable(f"{where} failed ({type(problem).__name__})")


def charge_of(headers: Mapping[str, str]) -> float:
    """Request units that an answer cost, as its header says; 0 where it says nothing readable."""
    try:
        return float(headers.get(CHARGE, 0))
    except ValueError:
        return 0.0


def _answered(problem: CosmosHttpResponseError, where: str, *, writing: bool) -> AuditStreamError:
    status = problem.status_code or 0
    if writing and status in _WRITES:
        return RecordInvalid(_WRITES[status])
    sentence = _ANSWERS.get(status, f"answered {status}")
    return StoreUnavailable(f"{where} {sentence}", retry_after=_retry_after(problem))


def _retry_after(problem: CosmosHttpResponseError) -> float | None:
    if problem.status_code == 449:
        return _MET_ANOTHER
    try:
        return float(problem.headers[_RETRY_AFTER]) / 1000
    except (KeyError, TypeError, ValueError):
        return None
