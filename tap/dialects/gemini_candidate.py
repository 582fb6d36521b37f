"""One candidate of a Gemini answer, gathered from the responses that carry its index.

The law of this module: texts are joined with their neighbours only, so that thoughts, calls and
code stand where they were said. A verdict never gets better, and what is repeated is kept once.
"""

from __future__ import annotations

from collections.abc import Iterator

from audit.flags import Flag
from audit.parts import Citation, Part
from audit.record import Output
from audit.value import Json
from tap.dialects.filters import merge_filters
from tap.dialects.fragments import Fragments
from tap.dialects.gemini_parts import camelled, cleaned, part_of
from tap.dialects.gemini_safety import FILTERED_FINISH, blocked_by, ratings_of
from tap.dialects.keeping import Keeper, decode_base64
from tap.dialects.runs import Runs
from tap.wire_json import as_dict, as_list, as_text, clean_text, dump

__all__ = ["Candidate"]

_TEXT = frozenset(("text",))
_KNOWN = frozenset(("index", "content", "finishReason", "safetyRatings"))
_PROBABILITIES = frozenset(("logprobsResult",))
_CITED = ("citationSources", "citations")


class Candidate:
    """Gathers one candidate. `take` never raises."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.finish: str | None = None
        self.filters: dict[str, Json] = {}
        self._role: str | None = None
        self._said: Runs[Json] = Runs()
        self._sources: dict[str, Json] = {}
        self._extra = Fragments()
        self._logprobs = False

    def take(self, candidate: dict[str, Json]) -> None:
        """Take what one response says of this candidate."""
        content = candidate.get("content")
        if isinstance(content, dict):
            self._take_content(content)
        elif content is not None:
            self._said.alone("part", content)
        if finish := as_text(candidate.get("finishReason")):
            self._take_finish(finish)
        if ratings := candidate.get("safetyRatings"):
            merge_filters(self.filters, ratings_of(ratings))
        if not candidate.keys() <= _KNOWN:
            self._take_rest(candidate)

    @property
    def filtered(self) -> bool:
        """Whether the provider's filters ended it."""
        return self.finish in FILTERED_FINISH

    def output(self, keeper: Keeper) -> Output:
        """What has been gathered, as the record holds it."""
        before = len(keeper.media)
        parts = [part for kind, items in self._said.all() for part in _read(kind, items, keeper)]
        parts += self._citations(keeper)
        parts += [keeper.as_extra(name, kept) for name, kept in self._extra.joined().items()]
        if self._logprobs:
            keeper.flags.add(Flag.LOGPROBS_OMITTED)
        return Output(
            index=self.index,
            role=clean_text(self._role or "model"),
            parts=(*parts, *keeper.media[before:]),
            finish_reason=cleaned(self.finish),
        )

    def _take_finish(self, finish: str) -> None:
        self.finish = finish
        if finish in FILTERED_FINISH:
            merge_filters(self.filters, blocked_by(finish))

    def _take_content(self, content: dict[str, Json]) -> None:
        self._role = self._role or as_text(content.get("role"))
        parts = content.get("parts")
        for part in parts if isinstance(parts, list) else [parts]:
            if isinstance(part, dict):
                self._take_part(part)
            elif part is not None:
                self._said.alone("part", part)
        if len(content) > 2:
            for name, value in content.items():
                if name not in ("role", "parts"):
                    self._extra.add(f"content.{name}", value)

    def _take_part(self, part: dict[str, Json]) -> None:
        text = part.get("text")
        if isinstance(text, str):
            if text:
                self._said.add("thought" if part.get("thought") is True else "text", text)
            rest = {} if part.keys() == _TEXT else _without(part, "text", "thought")
        else:
            rest = part
        if "functionCall" in rest:
            self._take_call(rest)
        elif (sound := _sound_of(rest)) is not None:
            self._said.add(*sound)
        elif rest:
            self._said.alone("part", rest)

    def _take_call(self, part: dict[str, Json]) -> None:
        """A call may come in pieces, each of which but the last says that more will follow."""
        runs = self._said.all()
        if runs and runs[-1][0] == "call" and _continues(runs[-1][1][-1]):
            self._said.add("call", part)
        else:
            self._said.alone("call", part)

    def _take_rest(self, candidate: dict[str, Json]) -> None:
        for name, value in candidate.items():
            if name in _KNOWN or value is None:
                continue
            if name in _PROBABILITIES:
                self._logprobs = True
            elif name in ("citationMetadata", "groundingMetadata"):
                self._take_sources(name, as_dict(value))
            else:
                self._extra.replace(name, value)

    def _take_sources(self, name: str, metadata: dict[str, Json]) -> None:
        """Sources are told again by later responses; equal ones are one."""
        for field, value in metadata.items():
            for each in value if isinstance(value, list) else [value]:
                kind = "source" if field in _CITED else field
                self._sources.setdefault(f"{name}.{kind}\0{dump(each)}", each)

    def _citations(self, keeper: Keeper) -> list[Part]:
        parts: list[Part] = []
        rest: dict[str, list[Json]] = {}
        for key, value in self._sources.items():
            name = key.partition("\0")[0]
            cited = _citation(name, as_dict(value), keeper)
            if cited is not None:
                parts.append(cited)
            else:
                rest.setdefault(name, []).append(value)
        return [*parts, *(keeper.as_extra(name, values) for name, values in rest.items())]


