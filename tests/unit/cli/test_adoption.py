"""What an adoption is refused for: what this folder's tap shipped to a queue that is not here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from audit.errors import SettingInvalid
from audit.ids import ExchangeNumber
from cli.adoption import _check_shipped, _Known
from storage.spool.adoption import Estate

ESTATE = Estate(
    tap="tap",
    boots=("one", "two"),
    whole=True,
    segments=0,
    waiting=3,
    key_ids=frozenset(),
    vouchers=(),
    shipped=(("one", 3, 5), ("two", 1, 10**12)),
)


def known_of(*numbers: tuple[str, int]) -> _Known:
    """What queue and ledger know, some of it twice."""
    known = _Known()
    for boot, seq in numbers * 2:
        known.add(ExchangeNumber(tap="tap", boot=boot, seq=seq))
    return known


def test_what_went_elsewhere_is_counted_by_spans() -> None:
    """Numbers that are known count once, those outside a span not at all, and none is unfolded."""
    known = known_of(("one", 2), ("one", 3), ("one", 5), ("one", 6), ("two", 7), ("three", 1))
    with pytest.raises(SettingInvalid, match=f" {1 + 10**12 - 1} exchanges of its tap went to"):
        _check_shipped(Path("x"), ESTATE, known, anyway=False)


def test_what_is_known_here_altogether_is_no_reason_to_refuse() -> None:
    """Every number of every span is known."""
    known = known_of(*(("one", seq) for seq in (5, 4, 3)))
    known.numbers["two"] = type(known.numbers["one"])([(1, 10**12)])
    _check_shipped(Path("x"), ESTATE, known, anyway=False)


def test_what_is_left_is_taken_anyway_and_nothing_is_not() -> None:
    """--anyway is offered and heard only where something is left: else it would spoil a log."""
    known = known_of()
    with pytest.raises(SettingInvalid, match="give --anyway to take the 3 that are left"):
        _check_shipped(Path("x"), ESTATE, known, anyway=False)
    _check_shipped(Path("x"), ESTATE, known, anyway=True)
    empty = replace(ESTATE, waiting=0)
    for anyway in (False, True):
        with pytest.raises(SettingInvalid, match="none is left here to take: leave") as raised:
            _check_shipped(Path("x"), empty, known, anyway=anyway)
        assert "--anyway" not in str(raised.value)
