"""Settings and policy put the detector together: asked when both say so, checked before it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.engine_settings import LanguageSettings
from audit.errors import SettingInvalid
from audit.preflight import Standing
from audit.settings import RedactionSettings, Settings
from audit.telemetry import NoCount
from cli.checks.redaction import redaction
from cli.detectors import detectors_of
from cli.redactors import orders_of
from redaction.finding import Passage
from tests.emulators.language import LanguageService, language_service
from tests.harness.language import policy


def settings_of(file: Path | None, service: LanguageService | None, key: str = "") -> Settings:
    """Settings with this policy and this service."""
    language = LanguageSettings()
    if service is not None:
        told = {"endpoint": service.endpoint, "key": key or service.key}
        language = LanguageSettings.model_validate(told)
    return Settings(redaction=RedactionSettings(policy=file), language=language)


async def test_a_policy_that_names_it_has_it_asked(tmp_path: Path) -> None:
    """Where the settings say, and with their key."""
    async with language_service() as service:
        settings = settings_of(policy(tmp_path), service)
        async with detectors_of(settings, NoCount()) as detectors:
            assert list(detectors) == ["azure_language"]
            assert service.counts.requests == 0
            (found,) = await detectors["azure_language"].detect([Passage("a@b.example")])
        assert [span.type for span in found] == ["EMAIL_ADDRESS"]


async def test_nothing_is_asked_that_the_policy_does_not_name() -> None:
    """Even where the settings know the service."""
    async with (
        language_service() as service,
        detectors_of(settings_of(None, service), NoCount()) as detectors,
    ):
        assert not detectors


async def test_a_policy_that_names_what_the_settings_do_not_know_is_refused(tmp_path: Path) -> None:
    """Before anything starts, by the setting's name."""
    with pytest.raises(SettingInvalid, match=r"language\.endpoint"):
        async with detectors_of(settings_of(policy(tmp_path), None), NoCount()):
            pass


async def test_a_process_that_redacts_is_not_given_the_key(tmp_path: Path) -> None:
    """Nor where the service is; only what the detector is called, and its version."""
    async with language_service() as service:
        settings = settings_of(policy(tmp_path), service)
        async with detectors_of(settings, NoCount()) as detectors:
            orders = orders_of(settings, bytes(32), detectors)
        told = f"{orders.settings} {orders.asked}"
        assert service.key not in told
        assert str(service.port) not in told
        assert list(orders.asked) == ["azure_language"]


async def test_the_check_names_the_setting_that_is_missing(tmp_path: Path) -> None:
    """As a worker would."""
    (found,) = [each async for each in redaction(settings_of(policy(tmp_path), None))]
    assert found.standing is Standing.FAILED
    assert "language.endpoint" in found.found
