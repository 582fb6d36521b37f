"""The request of a chat completion in a record: messages, media, tools, parameters."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from audit.digest import keyed_digest
from audit.exchange import Identity
from audit.parts import Extra, Media, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from audit.record import Message, Reference, Request
from audit.value import to_json
from tests.unit.tap_cores.kit import DIGEST_KEY, opened, recorded

PICTURE = b"\x89PNG" + bytes(range(256)) * 4
PICTURE_64 = base64.b64encode(PICTURE).decode()


def asked(request: dict[str, Any]) -> Request:
    """The request group of the record."""
    return recorded(request=request).request


def parts_of(message: dict[str, Any]) -> tuple[Part, ...]:
    """The parts of one prompt message."""
    return asked({"messages": [message]}).messages[0].parts


def picture() -> Media:
    """What becomes of the picture."""
    digest = keyed_digest(DIGEST_KEY, PICTURE)
    return Media(mime="image/png", bytes=len(PICTURE), digest=digest)


def test_messages_keep_their_order_roles_names_and_texts() -> None:
    """Each message is one message of the record, its text untouched."""
    request = asked(
        {
            "messages": [
                {"role": "developer", "content": "Be\nbrief. "},
                {"role": "user", "name": "ann", "content": [{"type": "text", "text": "hi"}]},
                {"role": "assistant", "content": None},
            ]
        }
    )
    assert request.messages == (
        Message(role="developer", parts=(Text(text="Be\nbrief. "),)),
        Message(role="user", name="ann", parts=(Text(text="hi"),)),
        Message(role="assistant"),
    )


def test_base64_media_become_digests_and_never_text() -> None:
    """Pictures, sounds and files are known by type, size and keyed digest only."""
    parts = parts_of(
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "look"},
                {
                    "type": "image_url",
                    "image_url": {"url": f"data:image/png;base64,{PICTURE_64}"},
                },
                {"type": "input_audio", "input_audio": {"data": PICTURE_64, "format": "wav"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": PICTURE_64}},
            ],
        }
    )
    digest = picture().digest
    assert parts == (
        Text(text="look"),
        picture(),
        Media(mime="audio/wav", bytes=len(PICTURE), digest=digest),
        Media(bytes=len(PICTURE), digest=digest, name="a.pdf"),
    )


def test_a_picture_inside_a_text_is_lifted_out_where_it_stood() -> None:
    """The text before and after it stays text."""
    text = f"see ![x](data:image/png;base64,{PICTURE_64}) here"
    assert parts_of({"role": "user", "content": text}) == (
        Text(text="see ![x]("),
        picture(),
        Text(text=") here"),
    )


def test_media_sent_by_reference_keep_their_url_without_its_query() -> None:
    """Query, fragment and user information, where credentials stand, are dropped."""
    url = "https://me:pw@blob.example/c/a.png?sv=1&sig=SECRET#frag"
    parts = parts_of({"role": "user", "content": [{"type": "image_url", "image_url": url}]})
    assert parts == (Media(url="https://blob.example/c/a.png"),)


def test_an_assistants_history_keeps_reasoning_refusal_and_calls() -> None:
    """Calls of both generations, reasoning and refusals are parts of the message."""
    parts = parts_of(
        {
            "role": "assistant",
            "content": "ok",
            "reasoning_content": "hm",
            "refusal": "no",
            "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": "{}"}}],
            "function_call": {"name": "g", "arguments": "[]"},
        }
    )
    assert parts == (
        Reasoning(text="hm"),
        Text(text="ok"),
        Refusal(text="no"),
        ToolCall(id="c1", name="f", arguments="{}"),
        ToolCall(name="g", arguments="[]"),
    )


def test_what_a_tool_answered_is_a_tool_result() -> None:
    """Text in one or several parts is one result, under the id of its call."""
    content = [{"type": "text", "text": "4"}, {"type": "text", "text": "2"}]
    parts = parts_of({"role": "tool", "tool_call_id": "c1", "content": content})
    assert parts == (ToolResult(id="c1", text="42"),)
    parts = parts_of({"role": "function", "name": "f", "content": "42"})
    assert parts == (ToolResult(name="f", text="42"),)


def test_prompts_that_are_not_in_the_request_are_references() -> None:
    """A stored file and the sound of an earlier answer are named, since their text is elsewhere."""
    request = asked(
        {
            "messages": [
                {"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]},
                {"role": "assistant", "audio": {"id": "audio_1"}},
            ]
        }
    )
    assert request.references == (
        Reference(kind="file", id="file-1"),
        Reference(kind="audio", id="audio_1"),
    )


def test_unknown_fields_and_parts_are_kept_in_their_place() -> None:
    """What this version does not know is an extra that says where it stood."""
    parts = parts_of({"role": "user", "content": [{"type": "hologram", "x": 1}], "mood": "good"})
    assert parts == (
        Extra(name="content.hologram", text='{"type":"hologram","x":1}'),
        Extra(name="message.mood", text='"good"'),
    )


def test_tools_are_named_and_their_definitions_digested() -> None:
    """The digest is of the canonical definition: the order of its names does not matter."""
    one = {"type": "function", "function": {"name": "f", "parameters": {"a": 1, "b": 2}}}
    two = {"function": {"parameters": {"b": 2, "a": 1}, "name": "f"}, "type": "function"}
    tools = asked({"messages": [], "tools": [one, two], "functions": [{"name": "old"}]}).tools
    assert [tool.name for tool in tools] == ["f", "f", "old"]
    assert tools[0].digest == tools[1].digest != tools[2].digest


def test_every_other_field_is_a_parameter_without_credentials() -> None:
    """Numbers and schemas stay; keys of data sources and signatures of URLs do not."""
    source = {
        "type": "azure_search",
        "parameters": {
            "endpoint": "https://s.example/?sv=1&sig=abc%2F",
            "authentication": {"type": "api_key", "key": "PLANTED-1"},
            "embedding_dependency": {"deployment_name": "e", "key": "PLANTED-2"},
            "connection_string": "PLANTED-3",
        },
    }
    body = {
        "messages": [],
        "temperature": 0.5,
        "data_sources": [source],
        "response_format": {"json_schema": {"schema": {"properties": {"key": {"type": "x"}}}}},
    }
    parameters = asked(body).parameters
    assert parameters["temperature"] == 0.5
    assert parameters["response_format"] == body["response_format"]
    kept = parameters["data_sources"][0]["parameters"]
    assert kept["endpoint"] == "https://s.example/?sv=1&sig=[secret]"
    assert kept["authentication"] == {"type": "api_key", "key": "[secret]"}
    assert b"PLANTED" not in to_json(asked(body))


def test_what_a_part_says_beside_its_text_or_picture_is_kept() -> None:
    """A picture's detail, and the places where a prompt may be cached."""
    url = "https://x.example/a.png"
    content = [
        {"type": "image_url", "image_url": {"url": url, "detail": "low"}, "cached": True},
        {"type": "text", "text": "t", "cache_control": {"type": "ephemeral"}, "novel": None},
    ]
    assert parts_of({"role": "user", "content": content}) == (
        Media(url=url),
        Extra(name="content.image_url", text='{"cached":true,"detail":"low"}'),
        Text(text="t"),
        Extra(name="content.text", text='{"cache_control":{"type":"ephemeral"}}'),
    )


