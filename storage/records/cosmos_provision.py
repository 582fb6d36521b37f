"""The containers that the store needs: their definitions as data, made or held against the account.

The law: `provision` only adds. It makes what is missing and brings time to live and indexes to
their definition, beside whatever else a container has; a partition key that differs it leaves,
since only a new container has another. `check` changes nothing. To make containers takes a key, or
an identity that may manage the account: a role for data alone does not suffice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from azure.cosmos import PartitionKey, ThroughputProperties
from azure.cosmos.aio import CosmosClient, DatabaseProxy
from azure.cosmos.documents import DatabaseAccount
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from audit.telemetry import Count, NoCount
from storage.records.cosmos_client import CosmosAccess, Door, open_client

__all__ = [
    "ACCESS",
    "DESK",
    "LEDGER",
    "ORDERS",
    "READERS",
    "RECORDS",
    "Definition",
    "Flaw",
    "account_flaws",
    "check",
    "definitions",
    "provision",
]

RECORDS, LEDGER, ORDERS = "records", "ledger", "orders"
# What the query side writes: who looked, and what belongs to readers (searches, sessions left).
ACCESS, READERS = DESK = "access", "readers"

_TEXTS = ("/find/prompt", "/find/answer")
_PROVISION = "run auditstream provision"
_SUITED = ("Strong", "BoundedStaleness")

# What else a container may have, by the SDK's name for it: nothing that is ours to change.
_BESIDE = {
    "analytical_storage_ttl": "analyticalStorageTtl",
    "computed_properties": "computedProperties",
    "conflict_resolution_policy": "conflictResolutionPolicy",
    "full_text_policy": "fullTextPolicy",
    "vector_embedding_policy": "vectorEmbeddingPolicy",
}


@dataclass(frozen=True, slots=True)
class Definition:
    """What a container must be. `default_ttl` is -1 where items may have one of their own."""

    name: str
    key: tuple[str, ...]
    default_ttl: int | None
    indexing: Mapping[str, Any]
    full_text: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that is not as it should be: what was expected, what was found, what to do."""

    name: str
    expected: str
    found: str
    advice: str = field(default=_PROVISION)


def definitions(*, full_text: bool) -> tuple[Definition, ...]:
    """The containers; `full_text` for an account that has the service's full-text search."""
    return (_records(full_text), _LEDGER, _ORDERS, _ACCESS, _READERS)


async def provision(
    access: CosmosAccess, *, max_throughput: int | None = None, count: Count | None = None
) -> list[str]:
    """Make what is missing, and say what was made or changed; again it changes nothing.

    `max_throughput` (request units a second) gives a new database shared autoscale; without it
    the account's default holds, which is what a serverless account wants. Raises
    `StoreUnavailable`, `SettingInvalid`.
    """
    door = Door(access.endpoint, "account", access.timeout, count or NoCount())
    client = await open_client(access)
    try:
        done = await _database_made(client, door, access.database, max_throughput)
        database = client.get_database_client(access.database)
        for definition in definitions(full_text=access.full_text):
            done += await _container_made(database, door, definition)
    finally:
        await client.close()
    return done


async def check(
    access: CosmosAccess, count: Count | None = None, *, only: Collection[str] = ()
) -> list[Flaw]:
    """Hold the account against the definitions; nothing is changed, and no flaw is an empty list.

    With `only`, no more than the containers of these names. Raises `StoreUnavailable` where the
    account cannot be reached or refuses, `SettingInvalid`.
    """
    door = Door(access.endpoint, "account", access.timeout, count or NoCount())
    client = await open_client(access)
    try:
        flaws = [] if only else await _account(client, door)
        database = client.get_database_client(access.database)
        for definition in definitions(full_text=access.full_text):
            if not only or definition.name in only:
                flaws += await _flaws(database, door, definition)
    finally:
        await client.close()
    return flaws


