"""Completion objects in the terms of chat: a choice's `text` is the content of its message.

The law of this module: only the place of the text changes. Some senders answer a completion with
deltas or messages of chat; what says something stays where it is.
"""

from __future__ import annotations

import msgspec

from audit.value import Json
from tap.dialects.chat_chunk import CommonChoice, CommonChunk, CommonDelta

__all__ = ["as_chat", "read_text_chunk"]


class TextChoice(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One choice of a common chunk: letters, and verdicts that stay raw."""

    text: str = ""
    index: int = 0
    finish_reason: str | None = None
    logprobs: None = None
    stop_reason: None = None
    content_filter_results: msgspec.Raw = msgspec.Raw(b"")

    def __repr__(self) -> str:
        return "<TextChoice>"


class TextChunk(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One common chunk of a streamed completion."""

    choices: list[TextChoice]
    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    usage: None = None

    def __repr__(self) -> str:
        return "<TextChunk>"


# More than a common chunk has of them: what is nested deeper is left to the careful reader.
_MOST_BRACKETS = 32

_decode = msgspec.json.Decoder(TextChunk).decode


def read_text_chunk(text: str) -> CommonChunk | None:
    """Read a chunk; None for one that is not common, JSON or not. Never raises."""
    if text.count("{") + text.count("[") > _MOST_BRACKETS:
        return None
    try:
        chunk = _decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return CommonChunk(
        choices=[_common(choice) for choice in chunk.choices],
        id=chunk.id,
        object=chunk.object,
        created=chunk.created,
        model=chunk.model,
        system_fingerprint=chunk.system_fingerprint,
    )


def _common(choice: TextChoice) -> CommonChoice:
    return CommonChoice(
        delta=CommonDelta(content=choice.text),
        index=choice.index,
        finish_reason=choice.finish_reason,
        content_filter_results=choice.content_filter_results,
    )


def as_chat(body: Json, holder: str) -> Json:
    """A completion object as chat would send it; `holder` is `message` or `delta`."""
    if not isinstance(body, dict) or not isinstance(body.get("choices"), list):
        return body
    choices = [_choice_as_chat(choice, holder) for choice in body["choices"]]
    return {**body, "choices": choices}


def _choice_as_chat(choice: Json, holder: str) -> Json:
    if not isinstance(choice, dict) or not isinstance(choice.get("text"), str):
        return choice
    said = choice.get(holder)
    if choice["text"] and _says(said):
        return choice
    rest = {name: value for name, value in choice.items() if name != "text"}
    if not _says(said):
        rest[holder] = {**(said if isinstance(said, dict) else {}), "content": choice["text"]}
    return rest


def _says(said: Json) -> bool:
    """Whether a message or delta holds anything of its own, or is of no shape at all."""
    return bool(said.get("content")) if isinstance(said, dict) else said is not None
