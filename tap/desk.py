"""The desk: what all exchanges of one tap share, and where their openings are drawn up.

The law: the clock is read and randomness drawn here, once per exchange, so that everything
behind it is a value.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from audit.errors import AuditStreamError
from audit.exchange import OnAuditFailure, Opening
from audit.ids import ExchangeNumber, day_of, timestamp, uuid7
from audit.telemetry import Count, Log, frames_of
from storage.spool.port import Spool
from tap.consumers import Caller, ConsumerPolicy, Consumers
from tap.heads import Header, RequestHead, firsts, text_of
from tap.pool import UpstreamPool
from tap.randomness import Randomness
from tap.recorder import Recorder

if TYPE_CHECKING:
    from tap.exchange import Exchange

__all__ = ["Desk"]

# Query parameters that say what was asked and carry neither secrets nor content.
_KEPT_PARAMETERS = frozenset({"api-version", "deployment", "model", "stream", "starting_after"})


class Desk:
    """Everything an exchange needs that is not its own."""

    def __init__(
        self,
        *,
        spool: Spool,
        pool: UpstreamPool,
        recorder: Recorder,
        consumers: Consumers,
        log: Log,
        count: Count,
        keep_host: bool = False,
        extra_headers: Sequence[Header] = (),
    ) -> None:
        self.spool = spool
        self.pool = pool
        self.recorder = recorder
        self.log = log
        self.count = count
        self.host = None if keep_host else pool.endpoint.authority
        self.extra_headers = tuple(extra_headers)
        self.exchanges: set[Exchange] = set()
        self.draining = False
        # The code that the last opening was refused with; empty where it was taken.
        self.refusing = ""
        self._consumers = consumers
        self._random = Randomness()
        self._empty = asyncio.Event()
        self._empty.set()

    def opening(self, head: RequestHead, number: ExchangeNumber) -> tuple[Opening, Caller]:
        """Draw up the opening of an exchange that has just arrived."""
        now = time.time_ns()
        path, _, query = head.target.partition(b"?")
        fields = firsts(head.headers)
        caller = self._consumers.resolve(fields, query)
        days = caller.policy.retention_days
        expires = timestamp(now + days * 86_400 * 10**9) if days is not None else None
        opening = Opening(
            id=uuid7(now // 1_000_000, self._random.take(10)),
            number=number,
            received_at_ns=now,
            consumer=caller.consumer,
            day=day_of(now),
            level=caller.level,
            level_asked=caller.level_asked,
            method=head.method,
            target_path=path.decode("utf-8", "replace"),
            query=_kept_parameters(query),
            content_type=text_of(fields.get(b"content-type")),
            content_encoding=text_of(fields.get(b"content-encoding")),
            identity=caller.identity,
            expires_at=expires,
            upgrade=text_of(head.upgrade),
        )
        return opening, caller

    def audit_unavailable(
        self, number: ExchangeNumber, policy: ConsumerPolicy, error: Exception
    ) -> None:
        """Account for a number whose opening could not be recorded: it is a visible gap."""
        action = policy.on_audit_failure
        known = isinstance(error, AuditStreamError)
        code = error.code if isinstance(error, AuditStreamError) else "audit.unexpected"
        verb = "refused" if action is OnAuditFailure.CLOSED else "forwarded"
        self.refusing = code
        self.spool.unrecorded(number, f"{verb}:{code}")
        self.count.add("auditstream_unrecorded_total", policy=str(action))
        self.log.error(
            "tap.audit_unavailable",
            code=code,
            policy=str(action),
            seq=number.seq,
            where=None if known else frames_of(error),
        )

    def defect(self, error: Exception) -> None:
        """Log an error that nothing foresees: its kind and where it arose, never its words."""
        self.log.error("tap.unexpected", error_type=type(error).__name__, where=frames_of(error))

    async def watch(self, idle_seconds: float) -> None:
        """End exchanges that stand still for longer than `idle_seconds`; runs until cancelled.

        Idle connections to the upstream are given up in the same turn.
        """
        pause = max(0.05, min(1.0, idle_seconds / 4))
        looked = time.monotonic()
        while True:
            await asyncio.sleep(pause)
            before, looked = looked, time.monotonic()
            if looked - before > 2 * pause:
                # We stood still ourselves (stopped, asleep, starved): what arrived meanwhile is
                # not read yet, and nobody may be cut off for our pause.
                continue
            oldest = looked - idle_seconds
            try:
                for exchange in [each for each in self.exchanges if each.last_activity < oldest]:
                    exchange.stalled()
                self.pool.expire()
            except Exception as error:  # noqa: BLE001 - a watch that dies watches nobody
                self.defect(error)
            self.count.state("auditstream_exchanges_open", len(self.exchanges))

    def enter(self, exchange: Exchange) -> None:
        """Count an exchange as open."""
        self.exchanges.add(exchange)
        self._empty.clear()

    def leave(self, exchange: Exchange) -> None:
        """Count an exchange as ended."""
        self.exchanges.discard(exchange)
        if not self.exchanges:
            self._empty.set()

    async def drained(self, seconds: float) -> bool:
        """Wait up to `seconds` for the open exchanges to end; False when some did not."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        return not self.exchanges


def _kept_parameters(query: bytes) -> dict[str, str]:
    kept: dict[str, str] = {}
    for pair in query.split(b"&"):
        name, _, value = pair.decode("utf-8", "replace").partition("=")
        if name.lower() in _KEPT_PARAMETERS and len(value) <= 128:
            kept[name.lower()] = value
    return kept
