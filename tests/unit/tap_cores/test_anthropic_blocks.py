"""The content blocks of a prompt: media, files, thoughts, calls and results, in their places."""

from __future__ import annotations

import base64
import json

from audit.digest import keyed_digest
from audit.parts import Citation, Extra, Media, Reasoning, Text, ToolCall, ToolResult
from audit.record import Message, Reference
from tests.unit.tap_cores.anthropic_kit import (
    SCAN,
    SCAN_64,
    asked,
    media,
    parts_of,
)
from tests.unit.tap_cores.kit import DIGEST_KEY


def test_images_and_documents_are_known_by_type_size_and_digest() -> None:
    """Base64 never becomes text; a URL loses its query; a title is the document's name."""
    source = {"type": "base64", "media_type": "application/pdf", "data": SCAN_64}
    url = {"type": "url", "url": "https://blob.example/a.png?sig=PLANTED"}
    parts = parts_of(
        {"type": "image", "source": {**source, "media_type": "image/png"}},
        {"type": "document", "source": source, "title": "scan.pdf", "context": "from 2024"},
        {"type": "image", "source": url},
    )
    assert parts == (
        media(SCAN, "image/png"),
        media(SCAN, "application/pdf", "scan.pdf"),
        Text(text="from 2024"),
        Media(url="https://blob.example/a.png"),
    )


def test_a_document_of_text_is_prompt_text() -> None:
    """A plain document, and one made of blocks, are read like any other text of the prompt."""
    plain = {"type": "text", "media_type": "text/plain", "data": "the facts"}
    blocks = {"type": "content", "content": [{"type": "text", "text": "more"}, "facts"]}
    parts = parts_of(
        {"type": "document", "source": plain, "title": "facts.txt", "citations": {"enabled": True}},
        {"type": "document", "source": blocks},
        {"type": "document", "source": {"type": "content", "content": "as one text"}},
    )
    assert parts == (
        Extra(name="document.title", text='"facts.txt"'),
        Text(text="the facts"),
        Text(text="more"),
        Text(text="facts"),
        Text(text="as one text"),
    )


def test_files_of_the_provider_are_references() -> None:
    """What a file holds is not in the request: its id is, in its place and as a reference."""
    request = asked(
        {
            "container": {"id": "container_1"},
            "thread": {"type": "continue", "previous_message_id": "msg_0"},
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
                        {
                            "type": "document",
                            "source": {"type": "file", "file_id": "file_2"},
                            "title": "plan",
                        },
                        {"type": "container_upload", "file_id": "file_3"},
                    ],
                }
            ],
        }
    )
    assert request.messages[0].parts == (
        Media(name="file_1"),
        Media(name="plan"),
        Media(name="file_3"),
    )
    assert request.references == (
        Reference(kind="file", id="file_1"),
        Reference(kind="file", id="file_2"),
        Reference(kind="file", id="file_3"),
        Reference(kind="container", id="container_1"),
        Reference(kind="previous_message", id="msg_0"),
    )


def test_earlier_thoughts_are_kept_and_sealed_ones_recognisable() -> None:
    """A signature, hidden thinking and encrypted summaries are size and digest, never text."""
    sealed = base64.b64encode(b"only the provider reads this").decode()
    parts = parts_of(
        {"type": "thinking", "thinking": "hm", "signature": sealed},
        {"type": "redacted_thinking", "data": sealed},
        {"type": "compaction", "content": "they spoke of tea", "encrypted_content": "not base64!"},
        role="assistant",
    )
    data = b"only the provider reads this"
    assert parts == (
        Reasoning(text="hm"),
        media(data, name="thinking.signature"),
        media(data, name="redacted_thinking"),
        Extra(name="compaction", text='"they spoke of tea"'),
        media(b"not base64!", name="compaction.encrypted_content"),
    )


def test_a_call_in_the_history_keeps_its_arguments() -> None:
    """Calls of the client's, the provider's and a server's tools are calls alike."""
    parts = parts_of(
        {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1, "b": [2]}},
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
        {"type": "mcp_tool_use", "id": "m1", "name": "ask", "input": {}, "server_name": "wiki"},
        {"type": "tool_use", "id": "t2", "name": "f", "caller": {"type": "direct"}},
        {"type": "tool_use", "id": "t3", "name": "g", "input": {}, "caller": {"type": "code"}},
        role="assistant",
    )
    assert parts == (
        ToolCall(id="t1", name="add", arguments='{"a":1,"b":[2]}'),
        ToolCall(id="s1", name="web_search", arguments="{}"),
        ToolCall(id="m1", name="ask", arguments="{}"),
        Extra(name="mcp_tool_use.server_name", text='"wiki"'),
        ToolCall(id="t2", name="f"),
        ToolCall(id="t3", name="g", arguments="{}"),
        Extra(name="tool_use.caller", text='{"type":"code"}'),
    )


