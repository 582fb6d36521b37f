"""Gemini's `generateContent`: one JSON object, a stream of events, or an array sent in pieces.

The law of this module: all three are a sequence of responses, each of which says what is new, and
one fold reads them. The format has no terminal event: a stream is whole when every candidate has
a finish reason, or when the prompt was blocked and there is none. A guest: it is read, but its
dialect is `opaque`, and its operation (`generate_content`) tells what it is.
"""

from __future__ import annotations

from msgspec.structs import replace

from audit.exchange import Dialect as DialectName
from audit.exchange import Ending
from audit.flags import EndingDetail, Flag
from audit.parts import Part
from audit.record import Response, Safety, Usage
from audit.value import Json
from tap.dialects.answers import with_beside
from tap.dialects.error_bodies import error_in, error_of, error_parts
from tap.dialects.filters import merge_filters, safety_of
from tap.dialects.fragments import Fragments
from tap.dialects.gemini_candidate import Candidate
from tap.dialects.gemini_parts import cleaned
from tap.dialects.gemini_request import read_gemini_request
from tap.dialects.gemini_safety import blocked_by, ratings_of
from tap.dialects.json_body import read_body
from tap.dialects.keeping import Keeper
from tap.dialects.reading import AnswerReading, Body, RequestReading
from tap.sse import Event
from tap.wire_json import NOT_JSON, as_count, as_dict, as_list, as_text, read_json, salvage_json

__all__ = ["Gemini", "GeminiFold"]

_FIRST = frozenset(("modelVersion", "responseId"))


