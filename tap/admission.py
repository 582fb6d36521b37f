"""Admission: a call goes on once its opening is written, or as its consumer's policy says.

The law: this is the only thing of ours that a call waits for. Whatever goes wrong here is the
audit's failure and not the caller's: the policy decides, and the number tells.
"""

from __future__ import annotations

from audit.exchange import OnAuditFailure
from tap.consumers import ConsumerPolicy
from tap.desk import Desk
from tap.heads import RequestHead
from tap.recording import Recording

__all__ = ["admit"]


async def admit(desk: Desk, head: RequestHead, started: float) -> tuple[bool, Recording | None]:
    """Put the opening into the spool; tells whether the call may go on, and what records it.

    `started` is when the request arrived (monotonic seconds). A call that goes on without a
    recording is one that the audit could not take and that its policy lets pass.
    """
    number = desk.spool.next_number()
    policy = ConsumerPolicy()
    try:
        opening, caller = desk.opening(head, number)
        policy = caller.policy
        await desk.spool.open(opening, strict=policy.strict)
    except Exception as error:  # noqa: BLE001 - a defect of ours is the audit's failure
        desk.audit_unavailable(number, policy, error)
        return policy.on_audit_failure is not OnAuditFailure.CLOSED, None
    desk.refusing = ""
    return True, desk.recorder.begin(opening, started)
