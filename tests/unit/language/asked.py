"""What the tests of the packer ask: a service without a network, answering when told to."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from redaction.detectors.azure_language_client import Answer, Document, Unread
from redaction.detectors.azure_language_pace import Breaker
from redaction.detectors.azure_language_packer import Packer, Patience
from redaction.finding import Span

__all__ = ["Counting", "Service", "documents", "packer", "span_of"]


def span_of(document: Document) -> Span:
    """What the service finds in a document: all of it."""
    return Span(0, len(document.text), "PERSON", 0.9, "azure_language")


def documents(count: int, name: str = "text", language: str = "en") -> list[Document]:
    """So many different ones."""
    return [Document(f"{name} {number}", language) for number in range(count)]


@dataclass
class Service:
    """`failures` has an error for each of the next requests, None for none.

    `answers` gives the answer to a document. With `held` set, requests wait until it is cleared.
    """

    failures: deque[Exception | None] = field(default_factory=deque)
    always: Exception | None = None
    answers: Callable[[Document], Answer] = lambda document: (span_of(document),)
    requests: list[list[Document]] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    under_way: int = 0
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self.go.set()

    async def ask(self, documents: Sequence[Document]) -> list[Answer]:
        """Answer, or fail as told."""
        self.requests.append(list(documents))
        self.asked.set()
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            await self.go.wait()
            failure = self.failures.popleft() if self.failures else self.always
            if failure is not None:
                raise failure
            return [self.answers(each) for each in documents]
        finally:
            self.under_way -= 1

    def refusing(self, text: str, code: str) -> None:
        """Refuse the document of this text."""
        self.answers = lambda document: (
            Unread(code) if document.text == text else (span_of(document),)
        )


class Counting:
    """Counts by name and outcome."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def add(self, metric: str, amount: float = 1, **labels: str) -> None:
        """Count up."""
        self.seen[labels.get("outcome", metric)] += int(amount)

    def state(self, metric: str, value: float) -> None:
        """Nothing has a state here."""


def packer(
    service: Service,
    *,
    at_once: int = 4,
    patience: Patience | None = None,
    breaker: Breaker | None = None,
    count: Counting | None = None,
) -> Packer:
    """A packer before it."""
    return Packer(
        service,
        language="en",
        at_once=at_once,
        count=count or Counting(),
        patience=patience,
        breaker=breaker,
    )
