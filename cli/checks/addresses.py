"""Where the parts listen: whether those addresses can be had."""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncIterator

from audit.errors import SettingInvalid
from audit.preflight import Finding, failed, passed, skipped
from audit.settings import Settings
from cli.checks.refused import refused
from cli.config import ways_to_set
from cli.listener import listener_tls

__all__ = ["console_listens", "tap_listens", "worker_listens"]


async def tap_listens(settings: Settings) -> AsyncIterator[Finding]:
    """Its traffic, with its own certificate where it has one, and its control port."""
    yield _address("listen", settings.listen)
    yield _address("tap.control", settings.tap.control)
    try:
        context = listener_tls(settings)
    except SettingInvalid as error:
        yield refused("tap.tls_certificate", error)
        return
    if context is not None:
        told = f"{settings.tap.tls_certificate} and its key belong together"
        yield passed("tap.tls_certificate", told)


async def worker_listens(settings: Settings) -> AsyncIterator[Finding]:
    """Its control port, where it is to have one."""
    if settings.worker.control is not None:
        yield _address("worker.control", settings.worker.control)


async def console_listens(settings: Settings) -> AsyncIterator[Finding]:
    """The query side."""
    yield _address("console.listen", settings.console.listen)


def _address(setting: str, address: str) -> Finding:
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
            probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return skipped(setting, f"{address} is in use: by this part, if it runs already")
            why = (error.strerror or "cannot be used").lower()
            return failed(setting, f"{address}: {why}", f"set another: {ways_to_set(setting)}")
    return passed(setting, f"{address} is free")
