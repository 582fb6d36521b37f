"""What the path of an exchange names of its prompt."""

from __future__ import annotations

import pytest

from audit.record import Reference
from tap.dialects.path_references import first_reference, references_in
from tap.dialects.registry import route

THREAD = Reference(kind="thread", id="t 1")
RUN = Reference(kind="run", id="run_1")


@pytest.mark.parametrize(
    ("method", "path", "named"),
    [
        ("GET", "/apim/v1/responses/resp_1", [Reference(kind="response", id="resp_1")]),
        ("POST", "/v1/responses/resp_1/cancel/", [Reference(kind="response", id="resp_1")]),
        ("GET", "/v1/responses/r/input_items", [Reference(kind="response", id="r")]),
        ("GET", "/responses/gateway/responses/r", [Reference(kind="response", id="r")]),
        ("POST", "/v1/responses/compact", []),
        ("POST", "/openai/threads/t%201/messages", [THREAD]),
        ("POST", "/openai/threads/t%201/runs", [THREAD]),
        ("POST", "/openai/threads/runs", []),
        ("GET", "/openai/threads/t%201", [THREAD]),
        ("GET", "/openai/threads/t%201/messages/m", [THREAD]),
        ("GET", "/openai/threads/t%201/runs/run_1", [THREAD, RUN]),
        ("GET", "/openai/threads/t%201/runs/run_1/steps", [THREAD, RUN]),
        (
            "POST",
            "/openai/threads/t%201/runs/run_1/submit_tool_outputs",
            [THREAD, RUN],
        ),
        ("POST", "/v1/chat/completions", []),
        ("POST", "/threads/t/chat/completions", []),
    ],
)
def test_only_the_end_of_a_known_path_names_something(
    method: str, path: str, named: list[Reference]
) -> None:
    """Ids are decoded and stand in the path's order; what only looks like one names nothing."""
    assert list(references_in(path, route(method, path, None).operation)) == named


def test_the_first_reference_of_a_kind_is_found() -> None:
    """Of several the first counts; where there is none, none is made up."""
    other = Reference(kind="thread", id="t2")
    assert first_reference("thread", [THREAD, other]) == "t 1"
    assert first_reference("run", [THREAD]) is None
