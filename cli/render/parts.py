"""The parts of a message or an answer, one block each, in their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text as RichText

from audit.parts import (
    Citation,
    Extra,
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from audit.reading.indent import begins_like_json, is_json
from audit.reading.neutral import neutral_line
from cli.render.marks import Marks

__all__ = ["part_blocks"]


def part_blocks(parts: Sequence[Part], path: str, marks: Marks) -> Iterator[RenderableType]:
    """Render `parts`, whose JSON Pointer is `path`."""
    for index, part in enumerate(parts):
        yield Padding(_block(part, f"{path}/{index}", marks), (0, 0, 0, 2), expand=False)


def _block(part: Part, path: str, marks: Marks) -> RenderableType:
    match part:
        case ToolCall():
            return _tool_call(part, path, marks)
        case ToolResult():
            return _tool_result(part, path, marks)
        case Citation():
            return _citation(part, path, marks)
        case Media():
            return _media(part, path, marks)
        case _:
            return _said(part, path, marks)


def _said(part: Text | Reasoning | Refusal | Extra, path: str, marks: Marks) -> RenderableType:
    """Show words; all but plain text say above them what kind they are."""
    said = marks.block(part.text, f"{path}/text")
    match part:
        case Reasoning():
            title = "thinking"
        case Refusal():
            title = "refuses"
        case Extra():
            title = neutral_line(part.name)
        case _:
            return said
    return Group(RichText(f"{title}:", style="dim"), _indented(said))


def _tool_call(part: ToolCall, path: str, marks: Marks) -> RenderableType:
    title = RichText.assemble("calls ", (marks.line(part.name or "?", f"{path}/name", "bold")))
    title.append_text(_call_id(part.id, path, marks))
    paint = marks.json if begins_like_json(part.arguments) else marks.block
    return Group(title, _indented(paint(part.arguments, f"{path}/arguments")))


def _tool_result(part: ToolResult, path: str, marks: Marks) -> RenderableType:
    title = RichText("failed with" if part.is_error else "returned")
    if part.name:
        title = RichText.assemble(marks.line(part.name, f"{path}/name", "bold"), " ", title)
    title.append_text(_call_id(part.id, path, marks))
    paint = marks.json if is_json(part.text) else marks.block
    return Group(title, _indented(paint(part.text, f"{path}/text")))


def _call_id(call: str | None, path: str, marks: Marks) -> RichText:
    return RichText.assemble("  ", marks.line(call, f"{path}/id", "dim")) if call else RichText()


def _citation(part: Citation, path: str, marks: Marks) -> RenderableType:
    lines = [RichText("cites:", style="dim")]
    for name in ("title", "url", "text"):
        value = getattr(part, name)
        if value:
            lines.append(RichText.assemble("  ", marks.block(value, f"{path}/{name}")))
    return Group(*lines)


def _media(part: Media, path: str, marks: Marks) -> RenderableType:
    size = "size unknown" if part.bytes is None else f"{part.bytes:,} bytes"
    line = RichText.assemble(marks.line(part.mime or "media", f"{path}/mime", "bold"), f", {size}")
    for name in ("name", "url"):
        value = getattr(part, name)
        if value:
            line = RichText.assemble(line, ", ", marks.line(value, f"{path}/{name}"))
    if part.digest:
        line.append(f"\ndigest {neutral_line(part.digest)}", "dim")
    return line


def _indented(text: RichText) -> Padding:
    return Padding(text, (0, 0, 0, 2), expand=False)
