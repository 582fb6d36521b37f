"""What the client of a realtime session sent: its turns, its settings, its voice.

The law of this module: what a client sends to the model is a turn of the conversation, wherever it
stood: an item, instructions, or the input of one response. What is neither a turn nor sound is a
parameter of the session or of the response it was sent for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from audit.flags import Flag
from audit.parts import Part
from audit.record import Message, Reference
from audit.value import Json
from tap.dialects.keeping import Keeper
from tap.dialects.loose_fold import LooseFold
from tap.dialects.realtime_conversation import Conversation
from tap.dialects.realtime_items import plain_item, turn
from tap.dialects.realtime_settings import Setting
from tap.dialects.responses_content import cleaned, says_nothing
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

    `conversation` takes the server's items too; `settings` is what the session was set to in the
    end, `updates` what it was set to one after the other, `of_responses` what was set for a single
    response, one for each that was asked for.
    """

    def __init__(self) -> None:
        self.conversation = Conversation()
        self.settings: dict[str, Json] = {}
        self.updates: list[Setting] = []
        self.of_responses: list[Setting] = []
        self._voices: list[_Voice] = [_Voice()]
        self._loose = LooseFold()
        self._malformed = False
        self._takers: dict[str, Callable[[_Event], bool]] = {
            "session.update": self._update,
            "transcription_session.update": self._update,
            "conversation.item.create": self._item,
            "response.create": self._response,
            "input_audio_buffer.append": self._audio,
            "session.input_audio_buffer.append": self._audio,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
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
        setting = self._setting(session, frozenset(("tools",)), echoed=True)
        self.updates.append(setting)
        for name, each in setting.parameters.items():
            known = self.settings.get(name)
            # In place: a copy for each update would be quadratic work.
            if isinstance(known, dict) and isinstance(each, dict):
                known.update(each)
            else:
                self.settings[name] = dict(each) if isinstance(each, dict) else each
        return bool(session)

    def _item(self, value: _Event) -> bool:
        self.conversation.say(plain_item(value.get("item")), echoed=True)
        return isinstance(value.get("item"), dict)

    def _response(self, value: _Event) -> bool:
        response = as_dict(value.get("response"))
        setting = self._setting(response, frozenset(("tools", "input")), echoed=False)
        for item in as_list(response.get("input")):
            self.conversation.say(plain_item(item), echoed=False)
        self.of_responses.append(setting)
        self.conversation.ask()
        return value.get("response") is None or isinstance(value["response"], dict)

    def _setting(self, holder: _Event, listed: frozenset[str], *, echoed: bool) -> Setting:
        """Take what a session or a response sets; what of it the model reads is a turn."""
        if not says_nothing(holder.get("instructions")):
            self.conversation.say(turn("system", holder["instructions"]), echoed=echoed)
        prompt = as_dict(holder.get("prompt"))
        for name, each in as_dict(prompt.get("variables")).items():
            self.conversation.say(turn("user", each, name), echoed=False)
        return Setting(
            parameters=_parameters(holder, listed),
            tools=as_list(holder.get("tools")),
            references=_stored(prompt),
        )

    def _audio(self, value: _Event) -> bool:
        self._voices[-1].sound.take(as_text(value.get("audio")) or "")
        return isinstance(value.get("audio"), str)

    def _commit(self, _value: _Event) -> bool:
        """A stretch of sound becomes an item; where none was sent, none does."""
        self._voices[-1].committed = True
        self._voices.append(_Voice())
        return True

    def _clear(self, _value: _Event) -> bool:
        if self._voices[-1].sound:
            self._voices.append(_Voice())
        return True

    # -- reading ---------------------------------------------------------------------------

    def told(self, session: dict[str, Json]) -> Setting:
        """What a server tells of a session, as a setting of it."""
        return Setting(
            parameters={n: each for n, each in session.items() if n not in _NOT_PARAMETERS},
            tools=as_list(session.get("tools")),
            references=_stored(as_dict(session.get("prompt"))),
        )

    def voices(self, commits: list[int], turns: int) -> list[list[StreamedMedia]]:
        """What was spoken, by the turn of the session that it belongs to.

        `commits` says of each item that a server made of sound how many responses had begun by
        then. Which sound an item was made of is known where the client committed each of them;
        else all of it stands in the last turn.
        """
        own: list[list[StreamedMedia]] = [[] for _ in range(turns)]
        places = commits if len(commits) == sum(each.committed for each in self._voices) else []
        at = 0
        for voice in self._voices:
            if voice.sound:
                place = places[at] if at < len(places) else turns
                own[min(place, turns - 1)].append(voice.sound)
            at += voice.committed
        return own

    def beside(self, keeper: Keeper) -> Iterator[Message]:
        """What was sent that is not understood."""
        if self._malformed:
            keeper.flags.add(Flag.REQUEST_MALFORMED)
        aside = self._loose.reading(Keeper(keeper.digest)).response.outputs
        parts: list[Part] = [part for output in aside for part in output.parts]
        if parts:
            yield Message(role="unknown", parts=tuple(parts))


@dataclass(slots=True)
class _Voice:
    """A stretch of the user's sound; `committed` says that it was to become an item."""

    sound: StreamedMedia = field(default_factory=StreamedMedia)
    committed: bool = False


def _stored(prompt: _Event) -> list[Reference]:
    """The prompt that the server holds, if one is named."""
    name = cleaned(prompt.get("id"))
    return [Reference(kind="prompt", id=name)] if name else []


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
