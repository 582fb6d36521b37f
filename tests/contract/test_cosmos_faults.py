"""What the store on Cosmos DB does when the service throttles, fails, falls silent or forgets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import msgspec
import pytest

from audit.errors import RecordInvalid, SettingInvalid, StoreUnavailable
from audit.ledger import Amendment, LedgerState
from audit.record import Retention
from audit.value import to_json
from storage.records.cosmos import CosmosAccess, CosmosStore, open_cosmos
from storage.records.cosmos_provision import provision
from storage.records.query import Query
from tests.contract.samples import a_record, an_entry, number, record_id
from tests.emulators.cosmos import CosmosEmulator, cosmos_store
from tests.emulators.cosmos_faults import Fault, FaultyCosmos, faulty_cosmos


@dataclass
class Troubled:
    """A store, and the faults on its way."""

    store: CosmosStore
    way: FaultyCosmos
    access: CosmosAccess


@pytest.fixture
async def troubled(cosmos: CosmosEmulator) -> AsyncIterator[Troubled]:
    """A store that is reached through the fault proxy."""
    async with faulty_cosmos(cosmos) as way:
        access = way.emulator.access(timeout=5.0)
        async with cosmos_store(access) as store:
            yield Troubled(store, way, access)


def throttled(milliseconds: int, times: int = 1) -> Fault:
    """The service's answer where no request units are left."""
    return Fault(429, {"x-ms-retry-after-ms": str(milliseconds)}, times)


async def test_a_short_throttling_is_ridden_out(troubled: Troubled) -> None:
    """Two refusals with a time to wait, and the record is stored by the same call."""
    troubled.way.faults.append(throttled(5, times=2))
    assert await troubled.store.writer.put(a_record(1))
    assert not troubled.way.faults


async def test_a_long_throttling_is_told_with_the_time_to_wait(troubled: Troubled) -> None:
    """After the SDK's own tries the caller hears how long the service wants to be left alone."""
    troubled.way.faults.append(throttled(30, times=99))
    with pytest.raises(StoreUnavailable) as caught:
        await troubled.store.writer.put(a_record(1))
    assert caught.value.retry_after == 0.03
    assert troubled.way.requests == 4  # one try and three more
    troubled.way.faults.clear()
    assert await troubled.store.writer.put(a_record(1))


@pytest.mark.parametrize("status", [408, 410, 449, 500, 502, 503, 504, 401, 403, 418])
async def test_a_failing_service_is_unavailable(troubled: Troubled, status: int) -> None:
    """Whatever may be mended from outside is no fault of the record: it is tried again later."""
    for operation in (
        lambda: troubled.store.writer.put(a_record(1)),
        lambda: troubled.store.ledger.entry(number(1)),
        lambda: troubled.store.reader.search(Query(), 10),
    ):
        troubled.way.faults[:] = [Fault(status, times=99)]
        with pytest.raises(StoreUnavailable):
            await operation()
    troubled.way.faults.clear()
    assert await troubled.store.writer.put(a_record(1))


@pytest.mark.parametrize("status", [400, 413])
async def test_a_document_that_is_refused_is_invalid(troubled: Troubled, status: int) -> None:
    """What the service will never take is dead-lettered and not tried for ever."""
    troubled.way.faults.append(Fault(status))
    with pytest.raises(RecordInvalid):
        await troubled.store.writer.put(a_record(1))


async def test_a_wrong_key_is_named(troubled: Troubled) -> None:
    """A refused signature says which setting to look at."""
    troubled.way.faults.append(Fault(401))
    with pytest.raises(StoreUnavailable, match=r"store\.key"):
        await troubled.store.reader.get(record_id(1))


async def test_a_container_that_went_is_named(troubled: Troubled) -> None:
    """A container that is missing is not taken for an item that is."""
    troubled.way.faults.append(Fault(404, {"x-ms-substatus": "1003"}))
    with pytest.raises(StoreUnavailable, match="auditstream provision"):
        await troubled.store.ledger.entry(number(1))


async def test_cut_connections_are_tried_once_more(troubled: Troubled) -> None:
    """One broken connection is nobody's concern; a second one is told."""
    troubled.way.faults.append(Fault())
    assert await troubled.store.writer.put(a_record(1))
    troubled.way.faults.append(Fault(times=99))
    with pytest.raises(StoreUnavailable):
        await troubled.store.writer.put(a_record(2))
    troubled.way.faults.clear()
    assert await troubled.store.writer.put(a_record(2))


async def test_an_outage_is_over_when_it_is_over(cosmos: CosmosEmulator) -> None:
    """While nobody listens every operation says so; afterwards the same store goes on."""
    async with faulty_cosmos(cosmos) as way:
        access = way.emulator.access(timeout=5.0)
        await provision(access)
        store = await open_cosmos(access)
    for _ in range(3):
        for operation in (store.writer.put(a_record(1)), store.ledger.entry(number(1))):
            with pytest.raises(StoreUnavailable, match="cannot be reached"):
                await operation
    async with faulty_cosmos(cosmos, int(access.endpoint.rpartition(":")[2])):
        assert await store.writer.put(a_record(1))
        assert await store.reader.get(record_id(1)) is not None
        await store.close()


