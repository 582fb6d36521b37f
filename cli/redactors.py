"""Redactors put together: in this process, or in a pool of processes that only redact.

The law: a process that redacts is given the policy's settings and the key of pseudonyms through
its pipe, and nothing else: none of its worker's other keys, no connection string, no variable of
ours in its environment and none that signs in as somebody. Detectors that ask a service stay in
the worker, and are asked by pipe.
"""

from __future__ import annotations

import os
import sys
from base64 import b64decode, b64encode
from collections.abc import Mapping

import msgspec

from audit.settings import Settings
from audit.telemetry import Log
from audit.value import Json, Value, from_json, prepare, to_json
from cli.policies import check_models, policy_of
from redaction.detector import Detector
from workers.pool import Pool
from workers.pool_process import RedactionProcess

__all__ = ["ONE_CORE", "RedactionOrders", "environment_of", "orders_of", "pool_of", "read_orders"]

# What of the settings a process that redacts needs.
_NEEDED = ("redaction", "log_level", "log_json")
# A process that redacts is for one core: `worker.processes` says how many there are. By themselves
# libraries of matrices would take all cores for each, and wait on them by turning.
ONE_CORE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
# Ours, and those of which `cli.credentials` makes an identity.
_WITHHELD = ("AUDITSTREAM_", "AZURE_", "IDENTITY_", "MSI_")


class RedactionOrders(Value, frozen=True):
    """What a process is to redact with: its settings, and the key of pseudonyms in base64.

    `asked` are the detectors that its worker has, with their versions.
    """

    settings: dict[str, Json]
    pseudonym_key: str
    asked: dict[str, str] = msgspec.field(default_factory=dict)


def pool_of(
    settings: Settings,
    pseudonym_key: bytes,
    log: Log,
    detectors: Mapping[str, Detector] | None = None,
) -> Pool:
    """Give the pool that the settings describe. Raises `SettingInvalid` before anything starts.

    `detectors` are those of the worker (`cli.detectors`).
    """
    ours = detectors or {}
    policy_of(settings)
    check_models(settings)
    orders = to_json(orders_of(settings, pseudonym_key, ours))
    words = [sys.executable, "-P", "-m", "cli.redaction_child"]
    env = environment_of(os.environ)

    async def start() -> RedactionProcess:
        return await RedactionProcess.start(
            words, orders, env=env, patience=settings.redaction.timeout, detectors=ours
        )

    return Pool(start, settings.worker.processes, log)


def environment_of(ours: Mapping[str, str]) -> dict[str, str]:
    """Give what of the worker's environment a process that redacts has."""
    kept = {name: value for name, value in ours.items() if not name.startswith(_WITHHELD)}
    return kept | ONE_CORE


def orders_of(
    settings: Settings, pseudonym_key: bytes, detectors: Mapping[str, Detector] | None = None
) -> RedactionOrders:
    """Give what a process that redacts is told."""
    return RedactionOrders(
        settings=settings.model_dump(mode="json", include=set(_NEEDED)),
        pseudonym_key=b64encode(pseudonym_key).decode(),
        asked={name: each.version for name, each in (detectors or {}).items()},
    )


def read_orders(given: bytes) -> tuple[Settings, bytes, dict[str, str]]:
    """Give the settings and the key that `orders_of` was made of, and the detectors to ask for."""
    orders = from_json(given, RedactionOrders)
    settings = Settings.model_validate(orders.settings)
    return settings, b64decode(orders.pseudonym_key), orders.asked


prepare(RedactionOrders)
