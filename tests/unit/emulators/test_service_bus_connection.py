"""The protocol without sockets: windows, credit and frames, for a stricter client than the SDK."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emulators.service_bus.broker import Broker
from tests.emulators.service_bus.connection import Connection
from tests.emulators.service_bus.encode import encode
from tests.emulators.service_bus.events import Sub
from tests.emulators.service_bus.frames import AMQP_HEADER, Frame, FrameReader, pack
from tests.emulators.service_bus.performatives import (
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Flow,
    Open,
    Performative,
    Transfer,
)
from tests.emulators.service_bus.rules import QueueRules
from tests.emulators.service_bus.shelf import State
from tests.emulators.service_bus.states import ACCEPTED
from tests.emulators.service_bus.types import Described, ULong

SENDER, RECEIVER = 1, 2

_ADDRESS = ["amqp://127.0.0.1:5672/Auditstream"]
_SOURCE, _TARGET = Described(ULong(0x28), [*_ADDRESS]), Described(ULong(0x29), [*_ADDRESS])


class Client:
    """The client's end of a connection, and a clock that stands still."""

    def __init__(self, broker: Broker, max_frame: int = 65_536, window: int = 1000) -> None:
        self.writable = True
        self.is_cut = False
        self.closed = False
        self.alarms: list[tuple[float, Callable[[], None]]] = []
        self._out = bytearray()
        self.connection = Connection(broker, self)
        self.opening = AMQP_HEADER + pack(0, Open("test", None, max_frame, idle_time_out=30_000))
        self.opening += pack(7, Begin(None, 0, window, window))

    def write(self, data: bytes) -> None:
        """Keep what is sent."""
        self._out += data

    def cut(self) -> None:
        """Note it."""
        self.is_cut = True

    def close(self) -> None:
        """Note it."""
        self.closed = True

    def later(self, delay: float, action: Callable[[], None]) -> None:
        """Do it at once, or keep it."""
        if delay:
            self.alarms.append((delay, action))
        else:
            action()

    def send(self, *bodies: Performative) -> None:
        """Send frames on the session's channel."""
        self.connection.receive(b"".join(pack(7, body) for body in bodies))

    def transfer(self, number: int, content: bytes, **fields: bool) -> None:
        """Send a frame of a message."""
        body = Transfer(SENDER, number, b"%04d" % number, 0, False, **fields)
        self.connection.receive(pack(7, body, content))

    def got(self) -> list[Frame]:
        """The frames that came since the last call."""
        data, self._out = bytes(self._out), bytearray()
        return [item for item in FrameReader().feed(data) if isinstance(item, Frame)]

    def bodies(self, kind: type[Performative]) -> list[Performative]:
        """The bodies of one kind that came since the last call."""
        return [frame.body for frame in self.got() if isinstance(frame.body, kind)]


def _attach(name: str, handle: int, *, receives: bool) -> Attach:
    count = None if receives else 0
    return Attach(
        name, handle, receives, source=_SOURCE, target=_TARGET, initial_delivery_count=count
    )


def _message(text: bytes = b"text") -> bytes:
    return encode(Described(ULong(0x75), text))


def _broker(messages: int = 0) -> Broker:
    broker = Broker(lambda: 1000.0)
    broker.create("auditstream", QueueRules(max_message_size=1_000_000))
    broker.queues["auditstream"].enqueue([_message(b"%d" % n) for n in range(messages)], 1000.0)
    return broker


def _attached(broker: Broker, max_frame: int = 65_536, window: int = 1000) -> Client:
    client = Client(broker, max_frame, window)
    client.connection.receive(client.opening)
    client.send(
        _attach("s", SENDER, receives=False),
        _attach("r", RECEIVER, receives=True),
    )
    client.got()
    return client


def _credit(count: int, seen: int = 0, *, window: int = 1000, drain: bool = False) -> Flow:
    return Flow(seen, window, 0, 1000, RECEIVER, seen, count, drain=drain)


def test_a_sender_is_granted_credit_before_it_runs_out() -> None:
    """A client that sends only within its credit can send without end."""
    client = _attached(_broker())
    limit = 1000
    for number in range(2600):
        assert number < limit
        client.transfer(number, _message())
        for flow in client.bodies(Flow):
            assert isinstance(flow, Flow)
            limit = (flow.delivery_count or 0) + (flow.link_credit or 0)


def test_deliveries_stop_at_the_credit_and_go_on_with_more() -> None:
    """No more messages are sent than the receiver asked for."""
    client = _attached(_broker(10))
    sent = []
    for seen, credit in ((0, 3), (3, 0), (3, 2), (5, 100)):
        client.send(_credit(credit, seen))
        sent.append(len(client.bodies(Transfer)))

    assert sent == [3, 0, 2, 5]


def test_credit_that_is_given_again_is_not_added() -> None:
    """A flow says how much credit there is, not how much more."""
    broker = _broker()
    client = _attached(broker)
    client.send(_credit(3), _credit(3))
    broker.queues["auditstream"].enqueue([_message()] * 10, 1000.0)
    broker.serve(broker.queues["auditstream"])

    assert len(client.bodies(Transfer)) == 3


def test_deliveries_stop_at_the_sessions_window() -> None:
    """Frames beyond the client's window wait until it opens it again."""
    client = _attached(_broker(10), window=4)
    client.send(_credit(10, window=4))
    first = len(client.bodies(Transfer))
    client.send(Flow(4, 100, 0, 1000))
    rest = len(client.bodies(Transfer))

    assert (first, rest) == (4, 6)


