"""Plain answers of the Responses API: every kind of item, and what stands beside them."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from audit.digest import keyed_digest
from audit.exchange import Ending
from audit.flags import EndingDetail, Flag
from audit.parts import Citation, Extra, Media, Reasoning, Refusal, Text, ToolCall, ToolResult
from tests.unit.tap_cores.kit import DIGEST_KEY
from tests.unit.tap_cores.responses_kit import PATH, answered, beside, extras, message, parts

PIXEL = base64.b64encode(b"pixels").decode()
PICTURE = Media(mime="image/png", bytes=6, digest=keyed_digest(DIGEST_KEY, b"pixels"))


def response(*items: Any, **more: Any) -> dict[str, Any]:
    """A finished response with these items."""
    return {"id": "resp_1", "object": "response", "status": "completed", "output": items, **more}


CALLS: list[tuple[dict[str, Any], list[Any], dict[str, Any]]] = [
    (
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{", "namespace": "n"},
        [ToolCall(id="c", name="f", arguments="{")],
        {"namespace": "n"},
    ),
    (
        {"type": "custom_tool_call", "id": "i", "call_id": "c", "name": "f", "input": "SELECT"},
        [ToolCall(id="c", name="f", arguments="SELECT")],
        {"id": "i"},
    ),
    (
        {"type": "mcp_call", "id": "m", "name": "f", "arguments": "{}", "output": "low"},
        [ToolCall(id="m", name="f", arguments="{}"), ToolResult(id="m", name="f", text="low")],
        {"id": "m"},
    ),
    (
        {"type": "mcp_call", "id": "m", "name": "f", "arguments": "{}", "error": {"code": 1}},
        [
            ToolCall(id="m", name="f", arguments="{}"),
            ToolResult(id="m", name="f", text='{"code":1}', is_error=True),
        ],
        {"id": "m"},
    ),
    (
        {"type": "mcp_approval_request", "id": "a", "name": "f", "arguments": "{}"},
        [ToolCall(id="a", name="f", arguments="{}")],
        {"id": "a"},
    ),
    (
        {
            "type": "file_search_call",
            "id": "s",
            "queries": ["q"],
            "results": [{"file_id": "file_1", "filename": "a.txt", "text": "found"}],
        },
        [
            ToolCall(id="s", name="file_search", arguments='["q"]'),
            ToolResult(id="s", name="file_search", text="found"),
        ],
        {"id": "s", "results": [{"file_id": "file_1", "filename": "a.txt"}]},
    ),
    (
        {"type": "web_search_call", "id": "w", "action": {"query": "q", "sources": [{"url": "u"}]}},
        [ToolCall(id="w", name="web_search", arguments='{"query":"q"}')],
        {"id": "w", "action": {"sources": [{"url": "u"}]}},
    ),
    (
        {
            "type": "code_interpreter_call",
            "id": "i",
            "code": "1+1",
            "container_id": "k",
            "outputs": [
                {"type": "logs", "logs": "2"},
                {"type": "image", "url": f"data:image/png;base64,{PIXEL}"},
            ],
        },
        [
            ToolCall(id="i", name="code_interpreter", arguments="1+1"),
            ToolResult(id="i", name="code_interpreter", text="2"),
            PICTURE,
        ],
        {"id": "i", "container_id": "k"},
    ),
    (
        {
            "type": "computer_call",
            "call_id": "c",
            "action": {"type": "type", "text": "t"},
            "pending_safety_checks": [{"id": "sc"}],
        },
        [ToolCall(id="c", name="computer", arguments='{"type":"type","text":"t"}')],
        {"pending_safety_checks": [{"id": "sc"}]},
    ),
    (
        {
            "type": "image_generation_call",
            "id": "g",
            "result": PIXEL,
            "output_format": "png",
            "revised_prompt": "a boat",
        },
        [ToolCall(id="g", name="image_generation", arguments="a boat"), PICTURE],
        {"id": "g", "output_format": "png"},
    ),
    (
        {"type": "local_shell_call", "call_id": "c", "action": {"env": {"API_KEY": "hush"}}},
        [ToolCall(id="c", name="local_shell", arguments='{"env":{"API_KEY":"[secret]"}}')],
        {},
    ),
    (
        {"type": "shell_call", "call_id": "c", "action": {"commands": ["ls"]}},
        [ToolCall(id="c", name="shell", arguments='{"commands":["ls"]}')],
        {},
    ),
    (
        {"type": "apply_patch_call", "call_id": "c", "operation": {"path": "p", "diff": "+x"}},
        [ToolCall(id="c", name="apply_patch", arguments='{"path":"p","diff":"+x"}')],
        {},
    ),
    (
        {"type": "tool_search_call", "call_id": "c", "arguments": {"queries": ["q"]}},
        [ToolCall(id="c", name="tool_search", arguments='{"queries":["q"]}')],
        {},
    ),
    (
        {"type": "mcp_list_tools", "id": "l", "server_label": "q", "tools": [{"name": "t"}]},
        [],
        {"id": "l", "server_label": "q", "tools": [{"name": "t"}]},
    ),
    ({"type": "tool_search_output", "tools": [{"name": "t"}]}, [], {"tools": [{"name": "t"}]}),
    ({"type": "news", "status": "s", "words": "w"}, [], {"status": "s", "words": "w"}),
]


@pytest.mark.parametrize(("item", "read", "rest"), CALLS, ids=[it[0]["type"] for it in CALLS])
def test_each_kind_of_item_is_read(
    item: dict[str, Any], read: list[Any], rest: dict[str, Any]
) -> None:
    """A call, what came of it, and in one extra all that neither holds."""
    record = answered(response(item))
    assert parts(record) == read
    assert beside(record) == ({f"item.{item['type']}": rest} if rest else {})
    assert not record.exchange.flags


def test_media_inside_arguments_are_lifted_out_of_them() -> None:
    """A picture in a call's JSON is a mark there and media behind it."""
    call = {"type": "function_call", "arguments": f'{{"p":"data:image/png;base64,{PIXEL * 8}"}}'}
    said, lifted = parts(answered(response(call, message("a"))))
    assert isinstance(lifted, Media)
    assert isinstance(said, ToolCall)
    assert said.arguments == f'{{"p":"[media:{str(lifted.digest)[:16]}]"}}'


