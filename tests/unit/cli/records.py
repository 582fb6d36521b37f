"""Records to render, made by hand, and what a terminal is sent for them."""

from __future__ import annotations

import io
from typing import Any

import msgspec
from rich.console import Console, RenderableType

from audit.digest import record_digest
from audit.exchange import Dialect, Ending, Identity, IdentitySource, Level
from audit.parts import Part, Text
from audit.record import (
    Engine,
    ExchangeFacts,
    Finding,
    Integrity,
    Message,
    Output,
    OutputSafety,
    RedactedRecord,
    Redaction,
    Request,
    Response,
    Retention,
    Safety,
    TapRef,
    Timing,
    Usage,
    Verdict,
)
from cli.render.conversation import ConversationView
from cli.render.table import RecordTable

PROMPT = "Please write to <EMAIL_ADDRESS_1> about card <CREDIT_CARD_1>."
ID = "0199a3b2-1111-7222-8333-444455556666"

HOSTILE = "[red]x[/red] \x1b[31m\x1b]8;;http://evil\x07 \u202egnp.exe [link=http://evil]y[/link]"
SHOWN = "[red]x[/red] ␛[31m␛]8;;http://evil␇ ⟨U+202E⟩gnp.exe [link=http://evil]y[/link]"


def found(path: str, text: str, token: str, kind: str, start: int | None = None) -> Finding:
    """Say that `token` stands in `text`, at its first place unless told otherwise."""
    at = text.index(token) if start is None else start
    return Finding(
        path=path,
        start=at,
        end=at + len(token),
        type=kind,
        detector=f"pattern.{kind.lower()}",
        score=0.95,
        token=token,
    )


def _finding(path: str, token: str, kind: str) -> Finding:
    return found(path, PROMPT, token, kind)


def a_record(**changed: Any) -> RedactedRecord:
    """Give an ordinary record with two findings in its prompt; groups can be replaced."""
    prompt_path = "/request/messages/1/parts/0/text"
    findings = (
        _finding(prompt_path, "<EMAIL_ADDRESS_1>", "EMAIL_ADDRESS"),
        _finding(prompt_path, "<CREDIT_CARD_1>", "CREDIT_CARD"),
    )
    verdicts = (Verdict(category="hate", severity="safe"),)
    record = RedactedRecord(
        id=ID,
        consumer="demo",
        day="2026-03-01",
        tap=TapRef(name="tap-1", boot="0199a3b21111-abcd", seq=7),
        exchange=ExchangeFacts(
            dialect=Dialect.OPENAI_CHAT,
            operation="chat.completions",
            method="POST",
            path="/openai/deployments/demo-support/chat/completions",
            deployment="demo-support",
            reported_model="gpt-4o-2024-11-20",
            status=200,
            streamed=True,
            ending=Ending.COMPLETE,
        ),
        timing=Timing(
            received_at="2026-03-01T10:57:31.000001Z", ttft_ms=251.0, duration_ms=4100.0, chunks=80
        ),
        identity=Identity(
            key_fingerprint="f" * 32, trace_id="a" * 32, source=IdentitySource.KEY_FINGERPRINT
        ),
        request=Request(
            messages=(
                Message(role="system", parts=(Text(text="You answer mails."),)),
                Message(role="user", parts=(Text(text=PROMPT),)),
            )
        ),
        response=Response(
            outputs=(
                Output(
                    index=0,
                    role="assistant",
                    parts=(Text(text="I have noted that."),),
                    finish_reason="stop",
                ),
            )
        ),
        safety=Safety(prompt=verdicts, outputs=(OutputSafety(index=0, verdicts=verdicts),)),
        usage=Usage(input=142, output=87, total=229, source="reported"),
        redaction=Redaction(
            level=Level.REDACTED,
            policy="standard-1",
            engines=(Engine(name="patterns", version="1"),),
            counts={"EMAIL_ADDRESS": 1, "CREDIT_CARD": 1},
            findings=findings,
            gaps=("no_name_model",),
        ),
        integrity=Integrity(),
        retention=Retention(expires_at="2026-04-01T00:00:00.000000Z"),
    )
    return msgspec.structs.replace(record, **changed)


def a_document(record: RedactedRecord) -> bytes:
    """Give the record as a store holds it, with its digest."""
    integrity = Integrity(record_digest=record_digest(record), commitment="c" * 64)
    return msgspec.json.encode(msgspec.structs.replace(record, integrity=integrity))


def printed(what: RenderableType, width: int = 80, *, colour: bool = False) -> str:
    """Give what a terminal or a file of that width would be sent."""
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
        no_color=not colour,
    )
    console.print(what)
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def table(record: RedactedRecord, width: int = 80) -> str:
    """Print a table of one record."""
    return printed(RecordTable([record]), width)


def view(record: RedactedRecord, width: int = 80) -> str:
    """Print one record as a conversation."""
    return printed(ConversationView.of(a_document(record)), width)


def with_facts(**changed: object) -> RedactedRecord:
    """Give the ordinary record with other facts of its exchange."""
    record = a_record()
    return a_record(exchange=msgspec.structs.replace(record.exchange, **changed))


def with_answer(*parts: Part) -> RedactedRecord:
    """Give the ordinary record with another answer."""
    return a_record(response=Response(outputs=(Output(index=0, role="assistant", parts=parts),)))
