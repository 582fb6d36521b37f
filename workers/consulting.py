"""Detectors that live in the worker, asked by the processes that redact for it.

A detector that asks a service over the network is one for the whole worker: the processes that
redact hold no key to it and open no connection, and what they all ask, for all deliveries, shares
its packing, its pace and its memory. The law: a question gets an answer or an error, as any
detector's; an error crosses without its message. Clear text crosses in the pipe only.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from audit.errors import AuditStreamError, DetectorFailed
from audit.value import Value, from_json, prepare, to_json
from redaction.detector import Detector
from redaction.finding import Passage, Span
from workers.pipe import Answered, Asked, Failure, error_of, failure_of, framed

__all__ = ["AskedDetector", "Questions", "consulted"]


_HALF = re.compile("[\ud800-\udfff]")


class _Passage(Value, frozen=True):
    text: str
    key: str | None = None
    language: str | None = None
    coded: bool = False


class _Question(Value, frozen=True):
    passages: tuple[_Passage, ...]


class _Found(Value, frozen=True):
    """Of each passage the spans: start, end, type, score."""

    spans: tuple[tuple[tuple[int, int, str, float], ...], ...]


async def consulted(
    detectors: Mapping[str, Detector], name: str, question: bytes
) -> bytes | Failure:
    """Ask a detector of the worker; raises nothing but what cancels it."""
    try:
        asked = from_json(question, _Question)
        passages = [
            Passage(each.text, each.key, each.language, each.coded) for each in asked.passages
        ]
        found = await detectors[name].detect(passages)
    except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold text
        return failure_of(error)
    spans = (tuple((s.start, s.end, s.type, s.score) for s in each) for each in found)
    return to_json(_Found(spans=tuple(spans)))


class Questions:
    """The questions of a process that redacts; `tell` writes a frame to its worker."""

    def __init__(self, tell: Callable[[bytes], None]) -> None:
        self._tell = tell
        self._asked: dict[int, asyncio.Future[bytes]] = {}
        self._next = 0

    async def ask(self, detector: str, question: bytes) -> bytes:
        """Wait for the worker's answer. Raises what the detector raised there."""
        number, self._next = self._next, self._next + 1
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked[number] = answered
        try:
            self._tell(framed(Answered(call=number, size=len(question), asks=detector), question))
            return await answered
        except asyncio.CancelledError:
            with suppress(OSError):  # The worker may be gone.
                self._tell(framed(Answered(call=number, asks=detector, gone=True)))
            raise
        finally:
            del self._asked[number]

    def answered(self, asked: Asked, body: bytes) -> None:
        """Hand an answer to whoever asked, if anybody still waits."""
        waiting = self._asked.get(asked.call)
        if waiting is None or waiting.done():
            return
        if asked.failure is None:
            waiting.set_result(body)
        else:
            waiting.set_exception(_raised(asked.failure))


class AskedDetector:
    """Stands in a process that redacts for a detector of its worker. Implements `Detector`."""

    def __init__(self, name: str, version: str, questions: Questions) -> None:
        self._name = name
        self._version = version
        self._questions = questions

    @property
    def name(self) -> str:
        """The name of the detector in the worker."""
        return self._name

    @property
    def version(self) -> str:
        """The version of the detector in the worker."""
        return self._version

    async def detect(self, passages: Sequence[Passage]) -> Sequence[Sequence[Span]]:
        """Ask the worker; raises what its detector raises."""
        if not passages:
            return []
        told = tuple(
            _Passage(
                text=_encodable(each.text),
                key=None if each.key is None else _encodable(each.key),
                language=each.language,
                coded=each.coded,
            )
            for each in passages
        )
        found = await self._questions.ask(self._name, to_json(_Question(passages=told)))
        return [
            [Span(start, end, kind, score, self._name) for start, end, kind, score in spans]
            for spans in from_json(found, _Found).spans
        ]


def _encodable(text: str) -> str:
    """Half of a surrogate pair is in no encoding: another character stands in for each."""
    return _HALF.sub("\ufffd", text)


def _raised(failure: Failure) -> AuditStreamError:
    return error_of(failure) or DetectorFailed()


prepare(_Question, _Found)
