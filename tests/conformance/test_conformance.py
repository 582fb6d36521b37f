"""The tap beside the straight way: equal byte for byte, but for the documented list."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.conformance.cases import CASES
from tests.conformance.report import refusals, row_start, rules
from tests.conformance.rules import RULES, expected
from tests.conformance.ways import NGINX, TAPS, played

SHOWN = b"127.0.0.1:PORT"


@pytest.mark.parametrize("way", TAPS)
@pytest.mark.parametrize("name", CASES)
def test_a_conversation_is_the_same_through_the_tap(tmp_path: Path, way: str, name: str) -> None:
    """Both ends see what they would see without it, changed by the case's rules and no other."""
    case = CASES[name]
    direct = played("direct", case, tmp_path / "direct")
    seen = played(way, case, tmp_path / "tap")
    again = ("complete",) if seen.after == "goes on" else ()
    awaited = expected(direct, case.rules, SHOWN)
    assert not direct.after.startswith("stalled")
    assert seen == replace(awaited, endings=case.endings + again)


@pytest.mark.parametrize("name", ["method GET", "answer with chunks, extensions and trailers"])
@pytest.mark.skipif(NGINX is None, reason="nginx is absent: apt-get install nginx-light")
def test_the_comparison_is_not_blind(tmp_path: Path, name: str) -> None:
    """A proxy that does change things is seen to: nginx adds fields of its own."""
    case = CASES[name]
    direct = played("direct", case, tmp_path / "direct")
    assert played("nginx", case, tmp_path / "nginx") != direct


def test_every_rule_is_needed() -> None:
    """The list of what the tap changes holds nothing that no case shows."""
    assert {rule for case in CASES.values() for rule in case.rules} == set(RULES)


def test_the_page_says_what_is_tested() -> None:
    """`docs/conformance.md` lists rules, refusals and cases as they are held to here."""
    page = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text("utf-8")
    for line in (*rules(), *refusals(), *map(row_start, CASES.values())):
        assert line in page, "python -m tests.conformance.report > docs/conformance.md"
