"""The service's one operation over HTTP: `POST /language/:analyze-text`, PII recognition.

The law: what the service would refuse is refused here, with the service's codes; a fault that a
test has left comes first. Requests and documents are counted as the service bills them: a document
counts when it was read.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

from aiohttp import web

from tests.emulators.language.faults import SHAPES, Body, Faults, document_error
from tests.emulators.language.finding import LANGUAGES, entities_in, text_elements

__all__ = ["Counts", "LanguageService"]

_DOCUMENTS, _ELEMENTS, _BYTES = 5, 5_120, 1_000_000
_MODELS = frozenset({None, "latest", "2023-09-01"})
_API = "2023-04-01"


class _Refusal(Exception):
    def __init__(self, status: int, code: str, inner: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.inner = status, code, inner


@dataclass(slots=True)
class Counts:
    """What was asked so far. `requests` are all, of which `answered` with 200 and a result."""

    requests: int = 0
    answered: int = 0
    throttled: int = 0
    refused: int = 0
    documents: int = 0
    elements: int = 0
    most_at_once: int = 0


@dataclass(slots=True)
class LanguageService:
    """A service in this process; `key` is the only one it takes, and any bearer token.

    `read` has the texts that were read, `asked` documents and parameters of each request.
    """

    key: str = "0123456789abcdef0123456789abcdef"
    faults: Faults = field(default_factory=Faults)
    counts: Counts = field(default_factory=Counts)
    read: list[str] = field(default_factory=list, repr=False)
    asked: list[Body] = field(default_factory=list, repr=False)
    port: int = 0
    _runner: web.AppRunner | None = None
    _under_way: int = 0

    @property
    def endpoint(self) -> str:
        """What a client is given."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> None:
        """Listen, on a free port unless one is given."""
        # The body is limited here, as the service does, and not by aiohttp.
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{anything:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close, with whatever is under way. Idempotent."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.counts.requests += 1
        self._under_way += 1
        self.counts.most_at_once = max(self.counts.most_at_once, self._under_way)
        try:
            body = await request.read()
            self._check_way(request)
            return await self._faulty(request, body)
        except _Refusal as refusal:
            self.counts.refused += 1
            return _error(refusal)
        finally:
            self._under_way -= 1

    def _check_way(self, request: web.Request) -> None:
        if (request.method, request.path) != ("POST", "/language/:analyze-text"):
            raise _Refusal(404, "NotFound")
        token = request.headers.get("Authorization", "")
        if request.headers.get("Ocp-Apim-Subscription-Key") != self.key and len(token) < 16:
            raise _Refusal(401, "401")
        if request.query.get("api-version") != _API:
            raise _Refusal(400, "InvalidRequest", "InvalidParameterValue")

    async def _faulty(self, request: web.Request, body: bytes) -> web.StreamResponse:
        word, *rest = self.faults.next().split() or [""]
        budget = self.faults.budget
        if budget is not None and not budget.takes(asyncio.get_running_loop().time()):
            word, rest = "throttle", ["1"]
        if word == "throttle":
            self.counts.throttled += 1
            return _told(429, {"error": {"code": "429", "message": "Rate limit."}}, rest)
        if word == "status":
            return _told(int(rest[0]), {"error": {"code": rest[0], "message": "It."}}, rest[1:])
        if word == "html":
            return web.Response(text="<h1>Sign in to the network</h1>", content_type="text/html")
        if word == "silence":
            await asyncio.Event().wait()
        if word == "held":
            await self.faults.release.wait()
        answer = self._analysed(body)
        if word == "document":
            spoilt = answer["results"]["documents"].pop(0)
            answer["results"]["errors"].append(document_error(spoilt["id"], rest[0]))
        if word == "shape":
            answer = SHAPES[rest[0]](answer)
        if word == "cut":
            return await _cut(request, answer)
        self.counts.answered += 1
        return _told(200, answer, [])

    def _analysed(self, body: bytes) -> Body:
        documents, parameters = _request_of(body)
        self.asked.append({"documents": documents, "parameters": parameters})
        index = parameters.get("stringIndexType", "TextElements_v8")
        results: Body = {"documents": [], "errors": [], "modelVersion": "2023-09-01"}
        for each in documents:
            code = self._refusal_of(each)
            if code == "request":
                raise _Refusal(400, "InvalidRequest", "InvalidRequestBodyFormat")
            if code:
                results["errors"].append(document_error(each["id"], code))
                continue
            self._count(each["text"])
            found = list(entities_in(each["text"], index))
            read = {"id": each["id"], "redactedText": "", "entities": found, "warnings": []}
            results["documents"].append(read)
        return {"kind": "PiiEntityRecognitionResults", "results": results}

    def _refusal_of(self, document: Body) -> str:
        text = document["text"]
        for poison, code in self.faults.poison.items():
            if poison in text:
                return code
        if not text.strip() or text_elements(text) > _ELEMENTS:
            return "InvalidDocument"
        return "" if document.get("language", "en") in LANGUAGES else "UnsupportedLanguageCode"

    def _count(self, text: str) -> None:
        self.counts.documents += 1
        self.counts.elements += text_elements(text)
        self.read.append(text)


def _request_of(body: bytes) -> tuple[list[Body], Body]:
    """The documents and the parameters; raises as the service refuses."""
    if len(body) > _BYTES:
        raise _Refusal(413, "InvalidRequest", "InvalidDocumentBatch")
    try:
        asked = json.loads(body)
        documents: list[Body] = asked["analysisInput"]["documents"]
        parameters: Body = asked.get("parameters", {})
        numbers = [each["id"] for each in documents]
    except (ValueError, KeyError, TypeError):
        raise _Refusal(400, "InvalidRequest", "InvalidRequestBodyFormat") from None
    if asked.get("kind") != "PiiEntityRecognition":
        raise _Refusal(400, "InvalidRequest", "InvalidParameterValue")
    if not documents:
        raise _Refusal(400, "InvalidRequest", "MissingInputDocuments")
    if len(documents) > _DOCUMENTS or len(set(numbers)) != len(numbers):
        raise _Refusal(400, "InvalidRequest", "InvalidDocumentBatch")
    if parameters.get("modelVersion") not in _MODELS:
        raise _Refusal(400, "InvalidRequest", "ModelVersionIncorrect")
    return documents, parameters


def _told(status: int, body: Body, retry_after: list[str]) -> web.Response:
    headers = {"Retry-After": retry_after[0]} if retry_after else {}
    return web.json_response(body, status=status, headers=headers)


def _error(refusal: _Refusal) -> web.Response:
    error: Body = {"code": refusal.code, "message": "Refused."}
    if refusal.inner:
        error["innererror"] = {"code": refusal.inner, "message": "Refused."}
    return _told(refusal.status, {"error": error}, [])


async def _cut(request: web.Request, answer: Body) -> web.StreamResponse:
    """Promise the whole answer, and close after half of it."""
    text = json.dumps(answer).encode()
    response = web.StreamResponse(
        headers={"Content-Length": str(len(text)), "Content-Type": "application/json"}
    )
    await response.prepare(request)
    await response.write(text[: len(text) // 2])
    assert request.transport is not None
    request.transport.close()
    return response
