"""What can be typed to see whether redaction works in the living system: `auditstream canary`.

`cli.main` adds this command to the others. As there, its module is imported only when it runs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from cli.failing import last_words
from cli.options import KEY_OPTION, SETTING_OPTIONS, options, settings_of

__all__ = ["canary"]

_CHAT = "/openai/deployments/canary/chat/completions?api-version=2024-10-21"


@click.command()
@click.option(
    "--tap", "url", metavar="URL", help="The tap to post to; the setting listen's if not given."
)
@click.option(
    "--path",
    metavar="PATH",
    default=_CHAT,
    help=f"Path and query of the call; {_CHAT} if not given.",
)
@click.option(
    "--model", metavar="NAME", help="Model to name in the body, where the path names none."
)
@click.option(
    "--headers",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Header fields to send, a line `Name: value` each, such as the key; - is standard input.",
)
@click.option(
    "--without",
    metavar="FAMILY",
    multiple=True,
    help="Plant none of this family, which the policy keeps; may be given often. Families: email,"
    " phone, card, iban, national-id, cloud-key, token, connection-string, ip-address, birth-date,"
    " person, address.",
)
@click.option(
    "--wait",
    metavar="SECONDS",
    type=click.FloatRange(0),
    default=60.0,
    help="Wait so long for the record, 60 if not given; with 0, send and do not look.",
)
@click.option("--json", "as_json", is_flag=True, help="What was found as JSON.")
@options(KEY_OPTION, *SETTING_OPTIONS)
def canary(*, config: Path | None, data: str | None, keys: str | None, **asked: Any) -> None:
    """Send made-up personal data through the tap, and see whether any of it can be read.

    It asks a chat that plants a value of each family, whatever the upstream answers, waits for its
    record, and says of each family whether it was taken out. The worker that stores it counts it as
    auditstream_canaries_total, and logs canary.leaked where something can be read.

    Exits 0 when clean, 1 when something leaked, 2 when it could not tell. It needs the fingerprint
    key, and reads the store where the settings name it; no value is printed.
    """
    try:
        settings = settings_of(config, data=data, keys=keys)
        from cli.run_canary import run_canary  # noqa: PLC0415 - see the module's law

        sys.exit(run_canary(settings, **asked))
    except Exception as error:  # noqa: BLE001 - exit code 1 would read as a leak
        sys.stderr.write(last_words(error))
        sys.exit(2)
