"""What browsers keep: it opens as what it was sealed for, and as nothing else."""

from __future__ import annotations

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.sealed import LONGEST, Kind
from tests.unit.console.kit import a_seal

OLD, NEW = b"o" * 32, b"n" * 32
HERE = a_seal(OLD, site="here")
SEALED = HERE.seal(Kind.SEARCH, "of/this", b"what was asked")


def opened(
    text: str = SEALED,
    *,
    keys: tuple[bytes, ...] = (OLD,),
    site: str = "here",
    kind: Kind = Kind.SEARCH,
    bound: str = "of/this",
) -> bytes | None:
    """What opens."""
    return a_seal(*keys, site=site).open(kind, bound, text)


def test_what_was_sealed_opens_in_every_process_that_has_the_key() -> None:
    """Another seal with the same key and site opens it, and it is what it was."""
    assert opened() == b"what was asked"


@pytest.mark.parametrize("kind", [each for each in Kind if each is not Kind.SEARCH])
def test_it_opens_as_no_other_kind(kind: Kind) -> None:
    """A search is no session, however it is shown."""
    assert opened(kind=kind) is None


@pytest.mark.parametrize("bound", ["", "of", "of/that", "of/this/", "session\nof/this"])
def test_it_opens_for_nothing_that_it_does_not_belong_to(bound: str) -> None:
    """What one session has asked is nothing to another."""
    assert opened(bound=bound) is None


def test_it_opens_under_no_other_key_and_for_no_other_site() -> None:
    """Another installation, or the same one before it had accounts, with the same key."""
    assert opened(keys=(NEW,)) is None
    assert opened(site="there") is None
    assert opened(site="") is None


def test_a_key_is_replaced_while_what_it_sealed_lasts() -> None:
    """The first seals, all open; under a key that was taken away nothing opens."""
    assert opened(keys=(NEW, OLD)) == b"what was asked"
    sealed = a_seal(NEW, OLD, site="here").seal(Kind.SEARCH, "of/this", b"x")
    assert opened(sealed, keys=(OLD,)) is None
    assert opened(sealed, keys=(OLD, NEW)) == b"x"
    assert opened(keys=(NEW,)) is None


def test_every_character_counts() -> None:
    """Changed, cut or lengthened anywhere, it is nothing."""
    for place, char in enumerate(SEALED[:-1]):
        other = "B" if char == "A" else "A"
        assert opened(SEALED[:place] + other + SEALED[place + 1 :]) is None
        assert opened(SEALED[:place]) is None
    assert opened(SEALED + "AAAA") is None


@given(
    st.text(max_size=80) | st.binary(max_size=80).map(lambda raw: base64.b64encode(raw).decode())
)
def test_no_text_of_anybody_else_opens_or_raises(text: str) -> None:
    """Whatever a browser sends."""
    assert HERE.open(Kind.SEARCH, "of/this", text) is None


def test_what_is_longer_than_any_cookie_of_ours_does_not_open() -> None:
    """It is refused by its length, before anything is computed over it."""
    noise = random.Random(2).randbytes(4_000)
    sealed = HERE.seal(Kind.SEARCH, "", noise)
    assert len(sealed) > LONGEST
    assert HERE.open(Kind.SEARCH, "", sealed) is None
    fits = HERE.seal(Kind.SEARCH, "", noise[:2_500])
    assert HERE.open(Kind.SEARCH, "", fits) == noise[:2_500]


def test_nothing_of_it_can_be_read_and_no_two_are_alike() -> None:
    """Neither as it stands nor decoded."""
    seal = a_seal(OLD)
    one, other = (seal.seal(Kind.PURPOSE, "", b"case 4711") for _ in range(2))
    assert one != other
    assert b"4711" not in base64.urlsafe_b64decode(one + "==")
