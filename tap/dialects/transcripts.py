"""Transcripts: an object of text and segments, read into parts; streams folded into it.

The law of this module: the text as a whole is one text, for a detector finds a number that was
spoken across two segments nowhere else. Segments keep who spoke and when: what one speaker said
without a break stands together; segments that name no speaker repeat the text and give it up.
Single words and tokens are left out, and the record says so.
"""

from __future__ import annotations

from audit.flags import Flag
from audit.parts import Extra, Part
from audit.value import Json
from tap.dialects.event_fold import TypedEvents
from tap.dialects.keeping import Keeper
from tap.sse import Event
from tap.wire_json import as_dict, as_list, as_text

__all__ = ["TranscriptFold", "transcript_parts"]

_TIMES = ("id", "start", "end")


def transcript_parts(final: dict[str, Json], keeper: Keeper) -> list[Part]:
    """The text, what was said on the way where it differs, and who said what."""
    segments = [each for each in as_list(final.get("segments")) if isinstance(each, dict)]
    delivered = as_text(final.get("deltas"))
    spoken = "".join(as_text(each.get("text")) or "" for each in segments)
    text = as_text(final.get("text")) or delivered or spoken
    parts: list[Part] = keeper.text_parts(text) if text else []
    if delivered and delivered != text:
        parts.append(keeper.as_extra("transcript.text.delta", delivered))
    parts += _segments(segments, keeper)
    _note_omissions(final, keeper)
    if words := as_list(final.get("words")):
        parts.append(keeper.as_extra("words", {"count": len(words)}))
    return parts


def _note_omissions(final: dict[str, Json], keeper: Keeper) -> None:
    """Each of these spells the text out in pieces that no detector can read."""
    tokens = any(as_dict(each).get("tokens") for each in as_list(final.get("segments")))
    if final.get("logprobs") or final.get("words") or tokens:
        keeper.flags.add(Flag.LOGPROBS_OMITTED)


def _segments(segments: list[dict[str, Json]], keeper: Keeper) -> list[Extra]:
    if not segments:
        return []
    if any(as_text(each.get("speaker")) for each in segments):
        return [keeper.as_extra("segments", _turns(segments))]
    times = [{name: each[name] for name in _TIMES if name in each} for each in segments]
    return [keeper.as_extra("segments", times)]


def _turns(segments: list[dict[str, Json]]) -> list[Json]:
    """What each speaker said before another one did."""
    turns: list[tuple[dict[str, Json], list[str]]] = []
    for each in segments:
        if not turns or turns[-1][0]["speaker"] != each.get("speaker"):
            turns.append(({"speaker": each.get("speaker"), "start": each.get("start")}, []))
        turn, texts = turns[-1]
        turn["end"] = each.get("end")
        texts.append(as_text(each.get("text")) or "")
    return [{**turn, "text": "".join(texts)} for turn, texts in turns]


class TranscriptFold:
    """Takes the events of one stream; never raises on any input."""

    def __init__(self) -> None:
        self._deltas: list[str] = []
        self._segments: list[Json] = []
        self._probable = False
        self._last: dict[str, Json] | None = None
        self.events = TypedEvents(
            {
                "transcript.text.delta": self._take_delta,
                "transcript.text.segment": self._segments.append,
                "transcript.text.done": self._take_done,
            }
        )

    def feed(self, event: Event) -> None:
        """Take the next event."""
        self.events.feed(event)

    @property
    def ended(self) -> bool:
        """Whether the stream came to its own end."""
        return self.events.done or self._last is not None

    def _take_delta(self, value: dict[str, Json]) -> None:
        self._deltas.append(as_text(value.get("delta")) or "")
        self._probable = self._probable or bool(value.get("logprobs"))

    def _take_done(self, value: dict[str, Json]) -> None:
        self._last = value

    def final(self) -> dict[str, Json]:
        """The folded object; `deltas` is what was delivered before the whole text came."""
        last = self._last or {}
        final = {name: value for name, value in last.items() if name != "type"}
        final["deltas"] = "".join(self._deltas)
        final["errors"] = self.events.errors
        if self._segments:
            final["segments"] = self._segments
        if self._probable:
            final["logprobs"] = True
        return final
