"""What scales the workers: KEDA would take it, and it means this program's queue and workers."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # no stubs are installed for it
import pytest
import yaml  # type: ignore[import-untyped]  # as above

from audit.settings import Settings

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "tests/fixtures/keda/schema.json").read_text("utf-8"))


def documents() -> dict[str, Any]:
    """The documents of the file by their kind."""
    text = (ROOT / "deploy/keda/scaledobject.yaml").read_text("utf-8")
    return {each["kind"]: each for each in yaml.safe_load_all(text)}


def test_both_documents_are_what_keda_documents() -> None:
    """Fields, types and choices of the scaled object and of its authentication."""
    found = documents()
    assert set(found) == {"ScaledObject", "TriggerAuthentication"}
    for each in found.values():
        jsonschema.validate(each, SCHEMA)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("pollingIntervall",), 15),
        (("minReplicaCount",), "1"),
        (("idleReplicaCount",), 1),
        (("triggers", 0, "metadata", "messageCount"), 1000),
        (("triggers", 0, "metadata", "queuename"), "auditstream"),
        (("triggers", 0, "type"), "azure-service-bus"),
        (("advanced", "horizontalPodAutoscalerConfig", "behavior", "scaleDown", "policies"), []),
        (("fallback",), {"replicas": 4}),
    ],
)
def test_a_slip_of_the_pen_is_noticed(path: tuple[Any, ...], value: object) -> None:
    """A misspelt field, a number without its quotes, a choice that is none."""
    wrong = copy.deepcopy(documents()["ScaledObject"])
    place = wrong["spec"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA)


def test_it_signs_in_as_the_workload_and_looks_at_the_queue_that_is_the_default() -> None:
    """No secret is in it, and the parts refer to each other by the names they have."""
    found = documents()
    (trigger,) = found["ScaledObject"]["spec"]["triggers"]
    authentication = found["TriggerAuthentication"]
    assert authentication["spec"]["podIdentity"]["provider"] == "azure-workload"
    assert trigger["authenticationRef"]["name"] == authentication["metadata"]["name"]
    assert trigger["metadata"]["queueName"] == Settings().queue.name
    assert "connectionFromEnv" not in trigger["metadata"]


def test_one_worker_stays_and_there_is_room_above() -> None:
    """Somebody has to sweep; and the fallback is neither none nor all."""
    spec = documents()["ScaledObject"]["spec"]
    assert 1 <= spec["minReplicaCount"] < spec["fallback"]["replicas"] < spec["maxReplicaCount"]


def test_the_page_on_scaling_gives_the_numbers_that_the_file_has() -> None:
    """Each setting that the page names has the value that stands there."""
    spec = documents()["ScaledObject"]["spec"]
    held = {
        "pollingInterval": spec["pollingInterval"],
        "minReplicaCount": spec["minReplicaCount"],
        "maxReplicaCount": spec["maxReplicaCount"],
        "cooldownPeriod": spec["cooldownPeriod"],
        **spec["triggers"][0]["metadata"],
    }
    page = (ROOT / "docs/scaling.md").read_text("utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", page, re.MULTILINE))
    assert told.keys() >= {"pollingInterval", "messageCount", "activationMessageCount"}
    assert {name: str(held[name]) for name in told} == told
