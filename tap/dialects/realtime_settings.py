"""What a realtime session was set to, response by response.

The law of this module: a response is told with the settings that were in force when it began, so
that its record can be read by itself. But what is repeated has a limit (`Room`), so that the
records of a session together stay linear in what was said: beyond it a record is flagged, and an
earlier one of the same session holds the settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from audit.flags import Flag
from audit.record import Reference, Tool
from audit.value import Json
from tap.dialects.keeping import Keeper
from tap.dialects.responses_request import named_by_tools, tools_of
from tap.wire_json import dump

__all__ = ["InForce", "Room", "Setting"]

_Settings: TypeAlias = dict[str, Json]

# Repeated without asking how much was said: instructions of some kilobytes, a dozen times. And the
# most, whatever was said: sound is most of it, and redaction has a budget for all records together.
_LEAST_ROOM, _MOST_ROOM = 64 * 1024, 1024 * 1024
# What a tool or a reference takes in a record: a name and a digest.
_ENTRY = 128


@dataclass(slots=True)
class Setting:
    """What one event sets: parameters, tools, and prompts that the server holds."""

    parameters: _Settings = field(default_factory=dict)
    tools: list[Json] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)


class Room:
    """How many characters may still be repeated, where so many were said."""

    def __init__(self, said: int) -> None:
        self._left = min(max(said, _LEAST_ROOM), _MOST_ROOM)

    def takes(self, size: int) -> bool:
        """Whether so many more may be; then they are counted."""
        if size > self._left:
            return False
        self._left -= size
        return True


class InForce:
    """Walks through the settings of a session; `told` are those the server told it has.

    Each time that it is asked, it gives what is in force; where there is no room for that, what
    was not given yet.
    """

    def __init__(self, updates: Sequence[Setting], told: Setting, room: Room) -> None:
        self._updates = updates
        self._room = room
        self._done = 0
        self._state: _Settings = {}
        self._sizes: dict[str, int] = {}
        self._news: _Settings = {}
        self._tools: list[Json] = []
        self._made: tuple[Tool, ...] | None = None
        self._references = list(told.references)
        self._new_tools = False
        self._new_references = True
        if not any(each.parameters for each in updates):
            self._merge(told.parameters)
        if not any(each.tools for each in updates):
            self._offer(told.tools)

    def upto(self, updates: int) -> bool:
        """Let so many updates of the client be in force; whether that changes anything."""
        before = self._done
        for update in self._updates[self._done : updates]:
            self._merge(update.parameters)
            self._offer(update.tools)
            self._references += update.references
            self._new_references |= bool(update.references)
        self._done = max(self._done, updates)
        return self._done > before

    def session(self, keeper: Keeper) -> Json:
        """The parameters."""
        news, self._news = self._news, {}
        return keeper.kept(self._state if self._may(sum(self._sizes.values()), keeper) else news)

    def tools(self, keeper: Keeper) -> tuple[Tool, ...]:
        """The tools, each definition once."""
        if self._made is None:
            self._made = tuple(dict.fromkeys(tools_of(self._tools, keeper)))
        new, self._new_tools = self._new_tools, False
        return self._made if self._may(_ENTRY * len(self._made), keeper) or new else ()

    def references(self, keeper: Keeper) -> list[Reference]:
        """The prompts that the server holds, and what tools search or call."""
        named = [*self._references, *named_by_tools(self._tools)]
        new, self._new_references = self._new_references, False
        return named if self._may(_ENTRY * len(named), keeper) or new else []

    def _may(self, size: int, keeper: Keeper) -> bool:
        if not size or self._room.takes(size):
            return True
        keeper.flags.add(Flag.SETTINGS_EARLIER)
        return False

    def _merge(self, parameters: _Settings) -> None:
        for name, each in parameters.items():
            known, size = self._state.get(name), len(dump(each))
            if isinstance(known, dict) and isinstance(each, dict):
                known.update(each)
                self._sizes[name] += size
            else:
                # What an update holds stays as it is.
                self._state[name] = dict(each) if isinstance(each, dict) else each
                self._sizes[name] = size
            self._news[name] = self._state[name]

    def _offer(self, tools: list[Json]) -> None:
        if tools:
            self._tools, self._made = tools, None
            self._new_tools = self._new_references = True
