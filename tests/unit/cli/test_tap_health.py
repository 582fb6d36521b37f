"""What a tap says of itself to whoever may restart it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cli.run_tap import _health
from storage.spool.port import SpoolCensus


@dataclass
class Parts:
    """A service that runs or does not, a spool with so many bytes, and what openings meet."""

    healthy: bool
    bytes: int
    refusing: str = ""

    def census(self) -> SpoolCensus:
        """How full it is."""
        return SpoolCensus(bytes=self.bytes, open=1, waiting=2, dropped=3)


@pytest.mark.parametrize("runs", [True, False])
@pytest.mark.parametrize(
    ("held", "code"), [(999, None), (1000, "spool.full"), (1200, "spool.full")]
)
async def test_a_full_spool_is_said_and_ends_no_tap(
    runs: bool, held: int, code: str | None
) -> None:
    """The reason stands in the answer; its status is that of the parts that must run."""
    parts = Parts(runs, held)
    healthy, said = await _health(parts, parts, parts, most=1000)()
    assert healthy is runs
    assert said.get("code") == code
    assert said["spool"] == {"bytes": held, "open": 1, "waiting": 2, "dropped": 3}


@pytest.mark.parametrize(
    ("held", "refusing", "code"),
    [
        (5, "spool.unavailable", "spool.unavailable"),
        (5, "spool.full", None),
        (5, "", None),
        (1000, "spool.unavailable", "spool.full"),
    ],
)
async def test_calls_that_pass_unrecorded_are_said(
    held: int, refusing: str, code: str | None
) -> None:
    """What the last opening met stands in the answer; a spool that has room is not called full."""
    parts = Parts(healthy=True, bytes=held, refusing=refusing)
    healthy, said = await _health(parts, parts, parts, most=1000)()
    assert healthy
    assert said.get("code") == code
