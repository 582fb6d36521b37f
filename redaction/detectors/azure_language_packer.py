"""Documents of many texts and deliveries, packed five a request, at a pace that the service sets.

One packer belongs to one event loop and is shared by all redactions that ask through it; with it
they share the pace, the breaker and what was read lately. In a worker that is the worker's own
process, so that the processes that redact for it share all of this.

The law: each document asked for gets an answer or an error, also when the packer is closed. A full
request goes at once; one that is not full waits a few milliseconds for company, longer while others
are under way. What one document is at fault for, the others of its request do not feel: they are
asked about again, each alone. What was read is remembered, so that a delivery which is tried again
after an outage asks only for what is missing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from audit.errors import AuditStreamError, DetectorFailed, DetectorUnavailable
from audit.telemetry import Count
from redaction.detectors.azure_language_client import DOCUMENTS, NAME, Answer, Document, Unread
from redaction.detectors.azure_language_errors import (
    UNSUPPORTED_LANGUAGE,
    Refused,
    Throttled,
    Unanswered,
    is_texts_fault,
)
from redaction.detectors.azure_language_memory import Memory
from redaction.detectors.azure_language_pace import Breaker, Pacer
from redaction.finding import Span

__all__ = ["Asks", "Packer", "Patience"]

REQUESTS = "auditstream_language_requests_total"
DOCUMENTS_READ = "auditstream_language_documents_total"


class Asks(Protocol):
    """Has documents read by the service (`LanguageClient`)."""

    async def ask(self, documents: Sequence[Document]) -> list[Answer]:
        """Give the answers in order. Raises `Throttled`, `Unanswered` or `Refused`."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what is waited for.

    A request waits for company for `alone` seconds, or `beside` others that are under way. After
    `stalled` seconds without any answer who waits is told so. `tries` is how often a document is
    asked about when nobody answers.
    """

    alone: float = 0.02
    beside: float = 0.5
    stalled: float = 15.0
    tries: int = 2


@dataclass(slots=True, eq=False)
class _Waiting:
    """A document and those who wait for it; `alone` once its company was refused."""

    document: Document
    since: float
    answer: asyncio.Future[tuple[Span, ...]] = field(repr=False)
    alone: bool = False
    tries: int = 0


class Packer:
    """Collects documents and asks for them. `language` is asked for in place of unknown ones."""

    def __init__(
        self,
        client: Asks,
        *,
        language: str,
        at_once: int,
        count: Count,
        patience: Patience | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        self._client = client
        self._language = language
        self._count = count
        self._patience = patience or Patience()
        self._pacer = Pacer(at_once)
        self._breaker = breaker or Breaker()
        self._memory = Memory()
        self._unknown: set[str] = set()
        self._queue: deque[_Waiting] = deque()
        self._waiting: dict[Document, _Waiting] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._packing: asyncio.Task[None] | None = None
        self._last_answer = 0.0

    async def read(self, documents: Sequence[Document]) -> list[tuple[Span, ...]]:
        """Give the spans of each document, in order.

        Raises `DetectorUnavailable` while the service cannot be asked and `DetectorFailed` for a
        document that it cannot read; what was read meanwhile is remembered.
        """
        answers = [self._answer_to(self._spoken(each)) for each in documents]
        if answers:
            # Not cancelled with who asked: another may wait for the same.
            await asyncio.wait(answers)
        return [answer.result() for answer in answers]

    async def close(self) -> None:
        """End what is under way; whoever still waits is told. Idempotent."""
        tasks = [*self._under_way, *([self._packing] if self._packing else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._fail([*self._waiting.values()], DetectorUnavailable("language: it is closed"))

    def _spoken(self, document: Document) -> Document:
        known = document.language not in self._unknown
        return document if known else Document(document.text, self._language)

    def _answer_to(self, document: Document) -> asyncio.Future[tuple[Span, ...]]:
        waiting = self._waiting.get(document)
        if waiting is not None:
            return waiting.answer
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[tuple[Span, ...]] = loop.create_future()
        spans = self._memory.recall(document)
        if spans is not None:
            answer.set_result(spans)
            return answer
        # Marks it as seen: when all who asked are cancelled, nobody else looks.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        waiting = self._waiting[document] = _Waiting(document, loop.time(), answer)
        self._queue.append(waiting)
        self._changed.set()
        if self._packing is None or self._packing.done():
            self._packing = loop.create_task(self._pack())
        return answer

    async def _pack(self) -> None:
        """Send what is asked for, until nothing is."""
        loop = asyncio.get_running_loop()
        while self._queue or self._under_way:
            now = loop.time()
            self._give_up(now)
            batch = self._batch(now)
            if batch:
                self._pacer.began(now)
                task = loop.create_task(self._send(batch, now))
                self._under_way.add(task)
                task.add_done_callback(self._done)
                continue
            self._changed.clear()
            delay = self._delay(now)
            try:
                async with asyncio.timeout(delay):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._changed.set()

    def _batch(self, now: float) -> list[_Waiting]:
        """Take what may go now; nothing while there is reason to wait."""
        if not self._queue or len(self._under_way) >= self._room():
            return []
        if self._pacer.wait(now) or not self._due(now):
            return []
        if self._queue[0].alone:
            return [self._queue.popleft()]
        batch: list[_Waiting] = []
        while self._queue and len(batch) < DOCUMENTS and not self._queue[0].alone:
            batch.append(self._queue.popleft())
        return batch

    def _room(self) -> int:
        return 1 if self._breaker.trying else self._pacer.at_once

    def _due(self, now: float) -> bool:
        return len(self._queue) >= DOCUMENTS or self._company_until() <= now

    def _company_until(self) -> float:
        first = self._queue[0]
        if first.alone or first.tries:
            return 0.0
        return first.since + (self._patience.beside if self._under_way else self._patience.alone)

    def _delay(self, now: float) -> float | None:
        """Seconds after which to look again, if nothing changes before."""
        if not self._queue or len(self._under_way) >= self._room():
            return None
        until = 0.0 if len(self._queue) >= DOCUMENTS else self._company_until() - now
        return max(self._pacer.wait(now), until, 0.001)

    def _give_up(self, now: float) -> None:
        """Tell who waits when there is no sense in waiting: then workers stop receiving."""
        if wait := self._breaker.wait(now):
            self._fail(self._queue, DetectorUnavailable("language: it is down", retry_after=wait))
            self._queue.clear()
            return
        wait = self._pacer.wait(now)
        late = [each for each in self._queue if self._stalled(each, now + wait)]
        if late:
            why = "language: it takes no more for now"
            self._fail(late, DetectorUnavailable(why, retry_after=wait or None))
            kept = [each for each in self._queue if not each.answer.done()]
            self._queue = deque(kept)

    def _stalled(self, waiting: _Waiting, then: float) -> bool:
        return then - max(waiting.since, self._last_answer) > self._patience.stalled

    async def _send(self, batch: list[_Waiting], began: float) -> None:
        try:
            answers = await self._client.ask([each.document for each in batch])
        except Throttled as throttled:
            self._note("throttled")
            now = asyncio.get_running_loop().time()
            self._pacer.refused(began, now, throttled.retry_after)
            self._breaker.answered()
            self._again(batch)
        except Unanswered as unanswered:
            self._note("failed")
            self._unanswered(batch, unanswered)
        except Refused as refused:
            self._note("refused")
            self._breaker.answered()
            self._refused(batch, refused)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody is left waiting
            self._fail(batch, DetectorFailed(f"{NAME} failed with {type(error).__name__}"))
        else:
            self._note("answered")
            self._count.add(DOCUMENTS_READ, len(batch))
            self._answered(batch, answers)

    def _answered(self, batch: Sequence[_Waiting], answers: Sequence[Answer]) -> None:
        self._last_answer = asyncio.get_running_loop().time()
        self._pacer.accepted(self._last_answer)
        self._breaker.answered()
        for waiting, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Unread):
                self._unread(waiting, answer.code)
            else:
                self._memory.learn(waiting.document, answer)
                self._waiting.pop(waiting.document, None)
                waiting.answer.set_result(answer)

    def _unread(self, waiting: _Waiting, code: str) -> None:
        """A language that the service does not know is learnt of once, and asked for no more."""
        language = waiting.document.language
        if code.lower() == UNSUPPORTED_LANGUAGE and language != self._language:
            self._unknown.add(language)
            self._asked_otherwise(waiting)
        elif is_texts_fault(code):
            self._fail([waiting], DetectorFailed(f"{NAME}: a document was refused"))
        else:
            self._fail([waiting], DetectorUnavailable(f"{NAME}: a document was not read"))

    def _asked_otherwise(self, waiting: _Waiting) -> None:
        """Answer with what is answered for the same text in the language that is known."""
        del self._waiting[waiting.document]
        other = self._answer_to(self._spoken(waiting.document))
        other.add_done_callback(lambda done: _pass_on(done, waiting.answer))

    def _unanswered(self, batch: list[_Waiting], unanswered: Unanswered) -> None:
        now = asyncio.get_running_loop().time()
        self._breaker.failed(now)
        for each in batch:
            each.tries += 1
        wait = self._breaker.wait(now) or None
        why = DetectorUnavailable(f"language: {unanswered}", retry_after=wait)
        tired = [each for each in batch if each.tries >= self._patience.tries]
        self._fail(tired, why)
        self._again([each for each in batch if each.tries < self._patience.tries])

    def _refused(self, batch: list[_Waiting], refused: Refused) -> None:
        if len(batch) == 1:
            self._fail(batch, DetectorFailed(f"{NAME}: the request was refused, {refused}"))
            return
        for each in batch:
            each.alone = True
        self._again(batch)

    def _again(self, batch: Iterable[_Waiting]) -> None:
        self._queue.extendleft(reversed([*batch]))
        self._changed.set()

    def _fail(self, waiting: Iterable[_Waiting], error: AuditStreamError) -> None:
        for each in waiting:
            self._waiting.pop(each.document, None)
            if not each.answer.done():
                each.answer.set_exception(error)

    def _note(self, outcome: str) -> None:
        self._count.add(REQUESTS, outcome=outcome)


def _pass_on(done: asyncio.Future[tuple[Span, ...]], to: asyncio.Future[tuple[Span, ...]]) -> None:
    error = done.exception()
    if to.done():
        return
    if error is not None:
        to.set_exception(error)
    else:
        to.set_result(done.result())
