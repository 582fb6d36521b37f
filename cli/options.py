"""Options that several commands take, and how a command comes to its settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from audit.settings import Settings

__all__ = ["CONFIG_OPTION", "KEY_OPTION", "SETTING_OPTIONS", "options", "settings_of"]

Command = TypeVar("Command", bound=Callable[..., Any])

CONFIG_OPTION = click.option(
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Settings file (TOML); auditstream.toml in this folder when there is one.",
)
SETTING_OPTIONS = [
    click.option("--data", metavar="DIR", help="Folder of spool, queue, store and ledger."),
    CONFIG_OPTION,
]
KEY_OPTION = click.option("--keys", metavar="DIR", help="Folder of the keys.")


def options(*given: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Decorate a command with options, in the order in which help lists them."""

    def decorate(command: Command) -> Command:
        for option in reversed(given):
            command = option(command)
        return command

    return decorate


def settings_of(config: Path | None, **flags: Any) -> Settings:
    """Read the settings when the command runs, not when it is only named."""
    from cli.config import load  # noqa: PLC0415 - the law of `cli.main`

    return load(flags, config)
