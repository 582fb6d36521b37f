"""The `auditstream` command: what can be typed, and which module carries it out.

The law: a command's module is imported only when the command runs, so that each image needs
only its own packages; and what goes wrong is one line that says what to do, never a traceback.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

import click

from audit.errors import AuditStreamError, PermanentError
from cli.canary import canary
from cli.collector import collect_seldom
from cli.failing import last_words
from cli.keeping import dead_letters, erase, hold, reredact
from cli.looking import access_log, export, query, show, tail
from cli.options import KEY_OPTION as _KEY_OPTION
from cli.options import SETTING_OPTIONS as _SETTING_OPTIONS
from cli.options import options as _options
from cli.options import settings_of as _settings
from cli.trying import policy, redact

__all__ = ["cli", "main"]

_UPSTREAM_OPTION = click.option("--upstream", metavar="URL", help="The gateway behind the tap.")
_LISTEN_OPTION = click.option("--listen", metavar="HOST:PORT", help="Where the tap listens.")


def _as_child(context: click.Context, option: click.Parameter, value: bool) -> bool:
    """Leave Ctrl-C to the parent from the first moment: imports take a second."""
    del context, option
    if value:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return value


_CHILD_OPTION = click.option("--child", is_flag=True, hidden=True, callback=_as_child)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="auditstream", prog_name="auditstream")
def cli() -> None:
    """AuditStream: a streaming audit log for LLM gateways."""


@cli.command()
@_options(_UPSTREAM_OPTION, _LISTEN_OPTION, _KEY_OPTION, *_SETTING_OPTIONS)
@click.option("--demo", is_flag=True, help="Use the built-in demo upstream and send traffic.")
@click.option("--once", is_flag=True, help="With --demo: stop after the table is printed.")
@click.option("--demo-unless-upstream", "fallback", is_flag=True, hidden=True)
def up(*, demo: bool, fallback: bool, once: bool, config: Path | None, **flags: Any) -> None:
    """Run tap, worker and query side together on one data folder."""
    from cli.run_up import run  # noqa: PLC0415 - see the module's law

    settings = _settings(config, **flags)
    run(settings, demo=demo or (fallback and settings.upstream is None), once=once)


@cli.command()
@_options(_UPSTREAM_OPTION, _LISTEN_OPTION, _KEY_OPTION, *_SETTING_OPTIONS, _CHILD_OPTION)
def tap(*, child: bool, config: Path | None, **flags: Any) -> None:
    """Run the tap alone: in front of the gateway, sending to the queue.

    It needs no private key that opens, and records on while one is missing elsewhere.
    """
    from cli.run_tap import run  # noqa: PLC0415 - see the module's law

    run(None if child else _settings(config, **flags))


@cli.command()
@_options(_KEY_OPTION, *_SETTING_OPTIONS, _CHILD_OPTION)
@click.option(
    "--concurrency", metavar="N", type=click.IntRange(1, 256), help="Deliveries handled at once."
)
@click.option("--processes", metavar="M", type=click.IntRange(1, 64), help="Processes that redact.")
def worker(
    *,
    child: bool,
    concurrency: int | None,
    processes: int | None,
    config: Path | None,
    **flags: Any,
) -> None:
    """Run a worker alone: from the queue through redaction to the store.

    Any number of workers may run on one queue and one store, and need not know each other.
    """
    from cli.run_worker import run  # noqa: PLC0415 - see the module's law

    asked = {"concurrency": concurrency, "processes": processes}
    given = {name: value for name, value in asked.items() if value is not None}
    run(None if child else _settings(config, **flags, worker=given or None))


@cli.command()
@_options(_KEY_OPTION, *_SETTING_OPTIONS, _CHILD_OPTION)
def console(*, child: bool, config: Path | None, **flags: Any) -> None:
    """Run the reading room alone: pages for people and the query API.

    It prints a link that lets one browser in, once; the token of the keys folder lets in others.
    """
    from cli.run_console import run  # noqa: PLC0415 - see the module's law

    run(None if child else _settings(config, **flags))


@cli.command()
@_options(*_SETTING_OPTIONS)
def fields(*, config: Path | None, data: str | None) -> None:
    """List the fields that a filter may name."""
    from cli.run_read import run_fields  # noqa: PLC0415 - see the module's law

    del config, data
    run_fields()


@cli.command()
@_options(_KEY_OPTION, *_SETTING_OPTIONS)
@click.option("--json", "as_json", is_flag=True, help="The whole report as JSON.")
@click.option("--from", "first_day", metavar="DAY", help="Tell only of this UTC day and later.")
@click.option("--to", "last_day", metavar="DAY", help="Tell only of this UTC day and earlier.")
@click.option("--consumer", metavar="NAME", help="Tell only of this consumer.")
@click.option(
    "--anchor",
    "anchors",
    metavar="REPORT",
    multiple=True,
    type=click.Path(path_type=Path),
    help="An earlier report (--json): what it attests must still stand. May be given often.",
)
@click.option(
    "--certificate",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Check this certificate of an erasure instead.",
)
def verify(*, config: Path | None, data: str | None, keys: str | None, **asked: Any) -> None:
    """Prove how complete the log is, and that nobody has changed it.

    Exits 0 when complete, 1 when something is lost or altered, 2 when it could not tell. With
    --certificate: 0 confirmed, 1 contradicted, 2 could not tell.

    What was erased or has expired is one line for each start of a tap, with its ranges; --json
    lists every id.

    Signatures are held against the public keys of the keys folder, or of the environment; no
    secret is needed. DAY is YYYY-MM-DD, both ends included. With a selection everything is judged
    all the same; what could be anyone's (a number without a trace, a flaw of a whole boot) is
    told, and the flaws that are left out are counted.

    A tap's spool folder shows cut tails, boots and taps. Where it cannot be seen, or may have been
    rolled back too, keep each report where nobody can change it, and give it to the next look with
    --anchor: what was stored then is stored or lawfully removed now, and each boot reaches at
    least as far, by the same ids.
    """
    from cli.run_verify import run, wanted  # noqa: PLC0415 - see the module's law

    settings = _settings(config, data=data, keys=keys)
    ask = wanted(**asked)
    try:
        sys.exit(run(settings, ask))
    except Exception as error:  # noqa: BLE001 - exit code 1 would read as "something is lost"
        sys.stderr.write(last_words(error))
        sys.exit(2)


@cli.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@_options(_KEY_OPTION, *_SETTING_OPTIONS)
@click.option(
    "--anyway",
    is_flag=True,
    help="Take also what no key here opens, and the rest of what went to another queue.",
)
def adopt(directory: Path, *, anyway: bool, config: Path | None, **flags: Any) -> None:
    """Ship what a tap that does not come back has left in its spool.

    DIR is the tap's spool folder, a folder of several, or a whole data folder. Nothing is
    removed from it before the queue of this data folder holds it; what cannot be read stays. A
    run that was cut short may be repeated. Exits 0 only when the queue has taken everything.
    """
    from cli.run_adopt import run  # noqa: PLC0415 - see the module's law

    sys.exit(run(_settings(config, **flags), directory, anyway=anyway))


@cli.command()
@_options(_KEY_OPTION, *_SETTING_OPTIONS)
def fingerprint(*, config: Path | None, **flags: Any) -> None:
    """Print the fingerprint of a key read from standard input, for the consumer map."""
    from cli.run_keys import run_fingerprint  # noqa: PLC0415 - see the module's law

    run_fingerprint(_settings(config, **flags))


@cli.group()
def keys() -> None:
    """List, make and rotate keys; key material is never shown."""


@keys.command("list")
@_options(_KEY_OPTION, *_SETTING_OPTIONS)
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
def list_keys(*, as_json: bool, config: Path | None, **flags: Any) -> None:
    """List the ids of the keys, what each is for and which is current."""
    from cli.run_keys import run_list  # noqa: PLC0415 - see the module's law

    run_list(_settings(config, **flags), as_json=as_json)


@keys.command("new")
@_options(_KEY_OPTION, *_SETTING_OPTIONS)
def new_keys(*, config: Path | None, **flags: Any) -> None:
    """Make the keys that a first start would make, and change none that is there.

    Each file holds one line, as the variables AUDITSTREAM_KEY_... take it.
    """
    from cli.run_keys import run_new  # noqa: PLC0415 - see the module's law

    run_new(_settings(config, **flags))


@keys.command("rotate")
@click.argument(
    "kinds",
    nargs=-1,
    required=True,
    metavar="KIND...",
    type=click.Choice(["seal", "sign-tap", "sign-worker"]),
)
@_options(_KEY_OPTION, *_SETTING_OPTIONS)
def rotate_keys(kinds: tuple[str, ...], *, config: Path | None, **flags: Any) -> None:
    """Make a new key current: seal, sign-tap or sign-worker.

    What runs seals and signs with it from its next start on; workers that run open with it at
    once. Earlier private keys stay and still open, earlier public signing keys are still trusted.
    """
    from cli.run_keys import run_rotate  # noqa: PLC0415 - see the module's law

    run_rotate(_settings(config, **flags), kinds)


@cli.command()
@_options(_UPSTREAM_OPTION, _LISTEN_OPTION, _KEY_OPTION, *_SETTING_OPTIONS)
@click.option(
    "--for",
    "parts",
    multiple=True,
    type=click.Choice(["tap", "worker", "console"]),
    help="Look only at what this part needs. May be given often.",
)
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def check(*, parts: tuple[str, ...], as_json: bool, config: Path | None, **flags: Any) -> None:
    """Look at everything that is configured before it is needed.

    A line for each thing: pass, fail with what to do, or skipped with the reason. It sends no
    message and no credential of a caller; it writes a few bytes to the spool's disk and to the
    blobs, and takes them away where it may. Exits 0 when nothing failed.
    """
    from cli.run_check import run_check  # noqa: PLC0415 - see the module's law

    sys.exit(run_check(_settings(config, **flags), parts, as_json=as_json))


@cli.command()
@_options(*_SETTING_OPTIONS)
@click.option(
    "--wait",
    metavar="SECONDS",
    type=click.FloatRange(0),
    default=0.0,
    help="Try so long to reach what does not answer yet.",
)
def provision(*, wait: float, config: Path | None, data: str | None) -> None:
    """Make what the settings name in Azure: queue, blob container, database and containers.

    Nothing is taken away; what is there and is not what it must be, and cannot be changed, is
    named. A second run changes nothing. Exits 0 unless a service could not be had.
    """
    from cli.run_provision import run_provision  # noqa: PLC0415 - see the module's law

    sys.exit(run_provision(_settings(config, data=data), wait=wait))


@cli.command()
def settings() -> None:
    """List every setting with its environment variable, default and meaning."""
    from cli.run_read import run_settings  # noqa: PLC0415 - see the module's law

    run_settings()


_GATHERED = (erase, hold, reredact, dead_letters, redact, policy, canary)
for each in (*_GATHERED, query, show, tail, export, access_log):
    cli.add_command(each)


@cli.command(hidden=True)
def reference() -> None:
    """Print the reference as Markdown: what docs/reference.md holds."""
    from cli.reference.page import print_reference  # noqa: PLC0415 - see the module's law

    print_reference()


def main() -> None:
    """Run the command line; errors become one line and an exit code.

    2 for what must be corrected first (settings, keys, folders, filters), 1 for what failed.
    """
    collect_seldom()
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except AuditStreamError as error:
        sys.stderr.write(last_words(error))
        sys.exit(2 if isinstance(error, PermanentError) else 1)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 - a traceback's message may repeat content
        sys.stderr.write(last_words(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
