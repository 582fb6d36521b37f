"""`auditstream verify`: what was asked for, the judgement, its report.

The law: what is asked for is understood whole before anything is read, and an option that cannot
be used is one line that names it. Earlier reports and certificates come from outside: they are
read as data of one shape, and nothing of a file of another shape is repeated.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import msgspec
from rich.console import Console, RenderableType

from audit.anchors import Head, Heads
from audit.certificate import Certificate
from audit.certified import check_certificate
from audit.completeness import Evidence
from audit.errors import ConsumerUnknown, SettingInvalid
from audit.selection import Selection
from audit.settings import Settings
from audit.value import Json, ValueT, from_json
from audit.verification import verify
from cli.gathering import gather
from cli.render.certified import CertificateView, certificate_document
from cli.render.completeness import CompletenessView, report_document

__all__ = ["Wanted", "run", "wanted"]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: a report, or whether one certificate holds."""

    selection: Selection = field(default_factory=Selection)
    anchors: tuple[Head, ...] = ()
    certificate: Certificate | None = None
    as_json: bool = False


def wanted(
    *,
    first_day: str | None = None,
    last_day: str | None = None,
    consumer: str | None = None,
    anchors: Sequence[Path] = (),
    certificate: Path | None = None,
    as_json: bool = False,
) -> Wanted:
    """Understand the options. Raises `SettingInvalid` naming the one that cannot be used."""
    selection = Selection(_day("--from", first_day), _day("--to", last_day), consumer)
    if first_day and last_day and first_day > last_day:
        raise SettingInvalid("option --from: is a later day than --to")
    if certificate is None:
        return Wanted(selection, tuple(_heads(anchors)), as_json=as_json)
    if anchors or not selection.everything:
        raise SettingInvalid(
            "option --certificate: stands alone or with --json; leave the rest out"
        )
    what = "no certificate of an erasure"
    return Wanted(
        certificate=_file("--certificate", certificate, Certificate, what), as_json=as_json
    )


def run(settings: Settings, ask: Wanted) -> int:
    """Print what was found; gives the exit code of its verdict."""
    evidence = asyncio.run(gather(settings, _complain, ask.anchors))
    if ask.certificate is not None:
        checked = check_certificate(ask.certificate, evidence)
        _print(ask, certificate_document(checked), CertificateView(checked))
        return checked.verdict.exit_code
    _check_consumer(settings, evidence, ask.selection.consumer)
    report = verify(evidence, ask.selection)
    _print(ask, report_document(report), CompletenessView(report))
    return report.verdict.exit_code


def _check_consumer(settings: Settings, evidence: Evidence, name: str | None) -> None:
    """Raise `ConsumerUnknown` for one that nobody names: of a misspelt one all is complete.

    Where a source was not read, the report says that it could not tell.
    """
    known = {*settings.consumers, settings.tap.default_consumer}
    known |= {each.consumer for each in evidence.entries if each.consumer}
    known |= {each.consumer for each in evidence.stored}
    if name is not None and name not in known and not evidence.unread:
        raise ConsumerUnknown(
            f"nobody knows a consumer {name!r}: no record, no ledger entry and no setting names it;"
            " what still waits is sealed, and names nobody"
        )


def _print(ask: Wanted, document: dict[str, Json], view: RenderableType) -> None:
    if ask.as_json:
        sys.stdout.buffer.write(msgspec.json.encode(document) + b"\n")
    else:
        console = Console()
        # A line that is read by a program, or found by grep, is one line.
        console.print(view, soft_wrap=not console.is_terminal)


def _complain(line: str) -> None:
    sys.stderr.write(f"auditstream: {line}\n")


def _day(option: str, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        valid = bool(_DAY.fullmatch(text) and date.fromisoformat(text))
    except ValueError:
        valid = False
    if not valid:
        raise SettingInvalid(f"option {option}: is no day; give it as YYYY-MM-DD, in UTC")
    return text


def _heads(anchors: Sequence[Path]) -> Iterator[Head]:
    for path in anchors:
        report = _file("--anchor", path, Heads, "no report of `auditstream verify --json`")
        if report.unread and not report.heads:
            raise SettingInvalid(
                f"option --anchor: {path} attests nothing: its {', '.join(report.unread)} could"
                " not be read"
            )
        yield from report.heads


def _file(option: str, path: Path, kind: type[ValueT], what: str) -> ValueT:
    try:
        return from_json(path.read_bytes(), kind)
    except OSError as error:
        raise SettingInvalid(f"option {option}: {path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise SettingInvalid(f"option {option}: {path} is {what}") from None