async def test_a_record_whose_answer_was_lost_is_stored_once(troubled: Troubled) -> None:
    """The second try meets the first one's record, which stands."""
    troubled.way.faults.append(Fault(verb="POST", done=True))
    await troubled.store.writer.put(a_record(1))
    page = await troubled.store.reader.search(Query(), 10)
    assert [document.id for document in page.documents] == [record_id(1)]


async def test_a_removal_whose_answer_was_lost_has_happened(troubled: Troubled) -> None:
    """The ledger's own write is known again, and counts."""
    await troubled.store.writer.put(a_record(1))
    await troubled.store.ledger.enter(an_entry(1))
    troubled.way.faults.append(Fault(verb="PUT", done=True))
    assert await troubled.store.keeper.remove([an_entry(1, LedgerState.ERASED)]) == 1
    assert await troubled.store.reader.get(record_id(1)) is None


async def test_a_record_that_comes_while_it_is_erased_does_not_stay(troubled: Troubled) -> None:
    """One that was stored after the removal had looked, and before its entry stood, goes too."""
    gate = asyncio.Event()
    troubled.way.faults.append(Fault(verb="POST", container="ledger", gate=gate))
    removal = asyncio.create_task(troubled.store.keeper.remove([an_entry(1, LedgerState.ERASED)]))
    await troubled.way.waiting.wait()
    assert await troubled.store.writer.put(a_record(1))
    gate.set()
    assert await removal == 1
    assert await troubled.store.reader.get(record_id(1)) is None


async def test_a_removal_that_broke_off_is_finished_by_the_next(troubled: Troubled) -> None:
    """The entry stands first; the record that was left is found again and removed."""
    await troubled.store.writer.put(a_record(1))
    troubled.way.faults.append(Fault(503, times=99, verb="DELETE"))
    with pytest.raises(StoreUnavailable):
        await troubled.store.keeper.remove([an_entry(1, LedgerState.ERASED)])
    entry = await troubled.store.ledger.entry(number(1))
    assert entry is not None
    assert entry.state is LedgerState.ERASED
    assert await troubled.store.reader.get(record_id(1)) is not None
    troubled.way.faults.clear()
    assert await troubled.store.keeper.remove([an_entry(1, LedgerState.ERASED)]) == 0
    assert await troubled.store.reader.get(record_id(1)) is None


async def test_an_amendment_that_broke_off_is_finished_by_the_next(troubled: Troubled) -> None:
    """Calling again with the same record and entry makes both true."""
    held = msgspec.structs.replace(a_record(1), retention=Retention(hold=True))
    hold = Amendment(at="2026-11-21T10:00:00.000000Z", kind="hold", record_digest="cd")
    amended = msgspec.structs.replace(an_entry(1), amendments=(hold,))
    await troubled.store.writer.put(a_record(1))
    await troubled.store.ledger.enter(an_entry(1))
    # The ledger's replacement goes through, the record's does not.
    troubled.way.faults.append(Fault(503, times=99, verb="PUT", container="records"))
    with pytest.raises(StoreUnavailable):
        await troubled.store.keeper.amend(held, amended)
    assert await troubled.store.ledger.entry(number(1)) == amended
    troubled.way.faults.clear()
    assert await troubled.store.keeper.amend(held, amended)
    document = await troubled.store.reader.get(record_id(1))
    assert document is not None
    assert document.json == to_json(held)


async def test_nothing_waits_longer_than_it_may(cosmos: CosmosEmulator) -> None:
    """A service that takes the connection and says nothing costs the time that was set."""
    held: list[asyncio.StreamWriter] = []

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    access = CosmosEmulator(f"https://127.0.0.1:{port}", cosmos.ca).access(timeout=0.2)
    with pytest.raises(StoreUnavailable, match=r"within store\.timeout"):
        await open_cosmos(access)
    for writer in held:
        writer.close()
    server.close()
    await server.wait_closed()


async def test_no_operation_waits_longer_than_it_may(troubled: Troubled) -> None:
    """An answer that never comes costs the time that was set, whatever the SDK would try."""
    gate = asyncio.Event()
    troubled.way.faults.append(Fault(times=99, gate=gate))
    access = replace(troubled.access, timeout=0.2)
    hurried = await open_cosmos(access)
    for operation in (
        hurried.writer.put(a_record(1)),
        hurried.ledger.entry(number(1)),
        hurried.reader.search(Query(), 10),
    ):
        with pytest.raises(StoreUnavailable, match=r"within store\.timeout"):
            await operation
    gate.set()
    await hurried.close()


async def test_a_store_that_was_never_provisioned_says_what_to_do(cosmos: CosmosEmulator) -> None:
    """Opening it names the command that makes it."""
    with pytest.raises(StoreUnavailable, match="auditstream provision"):
        await open_cosmos(cosmos.access())


async def test_a_key_that_is_none_is_a_setting_that_is_wrong(cosmos: CosmosEmulator) -> None:
    """What cannot sign anything is said at once."""
    access = CosmosEmulator(cosmos.endpoint, cosmos.ca, "abcde").access()
    with pytest.raises(SettingInvalid, match=r"store\.key"):
        await provision(access)


async def test_a_certificate_of_somebody_else_is_not_believed(cosmos: CosmosEmulator) -> None:
    """Also on this machine, where the SDK by itself would check none."""
    access = cosmos.access()
    strange = replace(access, ca=None)
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await open_cosmos(strange)
