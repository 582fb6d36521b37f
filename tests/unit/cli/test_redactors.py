"""What a process that redacts is told: what it needs, and nothing that opens, signs or signs in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from audit.engine_settings import QueueSettings, StoreSettings
from audit.settings import RedactionSettings, Settings
from audit.value import to_json
from cli.redaction_child import redactor_of
from cli.redactors import ONE_CORE, environment_of, orders_of, read_orders


def test_it_is_told_the_settings_of_redaction_and_no_secret() -> None:
    """Connection strings and keys of services stay with the worker."""
    settings = Settings(
        log_level="error",
        queue=QueueSettings(connection_string=SecretStr("Endpoint=sb://a/;Key=hidden-1")),
        store=StoreSettings(key=SecretStr("hidden-2")),
        redaction=RedactionSettings(policy=Path("strict.toml"), models={"en": "en_core"}),
    )
    told = to_json(orders_of(settings, b"k" * 32))
    assert b"hidden" not in told
    read, key, _ = read_orders(told)
    assert (read.redaction, read.log_level) == (settings.redaction, "error")
    assert key == b"k" * 32


def test_its_environment_signs_in_nowhere() -> None:
    """Neither settings and keys of ours nor what an identity is made of: it asks no service."""
    signs_in = {
        "AZURE_CLIENT_SECRET": "hidden",
        "AZURE_FEDERATED_TOKEN_FILE": "hidden",
        "IDENTITY_HEADER": "hidden",
        "MSI_SECRET": "hidden",
        "AUDITSTREAM_KEY_SEAL": "hidden",
    }
    told = environment_of({"PATH": "/bin", "LANG": "C"} | signs_in)
    assert told == {
        "PATH": "/bin",
        "LANG": "C",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def test_whoever_redacts_is_for_one_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command too, which no worker has told: libraries read it when they are loaded."""
    for name in ONE_CORE:
        monkeypatch.delenv(name, raising=False)
    policy = tmp_path / "policy.toml"
    policy.write_text('name = "small"\nversion = "1"\nrequired = ["patterns"]\n')
    redactor_of(Settings(redaction=RedactionSettings(policy=policy)), b"k" * 32)
    assert ONE_CORE.items() <= os.environ.items()
