"""What can be typed about looking: exports, and the log of who looked.

`cli.main` adds these commands to the others. As there, a command's module is imported only when
the command runs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from cli.options import SETTING_OPTIONS, options, settings_of

__all__ = ["access_log", "export"]

# In a filter a dash means "not": `-ending:complete` is no option.
_DASHES = {"ignore_unknown_options": True, "help_option_names": ["--help"]}


def _no_option(
    context: click.Context, argument: click.Parameter, words: tuple[str, ...]
) -> tuple[str, ...]:
    """Refuse what was meant as an option: as a filter it would mean "not not"."""
    del argument
    for word in words:
        if word.startswith("--"):
            raise click.NoSuchOption(word.partition("=")[0], ctx=context)
    return words


@click.command(context_settings=_DASHES)
@click.argument("words", nargs=-1, metavar="[FILTER]...", callback=_no_option)
@options(*SETTING_OPTIONS)
@click.option(
    "--format",
    "shape",
    type=click.Choice(["jsonl", "csv", "parquet", "evaluation"]),
    default="jsonl",
    show_default=True,
    help=(
        "Records as they are stored, a table as text or with types, or query and response for"
        " Azure AI Evaluation."
    ),
)
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path),
    required=True,
    help="The new ZIP to write.",
)
@click.option("--purpose", metavar="TEXT", required=True, help="What it is for, in a sentence.")
@click.option("--limit", type=click.IntRange(1), default=None, help="Most records to export.")
def export(words: tuple[str, ...], *, config: Path | None, data: str | None, **rest: Any) -> None:
    """Export records as a ZIP with a manifest: what was asked, how many came, their digests.

    FILTER is as for `auditstream query`. Every export is entered in the access log.
    """
    from cli.run_export import run_export  # noqa: PLC0415 - see the module's law

    run_export(settings_of(config, data=data), " ".join(words), **rest)


@click.command("access-log")
@options(*SETTING_OPTIONS)
@click.option("--jsonl", "as_jsonl", is_flag=True, help="One entry a line, as JSON.")
@click.option("--limit", type=click.IntRange(1), default=None, help="Only the newest so many.")
def access_log(*, config: Path | None, data: str | None, **rest: Any) -> None:
    """Show who looked at what, when and for what, and whether the log is whole.

    Exits 1 when an entry was altered or taken out.
    """
    from cli.run_export import run_access_log  # noqa: PLC0415 - see the module's law

    sys.exit(run_access_log(settings_of(config, data=data), **rest))
