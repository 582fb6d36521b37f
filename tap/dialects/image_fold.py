"""Streamed pictures gathered into the object that a plain call would have returned.

The law of this module: a picture is finished when its `completed` event came; the partial ones
before it led to it.
"""

from __future__ import annotations

from audit.value import Json
from tap.dialects.event_fold import TypedEvents
from tap.sse import Event

__all__ = ["ImageFold"]


class ImageFold:
    """Takes the events of one stream; never raises on any input.

    `usages` holds what each finished picture was reported to cost.
    """

    def __init__(self) -> None:
        self.usages: list[Json] = []
        self._images: list[dict[str, Json]] = []
        self._partials: list[Json] = []
        self.events = TypedEvents(
            {
                "image_generation.partial_image": self._preview,
                "image_edit.partial_image": self._preview,
                "image_generation.completed": self._complete,
                "image_edit.completed": self._complete,
            }
        )

    def feed(self, event: Event) -> None:
        """Take the next event."""
        self.events.feed(event)

    @property
    def ended(self) -> bool:
        """Whether the stream came to its own end: a finished picture, with no other under way."""
        return self.events.done or bool(self._images and not self._partials)

    def _preview(self, value: dict[str, Json]) -> None:
        self._partials.append(value)

    def _complete(self, value: dict[str, Json]) -> None:
        if value.get("usage") is not None:
            self.usages.append(value["usage"])
        self._images.append({**value, "partials": self._partials})
        self._partials = []

    def final(self) -> dict[str, Json]:
        """The folded object: `data` in order, each picture with the `partials` before it."""
        images = list(self._images)
        if self._partials:
            images.append({"partials": self._partials})
        final: dict[str, Json] = {"data": images, "errors": self.events.errors}
        if self.usages:
            final["usage"] = self.usages[-1]
        return final
