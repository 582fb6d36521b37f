"""A memory for detectors: what was read once need not be read again.

System prompts and the history of a conversation come back with every exchange. Results are kept
by digest, so the memory holds no text, only offsets and types, and never more of them than its
bounds allow: a text of nothing but addresses has more spans than a thousand conversations.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

from redaction.detector import Detector
from redaction.finding import Passage, Span

__all__ = ["Remembering"]


class Remembering:
    """A detector that asks another one only about passages it has not seen lately.

    It remembers at most `entries` passages, and at most `spans` spans of all of them. A failure
    is not remembered. Not thread-safe, like the event loop it runs on.
    """

    def __init__(self, detector: Detector, entries: int = 4096, spans: int = 100_000) -> None:
        self._detector = detector
        self._entries = entries
        self._spans = spans
        self._held = 0
        self._known: OrderedDict[bytes, tuple[Span, ...]] = OrderedDict()

    @property
    def name(self) -> str:
        """The name of the detector behind."""
        return self._detector.name

    @property
    def version(self) -> str:
        """The version of the detector behind."""
        return self._detector.version

    async def detect(self, passages: Sequence[Passage]) -> Sequence[Sequence[Span]]:
        """Answer from memory where possible; raises what the detector behind raises."""
        digests = [_digest(passage) for passage in passages]
        # Taken before the wait: others may push an entry out meanwhile.
        answers = {digest: self._recall(digest) for digest in digests if digest in self._known}
        unseen = {d: p for d, p in zip(digests, passages, strict=True) if d not in answers}
        fresh = dict(zip(unseen, await self._ask(list(unseen.values())), strict=True))
        self._learn(fresh)
        answers.update(fresh)
        return [answers[digest] for digest in digests]

    async def _ask(self, passages: Sequence[Passage]) -> list[tuple[Span, ...]]:
        if not passages:
            return []
        return [tuple(spans) for spans in await self._detector.detect(passages)]

    def _recall(self, digest: bytes) -> tuple[Span, ...]:
        self._known.move_to_end(digest)
        return self._known[digest]

    def _learn(self, fresh: dict[bytes, tuple[Span, ...]]) -> None:
        for digest, spans in fresh.items():
            self._held += len(spans) - len(self._known.get(digest, ()))
            self._known[digest] = spans
        while len(self._known) > self._entries or self._held > self._spans:
            self._held -= len(self._known.popitem(last=False)[1])


def _digest(passage: Passage) -> bytes:
    # Lengths go in, so that no key can be chosen that shifts the border to the text.
    about = f"{passage.language}|{passage.coded}|{passage.key is None}|{len(passage.key or '')}"
    said = f"{about}|{passage.key}"
    said += passage.text
    return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).digest()
