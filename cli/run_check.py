"""`auditstream check`: everything that is configured, looked at before it is needed.

The law: nothing is changed, no credential of a caller is used, and each look ends by itself. What
goes wrong with one look is that look's line, and the others go on.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

import msgspec

from audit.errors import AuditStreamError
from audit.preflight import Finding, all_well, failed, skipped
from audit.settings import Settings
from audit.telemetry import frames_of
from cli.checks.addresses import console_listens, tap_listens, worker_listens
from cli.checks.blobs import blobs_for_console, blobs_for_tap, blobs_for_worker
from cli.checks.desk import console_data
from cli.checks.keys import console_token, tap_keys, worker_keys
from cli.checks.provider import accounts
from cli.checks.queue import queue_for_receiving, queue_for_sending
from cli.checks.redaction import redaction
from cli.checks.refused import refused
from cli.checks.spool import spool
from cli.checks.store import store_for_console, store_for_writing
from cli.checks.upstream import upstream
from cli.logs import silence_libraries
from cli.render.preflight import finding_document, finding_lines

__all__ = ["PARTS", "findings", "run_check"]

Look = Callable[[Settings], AsyncIterator[Finding]]

# A look asks a few questions, each of which has its own, shorter end.
_SECONDS = 120.0

PARTS = ("tap", "worker", "console")


def run_check(settings: Settings, parts: Sequence[str], *, as_json: bool) -> int:
    """Print a line for each finding; 1 when any has failed, else 0."""
    silence_libraries()
    found = asyncio.run(findings(settings, parts or PARTS))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(finding_document(found)) + b"\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in finding_lines(found))
    return 0 if all_well(found) else 1


async def findings(settings: Settings, parts: Sequence[str]) -> list[Finding]:
    """Look at all that these parts need, in the order in which data passes through it.

    What two parts find alike is said once.
    """
    found: dict[Finding, None] = {}
    for name, look in _looks(parts):
        for each in await _looked(name, look, settings):
            found.setdefault(each)
    return list(found)


def _looks(parts: Sequence[str]) -> Iterator[tuple[str, Look]]:
    if "tap" in parts:
        yield "keys", tap_keys
        yield "listen", tap_listens
        yield "upstream", upstream
        yield "spool", spool
        yield "queue", queue_for_sending
        yield "blobs", blobs_for_tap
    if "worker" in parts:
        yield "keys", worker_keys
        yield "redaction", redaction
        yield "queue", queue_for_receiving
        yield "blobs", blobs_for_worker
        yield "store", store_for_writing
        yield "worker.control", worker_listens
    if "console" in parts:
        yield "console.token", console_token
        yield "data", console_data
        yield "store", store_for_console
        yield "blobs", blobs_for_console
        yield "accounts", accounts
        yield "console.listen", console_listens


async def _looked(name: str, look: Look, settings: Settings) -> list[Finding]:
    found: list[Finding] = []
    try:
        async with asyncio.timeout(_SECONDS):
            async for each in look(settings):
                found.append(each)  # noqa: PERF401 - what was found before an error counts
    except TimeoutError:
        advice = "see that what it asks can be reached from here, then check again"
        found.append(failed(name, f"no end within {_SECONDS:.0f} s", advice))
    except AuditStreamError as error:
        found.append(refused(name, error))
    except ModuleNotFoundError as error:
        told = f"not a thing of this image, which has no {error.name}: see --for"
        found.append(skipped(name, told))
    except Exception as error:  # noqa: BLE001 - its words may repeat a secret; the others go on
        told = f"unexpected {type(error).__name__}, a defect of this program: {frames_of(error)}"
        found.append(failed(name, told, "report this line"))
    return found
