"""What a tree that runs says of itself: where its parts are, and what can be typed next.

The law: a command is printed as a shell in this folder understands it, ready to be copied.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from audit.settings import Settings
from cli.up import Running

__all__ = ["program", "show_next"]


def program() -> str:
    """The command as a shell in this folder understands it: its name, or the path to it."""
    started = Path(sys.argv[0])
    beside = Path(sys.executable).with_name("auditstream")
    own = started if started.name == "auditstream" else beside
    found = shutil.which("auditstream")
    if not own.exists() or (found is not None and own.samefile(found)):
        return "auditstream"
    return shlex.quote(str(own))


def show_next(settings: Settings, running: Running, console: Console, *, demo: bool) -> None:
    """Say what can be done now."""
    command = escape(program())
    data = escape(f"--data {shlex.quote(str(settings.data))}")
    tap = f"{'https' if settings.tap.tls_certificate else 'http'}://{running.traffic}"
    lines = [
        (
            f"\n[bold]The tap listens on {tap}[/bold]"
            f" · health and metrics http://{running.control}"
            f" · query API http://{running.console}"
        ),
        _entrance(settings, running),
        "",
        "Point any SDK at it; path, key and API version stay what they are:",
        (f'  client = AzureOpenAI(azure_endpoint="{tap}", api_key="…", api_version="2024-10-21")'),
        "Read what was said (in another terminal, in this folder):",
        f"  {command} query {data} 'entity:EMAIL_ADDRESS after:1h'",
        f"  {command} show {data} ID",
        f"  {command} verify {data}",
    ]
    if demo:
        lines += [
            "Put it in front of a real gateway:",
            "  make run UPSTREAM=https://my-apim.azure-api.net",
        ]
    lines.append("Ctrl-C drains and stops.")
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def _entrance(settings: Settings, running: Running) -> str:
    if settings.console.oidc.issuer is not None:
        return f"[bold]Sign in with an account: {settings.console.url}/[/bold]"
    return f"[bold]Read in a browser: http://{running.console}{running.enter}[/bold] (opens once)"
