"""Pictures: generations, edits and variations, plain and streamed.

The law of this module: a picture is never kept, only its type, size and keyed digest; the prompt
it was made from, and the one the model made of that, are text. The pictures that a stream shows
on the way stand before the finished one, in the output they led to.
"""

from __future__ import annotations

from msgspec.structs import replace

from audit.exchange import Dialect as DialectName
from audit.flags import Flag
from audit.parts import Media, Part
from audit.record import Output
from audit.value import Json
from tap.dialects.answers import beside, errors_in, one_shot_reading, with_beside
from tap.dialects.forms import read_upload
from tap.dialects.image_fold import ImageFold
from tap.dialects.keeping import Keeper
from tap.dialects.reading import AnswerReading, Body, RequestReading
from tap.sse import Event
from tap.wire_json import as_dict, as_list, as_text

__all__ = ["ImagesStream", "OpenAIImages"]

_TEXTS = {"prompt": "user"}
_FILES = frozenset(("image", "images", "mask", "markup"))
_READ = frozenset(("data", "output_format"))
_ENTRY_READ = frozenset(
    (
        *("type", "b64_json", "url", "revised_prompt", "usage", "partials", "created_at"),
        *("output_format", "partial_image_index", "prompt_filter_results"),
        *("content_filter_results", "content_filter_result"),
    )
)
# A partial picture repeats what its finished one says of itself.
_PARTIAL_READ = _ENTRY_READ | {"size", "quality", "background"}
_SPECIAL_TYPES = {"svg": "image/svg+xml", "jpg": "image/jpeg"}


class ImagesStream:
    """A `Fold` of picture events."""

    def __init__(self) -> None:
        self.fold = ImageFold()

    def feed(self, event: Event) -> None:
        """Take the next event."""
        self.fold.feed(event)

    def reading(self, keeper: Keeper) -> AnswerReading:
        """Read what has been folded so far."""
        fold = self.fold
        read = _read(fold.final(), keeper, streamed=True, terminal=fold.ended)
        if len(fold.usages) > 1:
            read = replace(read, usage=replace(read.usage, reported=keeper.kept(fold.usages)))
        return fold.events.completed(read, keeper)


class OpenAIImages:
    """Reads `openai.images`."""

    name = DialectName.OPENAI_IMAGES

    def request(self, body: Body, keeper: Keeper) -> RequestReading:
        """Read the prompt, and the pictures it is about, of a form or of a JSON object."""
        return read_upload(body, keeper, texts=_TEXTS, files=_FILES)

    def answer(self, value: Json, keeper: Keeper) -> AnswerReading:
        """Read a plain answer."""
        if not isinstance(value, dict):
            keeper.flags.add(Flag.ANSWER_MALFORMED)
            value = {"body": value}
        return _read(value, keeper)

    def fold(self) -> ImagesStream:
        """Begin to read a stream."""
        return ImagesStream()


def _read(
    final: dict[str, Json], keeper: Keeper, *, streamed: bool = False, terminal: bool = True
) -> AnswerReading:
    data = final.get("data")
    read = _READ if data is None or isinstance(data, list) else _READ - {"data"}
    made = as_text(final.get("output_format"))
    outputs = [_output(index, entry, made, keeper) for index, entry in enumerate(as_list(data))]
    reading = one_shot_reading(
        final,
        outputs,
        keeper,
        read=read,
        entries=as_list(data),
        streamed=streamed,
        terminal=terminal,
    )
    rewritten = [
        part
        for error in errors_in(final)
        for name in ("inner_error", "innererror")
        if (said := as_text(as_dict(as_dict(error).get(name)).get("revised_prompt")))
        for part in keeper.text_parts(said)
    ]
    response = reading.response
    return replace(
        reading,
        response=replace(response, outputs=with_beside(list(response.outputs), rewritten)),
    )


def _output(index: int, entry: Json, made: str | None, keeper: Keeper) -> Output:
    before = len(keeper.media)
    if not isinstance(entry, dict):
        keeper.flags.add(Flag.ANSWER_MALFORMED)
        parts: list[Part] = [keeper.as_extra("data", entry)]
    else:
        parts = _parts(entry, made, keeper)
    lifted = keeper.media[before:]
    return Output(index=index, role="assistant", parts=(*parts, *lifted))


def _parts(entry: dict[str, Json], made: str | None, keeper: Keeper) -> list[Part]:
    parts: list[Part] = []
    if said := as_text(entry.get("revised_prompt")):
        parts += keeper.text_parts(said)
    for place, partial in enumerate(as_list(entry.get("partials"))):
        number = as_dict(partial).get("partial_image_index")
        name = f"partial_{number if type(number) is int and abs(number) < 2**31 else place}"
        parts += _picture(as_dict(partial), made, keeper, name)
        parts += beside(as_dict(partial), _PARTIAL_READ, keeper, "partial.")
    parts += _picture(entry, made, keeper)
    return parts + beside(entry, _ENTRY_READ, keeper, "data.")


def _picture(
    holder: dict[str, Json], made: str | None, keeper: Keeper, name: str | None = None
) -> list[Media]:
    kind = as_text(holder.get("output_format")) or made
    parts: list[Media] = []
    if data := as_text(holder.get("b64_json")):
        parts.append(keeper.base64_as_media(data, _mime(kind), name))
    if url := as_text(holder.get("url")):
        parts.append(keeper.url_as_media(url, name))
    return parts


def _mime(kind: str | None) -> str:
    """The answer names the format of newer models only."""
    if kind is None or not kind.isalnum() or not kind.isascii():
        return "image"
    return _SPECIAL_TYPES.get(kind, f"image/{kind}")
