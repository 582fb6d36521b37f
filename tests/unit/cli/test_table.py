"""Records as a table: whole ids, any width, words for numbers."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from audit.exchange import Ending
from audit.parts import (
    Text,
)
from audit.reading.words import counted, duration, flag, gap, place, tokens_used
from audit.record import (
    Message,
    Request,
    Usage,
)
from cli.demo.drive import Progress
from cli.render.progress import demo_progress
from cli.render.table import RecordTable
from tests.unit.cli.records import (
    HOSTILE,
    ID,
    a_record,
    printed,
    table,
    with_facts,
)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 219, 220, 260])
@pytest.mark.parametrize("ending", Ending)
def test_a_table_fits_its_width_and_keeps_the_id_whole(width: int, ending: Ending) -> None:
    """No line is wider than the terminal, and the id stands in one piece."""
    out = table(with_facts(ending=ending), width)
    assert all(len(line) <= width for line in out.splitlines())
    assert ID in out


def test_a_row_says_what_matters() -> None:
    """Time, ending, status, model, consumer, tokens, timing, prompt and what was taken out."""
    for width in (80, 220):
        out = table(a_record(), width)
        for word in ("10:57:31", "complete", "200", "demo-support", "demo", "142→87", "251ms"):
            assert word in out
        assert "<EMAIL_ADDRESS_1>" in out
        assert counted({"EMAIL_ADDRESS": 1}) in out


def test_a_row_shows_the_last_thing_the_user_said() -> None:
    """Neither the system prompt nor an earlier turn stands for the question."""
    turns = [("system", "S"), ("user", "first"), ("assistant", "A"), ("user", "the question")]
    messages = tuple(Message(role=role, parts=(Text(text=text),)) for role, text in turns)
    out = table(a_record(request=Request(messages=messages)))
    assert "the question" in out
    assert "first\n" not in out


def test_the_table_says_when_names_were_not_looked_for() -> None:
    """The note is there once for all rows, and not below a continued table."""
    records = [a_record(), a_record()]
    assert printed(RecordTable(records)).count("names were not looked for") == 1
    assert "not looked for" not in printed(RecordTable(records, header=False))


def test_continued_rows_stand_under_the_first_header() -> None:
    """A table without header has the columns of one with it."""
    whole = printed(RecordTable([a_record()])).splitlines()
    continued = printed(RecordTable([a_record()], header=False)).splitlines()
    assert continued[0] in whole


@pytest.mark.parametrize("width", [80, 220])
def test_hostile_text_is_harmless_in_a_table(width: int) -> None:
    """Markup is not obeyed and escapes are not sent, in the prompt and in every name."""
    messages = (Message(role="user", parts=(Text(text=HOSTILE),)),)
    record = msgspec.structs.replace(
        with_facts(deployment=HOSTILE), consumer=HOSTILE, request=Request(messages=messages)
    )
    out = table(record, width)
    assert "\x1b" not in out
    assert "\u202e" not in out
    # Once each in model, consumer and prompt: had one been read as markup, it would be gone.
    assert out.count("[red]x") == 3


def test_an_unknown_code_is_said_as_it_stands() -> None:
    """A record of a later version can still be read."""
    assert flag("later_flag") == "later_flag"
    assert gap("later\x1bgap") == "later␛gap"


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [(None, "-"), (85.4, "85 ms"), (4100, "4.1 s"), (59_990, "60.0 s"), (125_000, "2 min 5 s")],
)
def test_a_duration_has_the_unit_that_fits(milliseconds: float | None, said: str) -> None:
    """Milliseconds, seconds, minutes."""
    assert duration(milliseconds) == said


def test_token_counts_tell_unknown_and_estimated_apart() -> None:
    """Unknown is a dash, never 0, and an estimate is marked."""
    assert tokens_used(Usage()) == "-"
    assert tokens_used(Usage(input=0, output=0)) == "0→0"
    assert tokens_used(Usage(input=12, source="estimated")) == "~12→-"


def test_counts_begin_with_the_most_frequent() -> None:
    """Ties are in the order of the alphabet."""
    assert counted({"B": 1, "A": 1, "C": 3}) == "3xC 1xA 1xB".replace(
        "x", "\N{MULTIPLICATION SIGN}"
    )
    assert counted({}) == ""


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/request/messages/1/parts/0/text", "turn 2"),
        ("/response/outputs/0/parts/3/arguments", "answer 1"),
        ("/identity/user", "identity.user"),
        ("/request/messages/x", "request.messages.x"),
        ("", ""),
    ],
)
def test_a_place_is_named_for_people(path: str, said: str) -> None:
    """Turns and answers have the numbers they are shown with."""
    assert place(path) == said


def test_progress_shows_its_last_state_in_a_file() -> None:
    """Where output is no terminal, the bar is written once, complete."""
    file = io.StringIO()
    with demo_progress(Console(file=file, width=120)) as show:
        show(Progress(total=3, ended=1, pieces=10))
        show(Progress(total=3, ended=3, pieces=42))
    assert "3/3" in file.getvalue()
    assert "42 tokens" in file.getvalue()
