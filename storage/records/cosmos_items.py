"""Records, ledger entries, checkpoints and orders as items of Cosmos DB, and what is in an item.

The law of this module: an item's truth is its `json`, the text of what is kept, verbatim. Cosmos
DB knows one kind of number and writes strings its own way, so that a document which it had taken
apart could come back with another digest. Everything beside `json` is there to be found by and
can be made again from it. A record too large for an item has no `json` but the name of a blob
that holds it (`blob`), and no texts.
"""

from __future__ import annotations

import hashlib
import math
import re
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

import msgspec

from audit.errors import RecordInvalid
from audit.ledger import Checkpoint, LedgerEntry, LedgerState
from audit.orders import Order
from audit.record import RedactedRecord
from audit.value import Value, from_json, to_json
from storage.records.findable import Findable, findable
from storage.records.query_cosmos import spaced
from storage.records.query_match import words

__all__ = [
    "BOOK",
    "GRACE",
    "MAX_ITEM",
    "Item",
    "blob_name",
    "checkpoint_id",
    "checkpoint_item",
    "checkpoint_of",
    "entry_id",
    "entry_item",
    "entry_of",
    "head_item",
    "item_id",
    "order_item",
    "order_of",
    "place_of",
    "record_id_of",
    "record_item",
    "record_key",
    "size_of",
]

ValueT = TypeVar("ValueT", bound=Value)

Item: TypeAlias = dict[str, Any]  # JSON, as the SDK takes and gives it

# An item may have 2 MB as UTF-8 JSON, the service's own fields included; these take under 1 KB.
MAX_ITEM = 2_000_000

# Seconds between a record's expiry and the service's own removal of it. The worker's sweep removes
# it earlier and enters that in the ledger; the service enters nothing, and what it removes shows
# as missing. So it is the last resort, for a store on which no worker has run for a day.
GRACE = 86_400

# All orders lie in one partition: they are few, and a worker asks for them at each delivery.
BOOK = "orders"

_ID = re.compile(r"[0-9A-Za-z_:-]{1,140}(?:/[0-9A-Za-z_:-]{1,50})?")


def item_id(record_id: str) -> str:
    """The item's id: the record's own, with `.` in place of `/`, which an item's id may not have.

    An id that has a `.` itself, or anything but letters, digits, `_`, `:` and `-` beside one `/`,
    is none of ours and raises `RecordInvalid`; so the way back is always clear.
    """
    if not _ID.fullmatch(record_id):
        raise RecordInvalid("the id cannot be an item's id")
    return record_id.replace("/", ".")


def record_id_of(item: Item) -> str:
    """The id of the record that an item holds, by the item's own: nobody can alter that one."""
    return str(item["id"]).replace(".", "/")


def record_key(item: Item) -> list[str]:
    """The partition key of a record's item, as one reads or removes it."""
    return [item["consumer"], item["day"], item["id"]]


def record_item(record: RedactedRecord, now: float) -> Item:
    """The item that holds a record. `now`, in seconds since the epoch, gives its time to live."""
    found = findable(record)
    prompt, answer = (spaced(words(text)) for text in (found.prompt, found.answer))
    item = _head(record, found, now)
    item["find"] |= {"prompt": prompt, "answer": answer}
    return item | {"json": to_json(record).decode()}


def head_item(record: RedactedRecord, now: float, blob: str) -> Item:
    """The item that stands for a record whose text is in a blob."""
    item = _head(record, findable(record), now)
    item["find"] |= {"prompt": "", "answer": ""}
    return item | {"blob": blob, "digest": record.integrity.record_digest}


def blob_name(record_id: str, json: bytes) -> str:
    """Where the text of a large record lies; another text of the same record lies elsewhere."""
    name = re.sub("[^A-Za-z0-9._-]", "_", item_id(record_id))
    return f"records/{name}/{hashlib.sha256(json).hexdigest()[:32]}"


def size_of(item: Item) -> int:
    """Bytes of an item as UTF-8 JSON."""
    return len(msgspec.json.encode(item))


