"""One record as a conversation: what was asked, what was answered, what was taken out.

Everything the record holds has a place here; nothing is shortened. The parts a reader looks for
come first, the audit's own evidence last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from audit.digest import document_digest
from audit.exchange import PRECEDENCE
from audit.reading.neutral import neutral, neutral_line
from audit.record import Output, RedactedRecord, Request, Response
from audit.sheaf import exchange_of, record_id
from audit.value import Json, from_json
from cli.render.evidence import integrity_rows, redaction_rows, safety_rows, taken_out
from cli.render.facts import Row, fact_rows, grid
from cli.render.marks import Marks
from cli.render.parts import part_blocks
from cli.render.styles import ENDING_STYLES

__all__ = ["ConversationView"]


@dataclass(frozen=True, slots=True)
class ConversationView:
    """A renderable conversation.

    `intact` says whether the stored document agrees with the digest it carries, None when it
    carries none.
    """

    record: RedactedRecord = field(repr=False)
    intact: bool | None = None

    @classmethod
    def of(cls, document: bytes) -> ConversationView:
        """Read a stored document's JSON and compare it with its digest.

        Raises `msgspec.DecodeError` for what is no record.
        """
        record = from_json(document, RedactedRecord)
        stated = record.integrity.record_digest
        if stated is None:
            return cls(record)
        return cls(record, document_digest(msgspec.json.decode(document)) == stated)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console, options
        record, marks = self.record, Marks(self.record.redaction.findings)
        yield from _head(record)
        yield grid(fact_rows(record, marks))
        yield from _asked(record.request, marks)
        yield from _answered(record.response, marks)
        yield from _section("content filter", safety_rows(record))
        yield from _section("taken out", redaction_rows(record.redaction))
        if record.redaction.findings:
            yield Text()
            yield taken_out(record.redaction.findings)
        rows = integrity_rows(record.integrity, record.retention, intact=self.intact)
        yield from _section("integrity", rows)


def _head(record: RedactedRecord) -> Iterator[RenderableType]:
    ending = record.exchange.ending
    yield Text.assemble("record ", (neutral_line(record.id), "bold"))
    yield from _place(record)
    yield Text.assemble((ending, ENDING_STYLES[ending]), f": {PRECEDENCE[ending]}")


def _place(record: RedactedRecord) -> Iterator[RenderableType]:
    """Which of a session's records it is, and how to see the others."""
    nth, records, exchange_id = record.tap.record, record.tap.records, exchange_of(record.id)
    if records > 1:
        to_next = nth + 1 if nth < records else 1
        shown = neutral_line(record_id(exchange_id, to_next))
        which = "next" if nth < records else "first"
        yield Text(f"{nth} of {records} records of one session")
        yield Text(f"{which}: auditstream show {shown}", style="dim")
        yield Text(f"all: auditstream query 'id:{neutral_line(exchange_id)}*'", style="dim")


def _asked(request: Request, marks: Marks) -> Iterator[RenderableType]:
    yield from _title("asked")
    for number, message in enumerate(request.messages):
        path = f"/request/messages/{number}"
        title = Text.assemble(f"{number + 1} ", marks.line(message.role, f"{path}/role", "bold"))
        if message.name:
            title = Text.assemble(title, " ", marks.line(message.name, f"{path}/name"))
        yield title
        yield from part_blocks(message.parts, f"{path}/parts", marks)
    if not request.messages:
        yield Text("no prompt is in this record", style="dim")
    yield grid(_request_rows(request, marks))


def _request_rows(request: Request, marks: Marks) -> Iterator[Row]:
    for number, reference in enumerate(request.references):
        kind = neutral_line(reference.kind)
        where = marks.line(reference.id, f"/request/references/{number}/id")
        yield "refers to", Text.assemble(f"{kind} ", where)
    for number, tool in enumerate(request.tools):
        name = marks.line(tool.name, f"/request/tools/{number}/name")
        yield "tool", Text.assemble(name, (f"  {neutral_line(tool.digest)}", "dim"))
    for key, value in request.parameters.items():
        pointer = key.replace("~", "~0").replace("/", "~1")
        yield neutral_line(key), _parameter(value, f"/request/parameters/{pointer}", marks)
    if request.prompt_digest:
        yield "digest", Text(neutral_line(request.prompt_digest), style="dim")


def _parameter(value: Json, path: str, marks: Marks) -> Text:
    if isinstance(value, str):
        return marks.block(value, path)
    return Text(neutral(msgspec.json.encode(value).decode()))


def _answered(response: Response, marks: Marks) -> Iterator[RenderableType]:
    yield from _title("answered")
    for number, output in enumerate(response.outputs):
        yield _output_title(number, output, marks)
        yield from part_blocks(output.parts, f"/response/outputs/{number}/parts", marks)
    error = response.error
    if error is not None:
        names = [name for name in ("code", "type", "param") if getattr(error, name)]
        said = ", ".join(neutral_line(f"{name} {getattr(error, name)}") for name in names)
        yield Text.assemble(("error", "bold red"), f" {said}")
        message = marks.block(error.message or "", "/response/error/message")
        yield Padding(message, (0, 0, 0, 2), expand=False)
    if not response.outputs and error is None:
        yield Text("no answer is in this record", style="dim")


def _output_title(number: int, output: Output, marks: Marks) -> Text:
    path = f"/response/outputs/{number}"
    title = Text.assemble(
        f"{output.index + 1} ", marks.line(output.role or "answer", f"{path}/role", "bold")
    )
    finish = neutral_line(output.finish_reason or "no finish reason")
    return Text.assemble(title, (f"  {finish}", "dim"))


def _section(title: str, rows: Iterator[Row]) -> Iterator[RenderableType]:
    first = next(rows, None)
    if first is None:
        return
    yield from _title(title)
    yield grid(iter([first, *rows]))


def _title(title: str) -> Iterator[RenderableType]:
    yield Text()
    yield Rule(title, align="left", style="dim")
