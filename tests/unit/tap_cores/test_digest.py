"""Keyed digests: HMAC-SHA-256 as anyone else computes it."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.digest import keyed_digest

MEGABYTE = 1 << 20


@given(st.binary(max_size=200), st.binary(max_size=3000))
def test_a_keyed_digest_is_what_the_standard_library_says(key: bytes, content: bytes) -> None:
    """Keys of any length, longer than a block too, one after the other."""
    assert keyed_digest(key, content) == hmac.digest(key, content, "sha256").hex()


@pytest.mark.parametrize("size", [MEGABYTE - 1, MEGABYTE, MEGABYTE + 1, 3 * MEGABYTE + 7])
def test_large_content_is_digested_to_its_end(size: int) -> None:
    """What is digested in slices has the same digest as the whole."""
    content = bytes(range(251)) * (size // 251 + 1)
    assert (
        keyed_digest(b"key", content[:size]) == hmac.digest(b"key", content[:size], "sha256").hex()
    )