def test_deliveries_wait_for_room_on_the_wire() -> None:
    """Messages stay in the queue, unlocked, while the client does not read."""
    broker = _broker(5)
    client = _attached(broker)
    client.writable = False
    client.send(_credit(5))
    during = client.bodies(Transfer)
    locked = broker.queues["auditstream"].shelves[Sub.MAIN].count(State.LOCKED)
    client.writable = True
    client.connection.serve()

    assert (during, locked) == ([], 0)
    assert len(client.bodies(Transfer)) == 5


def test_draining_gives_the_credit_back() -> None:
    """A drained receiver gets what is there, and a flow that says no credit is left."""
    client = _attached(_broker(2))
    client.send(_credit(10, drain=True))
    frames = client.got()
    answer = frames[-1].body

    assert [type(frame.body) for frame in frames[:-1]] == [Transfer, Transfer]
    assert isinstance(answer, Flow)
    assert (answer.drain, answer.link_credit, answer.delivery_count) == (True, 0, 10)


def test_frames_are_no_larger_than_the_client_takes() -> None:
    """A message goes out in frames of the client's size, and they put together are the message."""
    broker = _broker()
    broker.queues["auditstream"].enqueue([_message(bytes(range(256)) * 20)], 1000.0)
    client = _attached(broker, max_frame=512)
    client.send(_credit(1))
    frames = [frame for frame in client.got() if isinstance(frame.body, Transfer)]

    assert max(len(pack(7, frame.body, frame.payload)) for frame in frames if frame.body) <= 512
    assert [frame.body.more for frame in frames if isinstance(frame.body, Transfer)] == [
        *[True] * (len(frames) - 1), False,
    ]  # fmt: skip
    assert b"".join(frame.payload for frame in frames).endswith(bytes(range(256)) * 20)


def test_an_aborted_message_is_forgotten() -> None:
    """A message that its sender gave up is neither stored nor mixed into the next."""
    broker = _broker()
    client = _attached(broker)
    client.transfer(0, b"half a message", more=True)
    client.transfer(0, b"", aborted=True)
    client.transfer(1, _message(b"whole"))
    (answer,) = client.bodies(Disposition)

    (held,) = broker.queues["auditstream"].shelves[Sub.MAIN]
    assert isinstance(answer, Disposition)
    assert (answer.first, answer.state) == (1, ACCEPTED)
    assert held.message.body == _message(b"whole")


def test_receivers_take_turns() -> None:
    """Of two receivers with credit each gets every other message."""
    broker = _broker()
    one, other = _attached(broker), _attached(broker)
    for client in (one, other):
        client.send(_credit(100))
    sender = _attached(broker)
    for number in range(10):
        sender.transfer(number, _message())

    assert (len(one.bodies(Transfer)), len(other.bodies(Transfer))) == (5, 5)


def test_a_detached_receiver_is_sent_nothing_more() -> None:
    """Detach, end and the loss of the connection each take a receiver out of the competition."""
    broker = _broker()
    clients = [_attached(broker) for _ in range(3)]
    for client in clients:
        client.send(_credit(10))
    clients[0].send(Detach(RECEIVER, True))
    clients[1].send(End())
    clients[2].connection.lost()
    for client in clients:
        client.got()
    _attached(broker).transfer(0, _message())

    assert [client.bodies(Transfer) for client in clients] == [[], [], []]
    assert broker.queues["auditstream"].shelves[Sub.MAIN].count(State.LOCKED) == 0


def test_an_idle_connection_is_kept_alive() -> None:
    """The broker sends empty frames at half the time after which the client would give it up."""
    client = Client(_broker())
    client.connection.receive(client.opening)
    client.got()
    ((delay, ring),) = client.alarms
    ring()

    assert delay == 15.0
    assert client.got() == [Frame(0, None)]
    assert len(client.alarms) == 2


@pytest.mark.parametrize(
    "stream", [b"GET / HTTP/1.1\r\n\r\n", pack(9, Flow()), pack(0, Transfer(1)), b"\x00" * 64]
)
def test_what_is_out_of_place_closes_the_connection(stream: bytes) -> None:
    """Another protocol, or a frame of no session, is answered with a close and an error."""
    client = Client(_broker())
    client.connection.receive(AMQP_HEADER)
    client.connection.receive(stream)
    (answer,) = client.bodies(Close)

    assert isinstance(answer, Close)
    assert answer.error is not None
    assert client.closed


@settings(deadline=None)  # another process may have the machine
@given(st.data())
def test_a_conversation_is_the_same_however_it_is_cut(data: st.DataObject) -> None:
    """What the client sends may arrive in any pieces: the broker answers the same."""
    stream = Client(_broker()).opening
    stream += pack(7, _attach("s", SENDER, receives=False))
    for number in range(3):
        stream += pack(7, Transfer(SENDER, number, b"tag", 0, False), _message())
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    whole, cut = Client(_broker()), Client(_broker())
    whole.connection.receive(stream)
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        cut.connection.receive(stream[start:end])

    assert cut.got() == whole.got()


@settings(deadline=None, max_examples=300)  # another process may have the machine
@given(st.binary(max_size=120))
def test_no_bytes_break_the_broker(junk: bytes) -> None:
    """Whatever follows a good opening, it is dealt with or the connection is closed."""
    client = _attached(_broker(1))
    client.connection.receive(pack(7, _credit(1)) + junk)

    assert not client.is_cut
