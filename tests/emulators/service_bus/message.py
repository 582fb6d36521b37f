"""A message as bytes: what a broker must read of it, and what it adds on delivery (part 3 §3.2).

The client's own sections (properties, application properties, body, footer) are never decoded
and encoded again: they leave as they came. The broker reads the message id, the time to live and
when to enqueue, and writes the header and the message annotations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.emulators.service_bus.decode import decode, skip
from tests.emulators.service_bus.encode import encode
from tests.emulators.service_bus.types import (
    CodecError,
    Described,
    Symbol,
    Timestamp,
    UInt,
    ULong,
    Value,
)

__all__ = ["BATCH_FORMAT", "Message", "parse", "request", "response", "split"]

_HEADER, _DELIVERY, _ANNOTATIONS, _PROPERTIES, _APPLICATION, _DATA, _VALUE = (
    0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x77,
)  # fmt: skip

# A transfer with this message format carries whole messages, one in each data section
# (Service Bus; `BatchMessage` in the SDK's `_pyamqp/message.py`).
BATCH_FORMAT = 0x80013700


@dataclass(frozen=True, slots=True)
class Message:
    """A message in sections. `time_to_live` is in seconds, `scheduled` counts from the epoch."""

    header: list[Value]
    annotations: dict[Value, Value] = field(repr=False)
    properties: bytes = field(repr=False)
    application: bytes = field(repr=False)
    body: bytes = field(repr=False)
    message_id: Value
    time_to_live: float | None
    scheduled: float | None

    def delivered(
        self,
        count: int,
        annotations: Mapping[str, Value],
        application: Mapping[str, Value] | None = None,
    ) -> bytes:
        """The message for a receiver: `count` earlier deliveries failed; annotations are added."""
        header = [*self.header, None, None, None, None, None][:4]
        merged = self.annotations | {Symbol(name): value for name, value in annotations.items()}
        return b"".join(
            (
                _section(_HEADER, [*header, UInt(count)]),
                _section(_ANNOTATIONS, merged),
                self.properties,
                self._application(application or {}),
                self.body,
            )
        )

    def _application(self, added: Mapping[str, Value]) -> bytes:
        if not added:
            return self.application
        return _section(_APPLICATION, _map(self.application) | _keyed(added))


def parse(data: bytes) -> Message:
    """Cut a message into its sections. Raises `CodecError` when it is none."""
    sections = list(_sections(data))
    found = {code: data[start:end] for code, start, end in sections if code < _DATA}
    starts = [start for code, start, _ in sections if code >= _DATA]
    header = _list(found.get(_HEADER))
    annotations = _map(found.get(_ANNOTATIONS))
    properties = _list(found.get(_PROPERTIES))
    at = annotations.get("x-opt-scheduled-enqueue-time")
    return Message(
        header=header,
        annotations=annotations,
        properties=found.get(_PROPERTIES, b""),
        application=found.get(_APPLICATION, b""),
        body=data[min(starts) :] if starts else b"",
        message_id=properties[0] if properties else None,
        time_to_live=header[2] / 1000 if len(header) > 2 and isinstance(header[2], UInt) else None,
        scheduled=at / 1000 if isinstance(at, Timestamp) else None,
    )


def split(data: bytes) -> list[bytes]:
    """The messages of a batch. Raises `CodecError` when there is none or one is damaged."""
    messages = []
    for code, start, _ in _sections(data):
        if code != _DATA:
            continue
        content = decode(data, start)[0]
        if not isinstance(content, Described) or not isinstance(content.value, bytes):
            raise CodecError("a batch holds messages as binary")
        messages.append(content.value)
    if not messages:
        raise CodecError("a batch without messages")
    return messages


def request(data: bytes) -> tuple[list[Value], dict[Value, Value], Value]:
    """Properties, application properties and value of a request to `$cbs` or `$management`."""
    found = {code: data[start:end] for code, start, end in _sections(data)}
    held = decode(found[_VALUE])[0] if _VALUE in found else None
    value = held.value if isinstance(held, Described) else None
    return _list(found.get(_PROPERTIES)), _map(found.get(_APPLICATION)), value


def response(correlation: Value, application: Mapping[str, Value], value: Value) -> bytes:
    """An answer to the request whose message id is `correlation`."""
    return b"".join(
        (
            _section(_PROPERTIES, [None, None, None, None, None, correlation]),
            _section(_APPLICATION, _keyed(application)),
            _section(_VALUE, value),
        )
    )


def _sections(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Each section's descriptor, start and end."""
    at = 0
    while at < len(data):
        if data[at : at + 2] != b"\x00\x53" or at + 2 >= len(data):
            raise CodecError("a message consists of sections")
        end = skip(data, at)
        yield data[at + 2], at, end
        at = end


def _list(section: bytes | None) -> list[Value]:
    value = decode(section)[0] if section else None
    return value.value if isinstance(value, Described) and isinstance(value.value, list) else []


def _map(section: bytes | None) -> dict[Value, Value]:
    value = decode(section)[0] if section else None
    return value.value if isinstance(value, Described) and isinstance(value.value, dict) else {}


def _keyed(values: Mapping[str, Value]) -> dict[Value, Value]:
    return dict(values.items())


def _section(code: int, value: Value) -> bytes:
    return encode(Described(ULong(code), value))
