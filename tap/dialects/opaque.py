"""Bodies of a format that has no reader of its own, kept as far as they can be inspected.

The law of this module: JSON is kept as JSON text, text as text, a form by its fields, and
everything else as media, of which a record holds type, size and keyed digest.
"""

from __future__ import annotations

from msgspec.structs import replace

from audit.exchange import Dialect as DialectName
from audit.flags import Flag
from audit.parts import Part, Text
from audit.record import Message, Output, Request, Response, ResponseError
from audit.value import Json
from tap.dialects.answers import counted
from tap.dialects.error_bodies import error_in, error_reading
from tap.dialects.json_body import as_utf8, read_body
from tap.dialects.keeping import Keeper
from tap.dialects.loose_fold import LooseFold
from tap.dialects.multipart import FormPart, boundary_of, form_parts
from tap.dialects.reading import AnswerReading, Body, RequestReading
from tap.held import Held
from tap.wire_json import NOT_JSON, as_dict, as_text, clean_text

__all__ = ["Opaque", "looks_textual", "media_type", "read_plain"]

_TEXTUAL = ("text/", "application/xml", "application/jsonl", "application/x-ndjson")


def media_type(content_type: str | None) -> str:
    """The type without its parameters, in lower case; empty when there is none."""
    return (content_type or "").partition(";")[0].strip().lower()


def looks_textual(body: Body) -> bool:
    """Whether the body may be kept as text: its type says so, or its bytes are printable."""
    if media_type(body.content_type).startswith(_TEXTUAL):
        return True
    try:
        head = body.head.decode("utf-8", "strict" if len(body.content) <= 4096 else "ignore")
    except UnicodeDecodeError:
        return False
    control = any(ord(mark) < 32 and mark not in "\t\n\r\f\x1b" for mark in head)
    plain = len(head.encode()) >= min(len(body.content), 4096) - 3
    return bool(head) and plain and not control


def _plain_parts(body: Body, keeper: Keeper) -> list[Part]:
    if not body.content:
        return []
    if looks_textual(body):
        return keeper.text_parts(as_utf8(body.data, keeper))
    return [keeper.held_as_media(Held.of(body.content), media_type(body.content_type) or None)]


def read_plain(body: Body, status: int, keeper: Keeper) -> AnswerReading:
    """Read an answer that is neither JSON nor a stream: a file, a text, a gateway's error page."""
    parts = _plain_parts(body, keeper)
    if status >= 400 and parts and all(isinstance(part, Text) for part in parts):
        message = "".join(part.text for part in parts if isinstance(part, Text))
        response = Response(error=ResponseError(message=message))
    else:
        outputs = (Output(index=0, parts=(*parts, *keeper.media)),) if parts else ()
        response = Response(outputs=outputs)
    return AnswerReading(response=response, flags=frozenset(keeper.flags))


class Opaque:
    """Reads `opaque`: anything."""

    name = DialectName.OPAQUE

    def request(self, body: Body, keeper: Keeper) -> RequestReading:
        """Keep the request as one message of the role `unknown`."""
        if not body.content:
            return RequestReading()
        if (boundary := boundary_of(body.content_type)) is not None:
            return self._form(form_parts(body.content, boundary), keeper)
        value = read_body(body, keeper, Flag.REQUEST_SALVAGED) if _may_be_json(body) else NOT_JSON
        if value is NOT_JSON:
            keeper.flags.discard(Flag.INVALID_UTF8)
            if "json" in media_type(body.content_type):
                keeper.flags.add(Flag.REQUEST_UNPARSED)
                return RequestReading(flags=frozenset(keeper.flags))
            return _asked(_plain_parts(body, keeper), keeper)
        reading = _asked([keeper.as_extra("body", value)], keeper)
        return _claims(reading, as_dict(value))

    def _form(self, fields: list[FormPart], keeper: Keeper) -> RequestReading:
        parts = [part for field in fields for part in _field_parts(field, keeper)]
        said = {
            field.name: field.data.decode("utf-8", "replace")
            for field in fields
            if field.filename is None and field.name in ("model", "user", "stream")
        }
        return _claims(_asked(parts, keeper), {**said, "stream": said.get("stream") == "true"})

    def answer(self, value: Json, keeper: Keeper) -> AnswerReading:
        """Keep a plain JSON answer as its text, and read the error in it."""
        error = error_in(value)
        if error:
            return replace(error_reading(error, keeper), flags=frozenset(keeper.flags))
        kept = keeper.as_extra("body", value)
        body = as_dict(value)
        return AnswerReading(
            response=Response(outputs=(Output(index=0, parts=(kept, *keeper.media)),)),
            usage=counted(body.get("usage"), keeper),
            model=_clean(body.get("model")),
            response_id=_clean(body.get("id")),
            terminal=True,
            flags=frozenset(keeper.flags),
        )

    def fold(self) -> LooseFold:
        """Begin to read a stream of any format."""
        return LooseFold()


def _clean(value: Json) -> str | None:
    text = as_text(value)
    return clean_text(text) if text else None


def _may_be_json(body: Body) -> bool:
    named = "json" in media_type(body.content_type)
    return named or body.head[:64].removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def _asked(parts: list[Part], keeper: Keeper) -> RequestReading:
    message = Message(role="unknown", parts=(*parts, *keeper.media))
    return RequestReading(
        request=Request(messages=(message,) if parts else ()), flags=frozenset(keeper.flags)
    )


def _claims(reading: RequestReading, body: dict[str, Json]) -> RequestReading:
    return replace(
        reading,
        model=_clean(body.get("model")),
        user=_clean(body.get("user")) or _clean(body.get("safety_identifier")),
        stream=body.get("stream") is True,
    )


def _field_parts(field: FormPart, keeper: Keeper) -> list[Part]:
    """A file is media, whatever it holds; a field is text under its name."""
    if field.filename is not None:
        name = field.filename or field.name
        return [keeper.held_as_media(field.content, field.content_type, name)]
    body = Body(content=field.content, content_type=field.content_type)
    if not looks_textual(body) and field.content:
        return [keeper.held_as_media(field.content, field.content_type, field.name)]
    return [keeper.as_extra(f"form.{field.name}", as_utf8(field.data, keeper))]
