"""A flaw that an adapter has found in its service, as a line."""

from __future__ import annotations

from typing import Protocol

from audit.preflight import Finding, Standing

__all__ = ["Flaw", "flawed"]


class Flaw(Protocol):
    """What every adapter's `check` gives: what was expected, what was found, what to do."""

    @property
    def name(self) -> str:
        """What is not as it should be."""

    @property
    def expected(self) -> str:
        """What it should be."""

    @property
    def found(self) -> str:
        """What it is."""

    @property
    def advice(self) -> str:
        """What to do."""


def flawed(service: str, flaw: Flaw, standing: Standing = Standing.FAILED) -> Finding:
    """The line for it."""
    told = f"{flaw.found}; it must be {flaw.expected}"
    return Finding(f"{service}: {flaw.name}", standing, told, flaw.advice)
