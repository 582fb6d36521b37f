"""The JSON API: what it answers is what its description says."""

from __future__ import annotations

from typing import Any

import aiohttp
import jsonschema  # type: ignore[import-untyped]  # no stubs are installed for it
import pytest

from console.app import build_app
from console.openapi import document
from tests.contract.samples import a_record, record_id
from tests.unit.console.kit import TOKEN, Site, site

BEARER = {"Authorization": f"Bearer {TOKEN}"}


async def ask(here: Site, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Ask as a program does."""
    async with (
        aiohttp.ClientSession(here.url, headers=BEARER) as client,
        client.request(method, path, json=body) as answer,
    ):
        return answer.status, await answer.json()


async def test_the_description_has_exactly_the_routes_of_programs() -> None:
    """Each path and method that is served stands in it, and no other."""
    async with site() as here:
        app = here.console
    served = {
        (route.method.lower(), route.resource.canonical)
        for route in build_app(app).router.routes()
        if route.resource is not None
        and route.method != "HEAD"
        and route.resource.canonical.startswith(("/api/", "/healthz", "/openapi.json"))
    }
    described = {
        (method, path) for path, methods in document("c")["paths"].items() for method in methods
    }
    assert described == served


ASKED: list[tuple[str, str, Any]] = [
    ("get", "/healthz", None),
    ("get", "/openapi.json", None),
    ("get", "/api/v1/fields", None),
    ("post", "/api/v1/search", {"filter": "consumer:demo", "limit": 1}),
    ("post", "/api/v1/search", {"filter": "ending:happy"}),
    ("post", "/api/v1/search", {"filtre": ""}),
    ("post", "/api/v1/search", {"limit": 0}),
    ("post", "/api/v1/search", {"cursor": "nowhere"}),
    ("post", "/api/v1/facets", {"filter": "consumer:demo"}),
    ("post", "/api/v1/overview", {"span": "7d"}),
    ("post", "/api/v1/overview", {"span": "ever"}),
    ("get", f"/api/v1/records/{record_id(1)}", None),
    ("get", "/api/v1/records/none", None),
    ("get", "/api/v1/access-log", None),
    ("get", "/api/v1/access-log?limit=x", None),
    ("get", "/api/v1/access-log?limit=0", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ASKED)
async def test_each_answer_has_the_shape_that_is_described(
    method: str, path: str, body: Any
) -> None:
    """Status and body are those of the description, errors included."""
    described = document("c")
    async with site([a_record(1), a_record(2)]) as here:
        status, said = await ask(here, method, path, body)
    bare = path.partition("?")[0]
    template = "/api/v1/records/{id}" if bare.startswith("/api/v1/records/") else bare
    answers = described["paths"][template][method]["responses"]
    schema = answers[str(status)]["content"]["application/json"]["schema"]
    resolved = {**schema, "components": described["components"]}
    jsonschema.Draft202012Validator(resolved).validate(said)


async def test_facets_count_what_a_search_finds() -> None:
    """Programs get the same counts as the page."""
    records = [a_record(1, consumer="a"), a_record(2, consumer="a"), a_record(3, consumer="b")]
    async with site(records) as here:
        _, said = await ask(here, "post", "/api/v1/facets", {"filter": "-consumer:c"})
    assert said["facets"]["consumer"] == {"a": 2, "b": 1}
    assert (said["counted"], said["more"]) == (3, False)


async def test_a_session_may_ask_the_api_but_not_post_blindly() -> None:
    """A browser's cookie opens it; what is posted needs the session's own token."""
    async with site([a_record(1)]) as here, here.visitor() as visitor:
        assert (await visitor.get("/api/v1/fields")).status == 200
        async with visitor.client.post("/api/v1/search", json={}) as answer:
            assert answer.status == 403
        headers = {"X-CSRF-Token": visitor.csrf}
        async with visitor.client.post("/api/v1/search", json={}, headers=headers) as answer:
            assert answer.status == 200


async def test_a_long_body_is_refused() -> None:
    """More than 64 KiB is a 413, as JSON."""
    async with site() as here:
        status, said = await ask(here, "post", "/api/v1/search", {"filter": "x" * 70_000})
    assert (status, said["error"]["code"]) == (413, "http.error")
