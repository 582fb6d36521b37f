"""The events of the Messages API folded into the message that a plain call would have returned.

The law of this module: blocks are known by their index, and a start at an index in use begins
another block. Counts are totals, so that a later one takes the place of an earlier one. A second
`message_start` begins another attempt, and what the first one had said is kept beside it: the
client has read both. What is not known is kept under its own name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from audit.value import Json
from tap.dialects.anthropic_block_fold import BlockFold
from tap.dialects.error_bodies import error_in
from tap.dialects.fragments import Fragments
from tap.dialects.loose_fold import LooseFold
from tap.sse import Event
from tap.wire_json import as_dict, as_list, as_text, dump, read_json

__all__ = ["AnthropicFold"]

Chunk: TypeAlias = dict[str, Json]

_DELTA_READ = frozenset(("type", "delta", "usage"))


class _Attempt:
    """One message from its start on."""

    def __init__(self, message: Chunk) -> None:
        self.message = message
        self.blocks: list[BlockFold] = []
        self.by_index: dict[Json, BlockFold] = {}
        self.counted = False
        for block in as_list(message.get("content")):
            self.add(None, BlockFold.begun_by(block))

    def add(self, index: Json, fold: BlockFold) -> None:
        self.blocks.append(fold)
        self.by_index[index if isinstance(index, int) else None] = fold

    def count(self, usage: Json) -> None:
        """Overlay counts that are known on those that were."""
        later = {name: value for name, value in as_dict(usage).items() if value is not None}
        if later and not isinstance(self.message.get("usage"), dict):
            self.message["usage"] = {}
        if later:
            self.message["usage"].update(later)
        self.counted = self.counted or "output_tokens" in later

    @property
    def has_said(self) -> bool:
        return bool(self.blocks or self.message.get("content"))

    def final(self) -> Chunk:
        if not self.blocks:
            return self.message
        return {**self.message, "content": [block.final() for block in self.blocks]}


class AnthropicFold:
    """Takes one event after another; never raises on any input.

    `done` says that `message_stop` was seen, `errors` holds the errors that arrived inside the
    stream, `malformed` counts events that were no JSON object or not of the expected shape.
    """

    def __init__(self) -> None:
        self.done = False
        self.errors: list[Json] = []
        self.malformed = 0
        self._attempts: list[_Attempt] = []
        self.unknown = LooseFold()
        self._beside = Fragments()
        self._readers: dict[str, Callable[[Chunk], None]] = {
            "message_start": self._message_start,
            "content_block_start": self._block_start,
            "content_block_delta": self._block_delta,
            "content_block_stop": self._block_stop,
            "message_delta": self._message_delta,
            "message_stop": self._message_stop,
            "ping": self._ping,
            "error": self._error,
        }

    def feed(self, event: Event) -> None:
        """Take the next event."""
        text = event.data.strip()
        if not text or text == "[DONE]":
            return
        chunk = read_json(text)
        if not isinstance(chunk, dict):
            self.malformed += 1
            return
        kind = as_text(chunk.get("type")) or event.type
        reader = self._readers.get(kind)
        if reader is not None:
            reader(chunk)
        else:
            self._unknown(kind, chunk)

    def attempts(self) -> list[Chunk]:
        """The messages, the last of which is the answer; of none before it that said nothing."""
        said = [attempt for attempt in self._attempts[:-1] if attempt.has_said]
        return [attempt.final() for attempt in [*said, *self._attempts[-1:]]]

    @property
    def counted(self) -> bool:
        """Whether the counts are the answer's, and not those of its start."""
        return bool(self._attempts) and self._attempts[-1].counted

    def beside(self) -> dict[str, Json]:
        """What was said of no message, by name."""
        return self._beside.joined()

    def _attempt(self) -> _Attempt:
        if not self._attempts:
            self.malformed += 1
            self._attempts.append(_Attempt({}))
        return self._attempts[-1]

    def _message_start(self, chunk: Chunk) -> None:
        message = chunk.get("message")
        self.malformed += not isinstance(message, dict)
        self._attempts.append(_Attempt(dict(as_dict(message))))
        self._rest(chunk, frozenset(("type", "message")))

    def _block_start(self, chunk: Chunk) -> None:
        block = chunk.get("content_block")
        self._attempt().add(chunk.get("index"), BlockFold.begun_by(block))
        self.malformed += not isinstance(block, dict)
        self._rest(chunk, frozenset(("type", "index", "content_block")))

    def _block_delta(self, chunk: Chunk) -> None:
        delta = chunk.get("delta")
        if not isinstance(delta, dict):
            self.malformed += 1
            return
        index = chunk.get("index")
        attempt = self._attempts[-1] if self._attempts else self._attempt()
        fold = attempt.by_index.get(index if isinstance(index, int) else None)
        if fold is None:
            fold = BlockFold.implied_by(delta)
            attempt.add(index, fold)
            self.malformed += 1
        fold.take(delta)
        if len(chunk) != 3:
            self._rest(chunk, frozenset(("type", "index", "delta")))

    def _block_stop(self, chunk: Chunk) -> None:
        self._rest(chunk, frozenset(("type", "index")))

    def _message_delta(self, chunk: Chunk) -> None:
        attempt = self._attempt()
        attempt.count(chunk.get("usage"))
        delta = as_dict(chunk.get("delta"))
        beside = {name: value for name, value in chunk.items() if name not in _DELTA_READ}
        for name, value in (*delta.items(), *beside.items()):
            if value is not None:
                attempt.message[name] = value

    def _message_stop(self, chunk: Chunk) -> None:
        self.done = True
        self._rest(chunk, frozenset(("type",)))

    def _ping(self, chunk: Chunk) -> None:
        """It keeps the connection open and says nothing."""

    def _error(self, chunk: Chunk) -> None:
        self.errors.append(chunk.get("error") or chunk)
        self._rest(chunk, frozenset(("type", "error", "message")))

    def _unknown(self, kind: str, chunk: Chunk) -> None:
        if (error := error_in(chunk)) is not None:
            self.errors.append(error)
        else:
            self.unknown.take(kind, dump(chunk))

    def _rest(self, chunk: Chunk, read: frozenset[str]) -> None:
        """Gateways add fields of their own to events (`amazon-bedrock-invocationMetrics`)."""
        for name, value in chunk.items():
            if name not in read:
                self._beside.add(name, value)
