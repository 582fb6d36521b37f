"""Records, entries and messages to store: small, valid, and different where a test needs it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from audit.digest import record_digest
from audit.exchange import Dialect, Ending, Identity, Level
from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint, LedgerEntry, LedgerState
from audit.parts import Text, ToolCall
from audit.record import (
    ExchangeFacts,
    Integrity,
    Message,
    Output,
    RedactedRecord,
    Redaction,
    Request,
    Response,
    Retention,
    Safety,
    TapRef,
    Timing,
    Tool,
    Usage,
)
from storage.queue import port as queue

__all__ = [
    "BOOT",
    "a_checkpoint",
    "a_message",
    "a_record",
    "an_entry",
    "number",
    "record_id",
    "some_facts",
]

BOOT = "0199f3c0a1b2-0001"


def record_id(seq: int) -> str:
    """The id of the sample with this number."""
    return f"0199f3c0-a1b2-7000-8000-{seq:012x}"


def number(seq: int) -> ExchangeNumber:
    """The number of the sample."""
    return ExchangeNumber(tap="tap", boot=BOOT, seq=seq)


def a_record(
    seq: int = 1,
    *,
    prompt: str = "please refund my order",
    answer: str = "it is done",
    facts: ExchangeFacts | None = None,
    identity: Identity | None = None,
    consumer: str = "demo",
    received_at: str | None = None,
    duration_ms: float | None = 1200.5,
    total: int | None = 42,
    counts: dict[str, int] | None = None,
    signals: Sequence[str] = (),
) -> RedactedRecord:
    """A redacted record that differs from its neighbours in number, id and time."""
    at = received_at or f"2026-11-20T10:00:{seq % 60:02d}.000000Z"
    bare = RedactedRecord(
        id=record_id(seq),
        consumer=consumer,
        day=at[:10],
        tap=TapRef(name="tap", boot=BOOT, seq=seq),
        exchange=facts or some_facts(),
        timing=Timing(received_at=at, duration_ms=duration_ms, ttft_ms=300.0),
        identity=identity or Identity(),
        request=Request(
            messages=(Message(role="user", parts=(Text(text=prompt),)),),
            tools=(Tool(name="send_mail", digest="00"),),
        ),
        response=Response(
            outputs=(
                Output(
                    index=0,
                    parts=(Text(text=answer), ToolCall(id="c", name="get_weather", arguments="{}")),
                ),
            )
        ),
        safety=Safety(signals=tuple(signals)),
        usage=Usage(total=total),
        redaction=Redaction(level=Level.REDACTED, policy="default-1", counts=counts or {}),
        integrity=Integrity(),
        retention=Retention(),
    )
    return msgspec.structs.replace(bare, integrity=Integrity(record_digest=record_digest(bare)))


def some_facts(
    *,
    status: int | None = 200,
    ending: Ending = Ending.COMPLETE,
    model: str | None = "gpt-4o",
    dialect: Dialect = Dialect.OPENAI_CHAT,
    streamed: bool = True,
    flags: tuple[str, ...] = (),
) -> ExchangeFacts:
    """What kind of exchange the sample was."""
    return ExchangeFacts(
        dialect=dialect,
        operation="chat.completions",
        method="POST",
        path="/v1/chat/completions",
        requested_model=model,
        status=status,
        streamed=streamed,
        ending=ending,
        flags=flags,
    )


def an_entry(seq: int, state: LedgerState = LedgerState.STORED) -> LedgerEntry:
    """A ledger entry for the sample with this number."""
    return LedgerEntry(number=number(seq), id=record_id(seq), state=state, record_digest="ab")


def a_checkpoint(index: int, opened: int = 3) -> Checkpoint:
    """A checkpoint of the samples' boot."""
    at = "2026-11-20T10:00:00.000000Z"
    return Checkpoint(tap="tap", boot=BOOT, index=index, opened=opened, chain="00", at=at)


def a_message(seq: int, body: bytes = b"sealed") -> queue.Message:
    """A message that carries the sample with this number."""
    return queue.Message(record_id(seq), queue.MessageKind.RECORD, number(seq), body)
