"""A part's life inside its process: settings in, a sign of readiness out, an orderly end.

The law: a part stops on SIGTERM or when the process that started it is gone, and in both cases
it drains. It does not listen to the terminal: Ctrl-C is the parent's to carry out, in order.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from audit.settings import Settings
from cli.sockets import bind

__all__ = ["Orders", "announce", "from_parent", "from_settings", "stop_signal"]


@dataclass(frozen=True, slots=True)
class Orders:
    """What a part is to run with: its settings and its listening sockets by name."""

    settings: Settings = field(repr=False)
    sockets: Mapping[str, socket.socket]
    has_parent: bool


def from_parent() -> Orders:
    """Read the orders that `auditstream up` writes to standard input, one line of JSON."""
    line = sys.stdin.buffer.readline()
    given = msgspec.json.decode(line)
    settings = Settings.model_validate_json(msgspec.json.encode(given["settings"]))
    sockets = {name: socket.socket(fileno=number) for name, number in given["sockets"].items()}
    return Orders(settings, sockets, has_parent=True)


def from_settings(settings: Settings, **addresses: tuple[str, str]) -> Orders:
    """Draw up orders for a part that runs alone; `addresses` are (HOST:PORT, setting's name)."""
    sockets = {name: bind(address, setting) for name, (address, setting) in addresses.items()}
    return Orders(settings, sockets, has_parent=False)


def announce(**facts: str | int) -> None:
    """Tell whoever started this part that it is ready: one line of JSON on standard output."""
    sys.stdout.write(msgspec.json.encode({"ready": True, "pid": os.getpid(), **facts}).decode())
    sys.stdout.write("\n")
    sys.stdout.flush()


def stop_signal(*, has_parent: bool) -> asyncio.Event:
    """Give the event that is set when this part is to stop."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    if has_parent:
        loop.add_reader(sys.stdin.fileno(), _parent_spoke, loop, stop)
    else:
        loop.add_signal_handler(signal.SIGINT, stop.set)
    return stop


def _parent_spoke(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Stop when standard input ends: the parent is gone, however it went."""
    if not os.read(sys.stdin.fileno(), 4096):
        loop.remove_reader(sys.stdin.fileno())
        stop.set()
