"""The access log on Cosmos DB when its service throttles, forgets its answer or refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from audit.engine_settings import StoreSettings
from audit.errors import RecordInvalid, SettingInvalid, StoreUnavailable
from audit.settings import ConsoleSettings, Settings
from audit.telemetry import NoCount
from cli.engines import desk_of, log_place
from cli.run_export import first_broken
from storage.access.cosmos import CosmosAccessLog, CosmosEndedSessions, open_cosmos_desk
from storage.records.cosmos_client import Container, CosmosAccess, open_client, open_container
from storage.records.cosmos_provision import ACCESS, READERS, provision
from tests.contract.test_access import look, whole
from tests.emulators.cosmos import CosmosEmulator
from tests.emulators.cosmos_faults import Fault, FaultyCosmos, faulty_cosmos


@dataclass
class Troubled:
    """A log, the faults on its way, and its container as somebody with every right sees it."""

    log: CosmosAccessLog
    way: FaultyCosmos
    container: Container
    access: CosmosAccess


@pytest.fixture
async def troubled(cosmos: CosmosEmulator) -> AsyncIterator[Troubled]:
    """A log that is reached through the fault proxy."""
    async with faulty_cosmos(cosmos) as way:
        access = way.emulator.access(timeout=5.0)
        await provision(access)
        desk, client = await open_cosmos_desk(access), await open_client(access)
        container = await open_container(client, access, ACCESS, NoCount())
        yield Troubled(desk.log, way, container, access)
        await client.close()
        await desk.close()


@pytest.mark.parametrize("status", [0, 408, 429, 500, 503])
async def test_a_write_without_an_answer_is_no_entry_twice(troubled: Troubled, status: int) -> None:
    """What was carried out although no answer came stands once, and the next entry follows it."""
    await troubled.log.enter(look(1))
    troubled.way.faults.append(Fault(status, verb="POST", container=ACCESS, done=True))
    with suppress(StoreUnavailable):
        await troubled.log.enter(look(2))
    assert troubled.way.failures == 1
    await troubled.log.enter(look(3))
    assert [each.access for each in await whole(troubled.log)] == [look(n) for n in (1, 2, 3)]


@pytest.mark.parametrize("status", [401, 403, 404, 503])
async def test_what_the_service_does_not_take_is_not_entered(
    troubled: Troubled, status: int
) -> None:
    """Whoever may not add to the log, or cannot now, is told so, and the log is as it was."""
    await troubled.log.enter(look(1))
    troubled.way.faults.append(Fault(status, verb="POST", container=ACCESS, times=99))
    with pytest.raises(StoreUnavailable):
        await troubled.log.enter(look(2))
    troubled.way.faults.clear()
    await troubled.log.enter(look(3))
    assert [each.access for each in await whole(troubled.log)] == [look(1), look(3)]


async def test_who_was_away_for_long_asks_for_the_end_and_not_for_every_entry(
    troubled: Troubled,
) -> None:
    """After forty entries of others it takes some twenty requests to add the next one."""
    await troubled.log.enter(look(1))
    desk = await open_cosmos_desk(troubled.access)
    for number in range(2, 42):
        await desk.log.enter(look(number))
    before = troubled.way.requests
    await troubled.log.enter(look(42))
    assert troubled.way.requests - before < 20
    await desk.close()
    assert len(await whole(troubled.log)) == 42


async def test_an_entry_that_is_gone_or_altered_shows(troubled: Troubled) -> None:
    """Whoever has the account's key can take one away or write over it: the chain tells."""
    for number in range(1, 5):
        await troubled.log.enter(look(number))
    item = await troubled.container.read("entry.3", ["entry.3"])
    assert item is not None
    kept = item["json"]
    await troubled.container.upsert({**item, "json": kept.replace("ada", "eve")})
    assert first_broken([each async for each in troubled.log.entries()]) == 3
    await troubled.container.upsert({**item, "json": "{"})
    with pytest.raises(RecordInvalid, match=r"entry\.3 is damaged"):
        await troubled.log.newest(9)
    await troubled.container.delete("entry.3", ["entry.3"])
    # Who has seen the end of the log goes on from there.
    await troubled.log.enter(look(5))
    entries = [each async for each in troubled.log.entries()]
    assert [each.number for each in entries] == [1, 2, 4, 5]
    assert first_broken(entries) == 3


async def test_a_session_that_was_left_is_kept_no_longer_than_it_would_have_lasted(
    troubled: Troubled,
) -> None:
    """The service removes it then: its time to live is counted from the instant of leaving."""
    client = await open_client(troubled.access)
    readers = await open_container(client, troubled.access, READERS, NoCount())
    for until, lasts in ((1_000.0, 900), (100.5, 1), (1.0, 1)):
        await CosmosEndedSessions(readers, lambda: 100.0).end("a1", until)
        item = await readers.read("ended", ["session:a1"])
        assert item is not None
        assert item["ttl"] == lasts
    await client.close()


async def test_the_settings_lead_to_the_container_and_to_no_file(troubled: Troubled) -> None:
    """Where records are in Cosmos DB, a file for the access log is refused and not passed over."""
    access = troubled.access
    store = {"engine": "cosmos", "endpoint": access.endpoint, "database": access.database}
    settings = Settings(
        store=StoreSettings.model_validate({**store, "key": access.key, "ca": access.ca})
    )
    async with desk_of(settings) as desk:
        await desk.log.enter(look(1))
        assert desk.ended is not None
    assert [each.access for each in await whole(troubled.log)] == [look(1)]
    assert log_place(settings) == f"{access.endpoint}/{access.database}/access"
    console = ConsoleSettings.model_validate({"access_log": "access.sqlite"})
    with pytest.raises(SettingInvalid, match=r"console\.access_log"):
        async with desk_of(settings.model_copy(update={"console": console})):
            pass
