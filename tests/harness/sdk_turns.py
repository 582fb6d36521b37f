"""What an SDK's caller was told by the formats of turns: responses, runs of threads, messages.

The law: what the SDK's own accumulator made of a stream is believed. Events are read only where
an error left it without a result.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any

from tests.harness.sdk_hearing import Heard
from tests.harness.sdk_told import Media, Said, Told, error_words, meant, tokens_of

__all__ = ["assistants", "messages", "responses"]

Json = Any


def responses(heard: Heard, media: Media) -> Told:
    """The accumulated response, or the last one that an event carried."""
    carried = [event["response"] for event in heard.events if event.get("response")]
    final = heard.final or carried[-1]
    response = final.get("get_final_response", final)
    items = response["output"] or list(_begun(heard.events))
    said = [(item.get("status"), _item(item, heard.events, media)) for item in items]
    return Told(
        outputs=said,
        tokens=tokens_of(response["usage"]),
        id=response["id"],
        error=(response["error"] or {}).get("message"),
    )


def _begun(events: Iterable[Json]) -> Iterator[Json]:
    """Messages as far as they came, of a stream whose end does not repeat them."""
    deltas = [event for event in events if event["type"] == "response.output_text.delta"]
    for event in events:
        if event["type"] == "response.output_item.added":
            mine = [
                each["delta"] for each in deltas if each["output_index"] == event["output_index"]
            ]
            yield {**event["item"], "content": [{"type": "output_text", "text": "".join(mine)}]}


def _item(item: Json, events: Iterable[Json], media: Media) -> list[Said]:
    kind = item["type"]
    if kind == "message":
        return [part for content in item["content"] for part in _content(content)]
    if kind == "reasoning":
        thought: list[Said] = [("reasoning", summary["text"]) for summary in item["summary"]]
        return [*thought, *media.of_base64(item["encrypted_content"])]
    if kind == "mcp_call":
        call = ("tool_call", item["id"], item["name"], meant(item["arguments"]))
        return [call, ("tool_result", item["id"], meant(item["output"]))]
    if kind == "image_generation_call":
        shown = (each.get("partial_image_b64") for each in events)
        drawn = ("tool_call", item["id"], "image_generation", item["revised_prompt"])
        return [drawn, *media.of_base64(*shown, item["result"])]
    return [("tool_call", item["call_id"], item["name"], meant(item["arguments"]))]


def _content(content: Json) -> Iterator[Said]:
    yield ("text", content["text"])
    for cited in content.get("annotations") or ():
        yield ("citation", cited["title"], cited["url"])


def assistants(heard: Heard, media: Media) -> Told:
    """Messages, then steps, then the run that they are of."""
    final = heard.final
    run = final.get("get_final_run", final if final.get("object") == "thread.run" else None)
    listed = final.get("data", [final])
    plain = listed if listed[0].get("object") == "thread.message" else []
    messages = final.get("get_final_messages", plain)
    outputs = [(each.get("status"), list(_turn(each))) for each in messages]
    outputs += [(None, list(_step(step))) for step in final.get("get_final_run_steps", ())]
    called = {part for _, parts in outputs for part in parts}
    if run is not None:
        outputs.append((run["status"], [call for call in _awaited(run) if call not in called]))
    return Told(outputs, tokens_of((run or {}).get("usage")), (run or final).get("id"))


def _turn(message: Json) -> Iterator[Said]:
    for content in message["content"]:
        if content["type"] == "refusal":
            yield ("refusal", content["refusal"])
            continue
        yield ("text", content["text"]["value"])
        for cited in content["text"].get("annotations") or ():
            yield ("citation", cited["file_citation"]["file_id"], None)


def _step(step: Json) -> Iterator[Said]:
    for call in step["step_details"]["tool_calls"]:
        if call["type"] == "function":
            yield _function(call)
            continue
        code = meant(call["code_interpreter"]["input"])
        yield ("tool_call", call["id"], call["type"], code)
        for output in call["code_interpreter"]["outputs"]:
            yield ("tool_result", call["id"], meant(output["logs"]))


def _awaited(run: Json) -> Iterator[Said]:
    action = run.get("required_action") or {"submit_tool_outputs": {"tool_calls": ()}}
    return map(_function, action["submit_tool_outputs"]["tool_calls"])


def _function(call: Json) -> Said:
    function = call["function"]
    return ("tool_call", call["id"], function["name"], meant(function["arguments"]))


def messages(heard: Heard, media: Media) -> Told:
    """The accumulated message; where an error broke it off, what had been accumulated."""
    begun = [event["message"] for event in heard.events if event["type"] == "message_start"]
    if heard.error is not None:
        texts = [event["snapshot"] for event in heard.events if event["type"] == "text"]
        broken: list[Said] = [("text", text) for text in texts[-1:]]
        counted = (*_all_tokens(begun[0]["usage"])[:1], None, None) if begun else (None,) * 3
        name = begun[0]["id"] if begun else None
        return Told([(None, broken)] if broken else [], counted, name, error_words(heard))
    final = heard.final.get("get_final_message", heard.final)
    if "content" not in final:
        return Told([], (final["input_tokens"], None, None))
    said = [part for block in final["content"] for part in _block(block, media)]
    return Told([(final["stop_reason"], said)], _all_tokens(final["usage"]), final["id"])


def _all_tokens(usage: Json) -> tuple[int | None, ...]:
    """Of the input, the cached ones too."""
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    asked = sum(usage.get(name) or 0 for name in names)
    return asked, usage["output_tokens"], asked + usage["output_tokens"]


def _block(block: Json, media: Media) -> Iterator[Said]:
    kind = block["type"]
    if kind == "text":
        yield ("text", block["text"])
        for cited in block["citations"] or ():
            yield ("citation", cited.get("title") or cited["document_title"], cited.get("url"))
    elif kind == "thinking":
        yield ("reasoning", block["thinking"])
    elif kind.endswith("tool_use"):
        yield ("tool_call", block["id"], block["name"], json.dumps(block["input"], sort_keys=True))
    elif kind.endswith("tool_result"):
        found = [_unsealed(each, media) for each in block["content"]]
        yield ("tool_result", block["tool_use_id"], json.dumps(found, sort_keys=True))
    sealed = (block.get(name) for name in ("signature", "data", "encrypted_content"))
    yield from media.of_base64(*sealed)


def _unsealed(found: Json, media: Media) -> Json:
    """A page that was found, with a mark where it holds what only its provider can read."""
    _, size, digest, _ = media.of(base64.b64decode(found["encrypted_content"]))
    told = {name: value for name, value in found.items() if value is not None}
    return {**told, "encrypted_content": f"[sealed:{size}:{digest[:16]}]"}
