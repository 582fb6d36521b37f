"""The page on dialects: it lists what the registry reads, and has a section for each."""

from __future__ import annotations

import re

from audit.exchange import Dialect
from tap.dialects import registry
from tests.unit.docs.source import ROOT

PAGE = (ROOT / "docs" / "dialects.md").read_text("utf-8")


def _listed() -> set[tuple[str, str]]:
    """Dialect and operation of each row of the table."""
    rows = re.findall(r"^\| \[?`([a-z.]+)`[^|]*\| ([^|]*) \|", PAGE, re.MULTILINE)
    return {(name, each) for name, cell in rows for each in re.findall(r"`([\w.]+)`", cell)}


def test_the_table_has_every_operation_that_is_read() -> None:
    """Dialect and operations stand in the table as the registry has them."""
    read = {**registry._READERS, **registry._SESSIONS}
    assert _listed() == {(str(each.name), operation) for operation, each in read.items()}


def test_every_dialect_has_its_section() -> None:
    """What the record holds of it is said for each, guests by their operation."""
    sections = set(re.findall(r"^## (.*)$", PAGE, re.MULTILINE))
    assert {str(name) for name in Dialect} <= sections
    guests = {
        operation for operation, each in registry._READERS.items() if each.name is Dialect.OPAQUE
    }
    assert {f"Guest: {operation}" for operation in guests} <= sections


def test_every_file_the_page_names_is_there() -> None:
    """Modules, tests and folders of the project exist where the page says."""
    named = re.findall(r"`((?:tap|tests)/[\w./-]+)`", PAGE)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_link_inside_the_page_leads_somewhere() -> None:
    """The anchors of the table are those that the headings get."""
    headings = re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) <= anchors
