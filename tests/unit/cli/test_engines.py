"""The engines as the settings name them: what is loaded, what is made, and what is cleared away."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from audit.errors import BlobsUnavailable, KeyMissing, SettingInvalid
from audit.settings import Settings
from audit.signing import Role
from cli.config import load
from cli.engines import begun, on_this_machine, queue_place, store_place
from cli.gathering import gather
from cli.leftovers import OverflowSweeper
from cli.office import begun as office_begun
from cli.places import console_token, prepare
from storage.key_making import make_keys
from tests.unit.docs.source import ROOT

SERVICES: dict[str, Any] = {
    "queue": {"engine": "servicebus", "namespace": "bus.example"},
    "blobs": {"engine": "azure", "account": "https://blobs.example"},
    "store": {"engine": "cosmos", "endpoint": "https://store.example"},
}

LOADED = """
import asyncio, sys
from pathlib import Path
from audit.settings import Settings
from cli.engines import outbox_of, receiving_of, store_of, store_view_of
async def opened(settings):
    async with outbox_of(settings), receiving_of(settings), store_of(settings):
        async with store_view_of(settings):
            pass
asyncio.run(opened(Settings(data=Path(sys.argv[1]))))
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"azure", "aiohttp", "cosmos"}))
"""


def on_services(tmp_path: Path, **changes: Any) -> Settings:
    """Settings of a part that keeps nothing on its own machine."""
    return Settings(data=tmp_path / "data", keys=tmp_path / "keys", **SERVICES | changes)


def test_the_embedded_engines_load_nothing_of_azures(tmp_path: Path) -> None:
    """Who runs on files alone never imports an SDK."""
    run = subprocess.run(
        [sys.executable, "-P", "-c", LOADED, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == []


def test_a_place_is_a_file_or_words(tmp_path: Path) -> None:
    """Of a file one can tell whether it was ever made, of a service one cannot."""
    files, services = Settings(data=tmp_path / "data"), on_services(tmp_path)
    assert on_this_machine(files)
    assert not on_this_machine(services)
    assert not begun(queue_place(files))
    assert begun(queue_place(services))
    assert queue_place(services) == "the Service Bus queue auditstream in bus.example"
    assert store_place(services) == "https://store.example/auditstream"


def test_a_worker_on_services_makes_neither_folder_nor_keys(tmp_path: Path) -> None:
    """Keys of its own would open nothing that taps have sealed: it says which one is missing."""
    settings = on_services(tmp_path)
    with pytest.raises(KeyMissing):
        prepare(settings, may_open=True, signs=[Role.WORKER])
    assert list(tmp_path.iterdir()) == []
    make_keys(settings.key_folder)
    prepare(settings, may_open=True, signs=[Role.WORKER])
    assert [each.name for each in tmp_path.iterdir()] == ["keys"]


@pytest.mark.parametrize(
    "changes", [{"blobs": {}}, {"queue": {}}, {"store": {}}], ids=["blobs", "queue", "store"]
)
def test_what_rests_in_the_folder_makes_it_and_binds_it(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    """As soon as one engine is a file, the folder belongs to the keys it was made with."""
    settings = on_services(tmp_path, **changes)
    prepare(settings, may_open=True, signs=[Role.WORKER])
    assert (settings.data / "binding").exists()


def test_a_tap_has_a_folder_whatever_the_engines(tmp_path: Path) -> None:
    """Its spool is there."""
    settings = on_services(tmp_path)
    make_keys(settings.key_folder)
    prepare(settings, may_open=False, signs=[Role.TAP])
    assert (settings.data / "binding").exists()


def test_an_office_opens_before_the_first_start_on_services_only(tmp_path: Path) -> None:
    """Of files that are not there it is said that nothing was ever kept there."""
    office_begun(on_services(tmp_path))
    with pytest.raises(SettingInvalid, match="there is nothing in"):
        office_begun(Settings(data=tmp_path / "data"))


async def test_services_that_do_not_answer_are_named_and_not_taken_for_empty(
    tmp_path: Path,
) -> None:
    """`verify` judges nothing by them, and its lines say which could not be read."""
    nobody = (
        "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=YQ==;"
        "UseDevelopmentEmulator=true;"
    )
    queue = {"engine": "servicebus", "connection_string": nobody, "timeout": 3}
    store = {"engine": "cosmos", "endpoint": "https://127.0.0.1:1", "key": "YQ==", "timeout": 3}
    lines: list[str] = []
    settings = on_services(tmp_path, queue=queue, store=store)
    evidence = await gather(settings, lines.append)
    assert {"keys", "queue", "ledger", "records"} == set(evidence.unread)
    said = "\n".join(lines)
    assert "no tap's spool is in" in said
    assert "the queue could not be read: the Service Bus queue auditstream " in said
    assert "the records could not be read: https://127.0.0.1:1 " in said
    assert "YQ==" not in said


def test_the_query_sides_token_is_the_one_that_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then no keys folder is made; a short one is refused, and none is ever shown."""
    monkeypatch.setenv("AUDITSTREAM_CONSOLE__TOKEN", "0123456789abcdef")
    settings = load({"data": tmp_path / "data", "keys": tmp_path / "keys"})
    assert console_token(settings) == "0123456789abcdef"
    assert list(tmp_path.iterdir()) == []
    assert "0123456789abcdef" not in repr(settings)
    monkeypatch.setenv("AUDITSTREAM_CONSOLE__TOKEN", "0123456789abcde")
    with pytest.raises(SettingInvalid, match=r"console\.token"):
        load({})


