"""`multipart/form-data` bodies taken apart (RFC 7578), as uploads to audio and image models are.

The law of this module: what does not look like a part is left out, nothing raises, and a body
that breaks off gives the parts that stood before the break and the beginning of the last one. What
a part holds stays where the body is held: a file may be nearly all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tap.held import Held

__all__ = ["FormPart", "boundary_of", "form_parts"]

# From here on a copy is felt.
_LARGE = 1 << 20
_GAP = b"\r\n\r\n"
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,200})"|([^\s;,"]{1,200}))', re.IGNORECASE)
# Some clients (.NET's among them) quote only what needs it.
_PARAMETER = re.compile(r'\b(name|filename)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FormPart:
    """One field of a form: a file where it has a `filename`. `data` makes its content whole."""

    name: str
    content: Held = field(repr=False)
    filename: str | None = field(default=None, repr=False)
    content_type: str | None = None

    @property
    def data(self) -> bytes:
        """All of its content, as one."""
        return bytes(self.content)


def boundary_of(content_type: str | None) -> bytes | None:
    """The boundary a content type names; None when it is no multipart type or names none."""
    if content_type is None or not content_type.lower().lstrip().startswith("multipart/"):
        return None
    found = _BOUNDARY.search(content_type)
    return (found[1] or found[2]).encode("utf-8", "replace") if found else None


def form_parts(content: bytes | Held, boundary: bytes) -> list[FormPart]:
    """The parts of a form in order. The text before the first boundary is not one."""
    if len(content) < _LARGE:
        return _split(bytes(content), boundary)
    held = Held.of(content)
    parts: list[FormPart] = []
    for start, end in _between(held, b"\r\n--" + boundary):
        if _bytes(held, start, min(start + 2, end)) == b"--":
            break
        gap = next(held.places(_GAP, start, end), -1)
        if gap >= 0:
            head = _bytes(held, start, gap).decode("utf-8", "replace")
            parts.append(_part(head, held.part(gap + len(_GAP), end)))
    return parts


def _split(data: bytes, boundary: bytes) -> list[FormPart]:
    """The same of a form that is copied in less time than it is looked through in pieces."""
    chunks = (b"\r\n" + data).split(b"\r\n--" + boundary)
    parts: list[FormPart] = []
    for chunk in chunks[1:]:
        if chunk.startswith(b"--"):
            break
        head, gap, body = chunk.partition(_GAP)
        if gap:
            parts.append(_part(head.decode("utf-8", "replace"), Held.of(body)))
    return parts


def _between(held: Held, mark: bytes) -> Iterator[tuple[int, int]]:
    """What stands after each mark, up to the next or the end; the body's first is no new line."""
    first = len(mark) - 2
    begun = first if _bytes(held, 0, first) == mark[2:] else None
    for found in held.places(mark, begun or 0):
        if begun is not None:
            yield begun, found
        begun = found + len(mark)
    if begun is not None:
        yield begun, len(held)


def _bytes(held: Held, start: int, end: int) -> bytes:
    return b"".join(held.windows(start, end))


def _part(head: str, content: Held) -> FormPart:
    headers: dict[str, str] = {}
    for line in head.split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    said = {
        name.lower(): quoted or bare
        for name, quoted, bare in _PARAMETER.findall(headers.get("content-disposition", ""))
    }
    return FormPart(
        name=said.get("name", ""),
        content=content,
        filename=said.get("filename"),
        content_type=headers.get("content-type"),
    )
