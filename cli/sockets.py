"""Listening sockets: bound before anything starts, so that a taken port is said at once.

A socket that `auditstream up` has bound stays open while a part behind it is started again:
connections wait instead of being refused.
"""

from __future__ import annotations

import errno
import socket

from audit.errors import SettingInvalid
from cli.config import ways_to_set

__all__ = ["bind", "shown"]


def bind(address: str, setting: str) -> socket.socket:
    """Bind and listen on HOST:PORT; port 0 takes a free one.

    Raises `SettingInvalid`, naming the setting, when the address cannot be had.
    """
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, int(port)))
        listening.listen(4096)
    except OSError as error:
        listening.close()
        taken = error.errno == errno.EADDRINUSE
        why = " is in use" if taken else f": {error.strerror or 'cannot be used'}"
        raise SettingInvalid(
            f"setting {setting}: {address}{why}; choose another with {ways_to_set(setting)}"
        ) from None
    listening.setblocking(False)
    return listening


def shown(listening: socket.socket) -> str:
    """HOST:PORT as a person types it."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
