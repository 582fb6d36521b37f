"""The request of a chat completion, read into messages, tools and parameters.

The law of this module: every text of the prompt stays where it stood and as it was; every field
that is not prompt text is a parameter; what is not known is an `Extra` in its place.
"""

from __future__ import annotations

from audit.flags import Flag
from audit.parts import Media, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from audit.record import Message, Reference, Request, Tool
from audit.value import Json, canonical_json
from tap.dialects.keeping import Keeper
from tap.dialects.reading import RequestReading
from tap.dialects.tool_calls import as_sent
from tap.wire_json import as_dict, as_list, as_text, clean_text, clean_tree

__all__ = ["beyond", "call_parts", "read_chat_request", "thought_in"]

_NOT_PARAMETERS = frozenset(("messages", "tools", "functions"))
_SESSION_NAMES = ("session_id", "session", "conversation_id", "thread_id")
_READ = frozenset(
    (
        *("role", "name", "content", "refusal", "reasoning_content", "reasoning"),
        *("tool_calls", "function_call", "tool_call_id", "audio"),
    )
)
_MEDIA_READ = ("url", "data", "format", "filename", "file_id", "file_data")


def read_chat_request(body: dict[str, Json], keeper: Keeper) -> RequestReading:
    """Read a request's JSON object. Never raises."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        keeper.flags.add(Flag.REQUEST_MALFORMED)
    reader = _Messages(keeper)
    parameters = {name: value for name, value in body.items() if name not in _NOT_PARAMETERS}
    metadata = as_dict(body.get("metadata"))
    sessions = (as_text(metadata.get(name)) for name in _SESSION_NAMES)
    return RequestReading(
        request=Request(
            messages=tuple(reader.message(message) for message in as_list(messages)),
            tools=tuple(_tools(body, keeper)),
            parameters=keeper.kept(parameters),
            references=tuple(reader.references),
        ),
        model=_clean(body.get("model")),
        user=_clean(body.get("user")) or _clean(body.get("safety_identifier")),
        session=next((clean_text(session) for session in sessions if session), None),
        stream=body.get("stream") is True,
        flags=frozenset(keeper.flags),
    )


def _clean(value: Json) -> str | None:
    text = as_text(value)
    return clean_text(text) if text else None


def _tools(body: dict[str, Json], keeper: Keeper) -> list[Tool]:
    """The tools offered, each digested in canonical JSON, whichever generation it is of."""
    offered = [*as_list(body.get("tools")), *as_list(body.get("functions"))]
    return [
        Tool(name=_tool_name(as_dict(tool)), digest=keeper.digest(canonical_json(clean_tree(tool))))
        for tool in offered
    ]


def _tool_name(tool: dict[str, Json]) -> str:
    holders = (as_dict(tool.get("function")), as_dict(tool.get("custom")), tool)
    names = (_clean(holder.get("name")) for holder in holders)
    return next(filter(None, names), None) or _clean(tool.get("type")) or "unnamed"


class _Messages:
    """Reads messages one by one, gathering the prompts they only point to."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self.references: list[Reference] = []

    def message(self, value: Json) -> Message:
        if not isinstance(value, dict):
            self._keeper.flags.add(Flag.REQUEST_MALFORMED)
            return Message(role="unknown", parts=(self._keeper.as_extra("message", value),))
        role = _clean(value.get("role")) or "unknown"
        name = _clean(value.get("name"))
        before = len(self._keeper.media)
        parts = self._parts(value, role, name)
        return Message(role=role, name=name, parts=(*parts, *self._keeper.media[before:]))

    def _parts(self, value: dict[str, Json], role: str, name: str | None) -> list[Part]:
        parts: list[Part] = []
        thought = as_text(value.get("reasoning_content")) or as_text(value.get("reasoning"))
        if thought := thought or thought_in(value.get("reasoning_details")):
            parts.append(Reasoning(text=self._keeper.inline(thought)))
        content = self._content(value.get("content"))
        if role in ("tool", "function"):
            content = _as_tool_result(_clean(value.get("tool_call_id")), name, content)
        parts += content
        if refusal := as_text(value.get("refusal")):
            parts.append(Refusal(text=self._keeper.inline(refusal)))
        parts += call_parts(value, self._keeper)
        parts += self._audio(value.get("audio"))
        parts += [
            self._keeper.as_extra(f"message.{field}", inner)
            for field, inner in value.items()
            if field not in _READ and inner is not None
        ]
        return parts

    def _content(self, content: Json) -> list[Part]:
        if content is None:
            return []
        if isinstance(content, str):
            return self._keeper.text_parts(content)
        if isinstance(content, list):
            return [part for item in content for part in self._content_part(item)]
        return [self._keeper.as_extra("content", content)]

    def _content_part(self, item: Json) -> list[Part]:
        if isinstance(item, str):
            return self._keeper.text_parts(item)
        part = as_dict(item)
        kind = as_text(part.get("type"))
        if kind == "text" and isinstance(part.get("text"), str):
            text = self._keeper.text_parts(part["text"])
            return [*text, *beyond(part, ("type", "text"), self._keeper)]
        if kind == "refusal" and isinstance(part.get("refusal"), str):
            return [Refusal(text=self._keeper.inline(part["refusal"]))]
        if kind == "thinking":
            thoughts = (as_text(as_dict(it).get("text")) for it in as_list(part.get("thinking")))
            return [Reasoning(text=self._keeper.inline("".join(filter(None, thoughts))))]
        media = self._media_part(kind, part)
        if not media:
            return [self._keeper.as_extra(f"content.{kind}", item)]
        holder = as_dict(part.get(str(kind)))
        rest = {name: value for name, value in holder.items() if name not in _MEDIA_READ}
        return [*media, *beyond({**part, **rest}, ("type", str(kind)), self._keeper)]

    def _media_part(self, kind: Json, part: dict[str, Json]) -> list[Part]:
        if kind in ("image_url", "video_url", "audio_url"):
            holder = part.get(kind)
            url = holder if isinstance(holder, str) else as_text(as_dict(holder).get("url"))
            return [self._keeper.url_as_media(url)] if url else []
        if kind == "input_audio":
            audio = as_dict(part.get("input_audio"))
            data = as_text(audio.get("data"))
            mime = f"audio/{_clean(audio.get('format')) or 'unknown'}"
            return [self._keeper.base64_as_media(data, mime)] if data else []
        return self._file_part(as_dict(part.get("file"))) if kind == "file" else []

    def _file_part(self, file: dict[str, Json]) -> list[Part]:
        name = _clean(file.get("filename"))
        if file_id := _clean(file.get("file_id")):
            self.references.append(Reference(kind="file", id=file_id))
        data = as_text(file.get("file_data"))
        if data and data[:5].lower() == "data:":
            return [self._keeper.url_as_media(data, name)]
        if data:
            return [self._keeper.base64_as_media(data, None, name)]
        return [Media(name=name)] if file_id else []

    def _audio(self, audio: Json) -> list[Part]:
        """Speech of an earlier answer: it is on the server, and so is its transcript."""
        if audio_id := _clean(as_dict(audio).get("id")):
            self.references.append(Reference(kind="audio", id=audio_id))
            return []
        return [self._keeper.as_extra("message.audio", audio)] if audio is not None else []


