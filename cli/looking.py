"""What can be typed about looking: queries, one record, the tail, exports, and the log of it all.

`cli.main` adds these commands to the others. As there, a command's module is imported only when
the command runs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from cli.options import SETTING_OPTIONS, options, settings_of

__all__ = ["access_log", "export", "query", "show", "tail"]

# In a filter a dash means "not": `-ending:complete` is no option, and `-h` no call for help.
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


_FILTER = click.argument("words", nargs=-1, metavar="[FILTER]...", callback=_no_option)
_PURPOSE = click.option(
    "--purpose", metavar="TEXT", default="", help="What it is for; it stands in the access log."
)


@click.command(context_settings=_DASHES)
@options(_FILTER, *SETTING_OPTIONS)
@click.option("--jsonl", is_flag=True, help="One record a line, as JSON.")
@click.option("--json", "as_json", is_flag=True, help="All records as one JSON array.")
@click.option("--limit", type=click.IntRange(1), default=None, help="Most records to give.")
@options(_PURPOSE)
def query(words: tuple[str, ...], *, config: Path | None, **rest: Any) -> None:
    """Find records, newest first.

    FILTER is words and field:value pairs, such as: consumer:demo ending:complete after:1h
    entity:EMAIL_ADDRESS "refund". A dash before one means not: -ending:complete.
    `auditstream fields` lists the fields. Each query is entered in the access log.
    """
    from cli.run_read import run_query  # noqa: PLC0415 - see the module's law

    settings = settings_of(config, data=rest["data"])
    shape = "jsonl" if rest["jsonl"] else "json" if rest["as_json"] else "table"
    given = {"limit": rest["limit"], "purpose": rest["purpose"]}
    run_query(settings, " ".join(words), shape=shape, **given)


@click.command()
@click.argument("record_id", metavar="ID")
@options(*SETTING_OPTIONS)
@click.option("--json", "as_json", is_flag=True, help="The record as JSON.")
@options(_PURPOSE)
def show(
    record_id: str, *, as_json: bool, purpose: str, config: Path | None, data: str | None
) -> None:
    """Show one conversation with its redactions marked. It is entered in the access log."""
    from cli.run_read import run_show  # noqa: PLC0415 - see the module's law

    run_show(settings_of(config, data=data), record_id, as_json=as_json, purpose=purpose)


@click.command(context_settings=_DASHES)
@options(_FILTER, *SETTING_OPTIONS)
@click.option("--jsonl", is_flag=True, help="One record a line, as JSON.")
@options(_PURPOSE)
def tail(words: tuple[str, ...], *, jsonl: bool, config: Path | None, **rest: Any) -> None:
    """Show the newest 10 records, then each one as it is stored.

    FILTER is as for `auditstream query`. Ctrl-C ends it. What is shown is entered in the log.
    """
    from cli.run_read import run_tail  # noqa: PLC0415 - see the module's law

    settings = settings_of(config, data=rest["data"])
    run_tail(settings, " ".join(words), as_jsonl=jsonl, purpose=rest["purpose"])


@click.command(context_settings=_DASHES)
@options(_FILTER, *SETTING_OPTIONS)
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
