"""The content of Responses items: typed parts of prompts and answers, and what they cite.

The law of this module: a content part means the same on both sides, so there is one reading. A
field that is not known is kept beside the part it stood at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from audit.flags import Flag
from audit.parts import Citation, Media, Part, Reasoning, Refusal, Text
from audit.record import Reference
from audit.value import Json
from tap.dialects.keeping import Keeper
from tap.wire_json import as_dict, as_list, as_text, clean_text

__all__ = ["ContentReader", "cleaned", "says_nothing"]

_Read: TypeAlias = Callable[[dict[str, Json]], list[Part]]

# Where text stands in a part of each kind.
_TEXTS = {
    "input_text": "text",
    "output_text": "text",
    "text": "text",
    "summary_text": "text",
    "reasoning_text": "text",
    "refusal": "refusal",
}
_SPOKEN = frozenset(("type", "annotations", "logprobs"))
# Offsets point into text that is redacted afterwards, where they would mean nothing.
_CITED = frozenset(
    ("type", "title", "url", "filename", "start_index", "end_index", "index", "text")
)
# Fields of media parts that are read, or that say how closely the model looked.
_MEDIA_READ = frozenset(
    (
        *("type", "image_url", "file_id", "file_url", "file_data", "filename", "detail"),
        *("input_audio", "data", "transcript", "format"),
    )
)


def cleaned(value: Json) -> str | None:
    """A string that says something, clean; else None."""
    text = as_text(value)
    return clean_text(text) if text else None


def says_nothing(value: Json) -> bool:
    """Whether a field may be left out as empty."""
    return value in (None, "", [], {})


class ContentReader:
    """Reads content; `references` gathers the files that are named and not sent. Never raises."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self.references: list[Reference] = []
        self._readers: dict[str, _Read] = {
            "input_image": self._image,
            "computer_screenshot": self._image,
            "input_file": self._file,
            "input_audio": self._audio,
            "output_audio": self._audio,
        }

    def content(self, content: Json, where: str = "content") -> list[Part]:
        """Read a text, or a list of parts; `where` names what has another shape."""
        if isinstance(content, str):
            return self.keeper.text_parts(content) if content else []
        if isinstance(content, list):
            return [part for item in content for part in self.part(item)]
        if isinstance(content, dict):
            return self.part(content)
        return [] if content is None else [self.keeper.as_extra(where, content)]

    def part(self, item: Json) -> list[Part]:
        """Read one part of a content list."""
        if isinstance(item, str):
            return self.keeper.text_parts(item)
        part = as_dict(item)
        kind = as_text(part.get("type")) or "part"
        if isinstance(part.get(_TEXTS.get(kind, "")), str):
            return self._spoken(kind, part)
        reader = self._readers.get(kind)
        read = reader(part) if reader else []
        return [*read, *self._beyond(kind, part)] if read else [self._unknown(kind, item)]

    def _unknown(self, kind: str, item: Json) -> Part:
        return self.keeper.as_extra(f"content.{kind}", item)

    def _beyond(self, kind: str, part: dict[str, Json]) -> list[Part]:
        rest = {name: value for name, value in part.items() if name not in _MEDIA_READ}
        return [self._unknown(kind, rest)] if rest else []

    def _spoken(self, kind: str, part: dict[str, Json]) -> list[Part]:
        text: str = part[_TEXTS[kind]]
        if kind == "refusal":
            parts: list[Part] = [Refusal(text=self.keeper.inline(text))]
        elif kind in ("summary_text", "reasoning_text"):
            parts = [Reasoning(text=self.keeper.inline(text))] if text else []
        else:
            parts = self.keeper.text_parts(text) if text else []
        if part.get("logprobs"):
            self.keeper.flags.add(Flag.LOGPROBS_OMITTED)
        parts += [cited for note in as_list(part.get("annotations")) for cited in self._cited(note)]
        rest = {
            name: value
            for name, value in part.items()
            if name not in _SPOKEN and name != _TEXTS[kind] and not says_nothing(value)
        }
        return [*parts, self._unknown(kind, rest)] if rest else parts

    def _cited(self, annotation: Json) -> list[Part]:
        note = as_dict(annotation)
        title = cleaned(note.get("title")) or cleaned(note.get("filename"))
        url, text = as_text(note.get("url")), as_text(note.get("text"))
        rest = {name: value for name, value in note.items() if name not in _CITED}
        name = f"annotation.{as_text(note.get('type')) or 'unknown'}"
        if title is None and url is None and text is None:
            return [self.keeper.as_extra(name, rest or annotation)]
        cited = Citation(
            title=title,
            url=self.keeper.kept(url) if url else None,
            text=self.keeper.inline(text) if text else None,
        )
        return [cited, self.keeper.as_extra(name, rest)] if rest else [cited]

    def _image(self, part: dict[str, Json]) -> list[Part]:
        file_id = self._file_id(part)
        holder = part.get("image_url")
        url = holder if isinstance(holder, str) else as_text(as_dict(holder).get("url"))
        if url:
            return [self.keeper.url_as_media(url)]
        return [Media(name=file_id)] if file_id else []

    def _file(self, part: dict[str, Json]) -> list[Part]:
        file_id, name = self._file_id(part), cleaned(part.get("filename"))
        data, url = as_text(part.get("file_data")), as_text(part.get("file_url"))
        if data and data[:5].lower() != "data:":
            return [self.keeper.base64_as_media(data, None, name)]
        if held := data or url:
            return [self.keeper.url_as_media(held, name)]
        return [Media(name=name or file_id)] if file_id else []

    def _file_id(self, part: dict[str, Json]) -> str | None:
        file_id = cleaned(part.get("file_id"))
        if file_id is not None:
            self.references.append(Reference(kind="file", id=file_id))
        return file_id

    def _audio(self, part: dict[str, Json]) -> list[Part]:
        audio = as_dict(part.get("input_audio")) or part
        data, said = as_text(audio.get("data")), as_text(audio.get("transcript"))
        mime = f"audio/{cleaned(audio.get('format')) or 'unknown'}"
        parts: list[Part] = [Text(text=self.keeper.inline(said))] if said else []
        return [*parts, self.keeper.base64_as_media(data, mime)] if data else parts