def test_a_message_keeps_its_parts_in_order() -> None:
    """Text, what it cites and a refusal stand as they were said."""
    cited = [
        {"type": "url_citation", "url": "https://a.test/?sig=hush", "title": "A", "end_index": 9},
        {"type": "file_citation", "file_id": "file_1", "filename": "b.txt", "index": 3},
        {"type": "file_path", "file_id": "file_2", "index": 1},
    ]
    item = message("See", phase="final_answer", id="msg_1", status="completed")
    item["content"][0]["annotations"] = cited
    item["content"].append({"type": "refusal", "refusal": "No"})
    record = answered(response(item))
    assert parts(record) == [
        Text(text="See"),
        Citation(title="A", url="https://a.test/?sig=[secret]"),
        Citation(title="b.txt"),
        Refusal(text="No"),
    ]
    assert beside(record) == {
        "annotation.file_citation": {"file_id": "file_1"},
        "annotation.file_path": {"file_id": "file_2"},
        "item.message": {"phase": "final_answer", "id": "msg_1"},
    }
    assert record.response.outputs[0].finish_reason == "completed"


def test_items_are_outputs_of_their_own() -> None:
    """Commentary, reasoning and the final answer keep their borders and their order."""
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
    record = answered(response(message("a"), thought, message("b", "c")))
    assert [output.index for output in record.response.outputs] == [0, 1, 2]
    assert [parts(record, place) for place in range(3)] == [
        [Text(text="a")],
        [Reasoning(text="hm")],
        [Text(text="b"), Text(text="c")],
    ]


def test_token_probabilities_are_left_out_and_flagged() -> None:
    """They repeat the text token by token."""
    item = message("a")
    item["content"][0]["logprobs"] = [{"token": "a", "logprob": -1}]
    record = answered(response(item))
    assert Flag.LOGPROBS_OMITTED in record.exchange.flags
    assert parts(record) == [Text(text="a")]
    assert beside(record) == {}


def test_what_repeats_the_request_is_left_out_and_news_is_kept() -> None:
    """Echoed parameters are in the request's record; unknown fields are extras."""
    echo = {"temperature": 1, "tools": [{"type": "mcp", "authorization": "hush"}], "text": {"a": 1}}
    news = {"service_tier": "flex", "moderation": {"flagged": True}, "previous_response_id": "r"}
    usage = {"tool_usage": {"web_search": {"num_requests": 0}}}
    record = answered(
        response(message("a"), instructions="I", output_text="a", **echo, **news, **usage)
    )
    assert beside(record) == news


def test_instructions_that_the_server_put_in_are_kept() -> None:
    """With a stored prompt, the echo is the only place of its text."""
    record = answered(response(message("a"), prompt={"id": "p"}, instructions="Resolved."))
    assert beside(record) == {"prompt": {"id": "p"}, "instructions": "Resolved."}


def test_azures_verdicts_are_of_prompt_and_answer() -> None:
    """Results become verdicts; where the filter looked is kept beside them."""
    jailbreak = {"jailbreak": {"detected": True, "filtered": False}}
    filters = [
        {"blocked": False, "source_type": "prompt", "content_filter_results": jailbreak},
        {
            "blocked": False,
            "source_type": "completion",
            "content_filter_raw": None,
            "content_filter_results": {"hate": {"filtered": False, "severity": "low"}},
            "content_filter_offsets": {"start_offset": 0},
        },
    ]
    record = answered(response(message("a"), content_filters=filters))
    assert [verdict.category for verdict in record.safety.prompt] == ["jailbreak"]
    assert record.safety.outputs[0].verdicts[0].severity == "low"
    assert record.safety.signals == ("jailbreak.detected",)
    assert record.exchange.ending is Ending.COMPLETE
    assert beside(record)["content_filters"][1]["content_filter_offsets"] == {"start_offset": 0}


