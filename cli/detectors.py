"""Detectors that ask a service, made where the settings and the policy both name them.

The law: nothing is asked that is not configured. A detector that the policy names and the settings
do not describe is an error before anything starts; one that only the settings describe is not made.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from audit.errors import SettingInvalid
from audit.settings import Settings
from audit.telemetry import Count
from cli.credentials import identity_unless
from cli.policies import policy_of
from redaction.detector import Detector
from redaction.policy import Policy

__all__ = ["asks_language", "detectors_of", "language_of"]

_NAME = "azure_language"


def asks_language(settings: Settings, policy: Policy) -> bool:
    """Whether Azure AI Language is to be asked. Raises `SettingInvalid`."""
    if _NAME not in (*policy.required, *policy.optional):
        return False
    if settings.language.endpoint is None:
        raise SettingInvalid(
            f"setting language.endpoint: is not set, but policy {policy.name} names {_NAME}"
        )
    return True


@asynccontextmanager
async def detectors_of(settings: Settings, count: Count) -> AsyncIterator[Mapping[str, Detector]]:
    """The detectors of a worker by name, none of which has asked yet. Raises `SettingInvalid`."""
    policy = policy_of(settings)
    if not asks_language(settings, policy):
        yield {}
        return
    async with language_of(settings, policy, count) as detector:
        yield {detector.name: detector}


@asynccontextmanager
async def language_of(settings: Settings, policy: Policy, count: Count) -> AsyncIterator[Detector]:
    """Azure AI Language, by key or as the identity of the process."""
    # Imported late: the SDK costs a second, which policies without it need not pay.
    from redaction.detectors.azure_language import AzureLanguageDetector  # noqa: PLC0415 - see above
    from redaction.detectors.azure_language_client import (  # noqa: PLC0415 - see above
        AzureLanguageAccess,
    )

    given, of = settings.language.key, settings.language
    async with identity_unless(given is not None) as credential:
        access = AzureLanguageAccess(
            endpoint=of.endpoint or "",
            key=None if given is None else given.get_secret_value(),
            credential=credential,
            model_version=of.model_version,
            language=policy.languages[0],
            timeout=of.timeout,
            at_once=of.max_concurrency,
        )
        detector = AzureLanguageDetector.open(access, count)
        try:
            yield detector
        finally:
            await detector.close()
