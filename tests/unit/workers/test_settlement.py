"""The table of settlements: each error has one outcome."""

from __future__ import annotations

import pytest

from audit.errors import (
    AuditStreamError,
    DetectorFailed,
    DetectorUnavailable,
    EnvelopeDamaged,
    KeyMissing,
    RecordInvalid,
    StoreUnavailable,
    TextTooLarge,
)
from audit.ledger import LedgerState
from workers.settlement import (
    TOO_MANY_ATTEMPTS,
    GiveBack,
    Hold,
    Patience,
    SetAside,
    decide,
    worn_out,
)

PATIENCE = Patience(max_attempts=3, first_delay=1.0, longest_delay=10.0)


@pytest.mark.parametrize("attempt", [1, 3, 1000])
def test_an_outage_never_sets_aside(attempt: int) -> None:
    """While a dependency is down the delivery is held, whatever attempt it is."""
    settlement = decide(StoreUnavailable(), attempt, 1, PATIENCE)
    assert settlement == Hold(1.0, "store.unavailable")


def test_a_dependency_may_say_when() -> None:
    """`retry_after` is honoured as it is."""
    settlement = decide(DetectorUnavailable(retry_after=42.0), 1, 5, PATIENCE)
    assert settlement == Hold(42.0, "detector.unavailable")


def test_holding_grows_longer_up_to_a_bound() -> None:
    """Each failure doubles the pause, up to the longest."""
    pauses = [PATIENCE.delay(failures) for failures in (1, 2, 3, 4, 5, 5000)]
    assert pauses == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


@pytest.mark.parametrize("error", [RecordInvalid, DetectorFailed, TextTooLarge])
def test_what_can_never_work_is_set_aside_with_its_code(error: type[AuditStreamError]) -> None:
    """A permanent error is dead-lettered at once, under its own code."""
    settlement = decide(error("with text"), 1, 1, PATIENCE)
    assert isinstance(settlement, SetAside)
    assert (settlement.code, settlement.state) == (error.code, LedgerState.DEAD_LETTERED)


@pytest.mark.parametrize("error", [KeyMissing, EnvelopeDamaged])
def test_what_cannot_be_opened_is_unreadable(error: type[AuditStreamError]) -> None:
    """A lost key or a damaged envelope gives an unreadable number, not a gap."""
    settlement = decide(error(), 1, 1, PATIENCE)
    assert isinstance(settlement, SetAside)
    assert settlement.state is LedgerState.UNREADABLE


def test_the_words_of_an_error_stay_out_of_the_dead_letter() -> None:
    """A description is what the error's class says, never what its message says."""
    settlement = decide(RecordInvalid("jane@example.com"), 1, 1, PATIENCE)
    assert isinstance(settlement, SetAside)
    assert settlement.description == "A record does not have the shape of its schema version."


def test_the_unexpected_is_tried_again_up_to_a_bound() -> None:
    """An error without a code is given back, and set aside after the last attempt."""
    assert decide(KeyError("jane"), 1, 1, PATIENCE) == GiveBack(1.0)
    assert decide(KeyError("jane"), 2, 1, PATIENCE) == GiveBack(2.0)
    last = decide(KeyError("jane"), 3, 1, PATIENCE)
    assert isinstance(last, SetAside)
    assert last.code == TOO_MANY_ATTEMPTS
    assert "jane" not in last.description


def test_a_message_that_comes_once_too_often_is_worn_out() -> None:
    """What kills every worker that takes it is set aside before it is opened again."""
    assert worn_out(3, PATIENCE) is None
    assert worn_out(4, PATIENCE) is not None
