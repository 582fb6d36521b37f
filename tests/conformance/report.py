"""Writes `docs/conformance.md`: `python -m tests.conformance.report > docs/conformance.md`.

What the tap changes comes from the rules that the tests hold it to; what nginx changes is seen
anew, for comparison only, and nothing is asserted of it.
"""

from __future__ import annotations

import itertools
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.conformance.cases import CASES, Case
from tests.conformance.rules import RULES
from tests.conformance.shapes import SHAPES
from tests.conformance.transcript import differences
from tests.conformance.ways import NGINX, played

__all__ = ["refusals", "row_start", "rules"]

_HEAD = """# What the tap changes, and what it does not

Every case below is a conversation over raw sockets, held once straight and once through the tap,
on asyncio's event loop and on uvloop. Both ends must see the same bytes, changed by the rules named
in the case's row and by nothing else; most rows name none. Debian's nginx, as a reverse proxy with
buffering off, stands beside it for comparison. This page is written by
`python -m tests.conformance.report > docs/conformance.md`; the tests fail when the tap's part lags.
"""
_OWN = """
## Answers of the tap's own

Where there is no answer to pass on, the tap gives one, with `X-AuditStream-Error` and
`Connection: close`: 502 for an upstream that cannot be reached or hangs up unanswered, 504 and 408
for one side that stands still, 503 where the consumer's policy or a limit says so, 405 for
`CONNECT`. An answer that has begun is never mended: the client's connection is closed, by a reset
where its end would be the end of the body, so that what was cut never looks whole.

A request in which a field is repeated that may stand only once (`Content-Type`, `Content-Length`,
`Content-Range`, `Content-Location`, `ETag`, `Host`, `Max-Forwards`, `Server`,
`Transfer-Encoding`, `User-Agent`) is refused with 400 as well.
"""
_CASES = """
## Case by case

nginx adds `Server` and `Date` to each answer, says `Connection: keep-alive` or `close` in it, and
sends `Host: gateway` unless it is told otherwise: this is left out below.

| conversation | the tap | nginx 1.22 |
| --- | --- | --- |
"""
_USUAL = re.compile(
    r"answer \+ (Server|Date|Connection): |request [+-] Host: |connection: goes on|"
    r"(request|answer) [+-] $"
)


def rules() -> Iterator[str]:
    """The lines of the list of what is changed."""
    yield "\n## What is changed\n"
    yield "| rule | where | what, and why |\n| --- | --- | --- |"
    for name, rule in RULES.items():
        yield f"| {name} | {rule.side} | {rule.says} |"


def refusals() -> Iterator[str]:
    """The lines of the list of what is refused."""
    yield "\n## What is refused\n"
    yield (
        "These are answered and closed, none of their bytes is passed on or repeated, and they\n"
        "are counted as `auditstream_requests_rejected_total`.\n"
    )
    for status, group in itertools.groupby(SHAPES.items(), lambda each: each[1][0]):
        yield f"- **{status}**: " + "; ".join(name for name, _ in group)


def row_start(case: Case) -> str:
    """The beginning of a case's row: its name, and what the tap changes in it."""
    return f"| {case.name} | {', '.join(case.rules) or 'as it is'} |"


def _rows() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        for number, case in enumerate(CASES.values()):
            seen = _nginx(case, Path(folder) / str(number)) if NGINX is not None else ["not seen"]
            yield f"{row_start(case)} {'; '.join(seen) or 'as it is'} |"


def _nginx(case: Case, folder: Path) -> list[str]:
    direct = played("direct", case, folder / "direct", seconds=2)
    found = differences(direct, played("nginx", case, folder / "nginx", seconds=2))
    telling = [f"`{line}`" for line in found if not _USUAL.match(line)]
    if len(telling) > 6:
        telling = [*telling[:5], f"and {len(telling) - 5} lines more"]
    return [each.replace("|", "\\|") for each in telling]


def _page() -> Iterator[str]:
    yield _HEAD.rstrip()
    yield from rules()
    yield _OWN.rstrip()
    yield from refusals()
    yield _CASES.rstrip()
    yield from _rows()


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in _page())
