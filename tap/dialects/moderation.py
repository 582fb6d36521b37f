"""Moderation results that stand beside an answer, read as verdicts like a content filter's.

The law of this module: a category that was flagged in any result was detected. Nothing here says
that anything was withheld: moderation of this kind reports, and leaves the answer as it is.
"""

from __future__ import annotations

from audit.value import Json
from tap.dialects.filters import merge_filters
from tap.wire_json import as_dict, as_list

__all__ = ["moderation_filters"]

_SEPARATORS = str.maketrans("/-", "._")


def moderation_filters(moderation: Json) -> tuple[dict[str, Json], dict[str, Json]]:
    """The results on the input and on the output, in the shape `merge_filters` takes.

    A side that could not be moderated says so under `error`, as a filter that did not run does.
    """
    sides = as_dict(moderation)
    return _side(as_dict(sides.get("input"))), _side(as_dict(sides.get("output")))


def _side(side: dict[str, Json]) -> dict[str, Json]:
    if side.get("type") == "error":
        return {"error": side}
    merged: dict[str, Json] = {}
    for result in as_list(side.get("results")):
        categories = as_dict(as_dict(result).get("categories"))
        flagged = {
            name.translate(_SEPARATORS): {"detected": flag}
            for name, flag in categories.items()
            if isinstance(flag, bool)
        }
        merge_filters(merged, flagged)
    return merged
