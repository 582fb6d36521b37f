"""What a tap says of itself to whoever may restart it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cli.run_tap import _health
from storage.spool.port import SpoolCensus


@dataclass
class Parts:
    """A service that runs or does not, a spool that is full or not, and what openings meet."""

    healthy: bool
    full: bool
    refusing: str = ""

    def census(self) -> SpoolCensus:
        """How full it is."""
        return SpoolCensus(bytes=9, open=1, waiting=2, dropped=3, full=self.full)


@pytest.mark.parametrize("runs", [True, False])
@pytest.mark.parametrize(("full", "code"), [(False, None), (True, "spool.full")])
async def test_a_full_spool_is_said_and_ends_no_tap(
    runs: bool, full: bool, code: str | None
) -> None:
    """The reason stands in the answer; its status is that of the parts that must run."""
    parts = Parts(runs, full)
    healthy, said = await _health(parts, parts, parts)()
    assert healthy is runs
    assert said.get("code") == code
    assert said["spool"] == {"bytes": 9, "open": 1, "waiting": 2, "dropped": 3}


@pytest.mark.parametrize(
    ("full", "refusing", "code"),
    [
        (False, "spool.unavailable", "spool.unavailable"),
        (False, "spool.full", None),
        (False, "", None),
        (True, "spool.unavailable", "spool.full"),
    ],
)
async def test_calls_that_pass_unrecorded_are_said(
    full: bool, refusing: str, code: str | None
) -> None:
    """What the last opening met stands in the answer; a spool that has room is not called full."""
    parts = Parts(healthy=True, full=full, refusing=refusing)
    healthy, said = await _health(parts, parts, parts)()
    assert healthy
    assert said.get("code") == code
