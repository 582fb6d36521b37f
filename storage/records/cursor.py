"""Where a search goes on: the opening time and id of the last record shown, made opaque.

The place is a key, not a count, so that records which arrive meanwhile neither repeat nor skip
one. A cursor comes back from outside and is believed only when it has exactly our form.
"""

from __future__ import annotations

import base64
import binascii
import re

from audit.errors import QueryInvalid

__all__ = ["MAX_PAGE", "check_limit", "read_cursor", "write_cursor"]

# A page is what a person looks at or a loop fetches; its documents are in memory at once.
MAX_PAGE = 1000

_PLACE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{15}Z)\|([0-9A-Za-z/_.:-]{1,200})")


def write_cursor(received_at: str, record_id: str) -> str:
    """Make the cursor for "after this record"."""
    return base64.urlsafe_b64encode(f"{received_at}|{record_id}".encode()).decode()


def read_cursor(cursor: str) -> tuple[str, str]:
    """Give opening time and id. Raises `QueryInvalid` for anything that is not ours."""
    try:
        text = base64.b64decode(cursor, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    if not (found := _PLACE.fullmatch(text)):
        raise QueryInvalid("the cursor is not one that a search has given")
    return found[1], found[2]


def check_limit(limit: int) -> None:
    """Raise `QueryInvalid` unless a page may have this many records."""
    if not 1 <= limit <= MAX_PAGE:
        raise QueryInvalid(f"a page has 1 to {MAX_PAGE} records")
