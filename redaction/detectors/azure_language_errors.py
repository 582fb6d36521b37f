"""What Azure AI Language's refusals are in our words: literal tables.

The law: what the service or the SDK says is never repeated, since it may quote the text. A request
ends in one of three ways that are not an answer: come later (`Throttled`), nobody answered sensibly
(`Unanswered`), or the request itself is at fault (`Refused`). What an operator can mend, a wrong
key too, counts as unanswered: the deliveries wait for it. Codes are `InnerErrorCode`, `ErrorCode`
and `WarningCodeValue` of the REST API 2023-04-01.
"""

from __future__ import annotations

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

__all__ = [
    "MISPLACED",
    "TRUNCATED",
    "UNSUPPORTED_LANGUAGE",
    "Refused",
    "Throttled",
    "Unanswered",
    "is_texts_fault",
    "translated",
]

UNSUPPORTED_LANGUAGE = "unsupportedlanguagecode"
TRUNCATED = "documenttruncated"
# Our own: a finding is not where the answer says, so that nobody knows where it is.
MISPLACED = "misplaced"

_KEY = "the key or identity was refused: see language.key"

_ANSWERS: dict[int, str] = {
    401: _KEY,
    403: f"{_KEY}; or a firewall, a role or the quota forbids it",
    404: "there is no such service: see language.endpoint",
    408: "the service took too long",
    500: "the service failed",
    502: "the service cannot be reached through its gateway",
    503: "the service is unavailable",
    504: "the service cannot be reached through its gateway",
}
# The request was read, and what stands in it is wrong.
_REQUESTS_FAULT = frozenset({400, 413, 422})
# Of these, what is wrong with every request alike.
_SETTINGS_FAULT = frozenset({"modelversionincorrect", "invalidparametervalue"})
# What a document's error says of its text; any other is the service's own trouble.
_TEXTS_FAULT = frozenset(
    {
        "invalidargument",
        "invaliddocument",
        "invalidrequest",
        MISPLACED,
        TRUNCATED,
        UNSUPPORTED_LANGUAGE,
    }
)
_LONGEST_RETRY_AFTER = 86_400.0


class Throttled(Exception):
    """The service takes no more for now; `retry_after` seconds, where it says."""

    def __init__(self, retry_after: float | None) -> None:
        super().__init__()
        self.retry_after = retry_after


class Unanswered(Exception):
    """There is no answer that can be used; the message says why, in words that are ours."""


class Refused(Exception):
    """This request is refused whenever it comes; the message is the service's code."""


def translated(problem: AzureError | TimeoutError) -> Throttled | Unanswered | Refused:
    """Give the error to raise in place of what the SDK raised."""
    if isinstance(problem, HttpResponseError) and problem.status_code is not None:
        return _answered(problem, problem.status_code)
    if isinstance(problem, TimeoutError):
        return Unanswered("no answer within language.timeout")
    if isinstance(problem, ClientAuthenticationError):
        return Unanswered(f"{_KEY} (signing in failed)")
    if isinstance(problem, ServiceRequestError):
        return Unanswered("the service cannot be reached")
    if isinstance(problem, ServiceResponseError):
        return Unanswered("the service broke off its answer")
    return Unanswered(f"the call failed ({type(problem).__name__})")


def is_texts_fault(code: str) -> bool:
    """Whether a document's error code says that this text can never be read."""
    return code.lower() in _TEXTS_FAULT


def _answered(problem: HttpResponseError, status: int) -> Throttled | Unanswered | Refused:
    retry_after = _retry_after(problem)
    if status == 429 or (status == 503 and retry_after is not None):
        return Throttled(retry_after)
    code = str(getattr(problem.error, "code", None) or "")
    if status in _REQUESTS_FAULT and code.lower() not in _SETTINGS_FAULT:
        return Refused(f"status {status}")
    if code.lower() in _SETTINGS_FAULT:
        return Unanswered("the request is not one for this service: see language.model_version")
    return Unanswered(_ANSWERS.get(status, f"status {status}"))


def _retry_after(problem: HttpResponseError) -> float | None:
    """The pause that the service asks for, in seconds (RFC 9110 §10.2.3; it sends no dates)."""
    said = str(getattr(problem.response, "headers", {}).get("Retry-After", ""))
    if not (said.isascii() and said.isdigit()):
        return None
    return min(float(said), _LONGEST_RETRY_AFTER)
