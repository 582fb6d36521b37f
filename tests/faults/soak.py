"""The soak: rounds of random schedules until the time is over, and a summary for the record.

Run by `make soak`. The environment says for how long (`AUDITSTREAM_SOAK_SECONDS`), from which
seed (`AUDITSTREAM_SOAK_SEED`), on which engines (`AUDITSTREAM_SOAK_ENGINE`: `embedded`, which is
the default, or `azure`, the emulators of Azure's services), or which one schedule instead
(`AUDITSTREAM_FAULTS_SCHEDULE`, a file that an earlier failure left). Each schedule's outcome is
one line. What fails first is run again with parts left out; the shortest that still failed is
printed and kept.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from tests.faults.round import Round, Tally
from tests.faults.schedule import AZURE, EMBEDDED, Schedule, draw, read, sentence, written
from tests.faults.shrink import shrunk

__all__ = ["Soak"]

# Schedules on one data folder: enough for a history, few enough for its files to be searched.
IN_ONE_ROUND = 12
_SHRINKING_RUNS = 12


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@dataclass
class Soak:
    """Everything that one seed leads to, in a folder of its own."""

    seed: int
    folder: Path
    engine: str = EMBEDDED
    tally: Tally = field(default_factory=Tally)
    wrong: list[str] = field(default_factory=list)
    failed: Schedule | None = None
    _schedule: Schedule = ()

    async def run(self, seconds: float, *, most: int | None = None) -> None:
        """Rounds until the time is over, or `most` schedules have been run."""
        until = monotonic() + seconds
        number = 0
        while monotonic() < until and (most is None or self.tally.schedules < most):
            await self._round(number, until, most)
            number += 1

    async def _round(self, number: int, until: float, most: int | None) -> None:
        folder = self.folder / f"round{number}"
        before = len(self.wrong)
        try:
            await self._live(number, folder, until, most)
        except Exception as error:  # noqa: BLE001 - what broke is wrong, and ends one round only
            self._note([f"broke: {each!r}" for each in _singly(error)])
        if len(self.wrong) == before:
            shutil.rmtree(folder)

    async def _live(self, number: int, folder: Path, until: float, most: int | None) -> None:
        rng = random.Random(f"{self.seed}/{number}")
        # The callers draw from a seed of their own: how many calls they make is up to the machine.
        calls = random.Random(f"{self.seed}/{number}/calls")
        async with Round(folder, calls, self.tally, self.engine) as one:
            for _ in range(IN_ONE_ROUND):
                if not await self._one(one, draw(rng, self.engine)):
                    return
                if monotonic() >= until or self.tally.schedules == most:
                    break
            self._note(await one.end())

    async def _one(self, one: Round, schedule: Schedule) -> bool:
        begun = monotonic()
        self._schedule = schedule
        wrong = await one.run(schedule)
        number = self.tally.schedules
        outcome = "FAILED" if wrong else "ok"
        say(f"{number:4} {monotonic() - begun:5.1f}s {outcome}: {sentence(schedule)}")
        self._note(wrong)
        return not wrong

    def _note(self, wrong: list[str]) -> None:
        for line in wrong:
            say(f"     {line}")
        self.wrong += wrong
        if wrong and self.failed is None:
            self.failed = self._schedule

    async def shorten(self, *, runs: int = _SHRINKING_RUNS) -> Path | None:
        """Shrink the first schedule that failed; gives the file in which the short one is."""
        if self.failed is None:
            return None
        file = self.folder / "schedule.json"
        file.write_text(written(await shrunk(self.failed, self._fails, runs=runs)))
        say(f"shortest that failed: {sentence(read(file.read_text()))}")
        again = f"AUDITSTREAM_SOAK_ENGINE={self.engine} AUDITSTREAM_FAULTS_SCHEDULE={file}"
        say(f"again: {again} make soak")
        return file

    async def _fails(self, schedule: Schedule) -> bool:
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            rng = random.Random(self.seed)
            return bool(await run_alone(schedule, Path(folder), rng, self.engine))

    def summary(self) -> list[str]:
        """What was done and found."""
        t = self.tally
        counted = f"{t.records} records, {t.unrecorded} numbers without a record, as counted"
        done = f"{t.schedules} schedules, {t.calls} exchanges begun"
        searched = f"{t.files} files, {t.bytes / 1e6:.0f} MB, for {t.values} planted values"
        return [
            f"seed {self.seed} on {self.engine}: {done}, {counted}",
            f"endings: {_list(t.endings)}",
            f"faults drawn: {_list(t.faults)}",
            f"times that one was met: {_list(t.met)}",
            f"searched {t.searches} times: {searched} in every form",
            f"wrong: {len(self.wrong)}",
        ]


async def run_alone(schedule: Schedule, folder: Path, rng: random.Random, engine: str) -> list[str]:
    """Run one schedule on a system of its own; gives what is wrong."""
    try:
        async with Round(folder / "alone", rng, Tally(), engine) as one:
            return await one.run(schedule) or await one.end()
    except Exception as error:  # noqa: BLE001 - as in a round
        return [f"broke: {each!r}" for each in _singly(error)]


def _singly(error: Exception) -> Iterator[Exception]:
    """The errors of a group, or the one that is none."""
    if not isinstance(error, ExceptionGroup):
        yield error
        return
    for each in error.exceptions:
        yield from _singly(each)


def _list(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def main() -> int:
    """As the environment says; gives 1 where anything was wrong."""
    seed = int(os.environ.get("AUDITSTREAM_SOAK_SEED", random.SystemRandom().randrange(2**32)))
    folder = Path(tempfile.mkdtemp(prefix="auditstream-soak-"))
    engine = os.environ.get("AUDITSTREAM_SOAK_ENGINE", EMBEDDED)
    if engine not in {EMBEDDED, AZURE}:
        say(f"AUDITSTREAM_SOAK_ENGINE is {EMBEDDED} or {AZURE}")
        return 2
    say(f"seed {seed} on {engine}; evidence of what fails stays in {folder}")
    if given := os.environ.get("AUDITSTREAM_FAULTS_SCHEDULE"):
        schedule = read(Path(given).read_text())
        wrong = asyncio.run(run_alone(schedule, folder, random.Random(seed), engine))
        say("\n".join(wrong) or "nothing is wrong")
        return bool(wrong)
    seconds = float(os.environ.get("AUDITSTREAM_SOAK_SECONDS", "1800"))
    # Whoever ends it by a signal leaves nothing running either.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return asyncio.run(_soak(Soak(seed, folder, engine), seconds))


async def _soak(soak: Soak, seconds: float) -> int:
    await soak.run(seconds)
    say("\n".join(soak.summary()))
    await soak.shorten()
    return bool(soak.wrong)


if __name__ == "__main__":
    sys.exit(main())
