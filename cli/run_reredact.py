"""`auditstream reredact`: a policy over what is stored already, to find what was missed.

The law: one process reads, under the policy that is named and no other; what it reads is redacted
already, and what it writes says less. A run that was cut short is taken up by the same command.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec

from audit.ids import timestamp, uuid7
from audit.orders import Order, OrderKind
from audit.reading.words import gap
from audit.settings import Settings
from audit.value import Json
from cli.detectors import detectors_of
from cli.engines import store_view_of
from cli.logs import configure_for
from cli.metrics import Metrics
from cli.office import office_of
from cli.places import tap_keys_of
from cli.redaction_child import redactor_of
from cli.reread_asked import Asked
from redaction.redactor import Redactor
from workers.rereading import Rereader, Rereading, Seen

__all__ = ["run_reredact"]

# Exchanges between two lines of progress.
_TELL_EVERY = 500

_SAID = {
    Seen.CHANGED: "changed: something had been missed",
    Seen.CLEAN: "read, nothing missed",
    Seen.BEFORE: "read by this policy before",
    Seen.HELD: "left as they are: under a hold",
    Seen.UNSIGNED: "left as they are: not what a worker signed, `auditstream verify` tells more",
    Seen.FAILED: "could not be read",
}
_WOULD = {Seen.CHANGED: "would be changed: something was missed"}


def run_reredact(asked: Asked, *, as_json: bool) -> int:
    """Read again, or say what that would change. 1 when something was left unread, else 0."""
    configure_for("reredact", asked.settings)
    done = asyncio.run(_run(asked))
    _print(done, dry_run=asked.dry_run, as_json=as_json)
    return int(bool(done.seen[Seen.FAILED] or done.seen[Seen.UNSIGNED]))


async def _run(asked: Asked) -> Rereading:
    async with _rereader(asked.settings) as (rereader, redactor):
        for code in redactor.gaps:
            _say(f"under this policy {gap(code)}")
        if asked.dry_run:
            return await rereader.look(asked.query, _progress())
        now_ns = time.time_ns()
        order = Order(
            id=uuid7(now_ns // 1_000_000, os.urandom(10)),
            kind=OrderKind.REREDACT,
            at=timestamp(now_ns),
            why=asked.why,
            policy=redactor.policy,
        )
        return await rereader.run(asked.query, order, _progress())


@asynccontextmanager
async def _rereader(settings: Settings) -> AsyncIterator[tuple[Rereader, Redactor]]:
    async with (
        office_of(settings) as office,
        store_view_of(settings) as view,
        detectors_of(settings, Metrics()) as detectors,
    ):
        key = tap_keys_of(settings).fingerprint_key
        redactor = redactor_of(settings, key, *detectors.values())
        store = office.store
        yield (
            Rereader(
                records=view.records,
                keeper=store.keeper,
                finder=store.finder,
                book=store.orders,
                custody=office.custody,
                signer=office.signer,
                trust=office.trust,
                redactor=redactor,
            ),
            redactor,
        )


def _progress() -> Callable[[Rereading], None]:
    """Tell now and then how far it is."""

    def tell(done: Rereading) -> None:
        through = sum(done.seen.values())
        if through % _TELL_EVERY == 0:
            _say(
                f"{through:,} exchanges through, {done.seen[Seen.CHANGED]:,} with something missed"
            )

    return tell


def _print(done: Rereading, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(_document(done, dry_run)) + b"\n")
        return
    sys.stdout.writelines(f"{line}\n" for line in _lines(done, dry_run=dry_run))


def _document(done: Rereading, dry_run: bool) -> Json:
    return {
        "dry_run": dry_run,
        "exchanges": {seen.value: done.seen[seen] for seen in Seen},
        "found": dict(sorted(done.found.items())),
        "changes": done.changes,
        "failures": done.failures,
    }


def _lines(done: Rereading, *, dry_run: bool) -> Sequence[str]:
    said = _SAID | _WOULD if dry_run else _SAID
    lines = [f"{done.seen[seen]:,} {said[seen]}" for seen in Seen if done.seen[seen]]
    lines += [f"{count:,} x {kind}" for kind, count in sorted(done.found.items())]
    if dry_run:
        lines += [f"{each}: {_counts(found)}" for each, found in done.changes.items()]
    lines += [f"{each}: {code}" for each, code in done.failures.items()]
    return lines or ["the filter finds nothing"]


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in found.items())


def _say(line: str) -> None:
    sys.stderr.write(f"auditstream: {line}\n")
    sys.stderr.flush()
