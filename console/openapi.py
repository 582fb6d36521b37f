"""The JSON API described in OpenAPI 3.1, as it is served; a test holds it against the routes."""

from __future__ import annotations

from audit.value import Json
from console.overview import SPANS
from storage.records.port import Budget

__all__ = ["document"]

_ERRORS = {
    "400": "The body, the filter or a parameter cannot be understood, or the query was too costly.",
    "401": "No token was shown, or another one.",
    "403": "This is not open to whoever asks.",
    "503": "The store or the access log does not answer now.",
}


def document(cookie: str) -> Json:
    """The whole description; `cookie` is the name of a session's cookie."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AuditStream query API",
            "version": "1",
            "description": "Every search, view and export is entered in the access log.",
        },
        "security": [{"token": []}, {"session": []}],
        "paths": {
            "/healthz": {"get": _operation("Whether the service answers.", _HEALTH, open_=True)},
            "/openapi.json": {"get": _operation("This description.", {"type": "object"})},
            "/api/v1/fields": {"get": _operation("What a filter may name.", _FIELDS)},
            "/api/v1/search": {
                "post": _operation(
                    "The records that a filter finds.", _FOUND, body=_SEARCH, links=_FROM_SEARCH
                )
            },
            "/api/v1/facets": {
                "post": _operation("Counts over what a filter finds.", _COUNTED, body=_FILTER)
            },
            "/api/v1/overview": {
                "post": _operation("Traffic, endings, tokens.", _OVERVIEW, body=_SPAN)
            },
            "/api/v1/records/{id}": {
                "get": _operation(
                    "One record, as it is stored.",
                    {"type": "object"},
                    name="record",
                    parameters=[_parameter("id", "path", {"type": "string"})],
                    more={"404": "There is no record of this id."},
                )
            },
            "/api/v1/access-log": {
                "get": _operation(
                    "Who looked at what, newest first.",
                    _object({"entries": {"type": "array", "items": {"type": "object"}}}),
                    parameters=[
                        _parameter("limit", "query", {"type": "integer", "minimum": 1}),
                        _parameter("before", "query", {"type": "integer", "minimum": 1}),
                    ],
                )
            },
        },
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": cookie,
                    "description": (
                        "What a browser holds. A post needs the session's own token too, in the"
                        " field X-CSRF-Token."
                    ),
                },
            },
            "schemas": {
                "Problem": _object(
                    {"error": _object({"code": {"type": "string"}, "message": {"type": "string"}})}
                )
            },
        },
    }


def _object(properties: Json, *, closed: bool = False, required: bool = True) -> Json:
    made: Json = {"type": "object", "properties": properties}
    if required:
        made["required"] = list(properties)
    if closed:
        made["additionalProperties"] = False
    return made


_HEALTH = _object({"healthy": {"type": "boolean"}})
_RECORDS = {"type": "array", "items": {"type": "object"}}
_FIELDS = _object({"fields": {"type": "array", "items": {"type": "object"}}})
# Which budget ran out before the answer was whole.
_SPENT = {"enum": [*Budget, None]}
_FOUND = _object(
    {
        "asked": {"type": "string"},
        "records": _RECORDS,
        "cursor": {"type": ["string", "null"]},
        "spent": _SPENT,
        "request_units": {"type": "number"},
    }
)
_COUNTED = _object(
    {
        "asked": {"type": "string"},
        "facets": {"type": "object"},
        "counted": {"type": "integer"},
        "more": {"type": "boolean"},
        "spent": _SPENT,
    }
)
_OVERVIEW = _object({"asked": {"type": "string"}, "overview": {"type": "object"}})
_SEARCH = _object(
    {
        "filter": {"type": "string", "maxLength": 8192},
        "limit": {"type": "integer", "minimum": 1},
        "cursor": {"type": ["string", "null"]},
    },
    closed=True,
    required=False,
)
_FILTER = _object({"filter": {"type": "string", "maxLength": 8192}}, closed=True, required=False)
_SPAN = _object(
    {
        "filter": {"type": "string", "maxLength": 8192},
        "span": {"type": "string", "enum": list(SPANS)},
    },
    closed=True,
    required=False,
)
# Where an answer leads.
_FROM_SEARCH = {
    "record": {"operationId": "record", "parameters": {"id": "$response.body#/records/0/id"}},
}


def _operation(
    summary: str,
    answer: Json,
    *,
    name: str = "",
    links: Json = None,
    body: Json = None,
    parameters: list[Json] | None = None,
    more: dict[str, str] | None = None,
    open_: bool = False,
) -> Json:
    errors = {} if open_ else {**_ERRORS, **(more or {})}
    made: Json = {
        "summary": summary,
        "responses": {
            "200": {"description": summary, "content": _content(answer)},
            **{
                status: {
                    "description": said,
                    "content": _content({"$ref": "#/components/schemas/Problem"}),
                }
                for status, said in errors.items()
            },
        },
    }
    if body is not None:
        made["requestBody"] = {"content": _content(body)}
        made["responses"]["413"] = {
            "description": "The body is longer than 64 KiB.",
            "content": _content({"$ref": "#/components/schemas/Problem"}),
        }
    if name:
        made["operationId"] = name
    if links is not None:
        made["responses"]["200"]["links"] = links
    if parameters:
        made["parameters"] = parameters
    if open_:
        made["security"] = []
    return made


def _parameter(name: str, where: str, schema: Json) -> Json:
    return {"name": name, "in": where, "required": where == "path", "schema": schema}


def _content(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}
