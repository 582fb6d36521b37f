"""The broker on a loopback port: sockets, the clock, and the faults that are of the socket.

One event loop does everything; a queue changes in the turn in which a frame arrives, and its
acknowledgement is written in the same turn, after the journal.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from tests.emulators.service_bus.broker import Broker
from tests.emulators.service_bus.connection import Connection
from tests.emulators.service_bus.faults import Faults
from tests.emulators.service_bus.journal import Journal
from tests.emulators.service_bus.queue import Queue
from tests.emulators.service_bus.rules import QueueRules

__all__ = ["ServiceBusEmulator"]

# Nothing is due for longer than this without a look at the clock.
_LONGEST_REST = 3600.0

# Bytes that wait for the end of the turn.
_TOGETHER = 65_536


class ServiceBusEmulator:
    """A namespace of queues that listens on 127.0.0.1.

    `journal` is a folder; with None nothing outlives the object. A port of 0 takes a free one.
    """

    def __init__(self, journal: Path | None = None, *, port: int = 0, sync: bool = False) -> None:
        kept = None
        if journal is not None:
            journal.mkdir(parents=True, exist_ok=True)
            kept = Journal(journal / "journal", sync=sync)
        self.port = port
        self._ahead = 0.0
        self.broker = Broker(self._now, kept)
        self._server: asyncio.Server | None = None
        self._wires: set[_Socket] = set()
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def faults(self) -> Faults:
        """What is wrong at present. `silent` and `refusing` are set by methods."""
        return self.broker.faults

    @property
    def connection_string(self) -> str:
        """What `ServiceBusClient.from_connection_string` takes."""
        return (
            f"Endpoint=sb://127.0.0.1:{self.port};SharedAccessKeyName=RootManageSharedAccessKey;"
            "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
        )

    def create_queue(self, name: str, rules: QueueRules | None = None) -> Queue:
        """Make a queue; one that the journal knows stays as it is."""
        return self.broker.create(name, rules or QueueRules())

    async def start(self) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        self.broker.changed = self._set_alarm
        self._server = await loop.create_server(
            lambda: _Socket(self.broker, self._wires), "127.0.0.1", self.port
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self.faults.refusing = False
        self._set_alarm()

    async def stop(self) -> None:
        """Close the port, drop every connection and give the journal up."""
        self.refuse()
        self.cut_all()
        if self._alarm is not None:
            self._alarm.cancel()
        self.broker.close()

    def refuse(self) -> None:
        """Refuse further connections; those that are open stay."""
        self.faults.refusing = True
        if self._server is not None:
            self._server.close()
            self._server = None

    async def accept(self) -> None:
        """Listen again, on the same port."""
        if self._server is None:
            await self.start()

    def cut_all(self) -> None:
        """Drop every connection without a word."""
        for wire in list(self._wires):
            wire.connection.cut()

    def silence(self) -> None:
        """Answer nothing any more, on any connection."""
        self.faults.silent = True

    def speak(self) -> None:
        """Deal with what came meanwhile, and answer again."""
        self.faults.silent = False
        for wire in list(self._wires):
            wire.resume()
        self._serve()

    def advance(self, seconds: float) -> None:
        """Put the broker's clock forward, so that nobody waits for locks or messages to end."""
        self._ahead += seconds
        self._serve()

    def _now(self) -> float:
        return time.time() + self._ahead

    def _serve(self) -> None:
        for queue in self.broker.queues.values():
            self.broker.serve(queue)

    def _set_alarm(self) -> None:
        """Wake up when something is due; one that rings too early costs a look, no more."""
        due = self.broker.next_due()
        rest = _LONGEST_REST if due is None else min(max(due - self._now(), 0.001), _LONGEST_REST)
        loop = asyncio.get_running_loop()
        if self._alarm is not None:
            if self._alarm.when() <= loop.time() + rest:
                return
            self._alarm.cancel()
        self._alarm = loop.call_later(rest, self._ring)

    def _ring(self) -> None:
        self._alarm = None  # set again by whatever changes, or by the end of a silence
        self._serve()


class _Socket(asyncio.Protocol):
    """One accepted connection: a `Wire`."""

    def __init__(self, broker: Broker, all_: set[_Socket]) -> None:
        self._broker = broker
        self._all = all_
        self._transport: asyncio.Transport | None = None
        self._room = True
        self._held: list[bytes] = []  # what came during a silence
        self._out: list[bytes] = []
        self._size = 0
        self.connection = Connection(broker, self)

    @property
    def writable(self) -> bool:
        """Whether there is room for more; false after a cut, too."""
        return self._room and self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count among the open ones."""
        self._transport = cast("asyncio.Transport", transport)
        self._all.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Count no longer, once what came during a silence is dealt with, if anything did."""
        self._transport = None
        if not self._held:
            self._all.discard(self)
            self.connection.lost()

    def data_received(self, data: bytes) -> None:
        """Hand bytes to the protocol, or keep them while it is silent."""
        if self._broker.faults.silent:
            self._held.append(data)
        else:
            self.connection.receive(data)

    def pause_writing(self) -> None:
        """Let messages wait in their queue until the client has read what was sent."""
        self._room = False

    def resume_writing(self) -> None:
        """Go on."""
        self._room = True
        self.connection.serve()

    def resume(self) -> None:
        """Make up for a silence."""
        self._flush()
        held, self._held = self._held, []
        for data in held:
            self.connection.receive(data)
        if self._transport is None:
            self.connection_lost(None)

    def write(self, data: bytes) -> None:
        """Send bytes; after a cut they are dropped.

        What one turn of the event loop writes goes out together at its end, or before that when
        it is much.
        """
        if self._transport is None:
            return
        self._out.append(data)
        self._size += len(data)
        if self._size > _TOGETHER:
            self._flush()
        elif len(self._out) == 1:
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        if self._broker.faults.silent or self._transport is None or not self._out:
            return
        data, self._out, self._size = b"".join(self._out), [], 0
        self._transport.write(data)

    def cut(self) -> None:
        """Drop the connection, after what was written before."""
        self._flush()
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def close(self) -> None:
        """Send what was written, then close."""
        self._flush()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def later(self, delay: float, action: Callable[[], None]) -> None:
        """Do it after `delay` seconds, or at once when that is 0, whether or not cut by then."""
        if delay:
            asyncio.get_running_loop().call_later(delay, self._belated, action)
        else:
            action()

    def _belated(self, action: Callable[[], None]) -> None:
        if not self._broker.closed:
            action()
