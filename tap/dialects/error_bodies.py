"""Errors as providers and gateways report them, read into one shape.

The law of this module: any body gives a reading. The shapes are those of OpenAI and Azure
(`{"error": {…}}`), Anthropic (the same beside a type), API Management (`statusCode` and
`message` without `error`), Entra (`error` is a string) and plain text or HTML.
"""

from __future__ import annotations

from audit.exchange import Ending
from audit.flags import EndingDetail
from audit.parts import Part
from audit.record import Output, Response, ResponseError
from audit.value import Json
from tap.dialects.filters import error_filters, safety_of
from tap.dialects.keeping import Keeper
from tap.dialects.reading import AnswerReading
from tap.wire_json import as_dict, as_text, clean_text

__all__ = ["error_in", "error_of", "error_parts", "error_reading", "is_filter_error"]

_FILTER_CODES = frozenset(
    (
        *("content_filter", "contentfilter", "content_policy_violation"),
        *("responsibleaipolicyviolation", "moderation_blocked"),
    )
)
# Of an error object, what a `ResponseError` or the safety group holds already.
_READ = frozenset(
    (
        *("code", "type", "message", "param", "status", "statusCode"),
        *("innererror", "inner_error", "content_filters"),
    )
)


def error_in(value: Json) -> Json:
    """The error a JSON body reports, in whatever shape; None when it reports none."""
    body = as_dict(value)
    if body.get("error"):
        return body["error"]
    if "statusCode" in body and "message" in body:
        return {"code": body["statusCode"], **body}
    return None


def error_of(error: Json, keeper: Keeper) -> ResponseError:
    """One error as the record holds it."""
    if not isinstance(error, dict):
        said = keeper.inline(error) if isinstance(error, str) else _as_code(error)
        return ResponseError(message=said or None)
    message = error.get("message")
    return ResponseError(
        code=_as_code(error.get("code")),
        type=_as_code(error.get("type")),
        message=keeper.inline(message) if isinstance(message, str) else _as_code(message),
        param=_as_code(error.get("param")),
    )


def _as_code(value: Json) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return clean_text(str(value)) or None


def error_parts(error: Json, keeper: Keeper) -> list[Part]:
    """What an error says beyond code, type, message and parameter."""
    return [
        keeper.as_extra(f"error.{name}", value)
        for name, value in as_dict(error).items()
        if name not in _READ and value not in (None, "", [], {})
    ]


def is_filter_error(error: Json) -> bool:
    """Whether a content filter, not a fault, made this error."""
    fields = as_dict(error)
    inner = [as_dict(fields.get(name)) for name in ("innererror", "inner_error")]
    codes = [as_text(holder.get("code")) for holder in (fields, *inner)]
    return any(code is not None and code.lower() in _FILTER_CODES for code in codes)


def error_reading(error: Json, keeper: Keeper) -> AnswerReading:
    """Read a body that is nothing but an error."""
    prompt, completion = error_filters(as_dict(error))
    filtered = is_filter_error(error)
    parts = error_parts(error, keeper)
    return AnswerReading(
        response=Response(
            outputs=(Output(index=0, parts=tuple(parts)),) if parts else (),
            error=error_of(error, keeper),
        ),
        safety=safety_of(prompt, {0: completion}),
        terminal=True,
        ending=Ending.FILTERED if filtered else Ending.FAILED,
        detail=EndingDetail.PROMPT_FILTERED if filtered else EndingDetail.ERROR_BODY,
    )
