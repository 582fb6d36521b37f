"""The request of the Messages API in a record: prompts, tools, parameters and batches."""

from __future__ import annotations

import pytest

from audit.parts import Text
from audit.record import Message
from audit.value import to_json
from tests.unit.tap_cores.anthropic_kit import (
    PATH,
    asked,
    record_of,
)
from tests.unit.tap_cores.kit import opened, recorded


def test_the_system_prompt_stands_before_the_turns() -> None:
    """It is a message of its own, whether a text or blocks; turns keep order, role and text."""
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "It is "}]
    for system in ("Be\nkind. ", [{"type": "text", "text": "Be\nkind. ", "cache_control": {}}]):
        request = asked({"system": system, "messages": turns})
        assert request.messages == (
            Message(role="system", parts=(Text(text="Be\nkind. "),)),
            Message(role="user", parts=(Text(text="hi"),)),
            Message(role="assistant", parts=(Text(text="It is "),)),
        )
        assert "system" not in request.parameters


def test_tools_are_named_and_digested() -> None:
    """Own tools, the provider's and a server's set are named; the digest is of the definition."""
    request = asked(
        {
            "messages": [],
            "tools": [
                {"name": "add", "input_schema": {"a": 1, "b": 2}},
                {"input_schema": {"b": 2, "a": 1}, "name": "add"},
                {"type": "web_search_20250305", "name": "web_search"},
                {"type": "mcp_toolset", "mcp_server_name": "wiki"},
                {"type": "bash_20250124"},
                None,
            ],
        }
    )
    names = ["add", "add", "web_search", "wiki", "bash_20250124", "unnamed"]
    assert [tool.name for tool in request.tools] == names
    assert request.tools[0].digest == request.tools[1].digest != request.tools[2].digest
    assert "tools" not in request.parameters


def test_no_credential_of_a_tool_server_is_recorded() -> None:
    """Its token is a mark, its URL loses all that can be a key; a credit token is one too."""
    server = {
        "type": "url",
        "name": "wiki",
        "url": "https://me:PLANTED-1@mcp.example/sse?api_key=PLANTED-2",
        "authorization_token": "PLANTED-3",
    }
    record = record_of(
        {
            "messages": [],
            "mcp_servers": [server, "odd"],
            "fallback_credit_token": {"token": "PLANTED-4", "mode": "strict"},
        }
    )
    kept = record.request.parameters["mcp_servers"][0]
    assert kept["url"] == "https://mcp.example/sse"
    assert kept["authorization_token"] == "[secret]"
    assert b"PLANTED" not in to_json(record)
    plain = record_of({"messages": [], "fallback_credit_token": "PLANTED-5"})
    assert b"PLANTED" not in to_json(plain)


@pytest.mark.parametrize(
    ("user_id", "session"),
    [
        ("u-1", None),
        ("user_ab_account_cd_session_0f3e", "0f3e"),
        ('{"device_id":"d","session_id":"s-9"}', "s-9"),
        ("{broken", None),
    ],
)
def test_who_asked_is_taken_from_the_metadata(user_id: str, session: str | None) -> None:
    """The user's id is the body's claim, with the session that coding agents put into it."""
    identity = record_of({"messages": [], "metadata": {"user_id": user_id}}).identity
    assert (identity.user, identity.session) == (user_id, session)


def test_everything_else_is_a_parameter() -> None:
    """Limits, thinking budgets and choices stay as they were sent; the model is the exchange's."""
    body = {
        "model": "claude-test",
        "max_tokens": 9,
        "thinking": {"type": "enabled", "budget_tokens": 3},
        "tool_choice": {"type": "auto"},
        "stop_sequences": ["\n\nHuman:"],
        "stream": True,
    }
    record = record_of({**body, "messages": []})
    assert record.request.parameters == body
    assert record.exchange.requested_model == "claude-test"
    assert "plain_answered_stream" not in record.exchange.flags


def test_a_batch_is_read_as_the_requests_it_holds() -> None:
    """Each message is named after its request; tools are all of theirs; prompts stand once."""
    one = {"model": "m", "system": "be kind", "messages": [{"role": "user", "content": "a"}]}
    two = {"model": "m", "messages": [{"role": "user", "content": "b"}], "tools": [{"name": "f"}]}
    record = record_of(
        {"requests": [{"custom_id": "r1", "params": one}, {"custom_id": "r2", "params": two}]},
        f"{PATH}/batches",
    )
    assert record.exchange.operation == "messages.batches"
    assert record.request.messages == (
        Message(role="system", name="r1", parts=(Text(text="be kind"),)),
        Message(role="user", name="r1", parts=(Text(text="a"),)),
        Message(role="user", name="r2", parts=(Text(text="b"),)),
    )
    assert [tool.name for tool in record.request.tools] == ["f"]
    assert record.request.parameters == {
        "requests": [
            {"custom_id": "r1", "params": {"model": "m"}},
            {"custom_id": "r2", "params": {"model": "m"}},
        ]
    }
    assert record.exchange.requested_model == "m"


@pytest.mark.parametrize(
    ("body", "flag"),
    [
        (b"no json", "request_unparsed"),
        (b"[1]", "request_malformed"),
        (b'{"messages": {"role": "user"}}', "request_malformed"),
        (b'{"messages": [{"role": 4, "content": 5}, null]}', "request_malformed"),
        (b'{"requests": [3, {"params": 4}, {"custom_id": 5}]}', "request_malformed"),
    ],
)
def test_a_request_out_of_shape_is_flagged(body: bytes, flag: str) -> None:
    """Whatever the body is, a record is made of it, and it says that something was amiss."""
    assert flag in recorded(request=body, opening=opened(PATH)).exchange.flags
