"""Streamed speech gathered: the sound of all its pieces, and what it cost.

The law of this module: the sound is decoded as it comes, and its digest is over the whole.
"""

from __future__ import annotations

from audit.value import Json
from tap.dialects.event_fold import TypedEvents
from tap.dialects.streamed_media import StreamedMedia
from tap.sse import Event
from tap.wire_json import as_text

__all__ = ["SpeechFold"]


class SpeechFold:
    """Takes the events of one stream; never raises on any input.

    `sound` is what was spoken so far, `ended` says that the stream came to its own end.
    """

    def __init__(self) -> None:
        self.sound = StreamedMedia()
        self._last: dict[str, Json] = {}
        self._ended = False
        self.events = TypedEvents(
            {"speech.audio.delta": self._speak, "speech.audio.done": self._end}
        )

    def feed(self, event: Event) -> None:
        """Take the next event."""
        self.events.feed(event)

    @property
    def ended(self) -> bool:
        """Whether the stream came to its own end."""
        return self._ended or self.events.done

    def _speak(self, value: dict[str, Json]) -> None:
        for name in ("audio", "delta"):
            if text := as_text(value.get(name)):
                self.sound.take(text)

    def _end(self, value: dict[str, Json]) -> None:
        self._ended = True
        self._last.update((name, each) for name, each in value.items() if name != "type")

    def final(self) -> dict[str, Json]:
        """The folded object: the last event's fields, and the errors on the way."""
        return {**self._last, "errors": self.events.errors}
