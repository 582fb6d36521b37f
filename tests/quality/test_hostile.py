"""Hostile texts: none makes redaction run away, and none hides what stands behind it."""

from __future__ import annotations

import functools

import pytest

from bench.redaction.adversarial import ADVERSARIAL
from bench.redaction.subjects import Subject, ours

SIZE = 8_000
BEHIND = "\n\nuse AKIAIOSFODNN7EXAMPLE and 5555 5555 5555 4444 now\n"


@functools.cache
def _find() -> Subject:
    return ours()


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_what_stands_behind_a_hostile_text_is_found(name: str) -> None:
    """Each is read to its end, at once, and the key and the card that follow it are taken out."""
    text = ADVERSARIAL[name](SIZE) + BEHIND
    hidden = {place for start, end, _ in _find()(text) for place in range(start, end)}
    for value in ("AKIAIOSFODNN7EXAMPLE", "5555 5555 5555 4444"):
        start = text.rindex(value)
        assert set(range(start, start + len(value))) <= hidden
