"""What takes the personal data out: policy and name models, without loading any."""

from __future__ import annotations

from collections.abc import AsyncIterator

from audit.errors import SettingInvalid
from audit.preflight import Finding, failed, passed
from audit.settings import Settings

__all__ = ["redaction"]


async def redaction(settings: Settings) -> AsyncIterator[Finding]:
    """Read the policy, and see that what it needs is installed."""
    from cli.policies import check_models, policy_of  # noqa: PLC0415 - workers' images only

    try:
        policy = policy_of(settings)
        check_models(settings)
    except SettingInvalid as error:
        yield failed("redaction", str(error))
        return
    models = ", ".join(sorted(settings.redaction.models.values())) or "no name model"
    yield passed("redaction", f"policy {policy.name}, {models}")
