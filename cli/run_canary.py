"""`auditstream canary`: made-up values sent through the living tap, and their record looked at.

The law: what is sent is a call like any other, and nothing in tap or worker treats it differently
until its record is stored. What was asked for is understood whole before anything is sent.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from audit.errors import SettingInvalid
from audit.record import RedactedRecord
from audit.settings import Settings
from audit.value import Json, to_json
from cli.canary_call import post
from cli.canary_report import Report
from cli.checks.wire import Unanswered
from cli.engines import begun, store_place, store_view_of
from cli.logs import silence_libraries
from cli.places import tap_keys_of
from redaction.canaries import ENTROPY, Canaries, Canary, judge
from redaction.canary_values import Family
from storage.records.query import parse
from workers.changes import read_record

__all__ = ["run_canary"]

_LOOK_SECONDS = 0.5
_STDIN = Path("-")
# A field's name (RFC 9110 §5.6.2).
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def run_canary(
    settings: Settings,
    *,
    url: str | None,
    path: str,
    model: str | None,
    headers: Path | None,
    without: Sequence[str],
    wait: float,
    as_json: bool,
) -> int:
    """Send a canary and print how it fared; gives the exit code.

    Raises `SettingInvalid` for an option that cannot be used, `KeyMissing`, and what the store
    raises.
    """
    silence_libraries()
    tap, fields, families = _tap(settings, url), _fields(headers), _families(without)
    chance = secrets.token_bytes(ENTROPY)
    canary = Canaries(tap_keys_of(settings).fingerprint_key).hatch(chance, families)
    body = canary.body if model is None else {"model": model, **canary.body}
    report = asyncio.run(_run(settings, canary, _Call(tap, path, fields, body), wait))
    _print(report, as_json=as_json)
    return report.found.exit_code


@dataclass(frozen=True, slots=True)
class _Call:
    """Where a canary is sent, and with what."""

    tap: str
    path: str
    fields: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Json] = field(repr=False)


async def _run(settings: Settings, canary: Canary, call: _Call, wait: float) -> Report:
    trace = {"traceparent": f"00-{canary.trace_id}-{secrets.token_hex(8)}-00"}
    headers = {"Content-Type": "application/json", **call.fields, **trace}
    try:
        answer = await post(call.tap + call.path, headers, to_json(call.body))
    except Unanswered as why:
        return Report(canary, call.tap, str(why))
    report = Report(canary, call.tap, answer.status, canary.echoed(answer.text), wait > 0)
    return await _looked(settings, report, wait) if report.looked else report


async def _looked(settings: Settings, report: Report, wait: float) -> Report:
    begun_at = time.monotonic()
    record = await _record(settings, report.canary.trace_id, begun_at + wait)
    if record is None:
        return report
    seconds = time.monotonic() - begun_at
    return replace(report, seconds=seconds, record=record, verdict=judge(report.canary, record))


async def _record(settings: Settings, trace_id: str, until: float) -> RedactedRecord | None:
    """Wait for the record of this call; None where there is none in time."""
    while not begun(store_place(settings)):
        if time.monotonic() >= until:
            return None
        await asyncio.sleep(_LOOK_SECONDS)
    # No person reads: what is looked at are the command's own values, and none is shown.
    async with store_view_of(settings) as store:
        while True:
            page = await store.records.search(parse(f"trace:{trace_id}", time.time_ns()), 1)
            if page.documents:
                return read_record(page.documents[0].json)
            if time.monotonic() >= until:
                return None
            await asyncio.sleep(_LOOK_SECONDS)


def _tap(settings: Settings, url: str | None) -> str:
    """Where the tap is, without a slash at the end."""
    if url is None:
        scheme = "https" if settings.tap.tls_certificate else "http"
        return f"{scheme}://{settings.listen}"
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise SettingInvalid("option --tap: must be a URL such as http://127.0.0.1:8080")
    return url.rstrip("/")


def _fields(file: Path | None) -> dict[str, str]:
    """Read header fields. Raises `SettingInvalid` with the line's number, never the line."""
    if file is None:
        return {}
    try:
        text = sys.stdin.read() if file == _STDIN else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise SettingInvalid(f"option --headers: {file} cannot be read as text") from None
    fields: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, colon, value = line.partition(":")
        if line.strip() and not line.startswith("#"):
            if not colon or not _NAME.fullmatch(name) or not value.strip().isprintable():
                raise SettingInvalid(f"option --headers: line {number} is no `Name: value`")
            fields[name] = value.strip()
    return fields


def _families(names: Sequence[str]) -> set[Family]:
    known = ", ".join(Family)
    for name in names:
        if name not in set(Family):
            raise SettingInvalid(f"option --without: there is no family {name}; there are {known}")
    if len(set(names)) == len(Family):
        raise SettingInvalid("option --without: leaves nothing to plant")
    return {Family(name) for name in names}


def _print(report: Report, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.buffer.write(to_json(report.document()) + b"\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in report.lines()))
