"""What opening a large exchange takes of memory, beside its sealed body."""

from __future__ import annotations

import tracemalloc

import pytest

from tests.unit.claims.opening import an_envelope, cleared

SIZE = 12_000_000


@pytest.mark.parametrize(
    ("kind", "most"),
    [("media", 0.5), ("escaped", 0.5), ("form", 0.5), ("gzip", 1.5), ("text", 2.75)],
)
def test_what_is_made_of_a_large_exchange_is_small_beside_it(kind: str, most: float) -> None:
    """Media is never whole: what is opened of it is a few pieces, whatever its size.

    A body under a content coding is held once, without it; a text that is kept, twice.
    """
    envelope = an_envelope(kind, SIZE)
    tracemalloc.start()
    try:
        assert cleared(envelope)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < most * SIZE
