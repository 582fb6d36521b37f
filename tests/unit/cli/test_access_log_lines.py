"""The access log as it is printed: an instant in one piece, and for programs an entry on a line."""

from __future__ import annotations

import pytest
from rich.console import Console

from cli.run_export import _print, _table
from storage.access.port import Access, Deed, LoggedAccess

AT = "2026-11-20T10:00:00"
LOOK = Access(
    at=f"{AT}.123456Z",
    who="henrietta",
    via="command line",
    deed=Deed.SEARCH,
    asked="consumer:shop " + "entity:EMAIL_ADDRESS " * 12,
    records=7,
    purpose="weekly review of what the filters stopped",
)
ENTRIES = [LoggedAccess(number=number, chain="", access=LOOK) for number in (1, 2)]


def test_a_narrow_terminal_breaks_no_instant() -> None:
    """What was asked is folded; who, when and how stand on one line of 80 columns."""
    console = Console(width=80, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(_table(ENTRIES))
    lines = [each for each in captured.get().splitlines() if AT in each]
    assert len(lines) == 2
    assert all("henrietta" in each and "command line" in each for each in lines)
    assert max(map(len, captured.get().splitlines())) <= 80


def test_for_a_program_each_entry_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Piped, nothing is folded, however long the filter was."""
    _print(_table(ENTRIES))
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split()[0] == "when"
    assert [LOOK.asked.strip() in each and LOOK.purpose in each for each in lines] == [True, True]
