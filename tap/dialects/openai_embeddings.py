"""Embeddings: a text goes in, vectors come out.

The law of this module: the texts are prompts and kept like any. The vectors are not kept, since
a text can be guessed back from one: of them a record holds how many there were, their dimensions,
and one keyed digest. A vector has the same digest whether it came as numbers or as base64.
"""

from __future__ import annotations

import struct

from audit.exchange import Dialect as DialectName
from audit.flags import Flag
from audit.parts import Extra, Part
from audit.record import Output
from audit.value import Json
from tap.dialects.answers import beside, one_shot_reading
from tap.dialects.json_body import read_object
from tap.dialects.keeping import Keeper, decode_base64
from tap.dialects.loose_fold import LooseFold
from tap.dialects.prompts import prompt_messages, request_reading
from tap.dialects.reading import AnswerReading, Body, RequestReading
from tap.wire_json import as_list, dump

__all__ = ["VECTORS", "OpenAIEmbeddings"]

VECTORS = "application/x.embeddings"

_READ = frozenset(("data",))
_ENTRY_READ = frozenset(("object", "index", "embedding"))


class OpenAIEmbeddings:
    """Reads `openai.embeddings`."""

    name = DialectName.OPENAI_EMBEDDINGS

    def request(self, body: Body, keeper: Keeper) -> RequestReading:
        """Read the inputs, each of them a message."""
        value = read_object(body, keeper)
        if value is None:
            return RequestReading(flags=frozenset(keeper.flags))
        messages = prompt_messages("input", value.get("input"), keeper)
        return request_reading(value, messages, keeper, prompts=frozenset(("input",)), stream=False)

    def answer(self, value: Json, keeper: Keeper) -> AnswerReading:
        """Read what the vectors are like, and what they cost."""
        if not isinstance(value, dict):
            keeper.flags.add(Flag.ANSWER_MALFORMED)
            value = {"body": value}
        outputs = _outputs(value.get("data"), keeper)
        return one_shot_reading(value, outputs, keeper, read=_READ)

    def fold(self) -> LooseFold:
        """Begin to read a stream, which this format does not have."""
        return LooseFold()


def _outputs(data: Json, keeper: Keeper) -> list[Output]:
    if data is None:
        return []
    before = len(keeper.media)
    entries = [entry for entry in as_list(data) if isinstance(entry, dict) and "embedding" in entry]
    parts = _vectors([entry["embedding"] for entry in entries], keeper) if entries else []
    if len(entries) != len(data if isinstance(data, list) else [data]):
        keeper.flags.add(Flag.ANSWER_MALFORMED)
        parts.append(keeper.as_extra("data", _strange(data)))
    for entry in entries:
        parts += beside(entry, _ENTRY_READ, keeper, "data.")
    parts += keeper.media[before:]
    return [Output(index=0, parts=tuple(parts))] if parts else []


def _strange(data: Json) -> Json:
    """What is no vector, without those that are."""
    if not isinstance(data, list):
        return data
    return [entry for entry in data if not (isinstance(entry, dict) and "embedding" in entry)]


def _vectors(vectors: list[Json], keeper: Keeper) -> list[Part]:
    packed = [_packed(keeper.restored(vector)) for vector in vectors]
    sizes = sorted(
        {_dimensions(vector, data) for vector, data in zip(vectors, packed, strict=True)}
    )
    said = {"count": len(vectors), "dimensions": sizes[0] if len(sizes) == 1 else sizes}
    return [
        Extra(name="embeddings", text=dump(said)),
        keeper.bytes_as_media(b"".join(packed), VECTORS),
    ]


def _packed(vector: Json) -> bytes:
    """A vector as 32-bit floats, little-endian, as the format's base64 has them; else its JSON."""
    try:
        if isinstance(vector, list):
            return struct.pack(f"<{len(vector)}f", *vector)
        decoded = decode_base64(vector) if isinstance(vector, str) else None
    except (struct.error, OverflowError):
        decoded = None
    return dump(vector).encode() if decoded is None else decoded


def _dimensions(vector: Json, packed: bytes) -> int:
    return len(vector) if isinstance(vector, list) else len(packed) // 4
