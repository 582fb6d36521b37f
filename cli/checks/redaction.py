"""What takes the personal data out: policy, name models, and the service where one is asked.

No model is loaded, and the service is asked for nothing: a request would be charged.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from audit.errors import SettingInvalid
from audit.preflight import Finding, failed, passed, skipped
from audit.settings import Settings
from cli.checks.clock import clock
from cli.checks.refused import refused
from cli.checks.wire import Unanswered, ask

if TYPE_CHECKING:
    from redaction.policy import Policy

__all__ = ["redaction"]


async def redaction(settings: Settings) -> AsyncIterator[Finding]:
    """Read the policy, and see that what it needs is there."""
    from cli.detectors import asks_language  # noqa: PLC0415 - workers' images only
    from cli.policies import check_models, policy_of  # noqa: PLC0415 - as above

    try:
        policy = policy_of(settings)
        check_models(settings)
        asked = asks_language(settings, policy)
    except SettingInvalid as error:
        yield refused("redaction", error)
        return
    yield passed("redaction", f"policy {policy.name}, {_name_finders(settings, policy)}")
    if asked and settings.language.endpoint is not None:
        async for each in _language(settings.language.endpoint):
            yield each
    elif settings.language.endpoint is not None:
        yield skipped("language", f"not asked: policy {policy.name} does not name it")


def _name_finders(settings: Settings, policy: Policy) -> str:
    """What looks for names of people under this policy."""
    from redaction.policy_review import finds_names  # noqa: PLC0415 - as above

    models = settings.redaction.models
    words = {
        "presidio": ", ".join(sorted(models.values())),
        "names": "the name model that ships",
        "azure_language": "names by Azure AI Language",
    }
    found = [words[each] for each in finds_names(policy, models)]
    return ", ".join(found) or "nothing looks for names of people"


async def _language(endpoint: str) -> AsyncIterator[Finding]:
    """Azure AI Language: whether its endpoint answers, where the policy has it asked."""
    try:
        answer = await ask(endpoint)
    except Unanswered as why:
        yield failed("language", f"{endpoint}: {why}", "see language.endpoint and the network")
        return
    told = f"{endpoint} answered; its key was not tried, since a request is charged"
    yield passed("language", told)
    yield clock("language", answer)
