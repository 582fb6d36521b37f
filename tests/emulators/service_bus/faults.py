"""What the broker is told to do wrong. All of it can be set and taken back while it runs.

Plain values: whoever acts on them asks at the moment of acting.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

__all__ = ["Faults"]


@dataclass(slots=True)
class Faults:
    """No fault at first.

    `silent` accepts connections and reads nothing that arrives on any; what came meanwhile is
    dealt with when it ends, as by a process that was stopped and goes on.
    `refusing` closes the listening port, so that a connection is refused.
    `cut_after` cuts a connection once that many transfers have come over it (any link but
    `$cbs`), before the last of them is dealt with.
    `lost_acknowledgements` counts down with each transfer that is stored and then, in place of
    its disposition, answered by a cut. `lost_settlements` does so with dispositions of receivers.
    `slow_acceptance` and `slow_settlement` are seconds between the arrival of a transfer, or of a
    settlement, and its effect and acknowledgement. They delay; they do not queue one behind the
    other.
    `refused_attach` is the condition with which attaches to a queue or to its `$management` are
    refused, `refused_roles` whose: a client's that would `send`, or `receive`.
    `refused_tokens` has `$cbs` answer 401 to every token.
    `busy` counts down with each transfer that is rejected with `com.microsoft:server-busy`.
    `rate` is how many transfers are taken in each second; what comes above is rejected likewise.
    """

    silent: bool = False
    refusing: bool = False
    cut_after: int | None = None
    lost_acknowledgements: int = 0
    lost_settlements: int = 0
    slow_acceptance: float = 0.0
    slow_settlement: float = 0.0
    refused_attach: str | None = None
    refused_roles: Collection[str] = ("send", "receive")
    refused_tokens: bool = False
    busy: int = 0
    rate: int | None = None
