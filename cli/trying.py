"""What can be typed to try a policy out: `auditstream redact` and `auditstream policy`.

`cli.main` adds these commands to the others. As there, a command's module is imported only when
the command runs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from cli.options import CONFIG_OPTION, options, settings_of

__all__ = ["policy", "redact"]

_FILE = click.Path(path_type=Path, dir_okay=False)
_JSON = click.option("--json", "as_json", is_flag=True, help="JSON, and nothing else.")


@click.command()
@click.option(
    "--policy",
    "policy_file",
    metavar="FILE",
    type=_FILE,
    help="Policy to try (TOML); the one that the settings name when not given.",
)
@click.option(
    "--jsonl/--plain",
    "lines",
    default=None,
    help='One {"text": ...} a line, or one text; told from the first line when not given.',
)
@click.option("--json", "as_json", is_flag=True, help="One text, and its result as JSON.")
@click.option(
    "--level",
    metavar="LEVEL",
    type=click.Choice(["redacted", "pseudonymised"]),
    default="redacted",
    help="redacted, which is the default, or pseudonymised.",
)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="In JSON, list also what was found and stays; each with its action.",
)
@options(CONFIG_OPTION)
def redact(
    *, policy_file: Path | None, lines: bool | None, config: Path | None, **rest: Any
) -> None:
    """Try a policy on text from standard input.

    It is taken as a worker takes a record's text, and nothing is stored. A plain text comes out
    redacted. JSON Lines come out as {"text", "findings": [{"start", "end", "type", "score",
    "detector"}]}, where input[start:end], in code points, is exactly what was taken out; each line
    is an exchange of its own. A line that cannot be redacted is named on standard error and left
    out, and the exit code is 1. Pseudonyms are of the run alone.
    """
    if lines and rest["as_json"]:
        raise click.UsageError("give --jsonl or --json, not both")
    settings = _settings(config, policy_file)
    from cli.run_redact import run_redact  # noqa: PLC0415 - see the module's law

    sys.exit(run_redact(settings, lines=lines, **rest))


@click.group()
def policy() -> None:
    """Check redaction policies, and compare them."""


@policy.command("check")
@click.argument("file", metavar="[FILE]", required=False, type=_FILE)
@options(_JSON, CONFIG_OPTION)
def check_policy(*, file: Path | None, as_json: bool, config: Path | None) -> None:
    """Say whether a policy is whole, what it does, and what of it is unwise.

    Without FILE: the policy that the settings name, else the one that ships. A policy that cannot
    be used is refused with the key that is wrong. Warnings are of what is allowed and lets
    personal data through, or does not do what it seems to; they do not change the exit code.
    """
    from cli.run_policy import run_check  # noqa: PLC0415 - see the module's law

    run_check(_settings(config, file), as_json=as_json)


@policy.command("diff")
@click.argument("before", metavar="A", type=_FILE)
@click.argument("after", metavar="[B]", required=False, type=_FILE)
@options(_JSON)
def diff_policies(*, before: Path, after: Path | None, as_json: bool) -> None:
    """Say what policy B does otherwise than policy A.

    With one file, what it does otherwise than the policy that ships.
    """
    from cli.run_policy import run_diff  # noqa: PLC0415 - see the module's law

    run_diff(*((before, after) if after is not None else (None, before)), as_json=as_json)


def _settings(config: Path | None, policy_file: Path | None) -> Any:
    """Read the settings, with another policy in them where one is given."""
    given = {"redaction": {"policy": policy_file}} if policy_file is not None else {}
    return settings_of(config, **given)