def test_a_result_keeps_the_order_of_its_contents() -> None:
    """Each text is a result under the call's id, each picture stands where it stood."""
    picture = {"type": "base64", "media_type": "image/png", "data": SCAN_64}
    content = [
        {"type": "text", "text": "before"},
        {"type": "image", "source": picture},
        {"type": "text", "text": "after"},
    ]
    parts = parts_of(
        {"type": "tool_result", "tool_use_id": "t1", "content": content},
        {"type": "tool_result", "tool_use_id": "t2", "content": "it broke", "is_error": True},
        {"type": "tool_result", "tool_use_id": "t3"},
    )
    assert parts == (
        ToolResult(id="t1", text="before"),
        media(SCAN, "image/png"),
        ToolResult(id="t1", text="after"),
        ToolResult(id="t2", text="it broke", is_error=True),
        ToolResult(id="t3"),
    )


def test_results_of_the_providers_own_tools_are_their_json() -> None:
    """Structure stays; what is encrypted in it becomes size and digest; an error is one."""
    found = {"type": "web_search_result", "url": "https://a.example", "encrypted_content": "QUJD"}
    failed = {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}
    parts = parts_of(
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [found]},
        {"type": "web_search_tool_result", "tool_use_id": "s2", "content": failed},
        {"type": "tool_search_tool_result", "tool_use_id": "s3", "content": {"type": "x"}},
        role="assistant",
    )
    results = [part for part in parts if isinstance(part, ToolResult)]
    digest = keyed_digest(DIGEST_KEY, b"ABC")[:16]
    assert json.loads(results[0].text) == [{**found, "encrypted_content": f"[sealed:3:{digest}]"}]
    assert [result.is_error for result in results] == [False, True, False]
    assert json.loads(results[1].text)["error_code"] == "max_uses_exceeded"


def test_a_search_result_is_its_source_and_its_text() -> None:
    """Alone, or as what a tool gave, a search result keeps title, place and text."""
    found = {
        "type": "search_result",
        "title": "Leave",
        "source": "https://wiki.example/leave?sig=PLANTED",
        "content": [{"type": "text", "text": "Thirty days."}],
    }
    source = Citation(title="Leave", url="https://wiki.example/leave?sig=[secret]")
    assert parts_of(found) == (source, Text(text="Thirty days."))
    assert parts_of({"type": "tool_result", "tool_use_id": "t", "content": [found]}) == (
        source,
        ToolResult(id="t", text="Thirty days."),
    )


def test_unknown_blocks_and_fields_are_kept_in_their_place() -> None:
    """What this version does not know is an extra that says where it stood."""
    parts = parts_of(
        {"type": "hologram", "depth": 3},
        {"type": "text", "text": "hi", "tone": "warm"},
        7,
        {"type": "image", "source": {"type": "smell"}},
    )
    assert parts == (
        Extra(name="content.hologram", text='{"type":"hologram","depth":3}'),
        Text(text="hi"),
        Extra(name="text.tone", text='"warm"'),
        Extra(name="content.unknown", text="7"),
        Extra(name="source", text='{"type":"smell"}'),
    )
    request = asked({"messages": [{"role": "user", "content": "a", "mood": 1}, 5]})
    assert request.messages[0].parts[1:] == (Extra(name="message.mood", text="1"),)
    assert request.messages[1] == Message(role="unknown", parts=(Extra(name="message", text="5"),))


def test_a_type_that_is_no_text_is_an_unknown_type() -> None:
    """Blocks whose type is a list, alone or in a result, are kept as they came."""
    odd = {"type": ["text"], "text": "hi"}
    assert parts_of(odd, {"type": "tool_result", "tool_use_id": "t", "content": [odd]}) == (
        Extra(name="content.unknown", text='{"type":["text"],"text":"hi"}'),
        ToolResult(id="t", text='[{"type":["text"],"text":"hi"}]'),
    )
