"""Gemini's requests: every place of the prompt, tools, and what the request only points to."""

from __future__ import annotations

from audit.parts import Extra, Media, Text, ToolCall, ToolResult
from audit.record import Reference
from tests.unit.tap_cores.gemini_kit import asked


def test_every_place_of_the_prompt_is_read() -> None:
    """System instruction, turns, results of tools and files, in both spellings of names."""
    record = asked(
        system_instruction={"parts": [{"text": "be brief"}]},
        contents=[
            {"role": "user", "parts": [{"text": "see"}, {"inline_data": {"data": "YWI="}}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"q": "x"}}}]},
            {"parts": [{"functionResponse": {"name": "f", "response": {"r": "y"}}}]},
            {"parts": {"fileData": {"fileUri": "https://files.example/f1?key=K"}}},
        ],
    )
    system, first, second, third, fourth = record.request.messages
    assert (system.role, system.parts) == ("system", (Text(text="be brief"),))
    assert first.parts[0] == Text(text="see")
    assert isinstance(first.parts[1], Media)
    assert second.parts == (ToolCall(name="f", arguments='{"q":"x"}'),)
    assert (third.role, third.parts) == ("user", (ToolResult(name="f", text='{"r":"y"}'),))
    assert fourth.parts == (Media(url="https://files.example/f1"),)
    assert Reference(kind="file", id="https://files.example/f1") in record.request.references


def test_tools_parameters_and_cached_content_are_named() -> None:
    """Functions by their names, tools of the provider by their kind, a cache as a reference."""
    record = asked(
        contents="hi",
        tools=[{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}, {"googleSearch": {}}],
        cachedContent="cachedContents/c1",
        generationConfig={"temperature": 0.5},
    )
    assert [tool.name for tool in record.request.tools] == ["f", "g", "googleSearch"]
    assert record.request.references == (Reference(kind="cached_content", id="cachedContents/c1"),)
    assert record.request.parameters == {"generationConfig": {"temperature": 0.5}}
    assert record.request.messages[0].parts == (Text(text="hi"),)


def test_a_request_without_shape_is_kept_and_flagged() -> None:
    """A prompt of no known kind does not vanish."""
    record = asked(contents=7)
    assert record.exchange.flags == ("request_malformed",)
    assert record.request.messages[0].parts == (Extra(name="part", text="7"),)
