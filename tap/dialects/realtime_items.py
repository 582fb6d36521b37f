"""Realtime items and sessions, in the words of the Responses API, whose readers then read them.

The law of this module: nothing is left out but what an item is called by its API. Older names of
content parts and events mean what the present ones do.
"""

from __future__ import annotations

from audit.value import Json
from tap.dialects.responses_content import cleaned
from tap.wire_json import as_dict, as_text

__all__ = ["PRESENT_NAMES", "audio_mime", "plain_item", "plain_part", "turn"]

# Events of the preview, and what they are called now.
PRESENT_NAMES = {
    f"response.{old}.{word}": f"response.{new}.{word}"
    for old, new in {
        "text": "output_text",
        "audio": "output_audio",
        "audio_transcript": "output_audio_transcript",
    }.items()
    for word in ("delta", "done")
}
_PARTS = {"text": "output_text", "audio": "output_audio"}
_SOUNDS = frozenset(("input_audio", "output_audio"))


def plain_item(item: Json) -> dict[str, Json]:
    """An item with the content parts of the Responses API; what is no object is its content."""
    if not isinstance(item, dict):
        return turn("unknown", item)
    plain = {name: value for name, value in item.items() if name != "object"}
    content = item.get("content")
    if isinstance(content, list):
        plain["content"] = [plain_part(part) for part in content]
    return plain


def plain_part(part: Json) -> Json:
    """A content part; sound stands under `data`."""
    if not isinstance(part, dict):
        return part
    kind = as_text(part.get("type")) or "part"
    plain = {name: value for name, value in part.items() if value is not None}
    plain["type"] = kind = _PARTS.get(kind, kind)
    if kind in _SOUNDS and "audio" in plain:
        plain["data"] = plain.pop("audio")
    return plain


def turn(role: str, content: Json, name: str | None = None) -> dict[str, Json]:
    """Something said outside of an item, as a message."""
    named = {"name": name} if name else {}
    return {"type": "message", "role": role, "content": content, **named}


def audio_mime(side: str, *sessions: dict[str, Json]) -> str:
    """The type of the sound that goes in (`input`) or out, by the first session that tells it."""
    for session in sessions:
        form = as_dict(as_dict(as_dict(session.get("audio")).get(side)).get("format"))
        if kind := cleaned(form.get("type")):
            return kind
        if old := cleaned(session.get(f"{side}_audio_format")):
            return f"audio/{old}"
    return "audio"
