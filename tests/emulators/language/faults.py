"""What goes wrong on command: words that a test leaves for the requests to come.

| word               | what becomes of the request                                               |
| ------------------ | ------------------------------------------------------------------------- |
| `throttle N`       | 429 with `Retry-After: N`; `throttle` alone does not say how long         |
| `status N [S]`     | this status, with `Retry-After: S` where given                            |
| `html`             | 200 with a page, as a proxy answers                                       |
| `cut`              | the connection is cut in the middle of the answer                         |
| `silence`          | nothing, until the client goes                                            |
| `held`             | the answer, once a test sets `Faults.release`                             |
| `shape NAME`       | the answer, spoilt by the function of `SHAPES`                            |
| `document CODE`    | the answer, with an error in place of the first document                  |
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["SHAPES", "Budget", "Faults", "document_error"]

Body = dict[str, Any]


@dataclass(slots=True)
class Budget:
    """Requests that a second may have; times are seconds of one clock."""

    per_second: int
    _second: int = -1
    _used: int = 0

    def takes(self, now: float) -> bool:
        """Take one, if there is one left."""
        if int(now) != self._second:
            self._second, self._used = int(now), 0
        self._used += 1
        return self._used <= self.per_second


@dataclass(slots=True)
class Faults:
    """`coming` has a word for each of the next requests, `always` one for all after them.

    `poison` maps a text to the code with which each document is refused that has it; the code
    `request` refuses the whole request.
    """

    coming: deque[str] = field(default_factory=deque)
    always: str = ""
    budget: Budget | None = None
    poison: dict[str, str] = field(default_factory=dict)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    def next(self) -> str:
        """The word for this request, empty for none."""
        return self.coming.popleft() if self.coming else self.always

    def set(self, name: str, value: Any) -> None:
        """Set a fault that is told as JSON."""
        if name == "release":
            self.release.set()
        elif name == "budget":
            self.budget = None if value is None else Budget(value)
        else:
            setattr(self, name, deque(value) if name == "coming" else value)


def document_error(number: str, code: str) -> Body:
    """An error in place of a document's result."""
    inner = {"code": code, "message": "The document cannot be read."}
    outer = "InternalServerError" if code == "InternalServerError" else "InvalidArgument"
    return {"id": number, "error": {"code": outer, "message": "Invalid.", "innererror": inner}}


def _each_finding(change: Callable[[Body], None]) -> Callable[[Body], Body]:
    def spoil(body: Body) -> Body:
        for document in body["results"]["documents"]:
            for entity in document["entities"]:
                change(entity)
        return body

    return spoil


def _without_a_document(body: Body) -> Body:
    body["results"]["documents"].pop()
    return body


def _twice_the_same(body: Body) -> Body:
    documents = body["results"]["documents"]
    documents[-1] = documents[0]
    return body


def _without_findings(body: Body) -> Body:
    for document in body["results"]["documents"]:
        del document["entities"]
    return body


def _turned_round(body: Body) -> Body:
    """No fault: the order of documents is the service's to choose."""
    body["results"]["documents"].reverse()
    return body


def _truncated(body: Body) -> Body:
    warning = {"code": "DocumentTruncated", "message": "It was too long."}
    body["results"]["documents"][0]["warnings"] = [warning]
    return body


SHAPES: dict[str, Callable[[Body], Body]] = {
    "empty": lambda _: {},
    "other_kind": lambda body: {**body, "kind": "KeyPhraseExtractionResults"},
    "no_results": lambda body: {"kind": body["kind"]},
    "no_documents": lambda body: {**body, "results": {"errors": [], "modelVersion": "1"}},
    "fewer": _without_a_document,
    "same": _twice_the_same,
    "no_findings": _without_findings,
    "no_offset": _each_finding(lambda entity: entity.pop("offset") and None),
    "no_score": _each_finding(lambda entity: entity.pop("confidenceScore") and None),
    "no_category": _each_finding(lambda entity: entity.pop("category") and None),
    "misplaced": _each_finding(lambda entity: entity.update(offset=entity["offset"] + 1)),
    "far_off": _each_finding(lambda entity: entity.update(offset=10**6)),
    "truncated": _truncated,
    "turned_round": _turned_round,
}
