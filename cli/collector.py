"""Python's collector of cycles: held back while a process starts, as usual once it runs.

What modules and tables make while a process starts is there to stay. By itself Python would look
through all of it again and again, a tenth to a fifth of the time that a start takes, and find
nothing. The law: a process that runs on collects as usual again, and leaves out what was there
when it was ready; a command that ends soon is left as it is.
"""

from __future__ import annotations

import gc

__all__ = ["collect_as_usual", "collect_seldom"]

_USUAL = gc.get_threshold()
# Objects that are more than at the last look: a start makes some hundred thousand.
_SELDOM = 50_000


def collect_seldom() -> None:
    """Look for cycles seldom, from the first import on."""
    gc.set_threshold(_SELDOM, *_USUAL[1:])


def collect_as_usual() -> None:
    """Look for cycles as often as Python does, but not among what is there now."""
    gc.freeze()
    gc.set_threshold(*_USUAL)
