"""What the settings say of redaction, checked before anything starts: the policy and the models.

The law: a name model that is asked for and is not here is an error, never silently left out.
Nothing is loaded for the check.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from audit.errors import SettingInvalid
from audit.settings import Settings
from redaction.policy import DETECTORS, Policy
from redaction.policy_file import default_policy, read_policy

__all__ = ["check_models", "policy_in", "policy_of"]


def policy_of(settings: Settings) -> Policy:
    """Read the policy. Raises `SettingInvalid`, naming the file and the key in it."""
    path = settings.redaction.policy
    return default_policy() if path is None else policy_in(path, "setting redaction.policy: ")


def policy_in(path: Path, told: str = "") -> Policy:
    """Read a policy file. Raises `SettingInvalid`; `told` goes before a file that cannot be had."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise SettingInvalid(f"{told}{path}: {why}") from None
    policy = read_policy(text, str(path))
    if not DETECTORS.issuperset((*policy.required, *policy.optional)):
        known = ", ".join(sorted(DETECTORS))
        raise SettingInvalid(
            f"{path}: `required` and `optional` may name {known} and no other detector"
        )
    return policy


def check_models(settings: Settings) -> None:
    """Raise `SettingInvalid`, saying what to do, unless each configured name model is here."""
    for name in settings.redaction.models.values():
        if not _is_folder(name) and not _is_package(name):
            raise SettingInvalid(
                f"setting redaction.models: {name} is not installed; install it"
                f" (pip install {name}) or take it out"
            )


def _is_folder(name: str) -> bool:
    """Whether it is a pipeline on disk: spaCy keeps its description in `meta.json`."""
    return (Path(name) / "meta.json").is_file()


def _is_package(name: str) -> bool:
    try:
        distribution(name)
    except (PackageNotFoundError, ValueError):  # ValueError: an empty name
        return False
    return True
