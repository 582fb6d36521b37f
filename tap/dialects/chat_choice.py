"""One choice of a streamed chat completion, gathered from the deltas that carry its index.

The law of this module: see `tap.dialects.chat_fold`. A role is not joined, a finish reason is
not taken back by a null that follows it, and a text that was never sent stays null.
"""

from __future__ import annotations

import base64

from audit.value import Json
from tap.dialects.chat_chunk import CommonChoice
from tap.dialects.filters import filters_of, merge_filters
from tap.dialects.fragments import Fragments
from tap.dialects.keeping import decode_base64
from tap.dialects.tool_calls import CallsFold, joined_arguments
from tap.wire_json import as_dict, as_list, as_text, read_json

__all__ = ["ChoiceFold"]

_REASONING = ("reasoning_content", "reasoning")
_FILTERS = ("content_filter_results", "content_filter_result")


class ChoiceFold:
    """Gathers one choice. `take` never raises; it gives the number of fields out of shape."""

    def __init__(self, index: int) -> None:
        self._index = index
        self._role: str | None = None
        self._texts: dict[str, list[str]] = {}
        self._calls = CallsFold()
        self._function: dict[str, list[str]] = {}
        self._audio: dict[str, Json] = {}
        self._transcript: list[str] = []
        self._voice: list[str] = []
        self._context: dict[str, Json] = {}
        self._context_lists: dict[str, list[Json]] = {}
        self._logprobs: dict[str, list[Json]] = {}
        self._filters: dict[str, Json] | None = None
        self._lists: dict[str, list[Json]] = {}
        self._finish: str | None = None
        self._whole: dict[str, Json] | None = None
        self._delta_extra = Fragments()
        self._extra = Fragments()
        self._odd = 0
        self._last_verdicts = b""

    def take_common(self, choice: CommonChoice) -> None:
        """Take a common chunk's choice: the same as `take`, for what such a chunk can hold."""
        delta = choice.delta
        if delta.content is not None:
            self._text("content", delta.content)
        if delta.role:
            self._role = self._role or delta.role
        if delta.reasoning_content is not None:
            self._text("reasoning_content", delta.reasoning_content)
        self._finish = choice.finish_reason or self._finish
        # Merging the same verdicts twice changes nothing.
        verdicts = bytes(choice.content_filter_results)
        if verdicts and verdicts != self._last_verdicts:
            self._last_verdicts = verdicts
            self.take({"content_filter_results": read_json(verdicts.decode())})

    def take(self, choice: dict[str, Json]) -> int:
        """Take what one chunk says of this choice."""
        before = self._odd
        for name, value in choice.items():
            if value is not None:
                self._take_field(name, value)
        return self._odd - before

    def _take_field(self, name: str, value: Json) -> None:
        if name == "delta":
            self._take_delta(value)
        elif name == "finish_reason":
            self._finish = as_text(value) or self._finish
        elif name in _FILTERS:
            self._filters = self._filters or {}
            merge_filters(self._filters, filters_of({name: value}))
        elif name == "logprobs":
            for kind, tokens in as_dict(value).items():
                self._logprobs.setdefault(kind, []).extend(as_list(tokens))
        elif name in ("content_filter_offsets", "messages"):
            listed = value if isinstance(value, list) else [value]
            self._lists.setdefault(name, []).extend(listed)
        elif name == "message":
            self._whole = as_dict(value)
        elif name not in ("index", "usage"):
            self._extra.add(name, value)

    def _take_delta(self, delta: Json) -> None:
        if not isinstance(delta, dict):
            self._odd += 1
            return
        for name, value in delta.items():
            if value is not None:
                self._take_part(name, value, delta)

    def _take_part(self, name: str, value: Json, delta: dict[str, Json]) -> None:
        if name == "content":
            self._take_content(value)
        elif name == "role":
            self._role = self._role or as_text(value)
        elif name == "refusal" and isinstance(value, str):
            self._text("refusal", value)
        elif name in _REASONING and isinstance(value, str):
            # Some send the same text under both names.
            if name == "reasoning_content" or not delta.get("reasoning_content"):
                self._text("reasoning_content", value)
        else:
            self._take_structure(name, value)

    def _take_structure(self, name: str, value: Json) -> None:
        if name == "tool_calls":
            self._odd += self._calls.take(value)
        elif name == "function_call":
            self._take_function(as_dict(value))
        elif name == "audio":
            self._take_audio(as_dict(value))
        elif name == "context" and isinstance(value, dict):
            self._take_context(value)
        elif name == "reasoning_details":
            details = value if isinstance(value, list) else [value]
            self._delta_extra.add(name, [_indexed(detail) for detail in details])
        elif name == "annotations":
            self._lists.setdefault(name, []).extend(as_list(value))
        elif name != "obfuscation":
            self._delta_extra.add(name, value)

    def _text(self, name: str, value: str) -> None:
        self._texts.setdefault(name, []).append(value)

    def _take_content(self, value: Json) -> None:
        if isinstance(value, str):
            self._text("content", value)
            return
        if not isinstance(value, list):
            self._odd += 1
            self._delta_extra.add("content", value)
        for part in as_list(value):
            self._take_content_part(part)

    def _take_content_part(self, part: Json) -> None:
        kind = as_dict(part).get("type")
        if isinstance(part, str):
            self._text("content", part)
        elif kind == "text" and isinstance(part.get("text"), str):
            self._text("content", part["text"])
        elif kind == "thinking":
            for thought in as_list(part.get("thinking")):
                self._text("reasoning_content", as_text(as_dict(thought).get("text")) or "")
        else:
            self._delta_extra.add("content_parts", [part])

    def _take_function(self, call: dict[str, Json]) -> None:
        for name in ("name", "arguments"):
            if call.get(name) is not None:
                self._function.setdefault(name, []).append(joined_arguments(call[name]))

    def _take_audio(self, audio: dict[str, Json]) -> None:
        for name, value in audio.items():
            if name == "data" and isinstance(value, str):
                self._voice.append(value)
            elif name == "transcript" and isinstance(value, str):
                self._transcript.append(value)
            elif value is not None and (name != "id" or not self._audio.get("id")):
                self._audio[name] = value

    def _take_context(self, context: dict[str, Json]) -> None:
        for name, value in context.items():
            if isinstance(value, list):
                self._context_lists.setdefault(name, []).extend(value)
            elif value is not None:
                self._context[name] = value

    def final(self) -> dict[str, Json]:
        """The choice as a plain answer would hold it."""
        final: dict[str, Json] = {"index": self._index, "message": self._message()}
        final["finish_reason"] = self._finish
        if self._filters is not None:
            final["content_filter_results"] = self._filters
        if self._logprobs:
            final["logprobs"] = self._logprobs
        final.update((name, items) for name, items in self._lists.items() if name != "annotations")
        return {**self._extra.joined(), **final}

    def _message(self) -> dict[str, Json]:
        message: dict[str, Json] = {"role": self._role, "content": None, "refusal": None}
        message.update((name, "".join(texts)) for name, texts in self._texts.items())
        if calls := self._calls.final():
            message["tool_calls"] = calls
        if self._function:
            message["function_call"] = {
                name: "".join(texts) for name, texts in self._function.items()
            }
        if self._audio or self._voice or self._transcript:
            message["audio"] = self._final_audio()
        if self._context or self._context_lists:
            message["context"] = {**self._context_lists, **self._context}
        if "annotations" in self._lists:
            message["annotations"] = self._lists["annotations"]
        message.update(self._delta_extra.joined())
        # A gateway that plays a whole answer as one event sends `message` and no delta.
        return self._whole if self._whole and not any(message.values()) else message

    def _final_audio(self) -> dict[str, Json]:
        audio = dict(self._audio)
        if self._transcript:
            audio["transcript"] = "".join(self._transcript)
        if self._voice:
            audio["data"] = _joined_base64(self._voice)
        return audio


def _indexed(detail: Json) -> Json:
    """Fragments without an index are of one text, and must not be kept apart."""
    if not isinstance(detail, dict) or isinstance(detail.get("index"), int):
        return detail
    return {**detail, "index": 0}


def _joined_base64(fragments: list[str]) -> str:
    """Decode each fragment by itself, for each may be padded; else take them as one text."""
    decoded = [decode_base64(fragment) for fragment in fragments]
    whole = b"".join(piece for piece in decoded if piece is not None)
    fits = all(len(fragment.strip()) % 4 == 0 for fragment in fragments)
    if None in decoded or not fits:
        return "".join(fragments)
    return base64.b64encode(whole).decode()
