"""What the service found in documents lately, by digest: no text, only offsets and types.

It is there for deliveries that are tried again: of a long text of which most was read when the
service refused to go on, only the rest is asked for.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from redaction.detectors.azure_language_client import Document
from redaction.finding import Span

__all__ = ["Memory"]


class Memory:
    """Remembers at most `entries` documents, and at most `spans` spans of all of them."""

    def __init__(self, entries: int = 8_192, spans: int = 200_000) -> None:
        self._entries = entries
        self._spans = spans
        self._held = 0
        self._known: OrderedDict[bytes, tuple[Span, ...]] = OrderedDict()

    def recall(self, document: Document) -> tuple[Span, ...] | None:
        """Give what was learnt, None where nothing was or it was pushed out."""
        digest = _digest(document)
        spans = self._known.get(digest)
        if spans is not None:
            self._known.move_to_end(digest)
        return spans

    def learn(self, document: Document, spans: tuple[Span, ...]) -> None:
        """Remember; what was not asked for longest makes room."""
        digest = _digest(document)
        self._held += len(spans) - len(self._known.get(digest, ()))
        self._known[digest] = spans
        while len(self._known) > self._entries or self._held > self._spans:
            self._held -= len(self._known.popitem(last=False)[1])


def _digest(document: Document) -> bytes:
    said = f"{len(document.language)}|{document.language}{document.text}"
    return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).digest()
