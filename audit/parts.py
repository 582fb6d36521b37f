"""Parts: what a message or an output is made of, in order, the same kinds on both sides.

One neutral shape holds chat choices, Responses items and Anthropic blocks without losing their
order. Whatever a dialect does not know becomes `Extra`, so that nothing is thrown away.
"""

from __future__ import annotations

from typing import TypeAlias

from audit.value import Value

__all__ = [
    "Citation",
    "Extra",
    "Media",
    "Part",
    "Reasoning",
    "Refusal",
    "Text",
    "ToolCall",
    "ToolResult",
]


class Text(Value, frozen=True, tag_field="kind", tag="text"):
    """What was said."""

    text: str


class Reasoning(Value, frozen=True, tag_field="kind", tag="reasoning"):
    """What the model showed of its thinking."""

    text: str


class Refusal(Value, frozen=True, tag_field="kind", tag="refusal"):
    """The model's own refusal, as opposed to a filter's."""

    text: str


class ToolCall(Value, frozen=True, tag_field="kind", tag="tool_call"):
    """A call the model asked for.

    `arguments` is the text as sent: usually JSON, possibly incomplete when a stream was cut.
    """

    id: str | None = None
    name: str | None = None
    arguments: str = ""


class ToolResult(Value, frozen=True, tag_field="kind", tag="tool_result"):
    """What a tool answered; `id` is the id of the call."""

    id: str | None = None
    name: str | None = None
    text: str = ""
    is_error: bool = False


class Citation(Value, frozen=True, tag_field="kind", tag="citation"):
    """A source the model pointed to."""

    title: str | None = None
    url: str | None = None
    text: str | None = None


class Media(Value, frozen=True, tag_field="kind", tag="media"):
    """An image, sound or file: never its bytes, only what identifies it.

    `digest` is keyed (HMAC-SHA-256, hex), so that a known file cannot be looked up by whoever
    reads the store. `url` is kept for media that were sent by reference, without its query.
    """

    mime: str | None = None
    bytes: int | None = None
    digest: str | None = None
    name: str | None = None
    url: str | None = None


class Extra(Value, frozen=True, tag_field="kind", tag="extra"):
    """A field, event or part this version does not know, kept as text to be redacted.

    `name` is where it stood (`delta.executed_tools`), `text` its JSON.
    """

    name: str
    text: str


Part: TypeAlias = Text | Reasoning | Refusal | ToolCall | ToolResult | Citation | Media | Extra
