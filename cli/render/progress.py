"""The demo's progress on a terminal; where output is not a terminal, its last state only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from cli.demo.drive import Progress

__all__ = ["demo_progress"]


@contextmanager
def demo_progress(console: Console) -> Iterator[Callable[[Progress], None]]:
    """Show a bar while the block runs; give the function that is told how far the run is."""
    columns = (
        TextColumn("talking to the demo model"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("conversations, {task.fields[pieces]} tokens"),
    )
    with Bar(*columns, console=console) as bar:
        task = bar.add_task("", total=None, pieces=0)

        def show(now: Progress) -> None:
            bar.update(task, total=now.total, completed=now.ended, pieces=now.pieces)

        yield show
