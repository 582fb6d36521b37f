"""What the tap says in its own name, where no answer of the upstream can be passed on.

The law: one table, so that whoever reads a caller's log finds each code and its meaning here.
"""

from __future__ import annotations

from dataclasses import dataclass

from tap.heads import tap_error

__all__ = [
    "AUDIT_UNAVAILABLE",
    "CLIENT_IDLE",
    "DEFECT",
    "NO_CONNECT",
    "UPSTREAM_DISCONNECTED",
    "UPSTREAM_TIMEOUT",
    "UPSTREAM_UNREACHABLE",
    "Refusal",
]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of the tap's own: status, reason, code, and a sentence for whoever debugs."""

    status: int
    reason: str
    code: str
    message: str

    def answer(self, *, head_only: bool) -> bytes:
        """Write it; `head_only` for HEAD."""
        return tap_error(self.status, self.reason, self.code, self.message, head_only=head_only)


AUDIT_UNAVAILABLE = Refusal(
    503,
    "Service Unavailable",
    "audit_unavailable",
    "this call may not pass unrecorded, and the audit cannot record it now",
)
NO_CONNECT = Refusal(
    405,
    "Method Not Allowed",
    "method_not_allowed",
    "CONNECT is not forwarded: there is one upstream",
)
UPSTREAM_UNREACHABLE = Refusal(
    502, "Bad Gateway", "upstream_unreachable", "the upstream cannot be reached"
)
UPSTREAM_DISCONNECTED = Refusal(
    502,
    "Bad Gateway",
    "upstream_disconnected",
    "the upstream closed the connection without an answer",
)
UPSTREAM_TIMEOUT = Refusal(
    504, "Gateway Timeout", "upstream_timeout", "the upstream did not answer in time"
)
CLIENT_IDLE = Refusal(408, "Request Timeout", "client_idle", "the request did not arrive in time")
DEFECT = Refusal(500, "Internal Server Error", "tap_defect", "this call could not be carried")
