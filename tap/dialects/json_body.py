"""A whole body as JSON, with what can be saved of one that breaks off."""

from __future__ import annotations

import codecs

from audit.flags import Flag
from audit.value import Json
from tap.dialects.keeping import Keeper
from tap.dialects.reading import Body
from tap.wire_json import NOT_JSON, clean_tree, read_clean, salvage_json

__all__ = ["as_utf8", "read_body", "read_object"]


def as_utf8(data: bytes, keeper: Keeper) -> str:
    """Bytes as text; what is not UTF-8 becomes U+FFFD and is flagged."""
    # The codec that skips a byte order mark by itself is written in Python.
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode()
    except UnicodeDecodeError:
        keeper.flags.add(Flag.INVALID_UTF8)
        return data.decode("utf-8", "replace")


def read_body(body: Body, keeper: Keeper, salvaged: Flag) -> Json:
    """The body's JSON, clean; or `NOT_JSON`.

    A body that broke off is read as far as it goes and flagged as `salvaged`. Long runs of base64
    are no part of what is decoded: the keeper knows them.
    """
    text = as_utf8(keeper.shortened(body.content), keeper)
    value = read_clean(text)
    if value is NOT_JSON and body.broken:
        value = salvage_json(text.rstrip("\ufffd"))
        if value is not NOT_JSON:
            keeper.flags.add(salvaged)
            value = clean_tree(value)
    return keeper.settled(value)


def read_object(body: Body, keeper: Keeper) -> dict[str, Json] | None:
    """A request's JSON object; None, and flagged, where the body is no JSON at all.

    JSON of another kind stands under `body`, and is flagged too.
    """
    value = read_body(body, keeper, Flag.REQUEST_SALVAGED)
    if isinstance(value, dict):
        return value
    if value is NOT_JSON:
        keeper.flags.add(Flag.REQUEST_UNPARSED)
        return None
    keeper.flags.add(Flag.REQUEST_MALFORMED)
    return {"body": value}
