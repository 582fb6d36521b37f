"""One AMQP connection: signing in, opening, sessions by channel (AMQP 1.0 part 2 §2.4, part 5).

Sans-IO: bytes come in through `receive`, leave through the `Wire`. Any SASL mechanism is let in:
what the SDK signs in with is `ANONYMOUS`, and its token follows on `$cbs`.
"""

from __future__ import annotations

from functools import partial

from tests.emulators.service_bus.broker import Broker
from tests.emulators.service_bus.encode import symbols
from tests.emulators.service_bus.frames import (
    AMQP_HEADER,
    EMPTY,
    MAX_FRAME,
    SASL_HEADER,
    Frame,
    FrameReader,
    pack,
)
from tests.emulators.service_bus.performatives import (
    Begin,
    Close,
    End,
    Open,
    Performative,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
)
from tests.emulators.service_bus.session import Session
from tests.emulators.service_bus.states import error
from tests.emulators.service_bus.types import CodecError
from tests.emulators.service_bus.wire import Wire

__all__ = ["Connection"]


class Connection:
    """The service's end of one connection."""

    def __init__(self, broker: Broker, wire: Wire) -> None:
        self._broker = broker
        self._wire = wire
        self._reader = FrameReader()
        self._sessions: dict[int, Session] = {}
        self._max_frame = MAX_FRAME
        self._gone = False
        self._transfers = 0

    def receive(self, data: bytes) -> None:
        """Deal with bytes from the client. What is no AMQP closes the connection with an error."""
        try:
            for item in self._reader.feed(data):
                if self._gone:
                    return
                self._header(item) if isinstance(item, bytes) else self._frame(item)
        except CodecError as problem:
            self._send(0, Close(error("amqp:decode-error", str(problem))))
            self.lost()
            self._wire.close()

    def lost(self) -> None:
        """The client is gone, or is to be taken for gone. Locks last until their time."""
        self._gone = True
        for session in self._sessions.values():
            session.end()
        self._sessions.clear()

    def cut(self) -> None:
        """Drop it without a word."""
        self.lost()
        self._wire.cut()

    def counted(self) -> bool:
        """Count a transfer; true when it was the one after which the connection was cut."""
        self._transfers += 1
        limit = self._broker.faults.cut_after
        if limit is None or self._transfers < limit:
            return False
        self.cut()
        return True

    def serve(self) -> None:
        """Send what waited for room on the wire."""
        for session in list(self._sessions.values()):
            session.serve()

    def _header(self, header: bytes) -> None:
        if header not in {SASL_HEADER, AMQP_HEADER}:
            raise CodecError("neither AMQP 1.0 nor its SASL")
        self._wire.write(header)
        if header == SASL_HEADER:
            offered = SaslMechanisms(symbols("MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL"))
            self._wire.write(pack(0, offered, sasl=True))

    def _frame(self, frame: Frame) -> None:
        body = frame.body
        if body is None:
            return
        if isinstance(body, SaslInit):
            self._wire.write(pack(0, SaslOutcome(0), sasl=True))
        elif isinstance(body, Open):
            self._open(body)
        elif isinstance(body, Close):
            self._send(0, Close())
            self.lost()
            self._wire.close()
        elif isinstance(body, Begin):
            self._begin(frame.channel, body)
        else:
            self._in_session(frame.channel, body, frame.payload)

    def _open(self, body: Open) -> None:
        self._max_frame = min(MAX_FRAME, body.max_frame_size)
        self._send(0, Open("auditstream-test-broker", None, MAX_FRAME, 4999))
        if body.idle_time_out:
            self._keep_alive(body.idle_time_out / 2000)

    def _keep_alive(self, interval: float) -> None:
        def again() -> None:
            if not self._gone:
                self._wire.write(EMPTY)
                self._wire.later(interval, again)

        self._wire.later(interval, again)

    def _begin(self, channel: int, body: Begin) -> None:
        send = partial(self._send, channel)
        session = Session(self._broker, self._wire, self, send, self._max_frame)
        self._sessions[channel] = session
        session.begin(channel, body)

    def _in_session(self, channel: int, body: Performative, payload: bytes) -> None:
        session = self._sessions.get(channel)
        if session is None:
            raise CodecError("a frame on a channel without a session")
        if isinstance(body, End):
            session.end()
            del self._sessions[channel]
            self._send(channel, End())
        else:
            session.receive(body, payload)

    def _send(self, channel: int, body: Performative, payload: bytes = b"") -> None:
        self._wire.write(pack(channel, body, payload))
