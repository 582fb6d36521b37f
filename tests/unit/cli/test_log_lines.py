"""What a log line holds: listed keys that have a value."""

from __future__ import annotations

from cli.logs import _allowed_only


def test_a_line_has_listed_keys_with_a_value_only() -> None:
    """A key that is on no list is dropped, and so is one that says nothing; a 0 says something."""
    event: dict[str, object] = {"event": "tap.audit_unavailable", "code": "spool.full"}
    event |= {"where": None, "prompt": "hush", "count": 0}
    kept = {"event": "tap.audit_unavailable", "code": "spool.full", "count": 0}
    assert _allowed_only(None, "error", event) == kept
