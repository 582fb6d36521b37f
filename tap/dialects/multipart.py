"""`multipart/form-data` bodies taken apart (RFC 7578), as uploads to audio and image models are.

The law of this module: what does not look like a part is left out, nothing raises, and a body
that breaks off gives the parts that stood before the break and the beginning of the last one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["FormPart", "boundary_of", "form_parts"]

_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,200})"|([^\s;,"]{1,200}))', re.IGNORECASE)
# Some clients (.NET's among them) quote only what needs it.
_PARAMETER = re.compile(r'\b(name|filename)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FormPart:
    """One field of a form: a file where it has a `filename`."""

    name: str
    data: bytes = field(repr=False)
    filename: str | None = field(default=None, repr=False)
    content_type: str | None = None


def boundary_of(content_type: str | None) -> bytes | None:
    """The boundary a content type names; None when it is no multipart type or names none."""
    if content_type is None or not content_type.lower().lstrip().startswith("multipart/"):
        return None
    found = _BOUNDARY.search(content_type)
    return (found[1] or found[2]).encode("utf-8", "replace") if found else None


def form_parts(data: bytes, boundary: bytes) -> list[FormPart]:
    """The parts of a form in order. The text before the first boundary is not one."""
    chunks = (b"\r\n" + data).split(b"\r\n--" + boundary)
    parts: list[FormPart] = []
    for chunk in chunks[1:]:
        if chunk.startswith(b"--"):
            break
        head, gap, body = chunk.partition(b"\r\n\r\n")
        if gap:
            parts.append(_part(head.decode("utf-8", "replace"), body))
    return parts


def _part(head: str, body: bytes) -> FormPart:
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
        data=body,
        filename=said.get("filename"),
        content_type=headers.get("content-type"),
    )
