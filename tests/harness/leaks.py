"""Searching bytes for values that must not be there, in every form they could have taken.

The law: a form that could be turned back into the value counts as the value. The search is one
pass over each place however many values are sought, so that everything can be searched for all.
"""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

__all__ = ["Search", "files_under", "forms_of", "rows_of"]

# A value is sought by its first bytes; no form that is searched for may be shorter.
_HEAD = 8


def forms_of(value: str) -> dict[str, bytes]:
    """Every form of a value that is sought, by name."""
    raw = value.encode()
    found = {
        "utf-8": raw,
        "utf-16-le": value.encode("utf-16-le"),
        "utf-16-be": value.encode("utf-16-be"),
        "hex": raw.hex().encode(),
        "json": json.dumps(value)[1:-1].encode(),
        "json, slashes": json.dumps(value)[1:-1].replace("/", "\\/").encode(),
        "json, all escaped": "".join(f"\\u{ord(c):04x}" for c in value).encode(),
        "percent": quote(value, safe="").encode(),
        "percent, lower case": _lower_escapes(quote(value, safe="")).encode(),
        "percent, all": "".join(f"%{byte:02X}" for byte in raw).encode(),
        "form": quote(value, safe="").replace("%20", "+").encode(),
        "without spaces": re.sub(rb"\s+", b"", raw),
    }
    for shift in range(3):
        found[f"base64 at {shift}"] = _inner_base64(raw, shift)
        found[f"base64url at {shift}"] = _inner_base64(raw, shift).translate(_URL_SAFE)
    return found


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def _lower_escapes(text: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), text)


def _inner_base64(raw: bytes, shift: int) -> bytes:
    """The characters that stand for `raw` alone when it begins `shift` bytes into a triple."""
    encoded = base64.b64encode(bytes(shift) + raw)
    first = (shift * 8 + 5) // 6
    last = (shift + len(raw)) * 8 // 6
    return encoded[first:last]


class Search:
    """Looks for many values at once; letter case does not hide one."""

    def __init__(self, values: Iterable[str]) -> None:
        self._by_head: dict[bytes, set[tuple[bytes, str, str]]] = defaultdict(set)
        for value in values:
            for form, needle in forms_of(value).items():
                sought = needle.lower()
                assert len(sought) >= _HEAD, f"{form} of {value!r} is too short to be sought"
                self._by_head[sought[:_HEAD]].add((sought, value, form))

    def hits(self, place: str, data: bytes) -> set[str]:
        """Say which values stand in `data`, in which form, even broken by a line's end."""
        squeezed = re.sub(rb"\s+", b"", data)
        return {
            f"{value!r} as {form} in {place}"
            for haystack in (data.lower(), squeezed.lower())
            for value, form in self._found(haystack)
        }

    def hits_in(self, places: Mapping[str, bytes]) -> set[str]:
        """Search every place."""
        return {hit for place, data in places.items() for hit in self.hits(place, data)}

    def _found(self, data: bytes) -> Iterator[tuple[str, str]]:
        heads = self._by_head
        for at in range(len(data) - _HEAD + 1):
            if data[at : at + _HEAD] in heads:
                for needle, value, form in heads[data[at : at + _HEAD]]:
                    if data.startswith(needle, at):
                        yield value, form


def files_under(*roots: Path) -> dict[str, bytes]:
    """Read every file of some folders, and files named themselves, by path; with their names."""
    found: dict[str, bytes] = {}
    for root in roots:
        for file in [root] if root.is_file() else sorted(root.rglob("*")):
            if file.is_file():
                found[str(file)] = str(file).encode() + b"\n" + file.read_bytes()
    return found


def rows_of(file: Path) -> Iterator[bytes]:
    """Give every cell of every table: a long one lies in pieces in the file's own bytes."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
        tables = [
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        for table in tables:
            for row in db.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - names of our own file
                for cell in row:
                    yield cell if isinstance(cell, bytes) else str(cell).encode()
    db.close()
