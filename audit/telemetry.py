"""What the program says about itself: log events, log keys and metrics, by name.

The law: operational logs carry no content. A log line is an event of this catalogue with keys of
`LOG_KEYS` and nothing else; a key that is not listed is dropped, so that a careless call cannot
leak a prompt. The documentation lists the same catalogue, and a test holds the two together.
"""

from __future__ import annotations

import traceback
from typing import Protocol

__all__ = [
    "EVENTS",
    "LOG_KEYS",
    "METRICS",
    "QUEUE_METRICS",
    "TAP_METRICS",
    "WORKER_METRICS",
    "Count",
    "Log",
    "NoCount",
    "NoLog",
    "frames_of",
]

LogValue = str | int | float | bool | None

# Every key that may stand in a log line. Each holds a number, a code, or a name given by us or
# by the operator; none holds what a caller sent or a model said.
LOG_KEYS = frozenset(
    {
        "attempt",
        "boot",
        "bytes",
        "code",
        "component",
        "count",
        "delay",
        "error_type",
        "exit_code",
        "fields",
        "frames",
        "gaps",
        "id",
        "limit",
        "open",
        "pid",
        "policy",
        "port",
        "reason",
        "seconds",
        "seq",
        "tap",
        "types",
        "waiting",
        "where",
    }
)

EVENTS: dict[str, str] = {
    "tap.started": "The tap listens.",
    "tap.stopped": "The tap has drained and stopped.",
    "tap.audit_unavailable": "An opening could not be recorded; the consumer's policy was applied.",
    "tap.request_rejected": "Bytes that are no valid HTTP request were answered with an error.",
    "tap.upstream_unreachable": "No connection to the upstream could be made.",
    "tap.recording_failed": "Building a record failed; what was captured stays sealed.",
    "tap.unexpected": "An error without a code; what it hit is closed, all else goes on.",
    "tap.drain_deadline": "Exchanges were still open when the drain deadline passed.",
    "shipper.queue_unavailable": "The queue did not take a batch; it is tried again.",
    "shipper.unexpected": "An error without a code while shipping; it is tried again.",
    "shipper.recovered": "The queue takes batches again.",
    "shipper.passed_over": (
        "The queue refuses this exchange and takes others: those go first, it is tried again."
    ),
    "spool.write_failed": "The disk refused a write or a sync; what was acknowledged is kept.",
    "spool.write_recovered": "The spool can be written again.",
    "spool.not_opened": (
        "The disk let no spool be opened: calls go by their consumers' policies, it is tried again."
    ),
    "spool.never_opened": "The tap stopped before it had a spool: so many calls have no number.",
    "spool.recovered": "A previous boot's spool was read: what was found and what was cut.",
    "spool.left_alone": "A file of the spool folder is damaged, foreign or unreadable; it stays.",
    "worker.started": "The worker receives.",
    "worker.stopped": "The worker has drained and stopped.",
    "worker.stored": "A record was stored.",
    "worker.erased": "An exchange that a standing order bars was not stored.",
    "worker.swept": "Records whose time was over were removed.",
    "worker.swept_again": "Records of removed exchanges had come back, and were removed again.",
    "worker.claims_swept": "Bodies in blobs were removed whose exchanges are settled.",
    "worker.overflow_swept": "Bodies of records that are gone were removed from the blobs.",
    "worker.sweep_refused": "Expired records are not what was signed: they stay, see `verify`.",
    "worker.sweep_failed": "A sweep was cut short; it is tried again.",
    "worker.dead_lettered": "A delivery was set aside with a reason code.",
    "worker.retrying": "A delivery was given back, to be tried again.",
    "worker.paused": "A dependency is down: receiving stops until it answers.",
    "worker.resumed": "Receiving goes on.",
    "worker.unexpected": "An error without a code; the delivery is tried again.",
    "redaction.ready": "The detectors are loaded; says which, and what they cannot see.",
    "redaction.process_lost": "A process that redacts died, or was ended for being stuck.",
    "redaction.unexpected": "An error without a code while redacting; the delivery is tried again.",
    "canary.clean": "A canary was stored, and nothing that it planted can be read.",
    "canary.leaked": "A planted value can be read in a canary's record; says types and fields.",
    "canary.unread": "A canary's record does not hold what it said; nothing is shown by it.",
    "console.started": "The query side listens.",
    "console.sign_in_refused": "A sign-in with an account failed; says why, and nothing of whom.",
    "console.stopped": "The query side has stopped.",
    "library.message": "A library logged something; its words are withheld, its name is given.",
    "process.unexpected": "An error that nothing caught, in a thread or a finaliser.",
    "up.started": "All parts run.",
    "up.child_died": "A part died and is started again.",
    "up.stopping": "Draining: tap first, then worker, then query side.",
    "up.stopped": "All parts have stopped.",
}

