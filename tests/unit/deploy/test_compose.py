"""docker-compose.yml says of the program what is so, and starts it in an order that works."""

from __future__ import annotations

import json
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from audit.settings import Settings
from cli.config import load
from cli.engines_service_bus import queue_needs
from cli.main import cli
from tests.unit.deploy.recipes import (
    IMAGES,
    compose,
    environment,
    inherited,
    ours,
    share_keys,
    stages,
    words,
)
from tests.unit.docs.source import ROOT

# The parts of the published compose specification that are used here. A key outside them is more
# likely a slip than a need.
TOP = {"name", "services", "volumes"}
SERVICE = {
    "build", "cap_drop", "command", "depends_on", "deploy", "entrypoint", "environment",
    "healthcheck", "image", "ports", "read_only", "restart", "security_opt", "stop_grace_period",
    "tmpfs", "user", "volumes",
}  # fmt: skip
# Tags under which newer images appear: Microsoft names no others for these.
MOVING = {"2022-latest", "vnext-preview"}
HEALTHCHECK = {"test", "interval", "timeout", "retries", "start_period", "disable"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
DURATION = re.compile(r"(\d+h)?(\d+m)?(\d+s)?")
PORT = re.compile(r"127\.0\.0\.1:\d+:(\d+)")

# What the emulator's own schema permits (ServiceBus-Emulator/Schema/Config-schema.json of
# Azure/azure-service-bus-emulator-installer).
QUEUE_LIMITS = {
    "DefaultMessageTimeToLive": (timedelta(minutes=5), timedelta(hours=1)),
    "DuplicateDetectionHistoryTimeWindow": (timedelta(seconds=5), timedelta(minutes=5)),
    "LockDuration": (timedelta(seconds=5), timedelta(minutes=5)),
}


def settings_of(service: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings that the service's process would run with. Raises for one that is none."""
    for name in [name for name in os.environ if name.startswith("AUDITSTREAM_")]:
        monkeypatch.delenv(name)
    for name, value in environment(service).items():
        if name.startswith("AUDITSTREAM_"):
            monkeypatch.setenv(name, value)
    return load({})


def port_of(address: str) -> int:
    """The port of HOST:PORT."""
    return int(address.rpartition(":")[2])


def listening(image: str, settings: Settings) -> dict[str, int]:
    """Where the program of an image listens: for its work, and for health checks."""
    worker = settings.worker.control
    if image == "tap":
        return {"work": port_of(settings.listen), "health": port_of(settings.tap.control)}
    if image == "console":
        return dict.fromkeys(("work", "health"), port_of(settings.console.listen))
    assert worker is not None
    return {"health": port_of(worker)}


def test_it_has_the_shape_of_the_compose_specification() -> None:
    """Every key is one of the specification's, and every name that is used is declared."""
    document = compose()
    assert {key for key in document if not key.startswith("x-")} <= TOP
    for name, service in document["services"].items():
        assert service.keys() <= SERVICE, name
        assert "image" in service, name
        health = service.get("healthcheck", {})
        assert health.keys() <= HEALTHCHECK, name
        assert all(DURATION.fullmatch(health.get(key, "1s")) for key in ("interval", "timeout"))
        assert all(isinstance(value, str) for value in service.get("environment", {}).values())
        for volume in service.get("volumes", []):
            source = volume["source"] if isinstance(volume, dict) else volume.partition(":")[0]
            assert source in document["volumes"] or (ROOT / source).is_file(), (name, source)


def test_every_image_is_pinned_by_a_tag() -> None:
    """An image of someone else's has a tag; those that Microsoft moves are known by name."""
    for name, service in compose()["services"].items():
        if "build" in service:
            assert service["build"]["target"] in IMAGES
            assert service["image"] == f"auditstream-{service['build']['target']}"
        else:
            tag = service["image"].rpartition(":")[2]
            assert tag in MOVING or re.fullmatch(r"\d+\.\d+\.\d+", tag), name
            assert "/" not in tag, name


def test_it_starts_in_an_order_that_works() -> None:
    """Who waits for health waits for something that is checked; who waits for an end, for a job."""
    services = compose()["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            assert how["condition"] in CONDITIONS
            checked = services[other].get("healthcheck", {})
            if how["condition"] == "service_healthy":
                assert checked.get("test") or other in ours(), (name, other)
            if how["condition"] == "service_completed_successfully":
                assert checked == {"disable": True}, (name, other)
                assert "restart" not in services[other]
    for part in IMAGES:
        assert "provision" in services[part]["depends_on"]
    assert {"keys", "provision"} <= services["worker"]["depends_on"].keys()
    assert services["worker"]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("name", sorted(ours()))
def test_every_setting_in_it_is_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a service's environment sets is a setting, and its value one that can be used."""
    settings = settings_of(ours()[name], monkeypatch)
    assert str(settings.data) == "/data"
    assert str(settings.key_folder) == "/keys"
    if name != "console":
        assert settings.queue.engine == "servicebus"
    assert settings.blobs.engine == "azure"


def test_each_part_is_told_of_what_it_may_reach_and_no_more() -> None:
    """The tap hears nothing of the store, and the query side nothing of the queue or of keys."""
    services = compose()["services"]
    assert not any("STORE" in name for name in services["tap"]["environment"])
    assert not any("QUEUE" in name for name in services["console"]["environment"])
    # Who looked is on record beside the records, and nothing of it on the console's machine.
    assert "volumes" not in services["console"]
    for part in ("tap", "worker"):
        [keys] = [each for each in services[part]["volumes"] if isinstance(each, dict)]
        assert (keys["source"], keys["read_only"]) == ("keys", True)
        assert keys["volume"] == {"subpath": part}


@pytest.mark.parametrize("image", IMAGES)
def test_ports_and_health_checks_are_the_programs_own(
    image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is exposed, published and asked for health is where the program listens."""
    service = compose()["services"][image]
    ports = listening(image, settings_of(service, monkeypatch))
    stage = stages()[image]
    exposed = {int(port) for line in stage.all("EXPOSE") for port in line.split()}
    assert exposed == set(ports.values())
    for published in service.get("ports", []):
        match = PORT.fullmatch(published)
        assert match, "published on this machine only"
        assert int(match[1]) == ports["work"]
    [check] = stage.all("HEALTHCHECK")
    assert words(check) == ["python", "-P", "-m", "cli.healthy", str(ports["health"])]


def test_what_is_started_is_a_command_with_these_options() -> None:
    """Entry point and command of every part of ours are understood by the command line."""
    assert words(stages()["image"].all("ENTRYPOINT")[0]) == ["auditstream"]
    for name, service in ours().items():
        default = words(stages()[service["build"]["target"]].all("CMD")[0])
        command, *options = service.get("command", default)
        context = cli.commands[command].make_context(command, list(options))
        assert context.info_name == command, name


def test_ours_run_without_privileges_on_a_root_that_cannot_be_written() -> None:
    """No container of ours runs as root, writes to its root or keeps a capability."""
    for name, service in compose()["services"].items():
        if "build" in service:
            assert service["user"] == "10001:10001", name
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name


def test_the_queue_is_defined_as_the_program_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator's queue has our name, lends long enough, and lets a worker count to its end."""
    document = json.loads((ROOT / "deploy/service-bus/config.json").read_text("utf-8"))
    [namespace] = document["UserConfig"]["Namespaces"]
    [queue] = namespace["Queues"]
    settings = settings_of(compose()["services"]["worker"], monkeypatch)
    properties = queue["Properties"]
    assert queue["Name"] == settings.queue.name
    assert properties["RequiresDuplicateDetection"]
    assert properties["DeadLetteringOnMessageExpiration"]
    assert not properties["RequiresSession"]
    assert queue_needs(settings).deliveries <= properties["MaxDeliveryCount"] <= 10
    assert seconds(properties["LockDuration"]).total_seconds() >= settings.worker.lease
    for name, (least, most) in QUEUE_LIMITS.items():
        assert least <= seconds(properties[name]) <= most, name


def seconds(period: str) -> timedelta:
    """An ISO 8601 period of hours, minutes and seconds."""
    match = re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?", period)
    assert match, period
    hours, minutes, rest = (int(each or 0) for each in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=rest)


def test_tap_and_workers_get_their_own_keys_and_no_others(tmp_path: Path) -> None:
    """Run for real, the key job gives no tap what opens, and no worker what a tap signs with."""
    for _ in range(2):
        share_keys(tmp_path)
    parts = ("all", "tap", "worker")
    names = {part: sorted(each.name for each in (tmp_path / part).iterdir()) for part in parts}
    private = {part: [name for name in names[part] if name.endswith(".key")] for part in names}
    assert sorted(name.split(".")[0] for name in private["tap"]) == ["fingerprint", "sign"]
    assert not [name for name in names["tap"] if re.fullmatch(r"seal\..*\.key", name)]
    assert not [name for name in private["tap"] if name.startswith("sign.worker")]
    assert not [name for name in private["worker"] if name.startswith("sign.tap")]
    assert set(names["tap"]) | set(names["worker"]) == set(names["all"])
    modes = {(tmp_path / "tap" / name).stat().st_mode & 0o077 for name in private["tap"]}
    assert modes == {0}


def test_the_images_say_where_data_and_keys_are() -> None:
    """Every image has the same two folders, so that one manifest fits all three."""
    for image in IMAGES:
        variables = inherited(image)
        assert (variables["AUDITSTREAM_DATA"], variables["AUDITSTREAM_KEYS"]) == ("/data", "/keys")