def _without(part: dict[str, Json], *names: str) -> dict[str, Json]:
    return {name: value for name, value in part.items() if name not in names}


def _continues(part: Json) -> bool:
    return as_dict(as_dict(part).get("functionCall")).get("willContinue") is True


def _sound_of(part: dict[str, Json]) -> tuple[str, bytes] | None:
    """Speech comes in pieces of one sound; each piece is base64 of its own."""
    blob = part.get("inlineData")
    if len(part) != 1 or not isinstance(blob, dict):
        return None
    mime, data = as_text(blob.get("mimeType")), as_text(blob.get("data"))
    if mime is None or data is None or not mime.startswith("audio/"):
        return None
    sound = decode_base64(data)
    return (f"sound {mime}", sound) if sound is not None else None


def _read(kind: str, items: list[Json], keeper: Keeper) -> list[Part]:
    if kind in ("text", "thought"):
        return part_of({"text": "".join(items), "thought": kind == "thought"}, keeper)
    if kind == "call":
        return part_of(items[0] if len(items) == 1 else _joined_call(items), keeper)
    if kind.startswith("sound "):
        mime = clean_text(kind.removeprefix("sound "))
        return [keeper.bytes_as_media(b"".join(items), mime)]
    return [part for item in items for part in part_of(item, keeper)]


def _joined_call(parts: list[Json]) -> dict[str, Json]:
    """The pieces of one call; each argument gathers the text that was sent for its path."""
    call: dict[str, Json] = {}
    pieces = Fragments()
    beside: dict[str, Json] = {}
    for part in parts:
        beside.update(_without(part, "functionCall"))
        said = as_dict(part["functionCall"])
        for path, value in _partial(said):
            pieces.add(path, value)
        for name, value in said.items():
            if name not in ("partialArgs", "willContinue") and value not in (None, ""):
                call.setdefault(name, value)
    if arguments := pieces.joined():
        call["args"] = arguments
    return {"functionCall": call, **beside}


def _partial(call: dict[str, Json]) -> Iterator[tuple[str, Json]]:
    for piece in as_list(call.get("partialArgs")):
        said = as_dict(piece)
        path = as_text(said.get("jsonPath")) or "$"
        for name, value in said.items():
            if name not in ("jsonPath", "willContinue"):
                yield path, value


def _citation(name: str, source: dict[str, Json], keeper: Keeper) -> Citation | None:
    if name == "citationMetadata.source":
        cited = source
    elif name == "groundingMetadata.groundingChunks":
        cited = camelled(source.get("web") or source.get("retrievedContext"))
    else:
        return None
    url, title = as_text(cited.get("uri")), as_text(cited.get("title"))
    text = as_text(cited.get("text"))
    if url is None and title is None:
        return None
    return Citation(
        title=clean_text(title) if title else None,
        url=keeper.kept(url) if url else None,
        text=keeper.inline(text) if text else None,
    )
