"""What the official SDKs are asked for in the formats of turns: responses, threads, messages.

The law: a call is here for a way in which an SDK makes or reads something by itself.
"""

from __future__ import annotations

from pydantic import BaseModel

from tests.harness.sdk_hearing import Call, Way

__all__ = ["assistants", "messages", "responses"]

_ASKED = "When does the harbour open?"


class Opening(BaseModel):
    """When a place opens."""

    place: str
    hour: int


class FindBerth(BaseModel):
    """Find a berth."""

    number: int


def responses() -> dict[str, Call]:
    """Responses: made, parsed, polled and taken up again."""
    asked = {"model": "gpt-test", "input": _ASKED}
    tool = {
        "type": "function",
        "name": "FindBerth",
        "parameters": FindBerth.model_json_schema(),
        "strict": True,
    }
    shaped = {**asked, "text_format": Opening, "tools": [tool]}
    told, folder, said = ("get_final_response",), "openai_responses", (_ASKED,)
    again = {"response_id": "resp_a1", "stream": True, "starting_after": 11}
    return {
        "a response": Call("responses.create", f"{folder}/text.answer.json", asked, prompts=said),
        "a streamed response": Call(
            "responses.stream", f"{folder}/text.sse", asked, Way.MANAGED, told, said
        ),
        "calls of tools": Call(
            "responses.stream", f"{folder}/tools.sse", asked, Way.MANAGED, told, said
        ),
        "a response that fails": Call(
            "responses.create",
            f"{folder}/failed.sse",
            {**asked, "stream": True},
            Way.EVENTS,
            (),
            said,
            "failed",
        ),
        "a response of a shape": Call(
            "responses.parse", f"{folder}/shaped.answer.json", shaped, prompts=said
        ),
        "a response in the background": Call(
            "responses.create",
            f"{folder}/queued.answer.json",
            {**asked, "background": True},
            prompts=said,
        ),
        "a response that is polled": Call(
            "responses.retrieve", f"{folder}/text.answer.json", {"response_id": "resp_a1"}
        ),
        "a response taken up again": Call(
            "responses.retrieve", f"{folder}/text.sse", again, Way.EVENTS
        ),
        "a response streamed from its start": Call(
            "responses.stream", f"{folder}/text.sse", {"response_id": "resp_a1"}, Way.MANAGED, told
        ),
    }


def assistants() -> dict[str, Call]:
    """Threads, their messages, and runs with a handler of their events."""
    turn = {"role": "user", "content": "And milk?"}
    run = {"thread_id": "thread_1", "assistant_id": "asst_1", "instructions": "Be kind."}
    outputs = {
        "thread_id": "thread_1",
        "run_id": "run_1",
        "tool_outputs": [{"tool_call_id": "call_1", "output": "warm"}],
    }
    folder, runs = "openai_assistants", "beta.threads.runs"
    messages, steps = "get_final_messages", "get_final_run_steps"
    return {
        "a thread": Call(
            "beta.threads.create",
            f"{folder}/thread.answer.json",
            {"messages": [turn]},
            prompts=("And milk?",),
        ),
        "a message": Call(
            "beta.threads.messages.create",
            f"{folder}/message.answer.json",
            {"thread_id": "thread_1", **turn},
            prompts=("And milk?",),
        ),
        "messages": Call(
            "beta.threads.messages.list", f"{folder}/list.answer.json", {"thread_id": "thread_1"}
        ),
        "a run": Call(f"{runs}.create", f"{folder}/run.answer.json", run, prompts=("Be kind.",)),
        "a streamed run": Call(
            f"{runs}.stream",
            f"{folder}/message.sse",
            run,
            Way.MANAGED,
            ("get_final_run", messages),
            ("Be kind.",),
        ),
        "a run that calls tools": Call(
            f"{runs}.stream",
            f"{folder}/tools.sse",
            run,
            Way.MANAGED,
            ("get_final_run", steps),
            ("Be kind.",),
        ),
        "outputs of tools": Call(
            f"{runs}.submit_tool_outputs", f"{folder}/run.answer.json", outputs, prompts=("warm",)
        ),
        "outputs of tools, streamed": Call(
            f"{runs}.submit_tool_outputs_stream",
            f"{folder}/message.sse",
            outputs,
            Way.MANAGED,
            ("get_final_run", messages),
            ("warm",),
        ),
    }


def messages() -> dict[str, Call]:
    """Anthropic's messages, and counts of their tokens."""
    turn = {"role": "user", "content": "Is there tea?"}
    counted = {"model": "claude-test", "system": "Be kind.", "messages": [turn]}
    asked = {**counted, "max_tokens": 100}
    said, folder = ("Be kind.", "Is there tea?"), "anthropic_messages"
    stream, told = "messages.stream", ("get_final_message",)
    return {
        "an answer": Call("messages.create", f"{folder}/plain.answer.json", asked, prompts=said),
        "an answer with its thoughts": Call(
            stream, f"{folder}/text.sse", asked, Way.MANAGED, told, said
        ),
        # Only the beta's accumulator knows every block of this one.
        "an answer with calls of tools": Call(
            "beta.messages.stream", f"{folder}/tools.sse", asked, Way.MANAGED, told, said
        ),
        "an answer that fails": Call(
            stream, f"{folder}/error.sse", asked, Way.MANAGED, told, said, "failed"
        ),
        "an answer that is refused": Call(
            "messages.create", f"{folder}/error.answer.json", asked, prompts=said, ending="rejected"
        ),
        "a count of tokens": Call("messages.count_tokens", "count", counted, prompts=said),
    }
