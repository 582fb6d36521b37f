"""A request's body on its way up: sent as it arrives, noted after that.

The law: a body waits only for its own connection, and its client is held meanwhile, so that no
more of it lies here than one read of a socket. What is not forwarded any more is still noted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tap.client import Client
from tap.recording import Recording
from tap.upstream import UpstreamConnection

__all__ = ["Upload"]

# How long a caller that has been answered may go on sending its request.
_REST_SECONDS = 2.0


class Upload:
    """One request's body. `whole` tells that all of it has arrived.

    `recording` is None as long as the opening is not written, and where it could not be.
    """

    def __init__(self, client: Client) -> None:
        self.whole = False
        self.recording: Recording | None = None
        self._client = client
        self._waiting: list[bytes] = []
        self._unnoted: list[bytes] = []
        self._connection: UpstreamConnection | None = None
        self._stopped = False
        self._done: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def take(self, raw: bytes, content: bytes, *, whole: bool) -> None:
        """Take what has arrived, as it came and without framing; send it where it can go."""
        self.whole = whole
        if raw:
            self._waiting.append(raw)
            self._unnoted.append(content)
        if self._connection is not None:
            self._send(self._connection, b"")
        elif self._stopped:
            self._note()
            if whole and self._done is not None:
                self._done()
        elif not whole:
            self._client.hold(held=True)

    def start(self, connection: UpstreamConnection, head: bytes) -> None:
        """Send the request's head, and with it what has arrived of the body."""
        self._connection = connection
        self._send(connection, head)

    def stop(self, done: Callable[[], None], *, patient: bool) -> None:
        """Forward nothing more; call `done` when nothing more is to be waited for.

        `patient` gives a caller that has its answer a moment to send what it was asked. The rest
        of a request that is not forwarded is read for the record, and for the next request, which
        cannot be found otherwise.
        """
        self._connection = None
        self._stopped = True
        self._note()
        self._client.hold(held=False)
        if self.whole or not patient:
            done()
            return
        if self.recording is not None:
            self.recording.tick()
        self._done = done
        self._timer = asyncio.get_running_loop().call_later(_REST_SECONDS, done)

    def forget(self) -> None:
        """Wait for nothing more."""
        self._done = None
        if self._timer is not None:
            self._timer.cancel()

    def _send(self, connection: UpstreamConnection, head: bytes) -> None:
        data = head + b"".join(self._waiting)
        self._waiting.clear()
        if data:
            connection.write(data)
        self._note()
        self._client.hold(held=connection.clogged and not self.whole)

    def _note(self) -> None:
        recording = self.recording
        if recording is not None:
            for data in self._unnoted:
                recording.request(data)
            if self.whole:
                recording.request_end()
        self._unnoted.clear()
