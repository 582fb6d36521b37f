"""The message of one chat choice, read into parts in the order a reader expects them.

The law of this module: reasoning, text, citations, refusal, calls and sound, then whatever is
not known; nothing of a message is dropped.
"""

from __future__ import annotations

from audit.parts import Citation, Part, Reasoning, Refusal, Text
from audit.value import Json
from tap.dialects.chat_request import beyond, call_parts, thought_in
from tap.dialects.keeping import Keeper
from tap.wire_json import NOT_JSON, as_dict, as_list, as_text, clean_text, read_json

__all__ = ["message_parts"]

_READ = frozenset(
    (
        *("role", "content", "refusal", "reasoning_content", "reasoning", "tool_calls"),
        *("function_call", "audio", "annotations", "context"),
    )
)
_CONTEXT_READ = ("citations", "messages")
_CITED = ("title", "url", "filepath", "content")


def message_parts(message: dict[str, Json], legacy: list[Json], keeper: Keeper) -> list[Part]:
    """Read a message, and the `messages` that stood beside it in older data-grounded answers."""
    parts: list[Part] = []
    thoughts = (as_text(message.get(name)) for name in ("reasoning_content", "reasoning"))
    detailed = thought_in(message.get("reasoning_details"))
    if thought := next(filter(None, thoughts), None) or detailed:
        parts.append(Reasoning(text=keeper.inline(thought)))
    parts += _content(message.get("content"), keeper)
    parts += _legacy(legacy, keeper)
    parts += _annotations(as_list(message.get("annotations")), keeper)
    parts += _context(message.get("context"), keeper)
    if refusal := as_text(message.get("refusal")):
        parts.append(Refusal(text=keeper.inline(refusal)))
    parts += call_parts(message, keeper)
    parts += _audio(as_dict(message.get("audio")), keeper)
    parts += [
        keeper.as_extra(f"message.{name}", value)
        for name, value in message.items()
        if name not in _READ and value not in (None, "", [], {})
    ]
    return parts


def _content(content: Json, keeper: Keeper) -> list[Part]:
    """A text, or the list of typed parts that some models send."""
    if isinstance(content, str):
        return keeper.text_parts(content)
    if not isinstance(content, list):
        return [] if content is None else [keeper.as_extra("message.content", content)]
    return [part for item in content for part in _content_part(item, keeper)]


def _content_part(item: Json, keeper: Keeper) -> list[Part]:
    part = as_dict(item)
    kind = as_text(part.get("type"))
    if isinstance(item, str):
        return keeper.text_parts(item)
    if kind == "text" and isinstance(part.get("text"), str):
        return [*keeper.text_parts(part["text"]), *beyond(part, ("type", "text"), keeper)]
    if kind == "refusal" and isinstance(part.get("refusal"), str):
        return [Refusal(text=keeper.inline(part["refusal"]))]
    if kind == "thinking":
        thoughts = (as_text(as_dict(it).get("text")) for it in as_list(part.get("thinking")))
        return [Reasoning(text=keeper.inline("".join(filter(None, thoughts))))]
    return [keeper.as_extra(f"content.{kind}", item)]


def _annotations(annotations: list[Json], keeper: Keeper) -> list[Part]:
    parts: list[Part] = []
    for annotation in annotations:
        cited = as_dict(as_dict(annotation).get("url_citation"))
        if cited:
            parts.append(_citation(cited, keeper))
        else:
            parts.append(keeper.as_extra("message.annotations", annotation))
    return parts


def _citation(cited: dict[str, Json], keeper: Keeper) -> Citation:
    place = as_text(cited.get("url")) or as_text(cited.get("filepath"))
    title, text = as_text(cited.get("title")), as_text(cited.get("content"))
    return Citation(
        title=clean_text(title) if title else None,
        url=keeper.kept(place) if place else None,
        text=keeper.inline(text) if text else None,
    )


def _context(context: Json, keeper: Keeper) -> list[Part]:
    """Azure's "On Your Data": the citations, and beside them what else was retrieved."""
    if not isinstance(context, dict):
        return [] if context is None else [keeper.as_extra("message.context", context)]
    citations = [entry for entry in as_list(context.get("citations")) if isinstance(entry, dict)]
    parts: list[Part] = [_citation(entry, keeper) for entry in citations]
    parts += _legacy(as_list(context.get("messages")), keeper)
    rest = {name: value for name, value in context.items() if name not in _CONTEXT_READ}
    beyond = [_beyond_citation(entry) for entry in citations]
    if any(beyond):
        rest["citations"] = beyond
    if rest:
        parts.append(keeper.as_extra("message.context", rest))
    return parts


def _beyond_citation(entry: dict[str, Json]) -> dict[str, Json]:
    return {
        name: value
        for name, value in entry.items()
        if value is not None and not (name in _CITED and isinstance(value, str))
    }


def _legacy(messages: list[Json], keeper: Keeper) -> list[Part]:
    """Messages of a choice: the tool's carries citations as JSON text, the assistant's the answer.

    Streamed, each is a fragment under `delta`; fragments of one role belong together.
    """
    said: list[tuple[Json, list[str]]] = []
    for entry in messages:
        message = as_dict(as_dict(entry).get("delta")) or as_dict(entry)
        role, text = message.get("role"), as_text(message.get("content"))
        if role is not None and (not said or said[-1][0] != role):
            said.append((role, []))
        if text:
            if not said:
                said.append((None, []))
            said[-1][1].append(text)
    return [part for role, texts in said for part in _legacy_parts(role, "".join(texts), keeper)]


def _legacy_parts(role: Json, text: str, keeper: Keeper) -> list[Part]:
    grounds = read_json(text) if role == "tool" else NOT_JSON
    if isinstance(grounds, dict):
        return _context(grounds, keeper)
    return keeper.text_parts(text) if text else []


def _audio(audio: dict[str, Json], keeper: Keeper) -> list[Part]:
    parts: list[Part] = []
    if transcript := as_text(audio.get("transcript")):
        parts.append(Text(text=keeper.inline(transcript)))
    if data := as_text(audio.get("data")):
        # The format was asked for in the request; the answer does not name it.
        parts.append(keeper.base64_as_media(data, "audio", as_text(audio.get("id"))))
    return parts
