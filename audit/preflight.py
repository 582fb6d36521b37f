"""What a look before the start found: a line for each thing that was looked at.

The law: a line says what is so, and where something is wrong, what to do. Nothing in it is a
secret, and what could not be looked at says so: silence would read as "in order".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Standing", "all_well", "failed", "passed", "skipped"]


class Standing(StrEnum):
    """How a thing stands.

    `DIFFERS` is not what it should be, and is not for this command to change; `SKIPPED` was not
    looked at, for the reason that is given.
    """

    PASSED = "pass"
    FAILED = "fail"
    DIFFERS = "differs"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it stands, what was found, and what to do."""

    name: str
    standing: Standing
    found: str
    advice: str = ""


def passed(name: str, found: str) -> Finding:
    """It is in order."""
    return Finding(name, Standing.PASSED, found)


def failed(name: str, found: str, advice: str = "") -> Finding:
    """It is not in order; `advice` says what to do, unless what was found says it already."""
    return Finding(name, Standing.FAILED, found, advice)


def skipped(name: str, why: str) -> Finding:
    """It was not looked at."""
    return Finding(name, Standing.SKIPPED, why)


def all_well(findings: Iterable[Finding]) -> bool:
    """Whether none has failed."""
    return all(each.standing is not Standing.FAILED for each in findings)
