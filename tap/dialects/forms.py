"""Uploads to image and audio models: a form, or the JSON object some clients send instead.

The law of this module: a file is media, whatever it holds; every other field is a text under its
name, and one that was sent several times is a list. Parts keep the order of the form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from audit.flags import Flag
from audit.parts import Part, Text
from audit.record import Message, Reference
from audit.value import Json
from tap.dialects.json_body import as_utf8, read_object
from tap.dialects.keeping import Keeper
from tap.dialects.multipart import FormPart, boundary_of, form_parts
from tap.dialects.prompts import request_reading
from tap.dialects.reading import Body, RequestReading
from tap.wire_json import as_text, clean_text

__all__ = ["read_upload"]

_LISTED = re.compile(r"\[\d*\]$")


def read_upload(
    body: Body, keeper: Keeper, *, texts: Mapping[str, str], files: frozenset[str]
) -> RequestReading:
    """Read an upload. `texts` gives the role of each field that is prompt text.

    `files` names the fields of a JSON object that hold what a form would send as a file. The
    parts of one role stand together in one message. Never raises.
    """
    boundary = boundary_of(body.content_type)
    reader = _Upload(keeper, texts, files)
    if boundary is not None:
        if body.broken:
            keeper.flags.add(Flag.REQUEST_SALVAGED)
        parts = form_parts(body.content, boundary)
        if not parts:
            keeper.flags.add(Flag.REQUEST_UNPARSED)
        for part in parts:
            reader.take_part(part)
    else:
        value = read_object(body, keeper)
        if value is None:
            return RequestReading(flags=frozenset(keeper.flags))
        for name, each in value.items():
            reader.take(name, each)
    return reader.reading()


class _Upload:
    """Gathers the fields of one upload."""

    def __init__(self, keeper: Keeper, texts: Mapping[str, str], files: frozenset[str]) -> None:
        self._keeper = keeper
        self._texts = texts
        self._files = files
        self._said: dict[str, list[Part]] = {}
        self._parameters: dict[str, Json] = {}
        self._fields: dict[str, list[str]] = {}
        self._references: list[Reference] = []

    def take_part(self, part: FormPart) -> None:
        """Take a part of a form."""
        name = _LISTED.sub("", part.name) or "unnamed"
        if part.filename is not None:
            mime = clean_text(part.content_type) if part.content_type else None
            media = self._keeper.held_as_media(part.content, mime, part.filename or name)
            self._say("user", [media])
            return
        text = as_utf8(part.data, self._keeper)
        if name in self._texts:
            self._say(self._texts[name], self._keeper.text_parts(text))
        else:
            self._fields.setdefault(name, []).append(text)

    def take(self, name: str, value: Json) -> None:
        """Take a member of a JSON object."""
        if name in self._texts and isinstance(value, str):
            self._say(self._texts[name], self._keeper.text_parts(value))
        elif name in self._files and value is not None:
            for each in value if isinstance(value, list) else [value]:
                self._take_file(name, each)
        else:
            if name in self._texts and value is not None:
                self._keeper.flags.add(Flag.REQUEST_MALFORMED)
            self._parameters[name] = value

    def _take_file(self, name: str, value: Json) -> None:
        """A URL of either kind, bare base64, or an object that holds one of them or an id."""
        holder = value if isinstance(value, dict) else {"url": value}
        if file_id := as_text(holder.get("file_id")):
            self._references.append(Reference(kind="file", id=clean_text(file_id)))
            return
        inner = holder.get("image_url")
        inner = inner.get("url") if isinstance(inner, dict) else inner
        url = as_text(inner) or as_text(holder.get("url"))
        if url is None:
            before = len(self._keeper.media)
            kept = self._keeper.as_extra(name, value)
            self._say("user", [kept, *self._keeper.media[before:]])
        elif url[:5].lower() == "data:" or "://" in url[:12]:
            self._say("user", [self._keeper.url_as_media(url)])
        else:
            self._say("user", [self._keeper.base64_as_media(url, None)])

    def _say(self, role: str, parts: list[Part]) -> None:
        said = self._said.setdefault(role, [])
        said += [part for part in parts if part != Text(text="")]

    def reading(self) -> RequestReading:
        """What has been gathered."""
        sent: dict[str, Json] = {
            name: texts[0] if len(texts) == 1 else texts for name, texts in self._fields.items()
        }
        asked = {**self._parameters, **sent}
        streamed = asked.get("stream") in (True, "true", "True", "1")
        return request_reading(
            asked,
            [Message(role=role, parts=tuple(parts)) for role, parts in self._said.items() if parts],
            self._keeper,
            prompts=frozenset(),
            # Speech is asked for as events under a name of its own.
            stream=streamed or asked.get("stream_format") == "sse",
            references=self._references,
        )
