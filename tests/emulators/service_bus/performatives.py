"""The bodies of frames: what they hold and in what order (AMQP 1.0 part 2 §2.7, part 5 §5.3).

A performative is a dataclass whose fields are in the order of the wire. `WIRE` says, field by
field, which AMQP type a Python value goes out as; None leaves it as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeAlias

from tests.emulators.service_bus.encode import encode
from tests.emulators.service_bus.types import (
    CodecError,
    Described,
    Symbol,
    UByte,
    UInt,
    ULong,
    UShort,
    Value,
)

__all__ = [
    "Attach",
    "Begin",
    "Close",
    "Detach",
    "Disposition",
    "End",
    "Flow",
    "Open",
    "Performative",
    "SaslInit",
    "SaslMechanisms",
    "SaslOutcome",
    "Transfer",
    "from_value",
    "to_bytes",
]

_Wire: TypeAlias = tuple[Callable[..., Value] | None, ...]


@dataclass(slots=True)
class Open:
    """The first frame of a connection."""

    CODE: ClassVar = 0x10
    WIRE: ClassVar[_Wire] = (None, None, UInt, UShort, UInt)

    container_id: str = ""
    hostname: str | None = None
    max_frame_size: int = 0xFFFFFFFF
    channel_max: int = 0xFFFF
    idle_time_out: int | None = None
    outgoing_locales: Value = None
    incoming_locales: Value = None
    offered_capabilities: Value = None
    desired_capabilities: Value = None
    properties: Value = None


@dataclass(slots=True)
class Begin:
    """Begins a session; `remote_channel` is set in the answer only."""

    CODE: ClassVar = 0x11
    WIRE: ClassVar[_Wire] = (UShort, UInt, UInt, UInt, UInt)

    remote_channel: int | None = None
    next_outgoing_id: int = 0
    incoming_window: int = 0
    outgoing_window: int = 0
    handle_max: int = 0xFFFFFFFF
    offered_capabilities: Value = None
    desired_capabilities: Value = None
    properties: Value = None


@dataclass(slots=True)
class Attach:
    """Attaches a link. `role` is false for the sending end, true for the receiving end."""

    CODE: ClassVar = 0x12
    WIRE: ClassVar[_Wire] = (
        (None, UInt, None, UByte, UByte, None, None, None, None, UInt, ULong)
    )  # fmt: skip

    name: str = ""
    handle: int = 0
    role: bool = False
    snd_settle_mode: int = 2
    rcv_settle_mode: int = 0
    source: Value = None
    target: Value = None
    unsettled: Value = None
    incomplete_unsettled: bool | None = None
    initial_delivery_count: int | None = None
    max_message_size: int | None = None
    offered_capabilities: Value = None
    desired_capabilities: Value = None
    properties: Value = None


@dataclass(slots=True)
class Flow:
    """Windows of a session and, with a handle, the credit of a link."""

    CODE: ClassVar = 0x13
    WIRE: ClassVar[_Wire] = (UInt, UInt, UInt, UInt, UInt, UInt, UInt, UInt)

    next_incoming_id: int | None = None
    incoming_window: int = 0
    next_outgoing_id: int = 0
    outgoing_window: int = 0
    handle: int | None = None
    delivery_count: int | None = None
    link_credit: int | None = None
    available: int | None = None
    drain: bool | None = None
    echo: bool | None = None
    properties: Value = None


@dataclass(slots=True)
class Transfer:
    """A message or a part of one; its bytes follow the performative in the frame."""

    CODE: ClassVar = 0x14
    WIRE: ClassVar[_Wire] = (UInt, UInt, None, UInt)

    handle: int = 0
    delivery_id: int | None = None
    delivery_tag: bytes | None = None
    message_format: int | None = None
    settled: bool | None = None
    more: bool | None = None
    rcv_settle_mode: Value = None
    state: Value = None
    resume: bool | None = None
    aborted: bool | None = None
    batchable: bool | None = None


@dataclass(slots=True)
class Disposition:
    """What became of deliveries `first` to `last`. `role` is that of the end that says so."""

    CODE: ClassVar = 0x15
    WIRE: ClassVar[_Wire] = (None, UInt, UInt)

    role: bool = False
    first: int = 0
    last: int | None = None
    settled: bool | None = None
    state: Value = None
    batchable: bool | None = None


@dataclass(slots=True)
class Detach:
    """Detaches a link, for good when `closed`."""

    CODE: ClassVar = 0x16
    WIRE: ClassVar[_Wire] = (UInt,)

    handle: int = 0
    closed: bool | None = None
    error: Value = None


@dataclass(slots=True)
class End:
    """Ends a session."""

    CODE: ClassVar = 0x17
    WIRE: ClassVar[_Wire] = ()

    error: Value = None


@dataclass(slots=True)
class Close:
    """Closes a connection."""

    CODE: ClassVar = 0x18
    WIRE: ClassVar[_Wire] = ()

    error: Value = None


@dataclass(slots=True)
class SaslMechanisms:
    """What the server lets a client sign in with."""

    CODE: ClassVar = 0x40
    WIRE: ClassVar[_Wire] = ()

    sasl_server_mechanisms: Value = None


@dataclass(slots=True)
class SaslInit:
    """What the client chose."""

    CODE: ClassVar = 0x41
    WIRE: ClassVar[_Wire] = (Symbol,)

    mechanism: str = ""
    initial_response: bytes | None = None
    hostname: str | None = None


@dataclass(slots=True)
class SaslOutcome:
    """0 is success."""

    CODE: ClassVar = 0x44
    WIRE: ClassVar[_Wire] = (UByte,)

    code: int = 0
    additional_data: bytes | None = None


Performative: TypeAlias = (
    Open | Begin | Attach | Flow | Transfer | Disposition | Detach | End | Close
    | SaslMechanisms | SaslInit | SaslOutcome
)  # fmt: skip

_KINDS: tuple[type[Performative], ...] = (
    Open, Begin, Attach, Flow, Transfer, Disposition, Detach, End, Close,
    SaslMechanisms, SaslInit, SaslOutcome,
)  # fmt: skip
_BY_CODE: dict[int, type[Performative]] = {kind.CODE: kind for kind in _KINDS}
_NAMES = {kind: tuple(field.name for field in fields(kind)) for kind in _KINDS}


def to_bytes(performative: Performative) -> bytes:
    """The performative as a described list, without the nulls at its end."""
    wire = performative.WIRE
    values: list[Value] = []
    for index, name in enumerate(_NAMES[type(performative)]):
        value = getattr(performative, name)
        kind = wire[index] if index < len(wire) else None
        values.append(value if value is None or kind is None else kind(value))
    while values and values[-1] is None:
        values.pop()
    return encode(Described(ULong(performative.CODE), values))


def from_value(value: Value) -> Performative:
    """The performative that a frame's body decodes to; a null or missing field is its default."""
    if not isinstance(value, Described) or not isinstance(value.value, list):
        raise CodecError("a frame's body is a described list")
    code = value.descriptor
    kind = _BY_CODE.get(code) if isinstance(code, ULong) else None
    if kind is None or len(value.value) > len(_NAMES[kind]):
        raise CodecError("not a performative")
    given: dict[str, Any] = dict(zip(_NAMES[kind], value.value, strict=False))
    made: Performative = kind(**{name: item for name, item in given.items() if item is not None})
    return made