class GeminiFold:
    """A `Fold` of responses, each of which adds to the ones before it."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._usage: Json = None
        self._candidates: dict[int, Candidate] = {}
        self._prompt: dict[str, Json] = {}
        self._blocked = False
        self._errors: list[Json] = []
        self._extra = Fragments()
        self._malformed = False

    def feed(self, event: Event) -> None:
        """Take the next event."""
        if not event.data.strip():
            return
        value = read_json(event.data)
        if value is NOT_JSON:
            # Its text is kept as part of what it says only: bare, it could hold what the whole
            # would have shown to be a credential.
            self._malformed = True
            value = salvage_json(event.data)
        if value is not NOT_JSON:
            self.take(value)

    def take(self, value: Json) -> None:
        """Take one response."""
        if not isinstance(value, dict):
            self._malformed = True
            self._extra.add("response", [value])
            return
        for name, inner in value.items():
            if inner is not None:
                self._take_field(name, inner, value)

    def reading(self, keeper: Keeper) -> AnswerReading:
        """Read what has been gathered so far."""
        found = [self._candidates[index] for index in sorted(self._candidates)]
        outputs = [each.output(keeper) for each in found]
        beside = self._beside(keeper)
        ending, detail = self._evidence(found)
        if self._malformed:
            keeper.flags.add(Flag.STREAM_MALFORMED)
        return AnswerReading(
            response=Response(
                outputs=with_beside(outputs, beside),
                error=error_of(self._errors[0], keeper) if self._errors else None,
            ),
            safety=self._safety(found),
            usage=_usage_of(self._usage, keeper),
            model=cleaned(self._first.get("modelVersion")),
            response_id=cleaned(self._first.get("responseId")),
            terminal=bool(self._errors),
            finished=all(each.finish for each in found) if found else self._blocked,
            ending=ending,
            detail=detail,
            flags=frozenset(keeper.flags),
        )

    def _take_field(self, name: str, value: Json, response: dict[str, Json]) -> None:
        if name == "candidates":
            self._take_candidates(value)
        elif name == "usageMetadata" and isinstance(value, dict):
            self._usage = value
        elif name in _FIRST and isinstance(value, str):
            if value:
                self._first.setdefault(name, value)
        elif name == "promptFeedback" and isinstance(value, dict):
            self._take_feedback(value)
        elif name == "error" and value:
            self._errors.append(_error_of(response))
        else:
            self._extra.replace(name, value)

    def _take_candidates(self, candidates: Json) -> None:
        for candidate in candidates if isinstance(candidates, list) else [candidates]:
            if not isinstance(candidate, dict):
                self._malformed = True
                self._extra.add("candidates", [candidate])
                continue
            # A zero is left out of the JSON, as any default.
            index = candidate.get("index")
            number = int(index) if isinstance(index, int) and abs(index) < 2**31 else 0
            if number not in self._candidates:
                self._candidates[number] = Candidate(number)
            self._candidates[number].take(candidate)

    def _take_feedback(self, feedback: dict[str, Json]) -> None:
        merge_filters(self._prompt, ratings_of(feedback.get("safetyRatings")))
        if reason := as_text(feedback.get("blockReason")):
            self._blocked = True
            merge_filters(self._prompt, blocked_by(reason))
        for name, value in feedback.items():
            if name not in ("safetyRatings", "blockReason") and value is not None:
                self._extra.replace(f"promptFeedback.{name}", value)

    def _beside(self, keeper: Keeper) -> list[Part]:
        before = len(keeper.media)
        kept = self._extra.joined().items()
        parts: list[Part] = [keeper.as_extra(name, value) for name, value in kept]
        for error in self._errors:
            parts += error_parts(error, keeper)
        return [*parts, *keeper.media[before:]]

    def _evidence(self, found: list[Candidate]) -> tuple[Ending | None, EndingDetail | None]:
        if self._blocked:
            return Ending.FILTERED, EndingDetail.PROMPT_FILTERED
        if any(each.filtered for each in found):
            return Ending.FILTERED, EndingDetail.OUTPUT_FILTERED
        return (Ending.FAILED, EndingDetail.ERROR_EVENT) if self._errors else (None, None)

    def _safety(self, found: list[Candidate]) -> Safety:
        return safety_of(self._prompt, {each.index: each.filters for each in found})


class Gemini:
    """Reads `generateContent` and `streamGenerateContent`, of Gemini and of Vertex."""

    name = DialectName.OPAQUE

    def request(self, body: Body, keeper: Keeper) -> RequestReading:
        """Read the request; one that is no JSON object is flagged and has no messages."""
        value = read_body(body, keeper, Flag.REQUEST_SALVAGED)
        if value is NOT_JSON:
            keeper.flags.add(Flag.REQUEST_UNPARSED)
            return RequestReading(flags=frozenset(keeper.flags), stream=None)
        return read_gemini_request(value if isinstance(value, dict) else {"body": value}, keeper)

    def answer(self, value: Json, keeper: Keeper) -> AnswerReading:
        """Read a plain answer, or the array that a stream without events is."""
        fold = GeminiFold()
        for response in value if isinstance(value, list) else [value]:
            fold.take(response)
        read = fold.reading(keeper)
        if Flag.STREAM_MALFORMED in read.flags:
            flags = (read.flags - {Flag.STREAM_MALFORMED}) | {Flag.ANSWER_MALFORMED}
            read = replace(read, flags=flags)
        if read.ending is Ending.FAILED and not isinstance(value, list):
            read = replace(read, detail=EndingDetail.ERROR_BODY)
        return replace(read, terminal=True)

    def fold(self) -> GeminiFold:
        """Begin to read a stream."""
        return GeminiFold()


def _error_of(response: dict[str, Json]) -> Json:
    """Google's errors name their kind under `status`."""
    error = error_in(response)
    return {"type": error.get("status"), **error} if isinstance(error, dict) else error


def _usage_of(reported: Json, keeper: Keeper) -> Usage:
    """Usage as counted by the provider.

    What the provider's own tools put into the prompt is counted apart, and so are thoughts;
    `totalTokenCount` covers both.
    """
    if not isinstance(reported, dict):
        return Usage()
    return Usage(
        input=_sum(reported, "promptTokenCount", "toolUsePromptTokenCount"),
        output=_sum(reported, "candidatesTokenCount", "thoughtsTokenCount"),
        total=as_count(reported.get("totalTokenCount")),
        cached=as_count(reported.get("cachedContentTokenCount")),
        reasoning=as_count(reported.get("thoughtsTokenCount")),
        audio_in=_audio(reported.get("promptTokensDetails")),
        audio_out=_audio(reported.get("candidatesTokensDetails")),
        source="reported",
        reported=keeper.kept(reported),
    )


def _sum(reported: dict[str, Json], *names: str) -> int | None:
    counts = [count for name in names if (count := as_count(reported.get(name))) is not None]
    return sum(counts) if counts else None


def _audio(details: Json) -> int | None:
    sounds = (as_dict(each) for each in as_list(details))
    counts = (each.get("tokenCount") for each in sounds if each.get("modality") == "AUDIO")
    return next((count for each in counts if (count := as_count(each)) is not None), None)
