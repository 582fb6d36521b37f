"""The report of `verify` for people: how many lines what is in order may take."""

from __future__ import annotations

from rich.console import Console

from audit.completeness import Outcome
from audit.report import CompletenessReport, Named
from cli.render.completeness import CompletenessView, report_document

FIRST, SECOND = "000000000001-0000", "000000000002-0000"


def printed(*named: Named) -> list[str]:
    """The lines that name numbers."""
    console = Console(width=200)
    with console.capture() as capture:
        console.print(CompletenessView(CompletenessReport({}, (), named=named)))
    return [line for line in capture.get().splitlines() if "/" in line]


def numbers(outcome: Outcome, boot: str, *seqs: int) -> list[Named]:
    """Numbers of one boot that came to this."""
    return [Named(outcome, "tap", boot, seq, f"id-{seq}") for seq in seqs]


def test_what_was_removed_is_one_line_a_boot() -> None:
    """Its count and its ranges, apart for what was erased and what has expired."""
    assert printed(
        *numbers(Outcome.ERASED, FIRST, 1, 2, 3, 7, 9, 10),
        *numbers(Outcome.EXPIRED, FIRST, 4, 5, 6, 8),
        *numbers(Outcome.ERASED, SECOND, 1, 2),
    ) == [
        f"erased: tap/{FIRST}: 6 numbers: 1…3, 7, 9…10",
        f"erased: tap/{SECOND}: 2 numbers: 1…2",
        f"expired: tap/{FIRST}: 4 numbers: 4…6, 8",
    ]


def test_the_report_as_json_keeps_the_id_of_every_removed_number() -> None:
    """What people are spared, programs are told."""
    erased = tuple(numbers(Outcome.ERASED, FIRST, *range(1, 200)))
    document = report_document(CompletenessReport({}, (), named=erased))
    told = document["numbers"]
    assert isinstance(told, list)
    assert [each["id"] for each in told if isinstance(each, dict)] == [each.id for each in erased]


def test_scattered_numbers_are_one_line_that_says_how_far_they_reach() -> None:
    """A line with a thousand ranges would be no shorter than a thousand lines."""
    (line,) = printed(*numbers(Outcome.ERASED, FIRST, *range(1, 200, 2)))
    assert line.startswith(f"erased: tap/{FIRST}: 100 numbers: 1, 3, 5, ")
    assert line.endswith(" 19, … up to 199; --json lists all")


def test_what_someone_may_act_upon_is_named_by_its_id() -> None:
    """A single removed number, and each that waits or was set aside, has a line with its id."""
    assert printed(
        *numbers(Outcome.ERASED, FIRST, 5),
        *numbers(Outcome.WAITING, FIRST, 6, 7),
        *numbers(Outcome.DEAD_LETTERED, FIRST, 8, 9),
    ) == [
        f"waiting: tap/{FIRST}/6 id-6",
        f"waiting: tap/{FIRST}/7 id-7",
        f"dead_lettered: tap/{FIRST}/8 id-8",
        f"dead_lettered: tap/{FIRST}/9 id-9",
        f"erased: tap/{FIRST}/5 id-5",
    ]
