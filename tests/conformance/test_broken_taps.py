"""The suite can fail: each tap that is broken on purpose meets the check that objects to it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.conformance.breakages import BREAKAGES
from tests.conformance.cases import CASES
from tests.conformance.promises import PROMISES
from tests.conformance.rules import expected
from tests.conformance.shapes import SHAPES
from tests.conformance.stage import StalledError, staged
from tests.conformance.ways import played, tapped

# A step that a broken tap never lets happen is given up after this long.
SECONDS = 1.5


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_broken_tap_is_objected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What the sound tap passes, the broken one does not."""
    broken, check = BREAKAGES[name]
    assert objection(tmp_path / "sound", check) is None
    broken(monkeypatch)
    assert objection(tmp_path / "broken", check) is not None
    if check not in CASES:
        # It is not that it does nothing any more: otherwise it passes for a sound one.
        assert objection(tmp_path / "else", "204") is None


def objection(folder: Path, check: str) -> object:
    """Hold a check against the tap as it is; give what it objects to, None for nothing."""
    if check in CASES:
        return _difference(folder, check)
    try:
        if check in PROMISES:
            asyncio.run(PROMISES[check](folder, SECONDS))
        else:
            asyncio.run(_refused(folder, check))
    except (StalledError, AssertionError) as error:
        return error
    return None


def _difference(folder: Path, check: str) -> object:
    case = CASES[check]
    direct = played("direct", case, folder / "direct", seconds=SECONDS)
    seen = played("tap", case, folder / "tap", seconds=SECONDS)
    awaited = expected(direct, case.rules, b"127.0.0.1:PORT")
    assert b"X-AuditStream-Error" not in seen.told, "broken, but not as was meant"
    same = (seen.requests, seen.told, seen.after) == (
        awaited.requests,
        awaited.told,
        awaited.after,
    )
    return None if same else seen


async def _refused(folder: Path, check: str) -> None:
    status, request = SHAPES[check]
    async with staged(SECONDS) as stage, tapped(stage, folder):
        client = await stage.client()
        client.send(request)
        assert (await client.to_end()).startswith(b"HTTP/1.1 %d " % status)
