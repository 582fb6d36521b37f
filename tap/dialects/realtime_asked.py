"""What the client of a realtime session sent: its turns, its settings, its voice.

The law of this module: what a client sends to the model is a turn of the conversation, wherever it
stood: an item, instructions, or the input of one response. What is neither a turn nor sound is a
parameter of the session or of the response it was sent for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from audit.flags import Flag
from audit.parts import Part
from audit.record import Message, Reference, Tool
from audit.value import Json
from tap.dialects.keeping import Keeper
from tap.dialects.loose_fold import LooseFold
from tap.dialects.realtime_conversation import Conversation
from tap.dialects.realtime_items import plain_item, turn
from tap.dialects.responses_content import cleaned, says_nothing
from tap.dialects.responses_request import named_by_tools, tools_of
from tap.dialects.streamed_media import StreamedMedia
from tap.wire_json import NOT_JSON, as_dict, as_list, as_text, dump, read_json

__all__ = ["Asked"]

_Event: TypeAlias = dict[str, Json]

_KNOWN = frozenset(("type", "event_id", "session", "item", "response", "audio", "previous_item_id"))
# What came of these the server tells.
_SILENT = frozenset(
    (
        *("conversation.item.truncate", "conversation.item.delete", "conversation.item.retrieve"),
        *("response.cancel", "output_audio_buffer.clear", "session.close"),
    )
)
# What stands under these is of this kind; of another, it is kept as it came.
_SHAPES: dict[str, type] = {"session": dict, "response": dict, "audio": str}
_NOT_PARAMETERS = frozenset(("instructions", "tools", "input", "prompt"))


class Asked:
    """Gathers the client's events. Nothing of it raises.

    `conversation` takes the server's items too; `settings` is what the session was set to.
    """

    def __init__(self) -> None:
        self.conversation = Conversation()
        self.settings: dict[str, Json] = {}
        self._of_responses: list[Json] = []
        self._tools: list[Json] = []
        self._references: list[Reference] = []
        self._voices: list[StreamedMedia] = [StreamedMedia()]
        self._loose = LooseFold()
        self._malformed = False
        self._takers: dict[str, Callable[[_Event], bool]] = {
            "session.update": self._update,
            "transcription_session.update": self._update,
            "conversation.item.create": self._item,
            "response.create": self._response,
            "input_audio_buffer.append": self._audio,
            "session.input_audio_buffer.append": self._audio,
            "input_audio_buffer.commit": self._pause,
            "input_audio_buffer.clear": self._pause,
        }

    def feed(self, text: str) -> None:
        """Take the next event."""
        value = read_json(text)
        if not isinstance(value, dict):
            self._malformed = True
            if value is not NOT_JSON or text.lstrip()[:1] not in ("{", "["):
                self._loose.take("client", text)
            return
        kind = as_text(value.get("type")) or "client"
        taker = self._takers.get(kind)
        if taker is not None:
            self._malformed |= not taker(value)
            rest = {name: each for name, each in value.items() if not _is_read(name, each)}
        else:
            rest = {} if kind in _SILENT else value
        if rest:
            self._loose.take(kind, dump({**rest, "type": kind}))

    # -- events ----------------------------------------------------------------------------

    def _update(self, value: _Event) -> bool:
        session = as_dict(value.get("session"))
        self._prompt(session, echoed=True)
        for name, each in _parameters(session, frozenset(("tools",))).items():
            known = self.settings.get(name)
            # In place: a copy for each update would be quadratic work.
            if isinstance(known, dict) and isinstance(each, dict):
                known.update(each)
            else:
                self.settings[name] = each
        return bool(session)

    def _item(self, value: _Event) -> bool:
        self.conversation.say(plain_item(value.get("item")), echoed=True)
        return isinstance(value.get("item"), dict)

    def _response(self, value: _Event) -> bool:
        response = as_dict(value.get("response"))
        self._prompt(response, echoed=False)
        for item in as_list(response.get("input")):
            self.conversation.say(plain_item(item), echoed=False)
        if asked := _parameters(response, frozenset(("tools", "input"))):
            self._of_responses.append(asked)
        return value.get("response") is None or isinstance(value["response"], dict)

    def _prompt(self, holder: _Event, *, echoed: bool) -> None:
        """Take what a session or a response sets before the model beside the conversation."""
        if not says_nothing(holder.get("instructions")):
            self.conversation.say(turn("system", holder["instructions"]), echoed=echoed)
        self.offer(holder.get("tools"))
        prompt = as_dict(holder.get("prompt"))
        self.refer(prompt)
        for name, each in as_dict(prompt.get("variables")).items():
            self.conversation.say(turn("user", each, name), echoed=False)

    def offer(self, tools: Json) -> None:
        """Take tools that the model may call."""
        self._tools += as_list(tools)

    def refer(self, prompt: Json) -> None:
        """Take the name of a prompt that the server holds."""
        if name := cleaned(as_dict(prompt).get("id")):
            self._references.append(Reference(kind="prompt", id=name))

    def _audio(self, value: _Event) -> bool:
        self._voices[-1].take(as_text(value.get("audio")) or "")
        return isinstance(value.get("audio"), str)

    def _pause(self, _value: _Event) -> bool:
        if self._voices[-1]:
            self._voices.append(StreamedMedia())
        return True

    # -- reading ---------------------------------------------------------------------------

    @property
    def offered(self) -> bool:
        """Whether the client itself has named tools."""
        return bool(self._tools)

    def tools(self, keeper: Keeper) -> tuple[Tool, ...]:
        """The tools offered, each definition once."""
        return tuple(dict.fromkeys(tools_of(self._tools, keeper)))

    def references(self) -> list[Reference]:
        """The prompts that the server holds, and what tools search or call."""
        return [*self._references, *named_by_tools(self._tools)]

    def parameters(self, told: dict[str, Json]) -> dict[str, Json]:
        """The settings of the session, or those it was `told` to have, and of its responses."""
        settings = self.settings or {
            name: each for name, each in told.items() if name not in _NOT_PARAMETERS
        }
        named = {"session": settings, "responses": self._of_responses}
        return {name: each for name, each in named.items() if each}

    def beside(self, mime: str, keeper: Keeper) -> Iterator[Message]:
        """What was spoken, a part for each stretch, and what was sent that is not understood."""
        if self._malformed:
            keeper.flags.add(Flag.REQUEST_MALFORMED)
        voices = [voice.media(keeper, mime) for voice in self._voices if voice]
        if voices:
            yield Message(role="user", name="input_audio_buffer", parts=tuple(voices))
        aside = self._loose.reading(Keeper(keeper.digest)).response.outputs
        parts: list[Part] = [part for output in aside for part in output.parts]
        if parts:
            yield Message(role="unknown", parts=tuple(parts))


def _is_read(name: str, value: Json) -> bool:
    """Whether a member of a known event is read, or is null."""
    return name in _KNOWN and (value is None or isinstance(value, _SHAPES.get(name, object)))


def _parameters(holder: _Event, listed: frozenset[str]) -> dict[str, Json]:
    """What is neither turn nor tool, or has not the shape of one; `listed` are lists."""
    kept: dict[str, Json] = {}
    for name, each in holder.items():
        if name not in _NOT_PARAMETERS:
            kept[name] = each
        elif name == "prompt" and isinstance(each, dict):
            if beyond := _beyond_turns(each):
                kept[name] = beyond
        elif not (name == "instructions" or each is None or _is_listed(name, each, listed)):
            kept[name] = each
    return kept


def _is_listed(name: str, value: Json, listed: frozenset[str]) -> bool:
    return name in listed and isinstance(value, list)


def _beyond_turns(prompt: _Event) -> _Event:
    """A stored prompt's id is a reference and its variables are turns; its version is neither."""
    turns = isinstance(prompt.get("variables"), dict)
    return {
        name: each
        for name, each in prompt.items()
        if name != "id" and each is not None and not (name == "variables" and turns)
    }