# What a tap counts and states.
TAP_METRICS: dict[str, str] = {
    "auditstream_exchanges_total": (
        "Exchanges ended, by ending; of one `left_to_worker`, for its size, the worker reads it."
    ),
    "auditstream_exchanges_open": "Exchanges open now.",
    "auditstream_unrecorded_total": "Exchanges whose opening the audit could not take, by policy.",
    "auditstream_requests_rejected_total": "Connections answered with an error before any handler.",
    "auditstream_connections_open": "Client connections open now.",
    "auditstream_connections_refused_total": "Connections beyond the limit, answered 503.",
    "auditstream_heads_timed_out_total": "Connections whose request's head took too long, 408.",
    "auditstream_recording_failures_total": "Records that could not be built from their capture.",
    "auditstream_capture_cut_total": "Bodies that outgrew the capture limit.",
    "auditstream_spool_bytes": "Bytes in the spool folder.",
    "auditstream_spool_open": "Exchanges open in the spool.",
    "auditstream_spool_waiting": "Exchanges in the spool that the queue has not taken yet.",
    "auditstream_spool_dropped_total": "Pieces that found no room in memory or on disk.",
    "auditstream_spool_passed_over": (
        "Exchanges in the spool that the queue refuses although it takes others."
    ),
    "auditstream_shipped_total": "Exchanges handed to the queue.",
    "auditstream_ship_failures_total": "Batches that the queue did not take.",
}

# What a worker counts.
WORKER_METRICS: dict[str, str] = {
    "auditstream_deliveries_total": "Deliveries settled by a worker, by outcome.",
    "auditstream_canaries_total": "Canaries stored, by how they fared; a leaked one is an alarm.",
    "auditstream_expired_total": "Records removed because their time was over.",
    "auditstream_overdue": "Records whose time was over when a sweep began.",
    "auditstream_overdue_oldest_seconds": "For how long the oldest of them has been; 0 for none.",
    "auditstream_store_request_units_total": "Request units that Cosmos DB has charged.",
    "auditstream_claims_swept_total": (
        "Bodies in blobs that were left behind and removed, their exchanges being settled."
    ),
    "auditstream_language_requests_total": "Requests to Azure AI Language, by outcome.",
    "auditstream_language_documents_total": "Documents that Azure AI Language has read.",
}

# What is stated of the queue by whoever can see it: a worker, and a tap whose queue is a file.
QUEUE_METRICS: dict[str, str] = {
    "auditstream_queue_waiting": "Messages that wait in the queue.",
    "auditstream_queue_leased": (
        "Messages that a worker holds; Service Bus counts those as waiting, and this as 0."
    ),
    "auditstream_queue_dead": "Messages that were set aside.",
    "auditstream_queue_oldest_seconds": "Age of the oldest message that waits; 0 when none does.",
}

METRICS = TAP_METRICS | WORKER_METRICS | QUEUE_METRICS


def frames_of(error: BaseException) -> str:
    """Say where an error came from, and nothing of what it says.

    `file:line function` of each frame, from the outermost in; no message, no local variable.
    """
    frames = traceback.extract_tb(error.__traceback__)
    return " > ".join(
        f"{'/'.join(each.filename.rsplit('/', 2)[-2:])}:{each.lineno} {each.name}"
        for each in frames
    )


class Log(Protocol):
    """Where events go. structlog's bound logger is one."""

    def info(self, event: str, **keys: LogValue) -> object:
        """Say that something went as it should."""

    def warning(self, event: str, **keys: LogValue) -> object:
        """Say that something needs an eye."""

    def error(self, event: str, **keys: LogValue) -> object:
        """Say that something needs a hand."""


class Count(Protocol):
    """Where numbers go: one method to count, one to state."""

    def add(self, metric: str, amount: float = 1, **labels: str) -> None:
        """Count up."""

    def state(self, metric: str, value: float) -> None:
        """Give the present value."""


class NoLog:
    """Says nothing: the default where nobody listens."""

    def info(self, event: str, **keys: LogValue) -> object:
        """Drop it."""

    def warning(self, event: str, **keys: LogValue) -> object:
        """Drop it."""

    def error(self, event: str, **keys: LogValue) -> object:
        """Drop it."""


class NoCount:
    """Counts nothing."""

    def add(self, metric: str, amount: float = 1, **labels: str) -> None:
        """Drop it."""

    def state(self, metric: str, value: float) -> None:
        """Drop it."""
