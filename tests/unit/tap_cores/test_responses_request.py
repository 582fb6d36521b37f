"""Requests of the Responses API: where their prompts stand, and what they only point to."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from audit.digest import keyed_digest
from audit.flags import Flag
from audit.parts import Extra, Media, Reasoning, Refusal, Text, ToolCall, ToolResult
from audit.record import AuditRecord, Message
from tests.unit.tap_cores.kit import DIGEST_KEY
from tests.unit.tap_cores.responses_kit import PATH, asked, extras

PIXEL = base64.b64encode(b"pixels").decode()


def turns(*items: Any, **more: Any) -> tuple[Message, ...]:
    """The messages of a request with these input items."""
    return asked({"model": "m", "input": list(items), **more}).request.messages


def pointed(record: AuditRecord) -> list[tuple[str, str]]:
    """What the request refers to."""
    return [(it.kind, it.id) for it in record.request.references]


def media(data: bytes, mime: str | None, name: str | None = None) -> Media:
    """Media as a record describes it."""
    return Media(mime=mime, bytes=len(data), digest=keyed_digest(DIGEST_KEY, data), name=name)


def test_instructions_and_a_bare_input_are_two_turns() -> None:
    """Instructions are the system's, a string is the user's."""
    record = asked({"model": "m", "instructions": "Be brief.", "input": "hi", "temperature": 0})
    assert record.request.messages == (
        Message(role="system", parts=(Text(text="Be brief."),)),
        Message(role="user", parts=(Text(text="hi"),)),
    )
    assert record.request.parameters == {"model": "m", "temperature": 0}
    assert record.exchange.requested_model == "m"
    assert not record.exchange.flags


def test_turns_keep_their_roles_and_parts_their_order() -> None:
    """Short messages, typed ones and earlier answers stand as they stood."""
    old = [{"type": "output_text", "text": "A"}, {"type": "refusal", "refusal": "B"}]
    messages = turns(
        {"role": "developer", "content": "D"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "U"}, "V"]},
        {"type": "message", "role": "assistant", "id": "msg_1", "content": old},
    )
    assert [each.role for each in messages] == ["developer", "user", "assistant"]
    assert messages[0].parts == (Text(text="D"),)
    assert messages[1].parts == (Text(text="U"), Text(text="V"))
    assert messages[2].parts[:2] == (Text(text="A"), Refusal(text="B"))
    assert extras(messages[2].parts) == {"item.message": {"id": "msg_1"}}


def test_media_of_a_prompt_become_type_size_and_digest() -> None:
    """Pictures, files and sound are never text, and a remote one keeps its bare address."""
    url = f"data:image/png;base64,{PIXEL}"
    (turn,) = turns(
        {
            "role": "user",
            "content": [
                {"type": "input_image", "image_url": url, "detail": "high"},
                {"type": "input_image", "image_url": "https://a.test/i.png?sig=secret"},
                {"type": "input_file", "filename": "a.pdf", "file_data": PIXEL},
                {"type": "input_file", "file_url": "https://a.test/b.pdf?token=secret"},
                {"type": "input_audio", "input_audio": {"data": PIXEL, "format": "wav"}},
            ],
        }
    )
    assert turn.parts == (
        media(b"pixels", "image/png"),
        Media(url="https://a.test/i.png"),
        media(b"pixels", None, "a.pdf"),
        Media(url="https://a.test/b.pdf"),
        media(b"pixels", "audio/wav"),
    )


def test_what_the_server_holds_is_a_reference() -> None:
    """Earlier responses, conversations, stored prompts, items, files and stores are named."""
    file = {"type": "input_file", "file_id": "file_1", "filename": "a.pdf"}
    record = asked(
        {
            "previous_response_id": "resp_0",
            "conversation": {"id": "conv_1"},
            "prompt": {"id": "pmpt_1", "version": "3"},
            "agent_reference": {"type": "agent_reference", "name": "clerk"},
            "input": [{"role": "user", "content": [file]}, {"id": "msg_0"}, {"id": "msg_0"}],
            "tools": [
                {"type": "file_search", "vector_store_ids": ["vs_1", 7]},
                {"type": "mcp", "server_label": "q", "server_url": "https://u:p@q.test/mcp?k=1"},
                {"type": "mcp", "server_label": "d", "connector_id": "connector_x"},
            ],
        }
    )
    assert pointed(record) == [
        ("previous_response", "resp_0"),
        ("conversation", "conv_1"),
        ("prompt", "pmpt_1"),
        ("agent", "clerk"),
        ("file", "file_1"),
        ("item", "msg_0"),
        ("vector_store", "vs_1"),
        ("mcp_server", "https://q.test/mcp"),
        ("mcp_connector", "connector_x"),
    ]
    assert record.exchange.previous_response_id == "resp_0"
    assert [each.parts for each in record.request.messages] == [(Media(name="a.pdf"),)]
    assert record.request.parameters["prompt"] == {"id": "pmpt_1", "version": "3"}


def test_what_stands_beside_a_text_or_a_file_is_kept_too() -> None:
    """A file that is both sent and named is both; a second text of a part is an extra."""
    both = {"type": "input_image", "image_url": "https://a.test/i.png", "file_id": "file_1"}
    text = {"type": "input_text", "text": "T", "refusal": "R"}
    record = asked({"input": [{"role": "user", "content": [both, text]}]})
    (turn,) = record.request.messages
    assert turn.parts[:2] == (Media(url="https://a.test/i.png"), Text(text="T"))
    assert extras(turn.parts) == {"content.input_text": {"refusal": "R"}}
    assert pointed(record) == [("file", "file_1")]


def test_the_variables_of_a_stored_prompt_are_text() -> None:
    """They are all of a stored prompt that a request shows, so detectors must see them."""
    picture = {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"}
    variables = {"city": "Lima", "note": {"type": "input_text", "text": "N"}, "map": picture}
    record = asked({"prompt": {"id": "p", "variables": variables}})
    assert record.request.messages == (
        Message(role="user", name="city", parts=(Text(text="Lima"),)),
        Message(role="user", name="note", parts=(Text(text="N"),)),
        Message(role="user", name="map", parts=(media(b"pixels", "image/png"),)),
    )
    assert record.request.parameters == {"prompt": {"id": "p"}}


def test_tools_are_named_and_their_credentials_are_nowhere() -> None:
    """Each tool has a name and a digest; authorization and headers reach no record."""
    mcp = {
        "type": "mcp",
        "server_label": "quay",
        "server_url": "https://q.test/mcp",
        "authorization": "hush-1",
        "headers": {"X-Key": "hush-2"},
    }
    inner = {"type": "function", "name": "f"}
    record = asked(
        {
            "input": [{"type": "additional_tools", "role": "developer", "tools": [mcp]}],
            "tools": [
                {"type": "function", "name": "g"},
                mcp,
                {"type": "web_search"},
                {"type": "namespace", "name": "n", "tools": [inner]},
                7,
            ],
            "tool_choice": mcp,
        }
    )
    names = [tool.name for tool in record.request.tools]
    assert names == ["g", "quay", "web_search", "n", "n.f", "unnamed", "quay"]
    assert record.request.tools[1].digest == record.request.tools[-1].digest
    assert record.request.parameters["tool_choice"]["headers"] == {"X-Key": "[secret]"}
    assert "hush" not in repr([json.dumps(record.request.parameters), _texts(record)])


def _texts(record: AuditRecord) -> list[str]:
    return [str(extras(message.parts)) for message in record.request.messages]


RESULTS: list[tuple[dict[str, Any], list[Any]]] = [
    ({"type": "function_call_output", "output": "42"}, [ToolResult(id="c", text="42")]),
    (
        {
            "type": "function_call_output",
            "output": [
                {"type": "input_text", "text": "see"},
                {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"},
                {"type": "input_text", "text": "that"},
            ],
        },
        [
            ToolResult(id="c", text="see"),
            media(b"pixels", "image/png"),
            ToolResult(id="c", text="that"),
        ],
    ),
    ({"type": "custom_tool_call_output", "output": "ok"}, [ToolResult(id="c", text="ok")]),
    ({"type": "local_shell_call_output", "output": "ls"}, [ToolResult(id="c", text="ls")]),
    ({"type": "apply_patch_call_output", "output": "done"}, [ToolResult(id="c", text="done")]),
    ({"type": "program_output", "result": "7"}, [ToolResult(id="c", text="7")]),
    (
        {"type": "shell_call_output", "output": [{"stdout": "o", "stderr": "e", "outcome": {}}]},
        [
            ToolResult(id="c", name="stdout", text="o"),
            ToolResult(id="c", name="stderr", text="e"),
        ],
    ),
    (
        {
            "type": "computer_call_output",
            "output": {
                "type": "computer_screenshot",
                "image_url": f"data:image/png;base64,{PIXEL}",
            },
        },
        [media(b"pixels", "image/png")],
    ),
]


@pytest.mark.parametrize(("item", "read"), RESULTS, ids=lambda it: str(it)[:40])
def test_the_results_of_tools_are_the_tools_turn(item: dict[str, Any], read: list[Any]) -> None:
    """What came of a call is linked to it, and texts and pictures keep their order."""
    (turn,) = turns({**item, "call_id": "c"})
    assert turn.role == "tool"
    assert [part for part in turn.parts if not isinstance(part, Extra)] == read


def test_a_result_without_text_keeps_the_call_it_belongs_to() -> None:
    """A picture alone has no place for the id, so that an extra holds it."""
    shot = {"type": "computer_screenshot", "image_url": f"data:image/png;base64,{PIXEL}"}
    (turn,) = turns({"type": "computer_call_output", "call_id": "c", "output": shot})
    assert turn.parts[0] == media(b"pixels", "image/png")
    assert extras(turn.parts) == {"item.computer_call_output": {"call_id": "c"}}


def test_earlier_reasoning_is_kept_and_what_is_encrypted_is_known_by_digest() -> None:
    """Summaries are text; what only the provider can read is size and digest."""
    sealed = base64.urlsafe_b64encode(bytes(range(255))).decode()
    thought = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "S"}],
        "content": [{"type": "reasoning_text", "text": "T"}],
        "encrypted_content": sealed,
    }
    compact = {"type": "compaction", "encrypted_content": "not base64!"}
    first, second = turns(thought, compact)
    assert first.parts[:3] == (
        Reasoning(text="S"),
        Reasoning(text="T"),
        media(bytes(range(255)), None, "encrypted_content"),
    )
    assert first.role == second.role == "assistant"
    assert second.parts == (media(b"not base64!", None, "encrypted_content"),)


def test_an_approval_is_the_users_and_its_reason_is_text() -> None:
    """Who approved a remote call, and why, is part of the prompt."""
    (turn,) = turns(
        {
            "type": "mcp_approval_response",
            "approval_request_id": "mcpr_1",
            "approve": False,
            "reason": "too broad",
        }
    )
    assert (turn.role, turn.parts[0]) == ("user", Text(text="too broad"))
    kept = extras(turn.parts)["item.mcp_approval_response"]
    assert kept == {"approval_request_id": "mcpr_1", "approve": False}


def test_earlier_calls_are_the_assistants_turn() -> None:
    """A call that is sent back is read as the call it was."""
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    (turn,) = turns(call)
    assert turn == Message(role="assistant", parts=(ToolCall(id="c", name="f", arguments="{}"),))


def test_items_and_parts_that_are_not_known_are_kept_where_they_stood() -> None:
    """News of the format is an extra with its text, its credentials taken out."""
    messages = turns(
        {"type": "new_item", "text": "words", "api_key": "hush"},
        {"role": "user", "content": [{"type": "new_part", "words": "w"}], "mood": "glad"},
        "bare",
        7,
    )
    assert extras(messages[0].parts) == {"item.new_item": {"text": "words", "api_key": "[secret]"}}
    assert extras(messages[1].parts) == {
        "content.new_part": {"type": "new_part", "words": "w"},
        "item.message": {"mood": "glad"},
    }
    assert messages[2].parts == (Text(text="bare"),)
    assert extras(messages[3].parts) == {"item": 7}


@pytest.mark.parametrize(
    ("body", "flag"),
    [
        ({"model": "m"}, Flag.REQUEST_MALFORMED),
        ([1], Flag.REQUEST_MALFORMED),
        (b"{]", Flag.REQUEST_UNPARSED),
    ],
    ids=["no input", "no object", "no json"],
)
def test_a_request_out_of_shape_is_flagged(body: Any, flag: Flag) -> None:
    """A body without any prompt, in whatever way, says so."""
    assert flag in asked(body).exchange.flags


def test_a_request_without_input_may_rest_on_what_the_server_holds() -> None:
    """With an earlier response or a stored prompt there need be no input."""
    assert not asked({"prompt": {"id": "p"}}).exchange.flags
    assert not asked({}, f"{PATH}/resp_1/cancel").exchange.flags


def test_paths_name_the_response_they_are_about() -> None:
    """What is polled, cancelled or listed is joined to its request by the response's id."""
    for end in ("", "/cancel", "/input_items"):
        assert pointed(asked({}, f"{PATH}/resp%201{end}")) == [("response", "resp 1")]
    for end in ("/compact", "/input_tokens", ""):
        assert pointed(asked({"input": "x"}, f"{PATH}{end}")) == []


def test_media_among_the_parameters_are_kept_as_media() -> None:
    """A picture where no prompt stands is a mark there, and media of a last turn."""
    url = f"data:image/png;base64,{PIXEL * 8}"
    record = asked({"input": "x", "metadata": {"logo": url}})
    (lifted,) = record.request.messages[-1].parts
    assert isinstance(lifted, Media)
    mark = record.request.parameters["metadata"]["logo"]
    assert mark == f"[media:{str(lifted.digest)[:16]}]"


def test_who_asks_is_what_the_body_claims() -> None:
    """User and session are taken from where clients put them."""
    identity = asked(
        {"input": "x", "safety_identifier": "u-1", "metadata": {"thread_id": "t-1"}}
    ).identity
    assert (identity.user, identity.session) == ("u-1", "t-1")
