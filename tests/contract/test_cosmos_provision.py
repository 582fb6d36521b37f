"""The containers on Cosmos DB: made once, held against their definitions, never made anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.documents import DatabaseAccount

from audit.errors import StoreUnavailable
from storage.records.cosmos import CosmosAccess
from storage.records.cosmos_client import open_client
from storage.records.cosmos_provision import (
    DESK,
    Definition,
    Flaw,
    account_flaws,
    check,
    definitions,
    provision,
)
from tests.emulators.cosmos import CosmosEmulator

# The emulator's account has this consistency and no other; the service's can be set.
SESSION = "account consistency"


async def flaws(access: CosmosAccess) -> dict[str, Flaw]:
    """What is found, but for what every emulator shows."""
    return {flaw.name: flaw for flaw in await check(access) if flaw.name != SESSION}


async def test_provisioning_twice_makes_everything_once(cosmos: CosmosEmulator) -> None:
    """The first call says what it made, the second nothing, and then nothing is wrong."""
    access = cosmos.access()
    assert set(await flaws(access)) == {
        "container records",
        "container ledger",
        "container orders",
        "container access",
        "container readers",
    }
    assert await provision(access) == [
        f"database {access.database} made",
        "container records made",
        "container ledger made",
        "container orders made",
        "container access made",
        "container readers made",
    ]
    assert await provision(access) == []
    assert await flaws(access) == {}


async def test_a_consistency_under_which_a_look_may_be_stale_is_a_flaw(
    cosmos: CosmosEmulator,
) -> None:
    """Whoever puts looks at the ledger afterwards, and must see what others wrote."""
    access = cosmos.access()
    await provision(access)
    (flaw,) = await check(access)
    assert (flaw.name, flaw.expected, flaw.found) == (
        SESSION,
        "Strong or BoundedStaleness",
        "Session",
    )


def test_an_account_that_writes_in_several_regions_is_a_flaw() -> None:
    """An id could be given out twice there, and one of two entries would be gone."""
    account = DatabaseAccount()
    account.ConsistencyPolicy = {"defaultConsistencyLevel": "Strong"}
    assert account_flaws(account) == []
    account._EnableMultipleWritableLocations = True
    (flaw,) = account_flaws(account)
    assert (flaw.name, flaw.found) == ("account write regions", "several")


async def test_a_look_at_some_containers_says_nothing_of_others(cosmos: CosmosEmulator) -> None:
    """The query side is told of what readers write, not of the workers' account."""
    access = cosmos.access()
    await provision(access)
    assert await check(access, only=DESK) == []
    client = await open_client(access)
    database = client.get_database_client(access.database)
    await database.delete_container("ledger")
    await database.delete_container("access")
    await client.close()
    assert [flaw.name for flaw in await check(access, only=DESK)] == ["container access"]


async def made(access: CosmosAccess, **records: Any) -> None:
    """Make a database whose `records` differ."""
    client = await open_client(access)
    database = await client.create_database(access.database)
    await database.create_container("records", **records)
    await client.close()


async def test_what_can_be_changed_is_changed(cosmos: CosmosEmulator) -> None:
    """Time to live and indexes are named as flaws, and provisioning mends them."""
    access = cosmos.access()
    key = PartitionKey(path=["/consumer", "/day", "/id"])
    await made(access, partition_key=key, default_ttl=3600)
    found = await flaws(access)
    assert (found["records: time to live"].found, found["records: time to live"].expected) == (
        "3600 s for every item",
        "by item",
    )
    assert "records: composite indexes" in found
    assert "records: time to live changed" in await provision(access)
    assert await flaws(access) == {}


async def test_what_another_hand_has_added_stays(cosmos: CosmosEmulator) -> None:
    """Indexes of somebody's own and a policy of full-text search outlive a provisioning without."""
    access = cosmos.access()
    own = [{"path": "/day", "order": "ascending"}, {"path": "/seq", "order": "descending"}]
    texts = definitions(full_text=True)[0].full_text
    await made(
        access,
        partition_key=PartitionKey(path=["/consumer", "/day", "/id"]),
        indexing_policy={
            "includedPaths": [{"path": "/json/?"}],
            "excludedPaths": [{"path": "/*"}, {"path": "/find/tool/?"}],
            "compositeIndexes": [own],
        },
        full_text_policy=texts,
    )
    assert "records: composite indexes changed" in await provision(access)
    assert await flaws(access) == {}
    there = await records_in(access)
    indexing = there["indexingPolicy"]
    assert own in indexing["compositeIndexes"]
    assert {"path": "/find/tool/?"} in indexing["excludedPaths"]
    assert there["fullTextPolicy"] == texts
    # What the definition says differently is changed, or it would hold on one side only.
    assert {"path": "/*"} not in indexing["excludedPaths"]
    assert {"path": "/json/?"} not in indexing["includedPaths"]


async def records_in(access: CosmosAccess) -> Mapping[str, Any]:
    """The records' container as the account has it."""
    client = await open_client(access)
    container = client.get_database_client(access.database).get_container_client("records")
    there = await container.read()
    await client.close()
    return there


async def test_a_partition_key_is_never_changed(cosmos: CosmosEmulator) -> None:
    """A container with another key is named with what to do, and left as it is."""
    access = cosmos.access()
    await made(access, partition_key=PartitionKey(path="/consumer"))
    assert "container records made" not in await provision(access)
    found = (await flaws(access))["records: partition key"]
    assert (found.expected, found.found) == ("/consumer, /day, /id", "/consumer")
    assert "store.database" in found.advice


async def test_full_text_is_asked_for_only_where_the_account_has_it(
    cosmos: CosmosEmulator,
) -> None:
    """Containers made without it lack policy and index, and provisioning adds them."""
    plain = cosmos.access()
    await provision(plain)
    searching = cosmos.access(plain.database, full_text=True)
    assert set(await flaws(searching)) == {
        "records: full-text indexes",
        "records: full-text policy",
    }
    await provision(searching)
    assert await flaws(searching) == {}


async def test_an_account_that_cannot_be_reached_is_no_flaw_of_its_containers(
    cosmos: CosmosEmulator,
) -> None:
    """It is an error that names the account."""
    gone = CosmosEmulator("https://127.0.0.1:1", cosmos.ca).access(timeout=5.0)
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1"):
        await check(gone)


def records_of(*, full_text: bool) -> Definition:
    """The definition of the records' container."""
    return definitions(full_text=full_text)[0]


@pytest.mark.parametrize("full_text", [True, False])
def test_no_text_is_in_a_range_index(full_text: bool) -> None:
    """Words are for the full-text index or none; the record's own text for neither."""
    indexing = records_of(full_text=full_text).indexing
    left_out = {each["path"] for each in indexing["excludedPaths"]}
    assert {"/json/?", "/find/prompt/?", "/find/answer/?"} <= left_out


def test_only_what_says_so_itself_has_a_time_to_live() -> None:
    """Nothing of ledger, orders and access log ever expires; a record or a session left does."""
    lives = {each.name: each.default_ttl for each in definitions(full_text=False)}
    assert lives == {"records": -1, "ledger": None, "orders": None, "access": None, "readers": -1}
