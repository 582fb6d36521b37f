"""What is shown of a record whose text is gone: its head, as a record that says so.

The law: nothing is made up. The head holds what the item beside the text was found by; whatever
stood in the text only is empty here, and the flag `text_missing` says why. The digest and the
signature that the record had are not claimed for it, so that nobody takes it for the record.
"""

from __future__ import annotations

import msgspec

from audit.exchange import Identity
from audit.flags import Flag
from audit.record import (
    ExchangeFacts,
    Integrity,
    RedactedRecord,
    Redaction,
    Request,
    Response,
    Retention,
    Safety,
    TapRef,
    Timing,
    Usage,
)
from audit.value import to_json
from storage.records.cosmos_items import Item

__all__ = ["head_document"]


def head_document(item: Item) -> bytes:
    """The JSON of a record that has what a whole item knows of it.

    Of an item that is damaged itself it is no record, but a document that names its id.
    """
    try:
        return to_json(_head(item))
    except (KeyError, TypeError, ValueError, msgspec.ValidationError):
        name = str(item.get("record", ""))
        return msgspec.json.encode({"id": name, "exchange": {"flags": [Flag.TEXT_MISSING]}})


def _head(item: Item) -> RedactedRecord:
    find = item["find"]
    return RedactedRecord(
        id=item["record"],
        consumer=item["consumer"],
        day=item["day"],
        tap=TapRef(name=item["tap"], boot=item["boot"], seq=item["seq"]),
        exchange=_exchange(find),
        timing=Timing(
            received_at=item["received_at"],
            duration_ms=find.get("latency"),
            ttft_ms=find.get("ttft"),
        ),
        identity=_identity(find),
        request=Request(),
        response=Response(),
        safety=Safety(signals=tuple(find.get("signal", ()))),
        usage=Usage(input=find.get("input"), output=find.get("output"), total=find.get("tokens")),
        redaction=msgspec.convert(
            {"level": find["level"], "policy": find["policy"], "degraded": find["degraded"]},
            Redaction,
        ),
        integrity=Integrity(),
        retention=Retention(expires_at=item.get("expires_at"), hold=bool(item["hold"])),
    )


def _exchange(find: Item) -> ExchangeFacts:
    flags = dict.fromkeys((*find.get("flag", ()), Flag.TEXT_MISSING.value))
    known = {name: find[name] for name in ("dialect", "operation", "ending")}
    for name in ("deployment", "status"):
        known[name] = find.get(name)
    for name in ("streamed", "truncated"):
        known[name] = bool(find.get(name))
    models = find.get("model", ())
    known["requested_model"] = models[0] if len(models) == 1 else None
    return msgspec.convert(known | {"method": "", "path": "", "flags": list(flags)}, ExchangeFacts)


def _identity(find: Item) -> Identity:
    names = {"app_id": "app", "tenant_id": "tenant", "user": "user"}
    names |= {"session": "session", "trace_id": "trace"}
    return msgspec.convert({ours: find.get(name) for ours, name in names.items()}, Identity)