def _records(full_text: bool) -> Definition:
    """Texts are in no range index: they are words, and each would cost a write of its own."""
    newest = [_order("/received_at", "descending"), _order("/id", "descending")]
    indexing = _plain("/json", "/digest", *_TEXTS) | {
        "compositeIndexes": [newest, [_order("/consumer", "ascending"), *newest]],
    }
    policy = None
    if full_text:
        indexing["fullTextIndexes"] = [{"path": path} for path in _TEXTS]
        policy = {
            "defaultLanguage": "en-US",
            "fullTextPaths": [{"path": path, "language": "en-US"} for path in _TEXTS],
        }
    return Definition(RECORDS, ("/consumer", "/day", "/id"), -1, indexing, policy)


def _order(path: str, order: str) -> dict[str, str]:
    return {"path": path, "order": order}


def _excluded(*paths: str) -> list[dict[str, str]]:
    return [{"path": f"{path}/?"} for path in paths] + [{"path": '/"_etag"/?'}]


def _plain(*unasked: str) -> dict[str, Any]:
    """An index of every path but those that nobody asks for."""
    return {
        "indexingMode": "consistent",
        "automatic": True,
        "includedPaths": [{"path": "/*"}],
        "excludedPaths": _excluded(*unasked),
    }


_LEDGER = Definition(
    LEDGER,
    ("/tap", "/boot", "/id"),
    None,
    _plain("/json")
    | {"compositeIndexes": [[_order(f"/{name}", "ascending") for name in ("tap", "boot", "seq")]]},
)
_ORDERS = Definition(ORDERS, ("/book",), None, _plain("/json"))
# Each entry of the log is a partition of its own: the log never outgrows one, and its number is
# taken once all the same.
_ACCESS = Definition(ACCESS, ("/id",), None, _plain("/json", "/chain", "/mark"))
_READERS = Definition(READERS, ("/owner",), -1, _plain("/json"))


async def _database_made(
    client: CosmosClient, door: Door, name: str, max_throughput: int | None
) -> list[str]:
    shared = ThroughputProperties(auto_scale_max_throughput=max_throughput)
    throughput: dict[str, Any] = {"offer_throughput": shared} if max_throughput else {}
    async with door.through("provision"):
        try:
            await client.get_database_client(name).read()
        except CosmosResourceNotFoundError:
            await client.create_database_if_not_exists(name, **throughput)
            return [f"database {name} made"]
        return []


async def _container_made(database: DatabaseProxy, door: Door, definition: Definition) -> list[str]:
    key = PartitionKey(path=_path(definition))
    policies = _policies(definition)
    async with door.through("provision"):
        try:
            there = await database.get_container_client(definition.name).read()
        except CosmosResourceNotFoundError:
            await database.create_container_if_not_exists(
                definition.name, partition_key=key, **policies
            )
            return [f"container {definition.name} made"]
        flaws = _compared(definition, there)
        if not flaws or any(flaw.name.endswith("partition key") for flaw in flaws):
            return []
        brought = _brought_to(definition, there)
        await database.replace_container(definition.name, partition_key=key, **brought)
        return [f"{flaw.name} changed" for flaw in flaws]


def _path(definition: Definition) -> Any:
    """A single path is another kind of key than a list of one."""
    return definition.key[0] if len(definition.key) == 1 else list(definition.key)


def _policies(definition: Definition) -> dict[str, Any]:
    policies: dict[str, Any] = {"indexing_policy": dict(definition.indexing)}
    if definition.default_ttl is not None:
        policies["default_ttl"] = definition.default_ttl
    if definition.full_text is not None:
        policies["full_text_policy"] = dict(definition.full_text)
    return policies


def _brought_to(definition: Definition, there: Mapping[str, Any]) -> dict[str, Any]:
    """All of a container's properties: a replacement resets what it is not told."""
    kept = {option: there[name] for option, name in _BESIDE.items() if there.get(name) is not None}
    indexing = _united(there.get("indexingPolicy") or {}, definition.indexing)
    return kept | _policies(definition) | {"indexing_policy": indexing}


