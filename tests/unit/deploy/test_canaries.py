"""What sends canaries and what alarms on them name this program's options, settings and metrics."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import yaml  # type: ignore[import-untyped]  # no stubs are installed for it

from audit.telemetry import METRICS
from cli.canary import canary
from cli.config import KEY_VARIABLES, setting_rows
from cli.reference.words import LABELS

ROOT = Path(__file__).parents[3]


def document(path: str) -> Any:
    """The one document of a file."""
    return yaml.safe_load((ROOT / "deploy" / path).read_text("utf-8"))


def test_the_cron_job_runs_a_command_that_there_is() -> None:
    """Its options are understood, it ends before the next one, and never tries twice."""
    job = document("canary/cronjob.yaml")["spec"]
    spec = job["jobTemplate"]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    name, *words = container["args"]
    asked = canary.make_context(name, list(words), resilient_parsing=False).params
    assert asked["wait"] < spec["activeDeadlineSeconds"] < 5 * 60
    assert (job["schedule"], job["concurrencyPolicy"]) == ("*/5 * * * *", "Forbid")
    assert (spec["backoffLimit"], spec["template"]["spec"]["restartPolicy"]) == (0, "Never")
    mounted = {each["mountPath"] for each in container["volumeMounts"]}
    assert str(asked["headers"].parent) in mounted
    known = {row[1] for row in setting_rows()} | set(KEY_VARIABLES)
    assert {each["name"] for each in container["env"]} <= known
    assert container["image"] == "auditstream-worker"


def test_the_alarms_read_metrics_that_there_are() -> None:
    """Each names the metric and a result that workers count; a leak is the critical one."""
    (group,) = document("prometheus/canaries.yaml")["groups"]
    _, results = LABELS["auditstream_canaries_total"]
    severities = {each["alert"]: each["labels"]["severity"] for each in group["rules"]}
    assert severities.pop("AuditStreamCanaryLeaked") == "critical"
    assert set(severities.values()) == {"warning"}
    for rule in group["rules"]:
        assert set(re.findall(r"auditstream_\w+", rule["expr"])) <= set(METRICS)
        assert set(re.findall(r'result="(\w+)"', rule["expr"])) <= set(results)
        assert rule["annotations"].keys() == {"summary", "description"}


def test_the_help_names_every_family() -> None:
    """The command's help is written before the families are loaded."""
    from redaction.canary_values import Family  # noqa: PLC0415 - as the command does

    (option,) = [each for each in canary.params if each.name == "without"]
    assert isinstance(option, click.Option)
    assert option.help is not None
    listed = option.help.partition("Families: ")[2].rstrip(".").split(", ")
    assert listed == list(Family)
