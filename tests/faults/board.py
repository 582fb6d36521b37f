"""The board: a small file in which the harness writes what is to go wrong inside each part.

The law: it is read by looking, with one `stat` a look, so that a fault begins and ends with the
file; and it is replaced as a whole, so that nobody reads half of it. It lies beside the data, not
in it. What a fault has met is counted in a file of its own, one line for each time.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Board", "Troubles", "View"]


@dataclass(frozen=True, slots=True)
class Troubles:
    """What is wrong inside one part now.

    `disk` is `full`, `error` or `slow`; `queue` and `store` are `refuses`, `slow`, `cuts` or
    `twice`; `clock` is by how many seconds the wall clock is off.
    """

    disk: str = ""
    queue: str = ""
    store: str = ""
    clock: float = 0.0


_NONE = Troubles()


class Board:
    """The harness's side: writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._now: dict[str, Troubles] = {}
        self.show({})

    def show(self, troubles: Mapping[str, Troubles]) -> None:
        """Let each part named have these troubles from now on, and the others none."""
        self._now = dict(troubles)
        waiting = self.path.with_suffix(".new")
        waiting.write_text(json.dumps({part: asdict(each) for part, each in self._now.items()}))
        waiting.replace(self.path)

    @property
    def met(self) -> Counter[str]:
        """How often each kind of trouble has met a call so far, in all parts."""
        met = self.path.with_suffix(".met")
        return Counter(met.read_text().split()) if met.exists() else Counter()


class View:
    """A part's side: looks."""

    def __init__(self, path: Path, part: str) -> None:
        self._path = path
        self._part = part
        self._seen: tuple[int, int] | None = None
        self._now = _NONE

    @property
    def now(self) -> Troubles:
        """What is wrong now; nothing where there is no board."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return _NONE
        if (found.st_ino, found.st_mtime_ns) != self._seen:
            self._seen = (found.st_ino, found.st_mtime_ns)
            told = json.loads(self._path.read_bytes()).get(self._part)
            self._now = Troubles(**told) if told else _NONE
        return self._now

    def met(self, trouble: str) -> None:
        """Count that a trouble has met a call."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        file = os.open(self._path.with_suffix(".met"), flags, 0o600)
        try:
            os.write(file, f"{trouble}\n".encode())
        finally:
            os.close(file)
