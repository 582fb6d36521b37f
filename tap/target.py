"""A request's target: given to the upstream in the one form that fits it.

The law: there is one upstream, so a target's authority decides nothing; the rest of it passes byte
for byte. This file knows bytes; it knows no socket.
"""

from __future__ import annotations

import re

__all__ = ["in_origin_form"]

Fields = tuple[tuple[bytes, bytes], ...]

# `http://host[:port]` of a target in absolute form (RFC 9112 §3.2.2); schemes know no case.
_AUTHORITY = re.compile(rb"(?i)https?://([^/?#]*)")


def in_origin_form(method: str, target: bytes, fields: Fields) -> tuple[bytes, Fields]:
    """Turn a target in absolute form into one in origin form, whose authority is then `Host`.

    Left as it is, an upstream that heeds it would be asked for the caller's idea of its name, and
    nobody here would find out what the path asks for.
    """
    found = _AUTHORITY.match(target) if target[:1] not in (b"/", b"*") else None
    if found is None or method == "CONNECT":
        return target, fields
    rest = target[found.end() :]
    if not rest.startswith(b"/"):
        rest = b"*" if not rest and method == "OPTIONS" else b"/" + rest
    named = tuple((key, found[1] if key.lower() == b"host" else value) for key, value in fields)
    return rest, named
