"""A realtime session: the server's events sorted to where they belong, and both sides read.

The law of this module: an event goes to whoever takes its type, and one that nobody knows is
gathered under its type. An error is kept, and the session goes on. Sound is decoded as it comes,
and is never text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from audit.flags import Flag
from audit.parts import Part
from audit.record import Message, Request, Response
from audit.value import Json
from tap.dialects.error_bodies import error_of, error_parts
from tap.dialects.filters import merge_filters, safety_of
from tap.dialects.keeping import Keeper
from tap.dialects.loose_fold import LooseFold
from tap.dialects.reading import AnswerReading, RequestReading
from tap.dialects.realtime_asked import Asked
from tap.dialects.realtime_items import PRESENT_NAMES, audio_mime, plain_item
from tap.dialects.realtime_response import RealtimeResponse
from tap.dialects.responses_content import cleaned
from tap.dialects.responses_item_fold import place_of
from tap.dialects.responses_items import ItemReader
from tap.dialects.session_totals import summed
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
        *("input_audio_buffer.committed", "input_audio_buffer.cleared"),
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
    """Gathers one session: a `Session`."""

    def __init__(self) -> None:
        self._asked = Asked()
        self._told: dict[str, Json] = {}
        self._responses: list[RealtimeResponse] = []
        self._by_id: dict[str, RealtimeResponse] = {}
        self._ended: list[RealtimeResponse] = []
        self._before: dict[int, int] = {}
        self._errors: list[Json] = []
        self._notes: list[tuple[str, _Event]] = []
        self._transcriptions: list[Json] = []
        self._sounds: dict[str, StreamedMedia] = {}
        self._loose = LooseFold()
        self._malformed = self._logprobs = False
        self._takers: dict[str, Callable[[_Event], bool]] = {
            "error": self._error,
            "session.created": self._tell,
            "session.updated": self._tell,
            "transcription_session.created": self._tell,
            "transcription_session.updated": self._tell,
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
        self._asked.feed(text)

    def server(self, text: str) -> None:
        """Take the server's next event."""
        value = read_json(text)
        if not isinstance(value, dict):
            self._malformed = True
            # A torn event is left out: what only the whole would have masked may stand in it.
            if value is not NOT_JSON or text.lstrip()[:1] not in ("{", "["):
                self._loose.take("server", text)
            return
        kind = as_text(value.get("type")) or "server"
        kind = PRESENT_NAMES.get(kind) or _TRANSLATED.get(kind, kind)
        taker = self._takers.get(kind)
        if taker is not None:
            self._malformed |= not taker(value)
        elif kind.startswith("response."):
            self._respond(kind, value)
        elif kind not in _SILENT:
            self._other(kind, value)

    # -- the server's events ---------------------------------------------------------------

    def _respond(self, kind: str, value: _Event) -> None:
        response = self._response_of(kind, value)
        was_done = response.done
        fits = response.take(kind, value)
        if fits is None:
            self._other(kind, value)
            return
        self._malformed |= not fits
        if response.done and not was_done:
            self._ended.append(response)

    def _response_of(self, kind: str, value: _Event) -> RealtimeResponse:
        """The response that an event names, else the one under way."""
        name = as_text(value.get("response_id"))
        name = name or as_text(as_dict(value.get("response")).get("id")) or ""
        known = self._by_id.get(name)
        if known is None and not name and self._responses and kind != "response.created":
            known = self._responses[-1]
        if known is None:
            known = RealtimeResponse()
            self._asked.conversation.answered(len(self._responses))
            self._responses.append(known)
            if name:
                self._by_id[name] = known
        return known

    def _tell(self, value: _Event) -> bool:
        """Take the session as the server has it."""
        session = as_dict(value.get("session"))
        self._asked.conversation.instruct(session.get("instructions"))
        self._told.update({name: each for name, each in session.items() if each is not None})
        return bool(session)

    def _item(self, value: _Event) -> bool:
        item = value.get("item")
        if isinstance(item, dict):
            self._asked.conversation.hear(plain_item(item))
        return isinstance(item, dict)

    def _understood(self, value: _Event) -> bool:
        """Take what was understood of the user's voice; its cost is reported with it."""
        whole = as_text(value.get("transcript"))
        text = whole or as_text(value.get("delta")) or ""
        place = place_of(value.get("content_index"))
        self._asked.conversation.transcribe(
            value.get("item_id"), place, text, whole=whole is not None
        )
        self._logprobs |= bool(value.get("logprobs"))
        if value.get("usage"):
            self._transcriptions.append(value["usage"])
        return True

    def _note(self, value: _Event) -> bool:
        said = {name: each for name, each in value.items() if name not in ("type", "event_id")}
        self._notes.append((as_text(value.get("type")) or _ITEM, said))
        return True

    def _error(self, value: _Event) -> bool:
        error = value.get("error")
        bare = {name: each for name, each in value.items() if name not in ("type", "event_id")}
        self._errors.append(error or bare)
        return isinstance(error, dict)

    def _other(self, kind: str, value: _Event) -> None:
        """Gather an event that is not known; of one that carries sound, the sound apart."""
        rest = {name: each for name, each in value.items() if name != "event_id"}
        if kind.endswith("audio.delta") and isinstance(value.get("delta"), str):
            self._sounds.setdefault(kind, StreamedMedia()).take(rest.pop("delta"))
        self._loose.take(kind, dump({**rest, "type": kind}))

    # -- reading ---------------------------------------------------------------------------

    def request(self, keeper: Keeper) -> RequestReading:
        """What was said to the model; of settings that the client left open, the server's."""
        asked, told = self._asked, self._told
        if not asked.offered:
            asked.offer(told.get("tools"))
        asked.refer(told.get("prompt"))
        reader = ItemReader(keeper)
        own = {name for response in self._responses for name in response.items}
        messages, self._before = asked.conversation.messages(reader, own)
        messages += asked.beside(audio_mime("input", told, asked.settings), keeper)
        before = len(keeper.media)
        parameters = keeper.kept(asked.parameters(told))
        if lifted := keeper.media[before:]:
            messages.append(Message(role="unknown", parts=tuple(lifted)))
        references = [*asked.references(), *reader.references]
        return RequestReading(
            request=Request(
                messages=tuple(messages),
                tools=asked.tools(keeper),
                parameters=parameters,
                references=tuple(dict.fromkeys(references)),
            ),
            model=cleaned(asked.settings.get("model")),
            session=cleaned(told.get("id")),
            stream=True,
            flags=frozenset(keeper.flags),
        )

    def answer(self, keeper: Keeper) -> AnswerReading:
        """The responses, those that ended first, in the order of their ends."""
        self._place_notes()
        mime = audio_mime("output", self._told, self._asked.settings)
        numbers = {id(response): number for number, response in enumerate(self._responses)}
        said = [*self._ended, *(each for each in self._responses if not each.done)]
        outputs = [
            response.output(index, self._before.get(numbers[id(response)], 0), mime, keeper)
            for index, response in enumerate(said)
        ]
        errors = self._all_errors()
        self._flag(keeper)
        prompt: dict[str, Json] = {}
        filtered: dict[int, dict[str, Json]] = {}
        for index, response in enumerate(said):
            of_prompt, filtered[index] = response.filters()
            merge_filters(prompt, of_prompt)
        return AnswerReading(
            response=Response(
                outputs=tuple(outputs), error=error_of(errors[0], keeper) if errors else None
            ),
            safety=safety_of(prompt, filtered),
            usage=summed(
                (response.usage(keeper) for response in said),
                transcriptions=[keeper.kept(each) for each in self._transcriptions],
            ),
            model=cleaned(self._told.get("model")),
            response_id=said[0].id if len(said) == 1 else None,
            finished=bool(said) and len(self._ended) == len(said),
            flags=frozenset(keeper.flags),
        )

    def beside(self, keeper: Keeper) -> list[Part]:
        """Errors, and what the server said that nobody understands."""
        errors = self._all_errors()
        parts: list[Part] = [part for error in errors[:1] for part in error_parts(error, keeper)]
        parts += [keeper.as_extra("error", error) for error in errors[1:]]
        parts += [voice.media(keeper, "audio") for voice in self._sounds.values()]
        aside = self._loose.reading(Keeper(keeper.digest)).response.outputs
        return [*parts, *(part for output in aside for part in output.parts)]

    def _place_notes(self) -> None:
        """Give what is said of an item to the response that holds it."""
        holders = {name: response for response in self._responses for name in response.items}
        notes, self._notes = self._notes, []
        for kind, said in notes:
            response = holders.get(as_text(said.get("item_id")) or "")
            if response is not None:
                response.note(kind, said)
            else:
                self._loose.take(kind, dump({**said, "type": kind}))

    def _all_errors(self) -> list[Json]:
        return [*self._errors, *(each.error for each in self._responses if each.error)]

    def _flag(self, keeper: Keeper) -> None:
        if self._malformed:
            keeper.flags.add(Flag.STREAM_MALFORMED)
        if self._logprobs or any(response.logprobs for response in self._responses):
            keeper.flags.add(Flag.LOGPROBS_OMITTED)