def test_a_blocked_prompt_is_filtered_with_its_verdicts() -> None:
    """Azure's 400 names the verdicts inside the error."""
    verdicts = {"jailbreak": {"detected": True, "filtered": True}}
    entry = {"blocked": True, "source_type": "prompt", "content_filter_results": verdicts}
    error = {"code": "content_filter", "message": "no", "content_filters": [entry]}
    record = answered({"error": error}, 400)
    assert (record.exchange.ending, record.exchange.ending_detail) == (
        Ending.FILTERED,
        EndingDetail.PROMPT_FILTERED,
    )
    assert record.safety.signals == ("jailbreak.detected", "jailbreak.filtered")


def test_an_http_error_is_rejected_and_a_failure_inside_a_200_failed() -> None:
    """The same error ends an exchange by where it stood."""
    error = {"code": "bad", "message": "no", "param": "input", "type": "t"}
    rejected = answered({"error": error}, 400)
    assert rejected.exchange.ending is Ending.REJECTED
    failed = answered(response(status="failed", error=error))
    assert (failed.exchange.ending, failed.exchange.ending_detail) == (
        Ending.FAILED,
        EndingDetail.ERROR_BODY,
    )
    assert rejected.response.error == failed.response.error


@pytest.mark.parametrize("status", ["queued", "in_progress", "cancelled"])
def test_a_response_under_way_is_a_complete_answer(status: str) -> None:
    """Polling and cancelling succeed whatever the state, and the state is kept."""
    record = answered(response(status=status), 200, f"{PATH}/resp_1", "GET")
    assert record.exchange.ending is Ending.COMPLETE
    assert beside(record) == {"status": status}
    assert record.exchange.response_id == "resp_1"


def test_a_page_of_input_items_is_read_item_by_item() -> None:
    """The items of a list are outputs with the roles they had, tied to their response."""
    question = {"id": "m", "role": "user", "content": [{"type": "input_text", "text": "Q"}]}
    page = {"object": "list", "data": [question], "first_id": "m", "has_more": True}
    record = answered(page, 200, f"{PATH}/resp_1/input_items", "GET")
    assert (record.response.outputs[0].role, parts(record)) == ("user", [Text(text="Q")])
    assert beside(record) == {"item.message": {"id": "m"}, "first_id": "m", "has_more": True}
    assert record.exchange.response_id == "resp_1"


def test_a_compacted_response_is_a_response() -> None:
    """What was compacted is sealed; counts and id stay."""
    sealed = {"type": "compaction", "id": "cmp_1", "encrypted_content": "AAAA"}
    body = {"id": "resp_2", "object": "response.compaction", "output": [sealed]}
    record = answered({**body, "usage": {"input_tokens": 3}}, 200, f"{PATH}/compact")
    digest = keyed_digest(DIGEST_KEY, bytes(3))
    assert parts(record) == [Media(bytes=3, digest=digest, name="encrypted_content")]
    assert (record.usage.input, record.exchange.response_id) == (3, "resp_2")


@pytest.mark.parametrize("output", [None, "x", {"a": 1}, [7, None, "t", {}, {"type": 3}]])
def test_an_output_of_any_shape_is_kept(output: Any) -> None:
    """Nothing out of shape raises or is lost."""
    record = answered(response() | {"output": output})
    kept = [part for each in record.response.outputs for part in each.parts]
    assert (output is None) == (not kept)
    assert all(isinstance(part, Extra | Text) for part in kept)


@pytest.mark.parametrize("value", [None, 7, "x", [], {}, [None], {"a": {"b": 1}}])
def test_fields_of_any_shape_are_taken(value: Any) -> None:
    """No field of a response or of an item is taken for granted."""
    names = ("id", "type", "role", "status", "name", "arguments", "output", "content", "error")
    items = [{**call, name: value} for call, _, _ in CALLS for name in names]
    more = dict.fromkeys(("id", "model", "status", "usage", "incomplete_details"), value)
    record = answered(response(*items, **more, content_filters=value, error=value))
    assert len(record.response.outputs) == len(items)


def test_an_answer_that_is_no_object_is_kept_and_flagged() -> None:
    """A list or a number is an extra."""
    record = answered([1, 2])
    assert extras(record.response.outputs[0].parts) == {"body": [1, 2]}
    assert Flag.ANSWER_MALFORMED in record.exchange.flags
