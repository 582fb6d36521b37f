"""A few random fault schedules over the whole running system; `make soak` runs hundreds."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from tests.faults.soak import Soak

SCHEDULES = int(os.environ.get("AUDITSTREAM_FAULTS_SCHEDULES", "3"))
_SHRINKING_RUNS = 4


@pytest.fixture
def seed() -> int:
    """A seed that a failure prints, so that its schedules can be had again."""
    return int(os.environ.get("AUDITSTREAM_FAULTS_SEED", random.SystemRandom().randrange(2**32)))


@pytest.mark.timeout(600)
async def test_nothing_is_lost_doubled_or_readable_whatever_goes_wrong(
    tmp_path: Path, seed: int
) -> None:
    """Both ends' own ledgers, `verify` and a search of every file agree after each schedule."""
    soak = Soak(seed, tmp_path)
    await soak.run(600, most=SCHEDULES)
    sys.stdout.write("\n".join([*soak.summary(), f"AUDITSTREAM_FAULTS_SEED={seed}\n"]))
    await soak.shorten(runs=_SHRINKING_RUNS)
    assert soak.wrong == []
    assert soak.tally.schedules == SCHEDULES
    assert soak.tally.records > 0