def beyond(part: dict[str, Json], read: tuple[str, ...], keeper: Keeper) -> list[Part]:
    """What a content part says beside what was read of it, such as an image's `detail`."""
    rest = {name: value for name, value in part.items() if name not in read and value is not None}
    return [keeper.as_extra(f"content.{as_text(part.get('type'))}", rest)] if rest else []


def thought_in(details: Json) -> str:
    """The thinking that stands in `reasoning_details` alone; empty where none can be read."""
    entries = (as_dict(entry) for entry in as_list(details))
    said = (as_text(entry.get("text")) or as_text(entry.get("summary")) for entry in entries)
    return "".join(filter(None, said))


def _as_tool_result(call_id: str | None, name: str | None, content: list[Part]) -> list[Part]:
    text = "".join(part.text for part in content if isinstance(part, Text))
    others = [part for part in content if not isinstance(part, Text)]
    return [ToolResult(id=call_id, name=name, text=text), *others]


def call_parts(message: dict[str, Json], keeper: Keeper) -> list[Part]:
    """The tool calls of a message, current and legacy, of a prompt or of an answer."""
    parts: list[Part] = []
    for call in as_list(message.get("tool_calls")):
        body = as_dict(as_dict(call).get("function")) or as_dict(as_dict(call).get("custom"))
        if body:
            parts.append(_call(_clean(call.get("id")), body, keeper))
        else:
            parts.append(keeper.as_extra("tool_calls", call))
    if function := as_dict(message.get("function_call")):
        parts.append(_call(None, function, keeper))
    return parts


def _call(call_id: str | None, body: dict[str, Json], keeper: Keeper) -> ToolCall:
    said = body.get("arguments") if body.get("arguments") is not None else body.get("input")
    text = as_sent(said, keeper) if said is not None else ""
    return ToolCall(id=call_id, name=_clean(body.get("name")), arguments=text)
