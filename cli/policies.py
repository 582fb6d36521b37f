"""The redaction policy that the settings name."""

from __future__ import annotations

from audit.errors import SettingInvalid
from audit.settings import Settings
from redaction.policy import DETECTORS, Policy
from redaction.policy_file import default_policy, read_policy

__all__ = ["policy_of"]


def policy_of(settings: Settings) -> Policy:
    """Read the policy. Raises `SettingInvalid`, naming the file and the key in it."""
    path = settings.redaction.policy
    if path is None:
        return default_policy()
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "is no UTF-8 text"
        raise SettingInvalid(f"setting redaction.policy: {path} {why}") from None
    policy = read_policy(text, str(path))
    if not DETECTORS.issuperset((*policy.required, *policy.optional)):
        known = ", ".join(sorted(DETECTORS))
        raise SettingInvalid(
            f"{path}: `required` and `optional` may name {known} and no other detector"
        )
    return policy
