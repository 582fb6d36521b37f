"""What Gemini's filters said, in the one shape that verdicts of every provider have.

The law of this module: a rating is a severity under its category, a block is `filtered`. The
reason why a prompt was blocked or an answer ended is a category of its own, since it may have no
rating (`prohibited_content`, `recitation`).
"""

from __future__ import annotations

from audit.value import Json
from tap.wire_json import as_dict, as_list, as_text

__all__ = ["FILTERED_FINISH", "blocked_by", "ratings_of"]

# Finish reasons by which the provider's filters, not the model, end an answer.
FILTERED_FINISH = frozenset(
    (
        *("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"),
        *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
    )
)

_SEVERITIES = {"NEGLIGIBLE": "safe", "LOW": "low", "MEDIUM": "medium", "HIGH": "high"}


def ratings_of(ratings: Json) -> dict[str, Json]:
    """Safety ratings as filter results, by category in lower case."""
    results: dict[str, Json] = {}
    for each in as_list(ratings):
        rating = as_dict(each)
        category = as_text(rating.get("category"))
        if category is not None:
            results[category.removeprefix("HARM_CATEGORY_").lower()] = _result(rating)
    return results


def _result(rating: dict[str, Json]) -> dict[str, Json]:
    """Vertex tells how severe it is; elsewhere only how probable it is that it is harmful."""
    severe = (as_text(rating.get("severity")) or "").removeprefix("HARM_SEVERITY_")
    probable = as_text(rating.get("probability")) or ""
    result: dict[str, Json] = {"filtered": rating.get("blocked") is True}
    severity = _SEVERITIES.get(severe) or _SEVERITIES.get(probable)
    if severity is not None:
        result["severity"] = severity
    return result


def blocked_by(reason: str) -> dict[str, Json]:
    """A block, by its reason."""
    return {reason.lower(): {"filtered": True}}
