"""Records as a table, newest or oldest first as they are given.

The layout follows the terminal: one line for each record where it is very wide, a block of
three where it is not, a plain list where it is small. An id is never shortened, because it is
there to be copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.table import Table
from rich.text import Text

from audit.exchange import Ending
from audit.parts import Text as TextPart
from audit.parts import ToolResult
from audit.reading.neutral import neutral_line
from audit.reading.words import UNKNOWN, counted, duration, gap, tokens_used
from audit.record import RedactedRecord
from cli.render.marks import Marks
from cli.render.styles import ENDING_STYLES

__all__ = ["RecordTable"]

_ID_WIDTH = 36
# Below these the columns would leave no room for the prompt, or break the id.
_WIDE = 220
_NARROW = 80
# The head of a prompt that is worth looking at for one line of a table.
_PROMPT_HEAD = 400


@dataclass(frozen=True, slots=True)
class RecordTable:
    """A renderable table of `records`; without `header` it continues one that was printed."""

    records: Sequence[RedactedRecord] = field(repr=False)
    header: bool = True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if options.max_width < _NARROW:
            yield from map(_item, self.records)
        else:
            layout = _wide if options.max_width >= _WIDE else _narrow
            yield layout(self.records, header=self.header)
        gaps = {code for record in self.records for code in record.redaction.gaps}
        for code in sorted(gaps) if self.header else ():
            yield Text(f"Note: {gap(code)}.", style="yellow")


def _wide(records: Sequence[RedactedRecord], *, header: bool) -> Table:
    table = _empty(header=header)
    table.add_column("time (UTC)", no_wrap=True, width=14)
    table.add_column("consumer", no_wrap=True, width=12, overflow="ellipsis")
    table.add_column("model", no_wrap=True, width=18, overflow="ellipsis")
    table.add_column("ending", no_wrap=True, width=21)
    table.add_column("status", justify="right", width=6)
    table.add_column("tokens", justify="right", no_wrap=True, width=10)
    table.add_column("first / all", justify="right", no_wrap=True, width=15)
    table.add_column("taken out", ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column("prompt", ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column("id", no_wrap=True, width=_ID_WIDTH)
    for record in records:
        # Cells are `Text`: rich would read a plain string as markup.
        table.add_row(
            Text(f"{_date(record)} {_clock(record)}"),
            Text(neutral_line(record.consumer)),
            Text(_model(record)),
            _ending(record.exchange.ending),
            Text(_status(record)),
            Text(tokens_used(record.usage)),
            Text(_timing(record)),
            Text(counted(record.redaction.counts) or UNKNOWN),
            _prompt(record),
            Text(neutral_line(record.id)),
        )
    return table


def _narrow(records: Sequence[RedactedRecord], *, header: bool) -> Table:
    table = _empty(header=header)
    table.add_column("time UTC\ndate\nstatus", no_wrap=True, width=8)
    table.add_column("ending\nfirst / all\n", width=13, overflow="fold")
    table.add_column("model\nconsumer\ntokens", no_wrap=True, width=15, overflow="ellipsis")
    table.add_column("id\nprompt\ntaken out", min_width=_ID_WIDTH, ratio=1)
    for record in records:
        table.add_row(
            Text(f"{_clock(record)}\n{_date(record)}\n{_status(record)}"),
            Text("\n").join([_broken(record.exchange.ending), Text(_timing(record))]),
            Text(f"{_model(record)}\n{neutral_line(record.consumer)}\n{tokens_used(record.usage)}"),
            _story(record),
        )
    return table


def _item(record: RedactedRecord) -> Group:
    facts = f" {_date(record)} {_clock(record)} {_status(record)} {_model(record)}"
    head = Text.assemble(_ending(record.exchange.ending), facts, overflow="ellipsis", no_wrap=True)
    return Group(head, _story(record))


def _story(record: RedactedRecord) -> Table:
    story = Table.grid(expand=True)
    story.add_column(no_wrap=True, overflow="ellipsis")
    story.add_row(Text(neutral_line(record.id)))
    story.add_row(_prompt(record))
    story.add_row(Text(counted(record.redaction.counts) or UNKNOWN, style="dim"))
    return story


def _empty(*, header: bool) -> Table:
    return Table(box=None, expand=True, show_header=header, header_style="bold", padding=(0, 1))


def _clock(record: RedactedRecord) -> str:
    return neutral_line(record.timing.received_at[11:19])


def _date(record: RedactedRecord) -> str:
    return neutral_line(record.timing.received_at[5:10])


def _status(record: RedactedRecord) -> str:
    return UNKNOWN if record.exchange.status is None else str(record.exchange.status)


def _timing(record: RedactedRecord) -> str:
    return f"{_short(record.timing.ttft_ms)} / {_short(record.timing.duration_ms)}"


def _short(milliseconds: float | None) -> str:
    return duration(milliseconds).replace(" ", "")


def _model(record: RedactedRecord) -> str:
    facts = record.exchange
    known = facts.deployment or facts.requested_model or facts.reported_model
    return neutral_line(known or UNKNOWN)


def _ending(ending: Ending) -> Text:
    return Text(ending, style=ENDING_STYLES[ending])


def _broken(ending: Ending) -> Text:
    """Break a long ending after its underscore, where a reader would."""
    return Text(ending.replace("_", "_\n"), style=ENDING_STYLES[ending])


def _prompt(record: RedactedRecord) -> Text:
    """Show the head of what was asked: the last thing a user said, else the last thing said."""
    marks = Marks(record.redaction.findings)
    turns = list(enumerate(record.request.messages))
    asked = [turn for turn in turns if turn[1].role == "user"] or turns
    for number, message in reversed(asked):
        for index, part in enumerate(message.parts):
            if isinstance(part, TextPart | ToolResult) and part.text:
                path = f"/request/messages/{number}/parts/{index}/text"
                return marks.line(part.text[:_PROMPT_HEAD], path)
    return Text(UNKNOWN)