def _united(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The indexing that is there with what is wanted, which wins where the two disagree."""
    united = {**there, **wanted}
    for part, other in (("includedPaths", "excludedPaths"), ("excludedPaths", "includedPaths")):
        settled = _paths(wanted, part) | _paths(wanted, other)
        own = [each for each in there.get(part) or () if each["path"] not in settled]
        united[part] = [*wanted[part], *own]
    for part in ("compositeIndexes", "fullTextIndexes"):
        ours = list(wanted.get(part) or ())
        if both := [*ours, *(each for each in there.get(part) or () if each not in ours)]:
            united[part] = both
    return united


async def _account(client: CosmosClient, door: Door) -> list[Flaw]:
    async with door.through("check"):
        return account_flaws(await client._get_database_account())  # noqa: SLF001 - there is no public way


def account_flaws(account: DatabaseAccount) -> list[Flaw]:
    """What of the account itself is not as it must be.

    Whoever stores looks afterwards at what others have removed, and must see it. Ledger and access
    log count on an id being given out once, which several write regions do not promise: there
    the last of two writes wins, and the other one is gone.
    """
    flaws = []
    found = str((account.ConsistencyPolicy or {}).get("defaultConsistencyLevel"))
    if found not in _SUITED:
        advice = "set the account's default consistency, or a late delivery can bring back a record"
        flaws.append(Flaw("account consistency", " or ".join(_SUITED), found, advice))
    if account._EnableMultipleWritableLocations:  # noqa: SLF001 - there is no public way
        advice = "let the account write in one region, or one of two entries can be lost"
        flaws.append(Flaw("account write regions", "one", "several", advice))
    return flaws


async def _flaws(database: DatabaseProxy, door: Door, definition: Definition) -> list[Flaw]:
    async with door.through("check"):
        try:
            there = await database.get_container_client(definition.name).read()
        except CosmosResourceNotFoundError:
            return [Flaw(f"container {definition.name}", "there", "missing")]
    return _compared(definition, there)


def _compared(definition: Definition, there: Mapping[str, Any]) -> list[Flaw]:
    """Every difference. What the account's defaults add to an index is none."""
    name, indexing = definition.name, there.get("indexingPolicy") or {}
    keys = tuple((there.get("partitionKey") or {}).get("paths") or ())
    flaws = []
    if keys != definition.key:
        advice = "make a new database: store.database; a partition key cannot be changed"
        flaws.append(Flaw(f"{name}: partition key", _list(definition.key), _list(keys), advice))
    if there.get("defaultTtl") != definition.default_ttl:
        expected, found = (_ttl(each) for each in (definition.default_ttl, there.get("defaultTtl")))
        flaws.append(Flaw(f"{name}: time to live", expected, found))
    for part, wanted in _indexes(definition.indexing).items():
        if missing := wanted - _indexes(indexing).get(part, frozenset()):
            flaws.append(Flaw(f"{name}: {part}", _list(missing), "missing"))
    if definition.full_text is not None and not there.get("fullTextPolicy"):
        flaws.append(Flaw(f"{name}: full-text policy", _list(_TEXTS), "none"))
    return flaws


def _indexes(policy: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """An indexing policy as sets of words, whatever order the account gives it in."""
    composite = (
        " ".join(f"{each['path']} {each.get('order', 'ascending')}" for each in index)
        for index in policy.get("compositeIndexes") or ()
    )
    return {
        "indexed paths": _paths(policy, "includedPaths"),
        "paths left out of the index": _paths(policy, "excludedPaths"),
        "composite indexes": frozenset(composite),
        "full-text indexes": _paths(policy, "fullTextIndexes"),
    }


def _paths(policy: Mapping[str, Any], name: str) -> frozenset[str]:
    return frozenset(each["path"] for each in policy.get(name) or ())


def _list(words: Any) -> str:
    return ", ".join(sorted(words)) if not isinstance(words, tuple) else ", ".join(words) or "none"


def _ttl(seconds: int | None) -> str:
    return {None: "none", -1: "by item"}.get(seconds, f"{seconds} s for every item")
