"""What the conversation page shows: a record as turns of a chat, with what the audit says of it.

The law: everything the record holds has a place here, in its order; nothing is shortened, long
things are folded. All text is neutral and marked (`console.marks`). No HTML is made here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from audit.exchange import PRECEDENCE
from audit.parts import Citation, Extra, Media, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from audit.reading.neutral import neutral, neutral_line
from audit.reading.words import UNKNOWN
from audit.record import Message, Output, OutputSafety, RedactedRecord, Verdict
from audit.value import Json
from console.marks import Marks, Piece, Pieces
from console.rows import model_of, tone
from console.timing import TimingBar, timing_bar

__all__ = ["Block", "Conversation", "Legend", "Turn", "VerdictNote", "conversation"]

# A turn longer than this is folded to its head, unless it is what was asked or answered last.
_LONG = 2_400
_SPEAKERS = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
}


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a turn: its kind, a heading, the text, and facts beside it."""

    kind: str
    heading: Pieces = field(default=(), repr=False)
    body: Pieces = field(default=(), repr=False)
    code: bool = False
    facts: tuple[tuple[str, Pieces], ...] = field(default=(), repr=False)
    failed: bool = False


@dataclass(frozen=True, slots=True)
class VerdictNote:
    """What a content filter said in one category."""

    words: str
    struck: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: who speaks, what is said, and what filters said of it."""

    anchor: str
    number: int
    speaker: str
    role: Pieces = field(repr=False)
    name: Pieces = field(default=(), repr=False)
    blocks: tuple[Block, ...] = field(default=(), repr=False)
    verdicts: tuple[VerdictNote, ...] = ()
    note: str = ""
    folded: bool = False
    size: int = 0


@dataclass(frozen=True, slots=True)
class Legend:
    """One token of the record: how often it stands there, who found it, how sure they were."""

    token: str
    type: str
    family: str
    times: int
    detectors: str
    score: float


@dataclass(frozen=True, slots=True)
class Conversation:
    """A whole conversation, ready to be laid out."""

    id: str
    title: str
    ending: str
    tone: str
    meaning: str
    turns: tuple[Turn, ...] = field(repr=False)
    answers: tuple[Turn, ...] = field(repr=False)
    error: tuple[tuple[str, Pieces], ...] = field(repr=False)
    tools: tuple[tuple[Pieces, str], ...] = field(repr=False)
    references: tuple[tuple[str, Pieces], ...] = field(repr=False)
    parameters: tuple[tuple[str, Pieces], ...] = field(repr=False)
    signals: tuple[str, ...]
    legend: tuple[Legend, ...]
    bar: TimingBar | None


def conversation(record: RedactedRecord) -> Conversation:
    """Lay a record out."""
    marks = Marks(record.redaction.findings)
    facts, request = record.exchange, record.request
    return Conversation(
        id=record.id,
        title=model_of(record),
        ending=facts.ending.value.replace("_", " "),
        tone=tone(facts.ending.value),
        meaning=PRECEDENCE[facts.ending],
        turns=_asked(record, marks),
        answers=_answered(record, marks),
        error=tuple(_error(record, marks)),
        tools=tuple(
            (marks.line(tool.name, f"/request/tools/{n}/name"), neutral_line(tool.digest))
            for n, tool in enumerate(request.tools)
        ),
        references=tuple(
            (neutral_line(each.kind), marks.line(each.id, f"/request/references/{n}/id"))
            for n, each in enumerate(request.references)
        ),
        parameters=tuple(
            (neutral_line(key), _parameter(key, value, marks))
            for key, value in request.parameters.items()
        ),
        signals=tuple(map(neutral_line, record.safety.signals)),
        legend=_legend(record),
        bar=timing_bar(record.timing),
    )


def _asked(record: RedactedRecord, marks: Marks) -> tuple[Turn, ...]:
    messages = record.request.messages
    last = len(messages) - 1
    verdicts = tuple(_notes(record.safety.prompt))
    return tuple(
        _message(n, message, marks, verdicts if n == last else (), last=n == last)
        for n, message in enumerate(messages)
    )


def _message(
    n: int, message: Message, marks: Marks, verdicts: tuple[VerdictNote, ...], *, last: bool
) -> Turn:
    path = f"/request/messages/{n}"
    blocks = _blocks(message.parts, f"{path}/parts", marks)
    speaker = _SPEAKERS.get(message.role, "other")
    size = _size(blocks)
    return Turn(
        anchor=f"turn-{n + 1}",
        number=n + 1,
        speaker=speaker,
        role=marks.line(message.role, f"{path}/role"),
        name=marks.line(message.name, f"{path}/name") if message.name else (),
        blocks=blocks,
        verdicts=verdicts,
        folded=speaker == "system" or (size > _LONG and not last),
        size=size,
    )


def _answered(record: RedactedRecord, marks: Marks) -> tuple[Turn, ...]:
    safety = {each.index: each for each in record.safety.outputs}
    return tuple(
        _output(n, output, marks, safety.get(output.index))
        for n, output in enumerate(record.response.outputs)
    )


def _output(n: int, output: Output, marks: Marks, safety: OutputSafety | None) -> Turn:
    path = f"/response/outputs/{n}"
    blocks = _blocks(output.parts, f"{path}/parts", marks)
    return Turn(
        anchor=f"answer-{n + 1}",
        number=output.index + 1,
        speaker=_SPEAKERS.get(output.role or "assistant", "assistant"),
        role=marks.line(output.role or "assistant", f"{path}/role"),
        blocks=blocks,
        verdicts=tuple(_notes(safety.verdicts)) if safety else (),
        note=neutral_line(output.finish_reason or "no finish reason"),
        size=_size(blocks),
    )


def _size(blocks: Sequence[Block]) -> int:
    return sum(len(piece.text) for block in blocks for piece in block.body)


def _error(record: RedactedRecord, marks: Marks) -> Iterator[tuple[str, Pieces]]:
    error = record.response.error
    if error is None:
        return
    for name in ("code", "type", "param", "message"):
        value = getattr(error, name)
        if value:
            yield name, marks.block(value, f"/response/error/{name}")


def _parameter(key: str, value: Json, marks: Marks) -> Pieces:
    pointer = key.replace("~", "~0").replace("/", "~1")
    path = f"/request/parameters/{pointer}"
    if isinstance(value, str):
        return marks.block(value, path)
    return (Piece(neutral(msgspec.json.encode(value).decode())),)


def _notes(verdicts: Sequence[Verdict]) -> Iterator[VerdictNote]:
    for verdict in verdicts:
        struck = bool(verdict.filtered or verdict.detected)
        said = "filtered" if verdict.filtered else "detected" if verdict.detected else "passed"
        extra = ", ".join(word for word in (verdict.severity, verdict.detail) if word)
        words = f"{verdict.category}: {said}" + (f" ({extra})" if extra else "")
        yield VerdictNote(neutral_line(words), struck)


def _legend(record: RedactedRecord) -> tuple[Legend, ...]:
    found = list(Marks(record.redaction.findings).legend())
    return tuple(
        Legend(neutral_line(token), chip.type, chip.family, times, detectors, chip.score)
        for token, chip, times, detectors in found
    )


def _blocks(parts: Sequence[Part], path: str, marks: Marks) -> tuple[Block, ...]:
    return tuple(_block(part, f"{path}/{index}", marks) for index, part in enumerate(parts))


def _block(part: Part, path: str, marks: Marks) -> Block:
    match part:
        case ToolCall():
            return Block(
                "call",
                marks.line(part.name or UNKNOWN, f"{path}/name"),
                marks.data(part.arguments, f"{path}/arguments"),
                code=True,
                facts=_facts(part, ("id",), path, marks),
            )
        case ToolResult():
            return Block(
                "result",
                marks.line(part.name or "result", f"{path}/name"),
                marks.data(part.text, f"{path}/text"),
                code=True,
                facts=_facts(part, ("id",), path, marks),
                failed=part.is_error,
            )
        case Citation():
            text = marks.block(part.text or "", f"{path}/text")
            return Block("citation", (), text, facts=_facts(part, ("title", "url"), path, marks))
        case Media():
            return _media(part, path, marks)
        case Extra():
            heading = (Piece(neutral_line(part.name)),)
            return Block("extra", heading, marks.data(part.text, f"{path}/text"), code=True)
        case _:
            return _said(part, path, marks)


def _said(part: Text | Reasoning | Refusal, path: str, marks: Marks) -> Block:
    kind = {Reasoning: "reasoning", Refusal: "refusal"}.get(type(part), "text")
    return Block(kind, (), marks.block(part.text, f"{path}/text"))


def _media(part: Media, path: str, marks: Marks) -> Block:
    facts = list(_facts(part, ("mime", "name", "url"), path, marks))
    if part.bytes is not None:
        facts.append(("bytes", (Piece(f"{part.bytes:,}"),)))
    if part.digest:
        facts.append(("digest", (Piece(neutral_line(part.digest)),)))
    return Block("media", facts=tuple(facts))


def _facts(
    part: Part, names: Sequence[str], path: str, marks: Marks
) -> tuple[tuple[str, Pieces], ...]:
    return tuple(
        (name, marks.line(value, f"{path}/{name}"))
        for name in names
        if (value := getattr(part, name))
    )
