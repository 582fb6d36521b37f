"""What can be typed about what is kept: erasures, holds, another redaction and dead letters.

The commands of `auditstream erase`, `hold`, `reredact` and `dead-letters`; `cli.main` adds them to
the others. As there, a command's module is imported only when the command runs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from cli.options import KEY_OPTION, SETTING_OPTIONS, options, settings_of

__all__ = ["dead_letters", "erase", "hold", "reredact"]

_WHY = click.option("--why", metavar="TEXT", required=True, help="The reason, in a sentence.")
_IDS = click.option(
    "--id", "ids", metavar="ID", multiple=True, help="An exchange; may be repeated."
)
_CONSUMER = click.option("--consumer", metavar="NAME", help="All exchanges of this consumer.")
_SESSION = click.option("--session", metavar="TEXT", help="Of the consumer's, this session only.")
_JSON = click.option("--json", "as_json", is_flag=True, help="JSON, and nothing else.")
_OUT = click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the certificate to this new file instead.",
)


@click.command()
@options(_IDS, _CONSUMER, _SESSION)
@click.option(
    "--before",
    metavar="INSTANT",
    help="Of the consumer's, those received before this day or instant (UTC); now, when not given.",
)
@options(_WHY, _OUT, _JSON)
@click.option(
    "--lost-text",
    is_flag=True,
    help="Also records whose text is not where `blobs.*` says: their blobs, if any, stay.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be erased, and erase nothing.")
@options(KEY_OPTION, *SETTING_OPTIONS)
def erase(*, config: Path | None, data: str | None, keys: str | None, **rest: Any) -> None:
    """Erase exchanges for good and print a signed certificate.

    Records go with all they are found by; what is still sealed in spool, queue or dead letters
    is never stored. The ledger keeps number and id. What a hold keeps is refused by the hold's
    name, and so is an id or a consumer that nobody knows; then nothing is erased. It needs the
    worker's signing key, and may be run again; look first with --dry-run. Give --id or
    --consumer, not both.
    """
    from cli.run_erase import run_erase  # noqa: PLC0415 - see the module's law

    sys.exit(run_erase(settings_of(config, data=data, keys=keys), **rest))


@click.group()
def hold() -> None:
    """Keep exchanges from expiry and erasure."""


@hold.command("add")
@options(_IDS, _CONSUMER, _SESSION, _WHY, _JSON, KEY_OPTION, *SETTING_OPTIONS)
def add_hold(*, config: Path | None, data: str | None, keys: str | None, **rest: Any) -> None:
    """Hold exchanges, those that arrive later too, until the hold is released.

    An id or a consumer that nobody knows is refused. A consumer is known by a record, by the
    ledger or by the settings: name one there that has sent nothing yet.
    """
    from cli.run_hold import run_add  # noqa: PLC0415 - see the module's law

    run_add(settings_of(config, data=data, keys=keys), **rest)


@hold.command("release")
@click.argument("order", metavar="HOLD")
@options(_WHY, _JSON, KEY_OPTION, *SETTING_OPTIONS)
def release_hold(*, config: Path | None, data: str | None, keys: str | None, **rest: Any) -> None:
    """Release a hold; what no other hold keeps may expire and be erased again."""
    from cli.run_hold import run_release  # noqa: PLC0415 - see the module's law

    run_release(settings_of(config, data=data, keys=keys), **rest)


@hold.command("list")
@options(_JSON, *SETTING_OPTIONS)
def list_holds(*, as_json: bool, config: Path | None, data: str | None) -> None:
    """List every hold, released ones too."""
    from cli.run_hold import run_list  # noqa: PLC0415 - see the module's law

    run_list(settings_of(config, data=data), as_json=as_json)


@click.command()
@click.option(
    "--where",
    metavar="FILTER",
    default="",
    help="Which records, as in `query`; all, when not given.",
)
@click.option(
    "--policy",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The policy to read them under (TOML).",
)
@click.option("--why", metavar="TEXT", help="The reason, in a sentence; a dry run needs none.")
@click.option("--dry-run", is_flag=True, help="Say what would be changed, and change nothing.")
@options(_JSON, KEY_OPTION, *SETTING_OPTIONS)
def reredact(
    *, config: Path | None, data: str | None, keys: str | None, as_json: bool, **rest: Any
) -> None:
    """Read stored records under another policy, and take out what was missed.

    What was taken out before stays out. Each record keeps a receipt of the policy that read it; the
    ledger has an amendment, and `verify` stays clean. A run that was cut short goes on where it was
    when the same command is given again. What a hold keeps, and what no worker signed, is left as
    it is. Exits 1 when something could not be read. It needs the worker's signing key.
    """
    from cli.reread_asked import asked  # noqa: PLC0415 - see the module's law

    wanted = asked(settings_of(config, data=data, keys=keys), **rest)
    from cli.run_reredact import run_reredact  # noqa: PLC0415 - as above, and after what is asked

    sys.exit(run_reredact(wanted, as_json=as_json))


@click.group("dead-letters")
def dead_letters() -> None:
    """See, replay and discard what could not be carried. Content is never shown."""


@dead_letters.command("list")
@options(_JSON, *SETTING_OPTIONS)
def list_letters(*, as_json: bool, config: Path | None, data: str | None) -> None:
    """List the dead letters, the oldest first."""
    from cli.run_dead_letters import run_list  # noqa: PLC0415 - see the module's law

    run_list(settings_of(config, data=data), as_json=as_json)


@dead_letters.command("show")
@click.argument("message_id", metavar="ID")
@options(_JSON, *SETTING_OPTIONS)
def show_letter(message_id: str, *, as_json: bool, config: Path | None, data: str | None) -> None:
    """Show one dead letter: why it was set aside, and what to do."""
    from cli.run_dead_letters import run_show  # noqa: PLC0415 - see the module's law

    run_show(settings_of(config, data=data), message_id, as_json=as_json)


@dead_letters.command("replay")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All dead letters.")
@click.option("--code", metavar="CODE", help="With --all: those with this reason code only.")
@options(*SETTING_OPTIONS)
def replay_letters(*, config: Path | None, data: str | None, **rest: Any) -> None:
    """Put dead letters back into the queue, to go through the newest redaction."""
    from cli.run_dead_letters import run_replay  # noqa: PLC0415 - see the module's law

    run_replay(settings_of(config, data=data), **rest)


@dead_letters.command("discard")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@options(_WHY, _OUT, _JSON, KEY_OPTION, *SETTING_OPTIONS)
def discard_letters(
    *, config: Path | None, data: str | None, keys: str | None, **rest: Any
) -> None:
    """Erase dead letters for good and print a signed certificate.

    The sealed content is removed, the ledger says erased, and a copy that comes later is not
    stored. A checkpoint is no exchange: an order in the book says that it went, no certificate
    does, and what a trusted tap says again is entered.
    """
    from cli.run_dead_letters import run_discard  # noqa: PLC0415 - see the module's law

    sys.exit(run_discard(settings_of(config, data=data, keys=keys), **rest))
