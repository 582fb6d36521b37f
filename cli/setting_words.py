"""What is wrong with a setting's value, in words of ours.

The law: whoever runs this has written a value, and no program: no word of the library that reads
settings ("input", "after validation") is passed on, and the value itself is not repeated. A test
holds the table against every kind of error that the settings can meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["wrong_because"]

_LIMITS: dict[str, str] = {
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "literal_error": "must be one of {expected}",
    "string_pattern_mismatch": "has not the form {pattern}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "too_long": "must have at most {max_length} {what}",
    "too_short": "must have at least {min_length} {what}",
}
_KINDS: dict[str, str] = {
    "bool": "must be true or false",
    "dict": "must be a table",
    "finite": "must be a number that is not infinite",
    "float": "must be a number",
    "int": "must be a whole number",
    "list": "must be a list",
    "model": "must be a table",
    "path": "must be the path of a file or folder",
    "string": "must be text",
    "tuple": "must be a list",
}


def wrong_because(kind: str, message: str, context: Mapping[str, Any]) -> str:
    """Say it; `kind`, `message` and `context` are those of an error of pydantic's.

    What a validator of ours has raised says it in our words already.
    """
    if (limit := _LIMITS.get(kind)) is not None:
        # Of a secret it is the length that counts, of anything else its entries.
        what = "characters" if context.get("field_type") == "Value" else "entries"
        return limit.format(**context, what=what)
    if kind == "missing":
        return "is missing"
    return _KINDS.get(kind.partition("_")[0], message.removeprefix("Value error, "))
