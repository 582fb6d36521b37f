"""The allocator is told once, and where it cannot be told a worker runs all the same."""

from __future__ import annotations

import ctypes

import pytest

from cli.allocator import give_large_blocks_back


def test_the_allocator_of_this_machine_takes_it() -> None:
    """On glibc the call is heard; elsewhere there is nothing to be told."""
    assert give_large_blocks_back() is hasattr(ctypes.CDLL(None), "gnu_get_libc_version")


def test_another_c_library_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the function nothing is done and nothing is raised."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert not give_large_blocks_back()
