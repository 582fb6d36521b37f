"""JSON as it comes off the wire: read fast, read leniently, never trusted to be well made.

The law of this module: whatever it gives out can be written again as UTF-8 JSON and reads back
as the same value. So lone surrogates are joined or replaced, numbers that no JSON writer can
repeat become text, and nesting that would exhaust a stack is not JSON at all.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator

import msgspec

from audit.value import Json

__all__ = [
    "DEPTH_LIMIT",
    "NOT_JSON",
    "as_count",
    "as_dict",
    "as_list",
    "as_text",
    "clean_text",
    "clean_tree",
    "dump",
    "read_clean",
    "read_json",
    "salvage_json",
]

# Real bodies nest some twenty deep (JSON schemas). Walks over a value recurse, and a hundred
# levels leave them far from the interpreter's own limit.
DEPTH_LIMIT = 100


class _NotJson:
    """The answer of `read_json` for what is not JSON; unlike None it is no JSON value."""

    def __repr__(self) -> str:
        return "NOT_JSON"


NOT_JSON = _NotJson()

_decode = msgspec.json.Decoder().decode


def read_json(text: str) -> Json:
    """Read one JSON document; `NOT_JSON` for anything else. Never raises.

    Strings may hold lone surrogates where the wire had them escaped, because two halves of one
    character can arrive in two events: pass what is to be kept through `clean_tree`.
    """
    try:
        value = _decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        value = _read_leniently(text)
    return NOT_JSON if _too_deep(text, value) else value


def read_clean(text: str) -> Json:
    """`read_json` and `clean_tree` in one: what comes out can be kept as it is. Never raises.

    The strict decoder takes no lone surrogate, so that what it gives needs no cleaning.
    """
    try:
        value = _decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        value = _read_leniently(text)
        return NOT_JSON if _too_deep(text, value) else clean_tree(value)
    return NOT_JSON if _too_deep(text, value) else value


def _read_leniently(text: str) -> Json:
    try:
        return json.loads(
            text.removeprefix("\ufeff"),
            strict=False,
            parse_constant=str,
            parse_float=_finite,
            parse_int=_whole,
        )
    except (ValueError, RecursionError):
        return NOT_JSON


def _finite(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= 100 else digits


def _too_deep(text: str, value: Json) -> bool:
    """Count brackets first: most documents have too few to be deep, and need no walk."""
    if text.count("{") + text.count("[") <= DEPTH_LIMIT:
        return False
    level = [value]
    for _ in range(DEPTH_LIMIT):
        level = [child for node in level for child in _children(node)]
        if not level:
            return False
    return True


def _children(node: Json) -> Iterator[Json]:
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return (child for child in inner if isinstance(child, dict | list))


_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*("?)|[{}\[\]]', re.DOTALL)
_CLOSER = {"{": "}", "[": "]"}
_TORN_ESCAPE = re.compile(r"(?:^|[^\\])(?:\\\\)*(\\(?:u[0-9a-fA-F]{0,3})?)$")
_TORN_LITERAL = re.compile(r"[^\s\[\]{},:\"]+$")


def salvage_json(text: str) -> Json:
    """Read a JSON document that breaks off: everything before the break, or `NOT_JSON`.

    A string, list or object that was cut is closed where it was cut; a number or word that was
    cut is null. Linear in the text.
    """
    if text.lstrip()[:1] not in ("{", "["):
        return NOT_JSON
    closers, in_string = _open_at_end(text)
    if in_string:
        torn = _TORN_ESCAPE.search(text[-12:])
        heads = [(text[: len(text) - len(torn[1])] if torn else text) + '"']
    else:
        bare = _TORN_LITERAL.sub("", text[-64:])
        heads = [text[:-64] + bare + "null", text.rstrip().rstrip(","), text]
    for head in heads:
        for joint in ("", ":null"):
            value = read_json(head + joint + closers)
            if value is not NOT_JSON:
                return value
    return NOT_JSON


def _open_at_end(text: str) -> tuple[str, bool]:
    """What must close the document, and whether it ends inside a string."""
    stack: list[str] = []
    in_string = False
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in _CLOSER:
            stack.append(_CLOSER[mark])
        elif mark in "}]":
            if stack:
                stack.pop()
        else:
            in_string = not token[1]
    return "".join(reversed(stack)), in_string


def clean_text(text: str) -> str:
    """Join surrogate halves that belong together and replace those that stand alone."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def clean_tree(value: Json) -> Json:
    """`clean_text` for every string of a JSON value, names included."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(name): clean_tree(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [clean_tree(inner) for inner in value]
    return value


def dump(value: Json) -> str:
    """Write a JSON value as text, as compactly as it came, after `clean_tree`."""
    return msgspec.json.encode(clean_tree(value)).decode()


def as_dict(value: Json) -> dict[str, Json]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Json) -> list[Json]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Json) -> str | None:
    """The value if it is a string that says something, else None."""
    return value if isinstance(value, str) and value else None


def as_count(value: Json) -> int | None:
    """The value if it is a count that every JSON reader can hold, else None."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < 2**53 else None
