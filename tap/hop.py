"""Who stood before us: the client's address, told to the upstream where that was asked for.

The law: off by default, so that the tap is not noticed. Where it is on, what stands in the request
already is kept and added to at its end, since those before us have told of those before them.
This file knows fields; it knows no socket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Forwarded", "Hop"]

Forwarded = Literal["off", "x-forwarded-for", "forwarded"]
Fields = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Hop:
    """One client connection: its two addresses as (host, port), and whether it is in TLS."""

    style: Forwarded
    peer: tuple[str, int]
    local: tuple[str, int]
    secure: bool

    def told(self, fields: Fields) -> Fields:
        """Give the request's fields with this hop added."""
        if self.style == "off":
            return fields
        if self.style == "forwarded":
            return _appended(fields, b"Forwarded", self._element(fields))
        with_peer = _appended(fields, b"X-Forwarded-For", self.peer[0].encode())
        # No list, by custom: it says how the first client came, so one that stands there stays.
        if any(key.lower() == b"x-forwarded-proto" for key, _ in fields):
            return with_peer
        return (*with_peer, (b"X-Forwarded-Proto", self._proto))

    @property
    def _proto(self) -> bytes:
        return b"https" if self.secure else b"http"

    def _element(self, fields: Fields) -> bytes:
        """Write this hop as RFC 7239 §4 says: for, by, host, proto."""
        host = next((value for key, value in fields if key.lower() == b"host"), b"")
        parts = [b"for=" + _node(self.peer[0]), b"by=" + _node(self.local[0])]
        if host:
            parts.append(b"host=" + _quoted(host))
        return b";".join([*parts, b"proto=" + self._proto])


def _node(host: str) -> bytes:
    """Write an address; an IPv6 one in brackets and quotes (RFC 7239 §6)."""
    return b'"[%b]"' % host.encode() if ":" in host else host.encode()


def _quoted(value: bytes) -> bytes:
    """Write a value as a quoted string, so that nothing in it can end the element."""
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _appended(fields: Fields, name: bytes, value: bytes) -> Fields:
    """Add to the last field of that name, or a new field at the end."""
    at = _last(fields, name.lower())
    if at is None:
        return (*fields, (name, value))
    key, before = fields[at]
    joined = before + b", " + value if before.strip() else value
    return (*fields[:at], (key, joined), *fields[at + 1 :])


def _last(fields: Sequence[tuple[bytes, bytes]], name: bytes) -> int | None:
    places = [at for at, (key, _) in enumerate(fields) if key.lower() == name]
    return places[-1] if places else None
