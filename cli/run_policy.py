"""`auditstream policy`: policies checked and compared. No text is read and no model is loaded."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from audit.settings import Settings
from audit.value import Json, to_json
from cli.policies import policy_in, policy_of
from cli.render.policy import (
    difference_document,
    difference_lines,
    policy_document,
    policy_lines,
)
from redaction.policy_diff import differences
from redaction.policy_file import default_policy
from redaction.policy_review import remarks

__all__ = ["run_check", "run_diff"]


def run_check(settings: Settings, *, as_json: bool) -> None:
    """Say what the policy of the settings does. Raises `SettingInvalid` where it is not whole."""
    policy, models = policy_of(settings), settings.redaction.models
    found = remarks(policy, models)
    if as_json:
        _print_json(policy_document(policy, found, models))
    else:
        _print(policy_lines(policy, found, models))


def run_diff(before: Path | None, after: Path, *, as_json: bool) -> None:
    """Say how two policies differ; None is the one that ships. Raises `SettingInvalid`."""
    one = default_policy() if before is None else policy_in(before)
    other = policy_in(after)
    changes = differences(one, other)
    if as_json:
        _print_json(difference_document(one, other, changes))
    else:
        _print(difference_lines(one, other, changes))


def _print(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _print_json(document: Json) -> None:
    sys.stdout.buffer.write(to_json(document) + b"\n")