def test_reasoning_of_earlier_turns_may_stand_in_details_alone() -> None:
    """Some gateways want it back in the shape they gave it in."""
    details = [{"type": "reasoning.summary", "summary": "hm"}, "odd"]
    parts = parts_of({"role": "assistant", "content": "ok", "reasoning_details": details})
    assert parts[:2] == (Reasoning(text="hm"), Text(text="ok"))
    assert isinstance(parts[2], Extra)
    assert parts[2].name == "message.reasoning_details"


@pytest.mark.parametrize("name", ["data_sources", "dataSources"])
def test_keys_of_data_sources_are_credentials_wherever_they_stand(name: str) -> None:
    """Older versions put them beside the endpoint, and write their names in one word."""
    names = ("key", "embeddingKey", "connectionString", "accessToken", "encoded_api_key", "ApiKey")
    parameters = {each: f"PLANTED-{each}" for each in names}
    source = {"type": "AzureCognitiveSearch", "parameters": {"indexName": "i", **parameters}}
    kept = asked({"messages": [], name: [source]})
    assert b"PLANTED" not in to_json(kept)
    assert kept.parameters[name][0]["parameters"]["indexName"] == "i"


def test_who_asked_is_taken_from_the_body_where_the_opening_does_not_know() -> None:
    """`user` and a session in the metadata fill what the head left open, and override nothing."""
    body = {"messages": [], "user": "u-1", "metadata": {"session_id": "s-1"}}
    identity = recorded(request=body).identity
    assert (identity.user, identity.session) == ("u-1", "s-1")
    known = opened(identity=Identity(user="known"))
    assert recorded(request=body, opening=known).identity.user == "known"