class _Sweeps:
    """Sweeps as it is told to, and ends the sweeper after the last time."""

    def __init__(self, *ends: int | Exception) -> None:
        self._ends = list(ends)
        self.stop = asyncio.Event()
        self.times: list[float] = []
        self.said: list[tuple[str, dict[str, Any]]] = []

    async def __call__(self, now: float) -> int:
        """Carry out the next."""
        self.times.append(now)
        end = self._ends.pop(0)
        if not self._ends:
            self.stop.set()
        if isinstance(end, Exception):
            raise end
        return end

    def info(self, event: str, **facts: Any) -> None:
        """Keep a line."""
        self.said.append((event, facts))

    warning = error = info


async def test_an_overflow_sweep_that_fails_is_told_and_tried_again() -> None:
    """What was removed is said; an outage ends one sweep and not the worker."""
    sweeps = _Sweeps(BlobsUnavailable("away"), 0, 3)
    sweeper = OverflowSweeper(sweeps, sweeps, seconds=0.0, now=lambda: 12.0)
    await sweeper.run(sweeps.stop)
    assert sweeps.times == [12.0] * 3
    assert sweeps.said == [
        ("worker.sweep_failed", {"code": "blobs.unavailable"}),
        ("worker.overflow_swept", {"count": 3}),
    ]


async def test_an_overflow_sweep_that_fails_unexpectedly_ends_no_worker() -> None:
    """Its kind is said, not its words, and the next sweep is made."""
    sweeps = _Sweeps(KeyError("secret"), 1)
    await OverflowSweeper(sweeps, sweeps, seconds=0.0).run(sweeps.stop)
    (event, facts), told = sweeps.said
    assert (event, facts["error_type"]) == ("worker.unexpected", "KeyError")
    assert "secret" not in str(facts)
    assert told == ("worker.overflow_swept", {"count": 1})


async def test_a_stop_waits_for_no_overflow_sweep() -> None:
    """A worker that is told to end does, however long a walk over all blobs takes."""
    begun, stop = asyncio.Event(), asyncio.Event()

    async def sweep(now: float) -> int:
        del now
        begun.set()
        await asyncio.Event().wait()
        return 0

    running = asyncio.create_task(OverflowSweeper(sweep, _Sweeps()).run(stop))
    await begun.wait()
    stop.set()
    async with asyncio.timeout(5):
        await running
