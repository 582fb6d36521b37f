"""A realtime session: the server's events sorted to where they belong.

The law of this module: an event goes to whoever takes its type, and one that nobody knows is
gathered under its type. An error is kept, and the session goes on. Sound is decoded as it comes,
and is never text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from audit.value import Json
from tap.dialects.keeping import Digest
from tap.dialects.loose_fold import LooseFold
from tap.dialects.reading import SessionTurn
from tap.dialects.realtime_asked import Asked
from tap.dialects.realtime_items import PRESENT_NAMES, plain_item
from tap.dialects.realtime_response import RealtimeResponse
from tap.dialects.realtime_turns import SessionTurns
from tap.dialects.responses_item_fold import place_of
from tap.dialects.streamed_media import StreamedMedia
from tap.wire_json import NOT_JSON, as_dict, as_text, dump, read_json

__all__ = ["RealtimeSession"]

_Event: TypeAlias = dict[str, Json]

_ITEM = "conversation.item"
_SPEECH = "conversation.item.input_audio_transcription"
# Of the server, what says nothing that other events do not.
_SILENT = frozenset(
    (
        *("conversation.created", "rate_limits.updated", "session.closed"),
        "input_audio_buffer.cleared",
        *("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"),
        *("input_audio_buffer.timeout_triggered", "mcp_list_tools.in_progress"),
        *("mcp_list_tools.completed", "output_audio_buffer.started"),
        *("output_audio_buffer.stopped", "output_audio_buffer.cleared"),
    )
)
# A translation has no responses: what it says is gathered as one.
_TRANSLATED = {
    "session.output_transcript.delta": "response.output_audio_transcript.delta",
    "session.output_audio.delta": "response.output_audio.delta",
}


class RealtimeSession:
    """Gathers one session: a `Session`. `realtime_turns` reads what is gathered."""

    def __init__(self) -> None:
        self.asked = Asked()
        self.told: dict[str, Json] = {}
        self.responses: list[RealtimeResponse] = []
        self._by_id: dict[str, RealtimeResponse] = {}
        self.acknowledged = 0
        self.commits: list[int] = []
        self.said = 0
        self._at = -1
        self.errors: list[Json] = []
        self._notes: list[tuple[str, _Event]] = []
        self.transcriptions: dict[str, list[Json]] = {}
        self.sounds: dict[str, StreamedMedia] = {}
        self.loose = LooseFold()
        self.malformed = self.logprobs = False
        self._takers: dict[str, Callable[[_Event], bool]] = {
            "error": self._error,
            "session.created": self._tell,
            "session.updated": self._acknowledge,
            "transcription_session.created": self._tell,
            "transcription_session.updated": self._acknowledge,
            "input_audio_buffer.committed": self._commit,
            f"{_ITEM}.created": self._item,
            f"{_ITEM}.added": self._item,
            f"{_ITEM}.done": self._item,
            f"{_ITEM}.retrieved": self._item,
            f"{_ITEM}.truncated": self._note,
            f"{_ITEM}.deleted": self._note,
            f"{_SPEECH}.completed": self._understood,
            f"{_SPEECH}.delta": self._understood,
            "session.input_transcript.delta": self._understood,
        }

    def client(self, text: str) -> None:
        """Take the client's next event."""
        self.said += len(text)
        self.asked.feed(text)

    def server(self, text: str) -> None:
        """Take the server's next event."""
        self.said += len(text)
        self._at += 1
        value = read_json(text)
        if not isinstance(value, dict):
            self.malformed = True
            # A torn event is left out: what only the whole would have masked may stand in it.
            if value is not NOT_JSON or text.lstrip()[:1] not in ("{", "["):
                self.loose.take("server", text)
            return
        kind = as_text(value.get("type")) or "server"
        kind = PRESENT_NAMES.get(kind) or _TRANSLATED.get(kind, kind)
        taker = self._takers.get(kind)
        if taker is not None:
            self.malformed |= not taker(value)
        elif kind.startswith("response."):
            self._respond(kind, value)
        elif kind not in _SILENT:
            self._other(kind, value)

    # -- the server's events ---------------------------------------------------------------

    def _respond(self, kind: str, value: _Event) -> None:
        response = self._response_of(kind, value)
        response.pass_by(kind, self._at)
        fits = response.take(kind, value)
        if fits is None:
            self._other(kind, value)
        else:
            self.malformed |= not fits

    def _response_of(self, kind: str, value: _Event) -> RealtimeResponse:
        """The response that an event names, else the one under way."""
        name = as_text(value.get("response_id"))
        name = name or as_text(as_dict(value.get("response")).get("id")) or ""
        known = self._by_id.get(name)
        if known is None and not name and self.responses and kind != "response.created":
            known = self.responses[-1]
        if known is None:
            known = RealtimeResponse(self.acknowledged, self._at)
            self.asked.conversation.answered(len(self.responses))
            self.responses.append(known)
            if name:
                self._by_id[name] = known
        return known

    def _tell(self, value: _Event) -> bool:
        """Take the session as the server has it."""
        session = as_dict(value.get("session"))
        self.asked.conversation.instruct(session.get("instructions"))
        self.told.update({name: each for name, each in session.items() if each is not None})
        return bool(session)

    def _acknowledge(self, value: _Event) -> bool:
        """Take the session as an update of the client has left it."""
        self.acknowledged += 1
        return self._tell(value)

    def _commit(self, _value: _Event) -> bool:
        """Note before which response the user's sound became an item."""
        self.commits.append(len(self.responses))
        return True

    def _item(self, value: _Event) -> bool:
        item = value.get("item")
        if isinstance(item, dict):
            self.asked.conversation.hear(plain_item(item))
        return isinstance(item, dict)

    def _understood(self, value: _Event) -> bool:
        """Take what was understood of the user's voice; its cost is reported with it."""
        whole = as_text(value.get("transcript"))
        text = whole or as_text(value.get("delta")) or ""
        place = place_of(value.get("content_index"))
        self.asked.conversation.transcribe(
            value.get("item_id"), place, text, whole=whole is not None
        )
        self.logprobs |= bool(value.get("logprobs"))
        if value.get("usage"):
            item_id = as_text(value.get("item_id")) or ""
            self.transcriptions.setdefault(item_id, []).append(value["usage"])
        return True

    def _note(self, value: _Event) -> bool:
        said = {name: each for name, each in value.items() if name not in ("type", "event_id")}
        self._notes.append((as_text(value.get("type")) or _ITEM, said))
        return True

    def _error(self, value: _Event) -> bool:
        error = value.get("error")
        bare = {name: each for name, each in value.items() if name not in ("type", "event_id")}
        self.errors.append(error or bare)
        return isinstance(error, dict)

    def _other(self, kind: str, value: _Event) -> None:
        """Gather an event that is not known; of one that carries sound, the sound apart."""
        rest = {name: each for name, each in value.items() if name != "event_id"}
        if kind.endswith("audio.delta") and isinstance(value.get("delta"), str):
            self.sounds.setdefault(kind, StreamedMedia()).take(rest.pop("delta"))
        self.loose.take(kind, dump({**rest, "type": kind}))

    # -- reading ---------------------------------------------------------------------------

    def turns(self, digest: Digest, most: int) -> Iterator[SessionTurn]:
        """A turn for each response, in the order of their beginnings."""
        self._place_notes()
        yield from SessionTurns(self, digest, most).turns()

    def _place_notes(self) -> None:
        """Give what is said of an item to the response that holds it."""
        holders = {name: response for response in self.responses for name in response.items}
        notes, self._notes = self._notes, []
        for kind, said in notes:
            response = holders.get(as_text(said.get("item_id")) or "")
            if response is not None:
                response.note(kind, said)
            else:
                self.loose.take(kind, dump({**said, "type": kind}))
