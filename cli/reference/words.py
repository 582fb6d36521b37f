"""What the reference says of codes that no catalogue in the code gives a sentence.

The law: a code that is written somewhere as plain text (an HTTP answer, a metric's label) stands
here too; a test reads the source and fails on one that does not.
"""

from __future__ import annotations

from audit.completeness import Outcome
from audit.exchange import Ending, Level, OnAuditFailure
from redaction.canaries import Result
from redaction.policy import Action
from workers.carrier import Carried
from workers.settlement import TOO_MANY_ATTEMPTS

__all__ = [
    "ACTIONS",
    "CANARY_CODES",
    "CONSOLE_ANSWERS",
    "EXIT_CODES",
    "LABELS",
    "LEVELS",
    "OTHER_CODES",
    "OUTCOMES",
    "TAP_ANSWERS",
    "UNRECORDED",
    "VERDICTS",
]

EXIT_CODES: dict[int, str] = {
    0: "it worked",
    1: "it failed: something did not answer, or is a defect of the program",
    2: "something must be corrected first: a setting, a key, a folder, a filter, an option",
    130: "it was interrupted",
}

VERDICTS: dict[int, str] = {
    0: "complete: every number that was given out is accounted for",
    1: "incomplete: something is lost, altered or inserted",
    2: "could not tell: a source could not be read, or nothing says how far the numbers go",
}

CANARY_CODES: dict[int, str] = {
    0: "clean: what was planted is not in the record, and the rest of the canary's text is",
    1: "leaked: a planted value can be read in the record",
    2: "could not tell: not sent, no record in time, or one without the canary's text; or a setting"
    " or an option must be corrected first",
}

LEVELS: dict[Level, str] = {
    Level.NONE: "metadata only; no body enters any file",
    Level.REDACTED: "the text, with numbered tokens for what was taken out",
    Level.PSEUDONYMISED: "the text, with keyed tokens that stay the same from exchange to exchange",
    Level.FULL: "not available yet; the settings refuse it",
}

OUTCOMES: dict[Outcome, str] = {
    Outcome.STORED: "the ledger says stored, and the record is there as it was entered",
    Outcome.WAITING: "it is in a spool or in the queue",
    Outcome.DEAD_LETTERED: "the queue has set it aside with a code",
    Outcome.REFUSED: "the consumer's policy refused the call, so there is nothing to record",
    Outcome.ERASED: "the record was erased lawfully; the ledger says so",
    Outcome.EXPIRED: "the record's time was over; the ledger says so",
    Outcome.UNREADABLE: "it was set aside because its key is missing or its envelope is damaged",
    Outcome.UNRECORDED: "the tap forwarded it although the audit could not take its opening",
    Outcome.UNLEDGERED: "the record is stored and its ledger entry is on its way",
    Outcome.LOST: "the number was given out and what should be there is not",
    Outcome.ALTERED: "what is there is not what was entered",
    Outcome.INSERTED: "what is there was never announced",
    Outcome.UNDETERMINED: "a source that would tell could not be read",
}

ACTIONS: dict[Action, str] = {
    Action.TOKEN: "a numbered token, `<TYPE_1>`",
    Action.PSEUDONYM: "a keyed token that stays the same within the policy's scope",
    Action.MASK: "asterisks, but for the last characters that the rule keeps",
    Action.DROP: "nothing",
    Action.KEEP: "the value itself: it is not taken out",
}

# Answers of the tap's own: status, code, when. Everything else comes from the upstream.
TAP_ANSWERS: tuple[tuple[int, str, str], ...] = (
    (400, "bad_request", "The bytes are no valid HTTP request; they are not repeated anywhere."),
    (405, "method_not_allowed", "`CONNECT`: there is one upstream, and no other to connect to."),
    (408, "client_idle", "The request did not go on for `tap.upstream_idle_timeout`."),
    (431, "bad_request", "The request line or a header field is longer than `tap.max_head`."),
    (500, "bad_request", "A defect of the tap before anything was forwarded."),
    (502, "upstream_disconnected", "The upstream closed the connection without an answer."),
    (502, "upstream_unreachable", "No connection to the upstream could be made."),
    (503, "audit_unavailable", "The audit cannot record, and the consumer's policy is `closed`."),
    (504, "upstream_timeout", "The upstream was silent for `tap.upstream_idle_timeout`."),
)

# Answers of the query side that are no error class's.
CONSOLE_ANSWERS: tuple[tuple[int, str, str], ...] = (
    (401, "access.denied", "The request shows no token, or another one."),
    (403, "access.denied", "This is not open to whoever asks."),
    (403, "access.forged", "What a browser posted did not come from a page of its own session."),
    (404, "http.error", "There is no such path."),
    (404, "record.unknown", "There is no record of this id."),
    (405, "http.error", "The path does not take this method."),
    (413, "http.error", "The search is longer than 64 KiB."),
)

OTHER_CODES: dict[str, str] = {
    TOO_MANY_ATTEMPTS: "A message came more often than `worker.max_attempts`; it is set aside.",
}

# How a number without an opening is accounted for, in checkpoints.
UNRECORDED: dict[str, str] = {
    "forwarded:<code>": "The opening could not be taken (`<code>`); the call was forwarded.",
    "refused:<code>": "The opening could not be taken (`<code>`); the caller got a 503.",
    "refused:opening.cancelled": "The tap was stopped while it waited for the opening.",
}

# The label of each metric that has one, and the values it takes.
LABELS: dict[str, tuple[str, tuple[str, ...]]] = {
    "auditstream_exchanges_total": ("ending", (*(each.value for each in Ending), "left_to_worker")),
    "auditstream_unrecorded_total": ("policy", tuple(each.value for each in OnAuditFailure)),
    "auditstream_deliveries_total": (
        "outcome",
        (*(each.value for each in Carried), "dead_lettered", "given_back", "lease_lost"),
    ),
    "auditstream_canaries_total": ("result", tuple(each.value for each in Result)),
    "auditstream_language_requests_total": (
        "outcome",
        ("answered", "failed", "refused", "throttled"),
    ),
    "auditstream_store_request_units_total": (
        "operation",
        (
            *(f"records.{verb}" for verb in ("open", "create", "read", "replace", "delete")),
            *(f"ledger.{verb}" for verb in ("open", "create", "read", "replace")),
            *("orders.open", "orders.read", "orders.upsert"),
            *(f"{container}.query" for container in ("records", "ledger", "orders")),
            *("account.provision", "account.check"),
        ),
    ),
}
