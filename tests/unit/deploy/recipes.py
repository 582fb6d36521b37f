"""The recipes of deployment as data: docker-compose.yml and the stages of the Dockerfile."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # no stubs are installed for it

from tests.unit.docs.source import ROOT

__all__ = [
    "IMAGES",
    "Stage",
    "compose",
    "environment",
    "groups",
    "inherited",
    "ours",
    "share_keys",
    "stages",
    "words",
]

IMAGES = ("tap", "worker", "console")

_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


@dataclass
class Stage:
    """One stage of the Dockerfile: what it starts from and its instructions, in order."""

    name: str
    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, keyword: str) -> list[str]:
        """What stands after each instruction of this kind."""
        return [rest for word, rest in self.instructions if word == keyword]

    def env(self) -> dict[str, str]:
        """The variables that it sets."""
        words = " ".join(self.all("ENV")).split()
        return dict(word.split("=", 1) for word in words)


def stages() -> dict[str, Stage]:
    """The Dockerfile's stages by name."""
    found: dict[str, Stage] = {}
    for keyword, rest in _instructions():
        if keyword == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = Stage(name, base)
        else:
            list(found.values())[-1].instructions.append((keyword, rest))
    return found


def inherited(name: str) -> dict[str, str]:
    """The variables that an image has, those of the stages that it starts from included."""
    found = stages()
    variables: dict[str, str] = {}
    while name in found:
        variables = found[name].env() | variables
        name = found[name].base
    return variables


def _instructions() -> Iterator[tuple[str, str]]:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        keyword, _, rest = line.strip().partition(" ")
        if keyword:
            yield keyword, " ".join(rest.split())


def compose() -> dict[str, Any]:
    """The compose file, with its anchors resolved."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    return document


def ours() -> dict[str, dict[str, Any]]:
    """The services that run a part of the program, by name."""
    return {
        name: service
        for name, service in compose()["services"].items()
        if service.get("build") and "entrypoint" not in service
    }


def environment(service: dict[str, Any]) -> dict[str, str]:
    """What the service's process finds in its environment; what must be given is made up."""
    given = {**inherited(service["build"]["target"]), **service.get("environment", {})}
    return {name: _VARIABLE.sub(_filled, value) for name, value in given.items()}


def _filled(variable: re.Match[str]) -> str:
    return variable[3] if variable[2] == "-" else "given-by-whoever-runs-it"


def groups() -> dict[str, set[str]]:
    """What each image installs: its dependency group, with those that it includes (PEP 735)."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    listed = project["dependency-groups"]

    def of(name: str) -> set[str]:
        return set().union(
            *(
                of(each["include-group"]) if isinstance(each, dict) else {each}
                for each in listed[name]
            )
        )

    return {name: of(name) for name in listed}


def share_keys(folder: Path) -> None:
    """Run the compose file's own job on a folder: `all`, and what of it `tap` and `worker` get."""
    service = compose()["services"]["keys"]
    [script] = service["command"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    clean = {name: value for name, value in os.environ.items() if "AUDITSTREAM" not in name}
    subprocess.run(
        [*service["entrypoint"], script.replace("/keys/", f"{folder}/")],
        cwd=folder,
        env={**clean, "PATH": path, "AUDITSTREAM_DATA": str(folder / "data")},
        check=True,
        capture_output=True,
    )


def words(instruction: str) -> list[str]:
    """A command in its exec form, as a list."""
    listed: list[str] = json.loads(instruction[instruction.index("[") :])
    return listed
