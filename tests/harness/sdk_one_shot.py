"""What an SDK's caller was told by completions, embeddings, pictures and sound.

The law: a stream without an accumulator is put together here as its applications do it.
"""

from __future__ import annotations

import base64
import json
import re
import struct
from collections.abc import Iterator
from typing import Any

from tests.harness.sdk_hearing import Heard
from tests.harness.sdk_told import Media, Said, Told, error_words, tokens_of

__all__ = ["audio", "completions", "embeddings", "images"]

Json = Any


def completions(heard: Heard, media: Media) -> Told:
    """Each choice's text, of one object or of all chunks."""
    texts: dict[int, list[str]] = {}
    finish: dict[int, str | None] = {}
    usage = None
    chunks = [heard.final] if heard.final else heard.events
    for chunk in chunks:
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            texts.setdefault(choice["index"], []).append(choice["text"])
            finish[choice["index"]] = choice["finish_reason"] or finish.get(choice["index"])
    outputs: list[tuple[str | None, list[Said]]] = [
        (finish[index], [("text", "".join(said))]) for index, said in sorted(texts.items())
    ]
    return Told(outputs, tokens_of(usage), chunks[-1]["id"], error_words(heard))


def embeddings(heard: Heard, media: Media) -> Told:
    """All vectors as one: 32-bit floats, however they were sent."""
    vectors = (entry["embedding"] for entry in heard.final["data"])
    packed = (
        base64.b64decode(each) if isinstance(each, str) else struct.pack(f"<{len(each)}f", *each)
        for each in vectors
    )
    return Told([(None, [media.of(b"".join(packed))])], tokens_of(heard.final.get("usage")))


def images(heard: Heard, media: Media) -> Told:
    """Each picture with its prompt; of a stream, what was shown; of a refusal, the new prompt."""
    if heard.error is not None:
        said = ("text", heard.error[2]["inner_error"]["revised_prompt"])
        return Told([(None, [said])], error=error_words(heard))
    if heard.events:
        shown = media.of_base64(*(event["b64_json"] for event in heard.events))
        return Told([(None, shown)], tokens_of(heard.events[-1]["usage"]))
    outputs = [(None, list(_picture(each, media))) for each in heard.final["data"]]
    return Told([*outputs], tokens_of(heard.final["usage"]))


def _picture(entry: Json, media: Media) -> Iterator[Said]:
    if entry["revised_prompt"]:
        yield ("text", entry["revised_prompt"])
    yield from media.of_base64(entry["b64_json"])
    if entry["url"]:
        yield ("media", None, None, entry["url"].partition("?")[0])


def audio(heard: Heard, media: Media) -> Told:
    """Sound, or a transcript: an object, a text, or the last of its events."""
    if isinstance(heard.final, bytes):
        return _speech(heard.final, media)
    if isinstance(heard.final, str):
        return Told([(None, [("text", heard.final)])])
    final = heard.final or heard.events[-1]
    return Told([(None, [("text", final["text"])])], tokens_of(final["usage"]))


def _speech(body: bytes, media: Media) -> Told:
    """Sound, or events of it, which the SDK gives as they are."""
    if not body.startswith(b"data:"):
        return Told([(None, [media.of(body)])])
    events = [json.loads(data) for data in re.findall(rb"data: ?(\{.*\})", body)]
    sound = b"".join(base64.b64decode(event.get("audio", "")) for event in events)
    return Told([(None, [media.of(sound)])], tokens_of(events[-1]["usage"]))