def _head(record: RedactedRecord, found: Findable, now: float) -> Item:
    kept = record.retention
    item: Item = {
        "id": item_id(record.id),
        "consumer": record.consumer,
        "day": record.day,
        "record": record.id,
        "exchange": record.id.partition("/")[0],
        "tap": record.tap.name,
        "boot": record.tap.boot,
        "seq": record.tap.seq,
        "received_at": record.timing.received_at,
        "hold": kept.hold,
        "find": _find(found),
    }
    if kept.expires_at is not None:
        item["expires_at"] = kept.expires_at
        if not kept.hold:
            item["ttl"] = _time_to_live(kept.expires_at, now)
    return item


def _find(found: Findable) -> Item:
    """Give what is known and no nulls: an item lacks what its record does not say."""
    beside = ("consumer", "day", "received_at", "tap")
    scalars = {
        name: value
        for name, value in found.scalars.items()
        if value is not None and name not in beside
    }
    return scalars | {kind: sorted(labels) for kind, labels in found.labels.items()}


def _time_to_live(expires_at: str, now: float) -> int:
    """Seconds from now, as the service counts from the last write; never less than one."""
    left = datetime.fromisoformat(expires_at).timestamp() - now
    return max(1, math.ceil(left) + GRACE)


def entry_id(seq: int) -> str:
    """The id of a number's entry within its tap and boot."""
    return f"entry.{seq}"


def entry_item(entry: LedgerEntry) -> Item:
    """The item that holds a ledger entry; only a removed one says when: few are in that index."""
    number = entry.number
    item: Item = {
        "id": entry_id(number.seq),
        "tap": number.tap,
        "boot": number.boot,
        "kind": "entry",
        "seq": number.seq,
        "exchange": entry.id,
        "state": entry.state.value,
        "consumer": entry.consumer,
        "json": to_json(entry).decode(),
    }
    if entry.state in (LedgerState.ERASED, LedgerState.EXPIRED):
        item["removed_at"] = entry.at
    return item


def entry_of(item: Item) -> LedgerEntry:
    """The entry in a whole item. Raises `RecordInvalid` for a damaged one.

    One whose other fields do not say what its text says is damaged too: by them it is found.
    """
    entry = _read(item, LedgerEntry)
    if entry is None or not _agrees(item, entry_item(entry)):
        tap, boot, seq = place_of(item)
        raise RecordInvalid(f"the ledger's entry {tap}/{boot}/{seq} is damaged")
    return entry


def checkpoint_id(index: int) -> str:
    """The id of a checkpoint within its tap and boot."""
    return f"checkpoint.{index}"


def checkpoint_item(checkpoint: Checkpoint) -> Item:
    """The item that holds a checkpoint."""
    return {
        "id": checkpoint_id(checkpoint.index),
        "tap": checkpoint.tap,
        "boot": checkpoint.boot,
        "kind": "checkpoint",
        "seq": checkpoint.index,
        "json": to_json(checkpoint).decode(),
    }


def checkpoint_of(item: Item) -> Checkpoint:
    """The checkpoint in a whole item. Raises `RecordInvalid` for a damaged or misplaced one."""
    checkpoint = _read(item, Checkpoint)
    if checkpoint is None or not _agrees(item, checkpoint_item(checkpoint)):
        tap, boot, index = place_of(item)
        raise RecordInvalid(f"the checkpoint {tap}/{boot}#{index} is damaged")
    return checkpoint


def order_item(order: Order) -> Item:
    """The item that holds a standing order."""
    return {
        "id": item_id(order.id),
        "book": BOOK,
        "consumer": order.consumer,
        "ids": list(order.ids),
        "json": to_json(order).decode(),
    }


def order_of(item: Item) -> Order:
    """The order in an item; a damaged one is no order less: what it was about must wait."""
    if (order := _read(item, Order)) is None:
        raise RecordInvalid("a standing order in the store is damaged")
    return order


def place_of(item: Item) -> tuple[str, str, int]:
    """Tap, boot and number as an item has them, whatever it has become."""
    seq = item.get("seq")
    return str(item.get("tap", "")), str(item.get("boot", "")), seq if type(seq) is int else 0


def _read(item: Item, kind: type[ValueT]) -> ValueT | None:
    try:
        return from_json(item["json"], kind)
    except (KeyError, TypeError, ValueError, msgspec.DecodeError, RecursionError):
        return None


def _agrees(item: Item, made: Item) -> bool:
    """Whether an item is as its own text would be kept; a later version may have more to say."""
    return all(item.get(name) == value for name, value in made.items() if name != "json")
