"""Who goes next: several participants over the same ports, one call at a time, in a chosen order.

Every call of a paced port waits for its turn. When all who are still at work wait, the schedule
says whose calls are made, and how many of them, or that the caller dies instead. So any order in
which calls could fall can be had, and had again. Whoever is no participant does not wait.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar, cast

__all__ = ["Step", "Turns"]

T = TypeVar("T")

_WHO: ContextVar[str | None] = ContextVar("who", default=None)


@dataclass(frozen=True)
class Step:
    """Of those who wait, the `who`-th one makes `calls` calls, or `dies`."""

    who: int
    calls: int = 1
    dies: bool = False


class Turns:
    """Gives turns by a schedule; where it has ended, to whoever is first."""

    def __init__(self, schedule: Iterator[Step]) -> None:
        self._schedule = schedule
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._again: tuple[str, int] = ("", 0)

    def paced(self, port: T) -> T:
        """The port with its calls in turn; a walk through records is no call."""
        return cast("T", _Paced(port, self._turn))

    async def play(
        self, participants: Mapping[str, Awaitable[object]]
    ) -> dict[str, BaseException | None]:
        """Let all come to their end; gives what each raised, `CancelledError` for who died."""
        tasks = {who: asyncio.ensure_future(_as(who, each)) for who, each in participants.items()}
        while any(not task.done() for task in tasks.values()):
            await self._settle(tasks)
            if self._waiting:
                self._next(tasks)
        ended = await asyncio.gather(*tasks.values(), return_exceptions=True)
        return {
            who: each if isinstance(each, BaseException) else None
            for who, each in zip(tasks, ended, strict=True)
        }

    def _next(self, tasks: Mapping[str, asyncio.Future[object]]) -> None:
        who, left = self._again
        if left > 0 and who in self._waiting:
            self._again = (who, left - 1)
            self._waiting.pop(who).set_result(None)
            return
        step = next(self._schedule, Step(0))
        who = sorted(self._waiting)[step.who % len(self._waiting)]
        self._again = (who, step.calls - 1)
        turn = self._waiting.pop(who)
        if step.dies:
            tasks[who].cancel()
        else:
            turn.set_result(None)

    async def _turn(self) -> None:
        if (who := _WHO.get()) is not None:
            self._waiting[who] = asyncio.get_running_loop().create_future()
            await self._waiting[who]

    async def _settle(self, tasks: Mapping[str, asyncio.Future[object]]) -> None:
        """Let everyone come as far as the next call."""
        while any(  # noqa: ASYNC110 - files are worked on by threads, which set no event here
            not task.done() and who not in self._waiting for who, task in tasks.items()
        ):
            await asyncio.sleep(0)


async def _as(who: str, work: Awaitable[object]) -> object:
    _WHO.set(who)
    return await work


class _Paced:
    """A port whose calls wait for their turn."""

    def __init__(self, port: object, turn: Callable[[], Awaitable[None]]) -> None:
        self._port = port
        self._turn = turn

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._port, name)
        if not inspect.iscoroutinefunction(attribute):
            return attribute

        async def called(*arguments: object, **named: object) -> object:
            await self._turn()
            return await attribute(*arguments, **named)

        return called
