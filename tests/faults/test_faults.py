"""A few random fault schedules over the whole running system; `make soak` runs hundreds."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from tests.emulators.azurite import require_azurite
from tests.emulators.cosmos import require_cosmos
from tests.faults.schedule import AZURE
from tests.faults.soak import Soak

SCHEDULES = int(os.environ.get("AUDITSTREAM_FAULTS_SCHEDULES", "3"))
# On Azure's services a run costs more: these are always the same, and `make soak` draws others.
AZURE_SEED, AZURE_SCHEDULES = 5, 2
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
    await _run(Soak(seed, tmp_path), SCHEDULES)


@pytest.mark.timeout(600)
async def test_so_it_is_on_azures_services(tmp_path: Path) -> None:
    """The same judge, and the services' own faults; journal, blobs and items are searched too."""
    require_azurite()
    require_cosmos()
    await _run(Soak(AZURE_SEED, tmp_path, AZURE), AZURE_SCHEDULES)


async def _run(soak: Soak, schedules: int) -> None:
    await soak.run(600, most=schedules)
    sys.stdout.write("\n".join([*soak.summary(), f"AUDITSTREAM_FAULTS_SEED={soak.seed}\n"]))
    await soak.shorten(runs=_SHRINKING_RUNS)
    assert soak.wrong == []
    assert soak.tally.schedules == schedules
    assert soak.tally.records > 0
