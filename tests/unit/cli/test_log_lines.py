"""What a log line holds: listed keys that have a value."""

from __future__ import annotations

from typing import Any

from cli.logs import _allowed_only


def test_a_line_has_listed_keys_with_a_value_only() -> None:
    """A key that is on no list is dropped, and so is one that says nothing; a 0 says something."""
    kept: dict[str, Any] = {"event": "tap.audit_unavailable", "code": "spool.full", "count": 0}
    event = {**kept, "where": None, "prompt": "hush"}
    assert _allowed_only(None, "error", event) == kept
