"""What the demo's model can do: one function for each behaviour.

Each takes a request and gives the whole reply as a value; how it is written to the wire, and
how fast, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable

from cli.demo.chat import ChatRequest, Choice, Fault, Reply, error_body
from cli.demo.speech import fill_tools, read_back, read_out

__all__ = [
    "blocks_prompt",
    "cuts_answer",
    "extracts",
    "fails_halfway",
    "hangs_up",
    "is_broken",
    "is_busy",
    "refuses",
    "speaks",
    "thinks",
    "uses_tools",
]

_BLOCKED = (
    "The response was filtered due to the prompt triggering Azure OpenAI's content management "
    "policy. Please modify your prompt and retry. To learn more about our content filtering "
    "policies please read our documentation: https://go.microsoft.com/fwlink/?linkid=2198766"
)


def speaks(before: str, after: str) -> Callable[[ChatRequest], Reply]:
    """Make a behaviour that says `before`, the details it was given, and `after`."""

    def speak(request: ChatRequest) -> Reply:
        details = read_back(request.last_text("user"))
        return _says(" ".join(part for part in (before, details, after) if part))

    return speak


def _says(text: str) -> Reply:
    return Reply((Choice(text),))


def uses_tools(request: ChatRequest) -> Reply:
    """Call what was offered; once a result has come back, read it out."""
    if request.last_role == "tool":
        found = read_out(request.last_text("tool"))
        return _says(f"I found the customer. {found}. Shall I send them the confirmation?")
    calls = fill_tools(request.tools, request.last_text("user"))
    if not calls:
        return _says("I would look that up, but I was given no tool to do it with.")
    return Reply((Choice(tools=calls, finish="tool_calls"),))


def thinks(request: ChatRequest) -> Reply:
    """Show the thinking before the answer."""
    details = read_back(request.last_text("user"))
    thought = f"The question rests on what I was told. {details} I should check it step by step."
    return Reply((Choice("Yes. The figures agree, and nothing is missing.", reasoning=thought),))


def extracts(request: ChatRequest) -> Reply:
    """Give the details as a JSON object."""
    return _says(read_back(request.last_text("user"), as_json=True))


def refuses(request: ChatRequest) -> Reply:
    """Refuse, in the field made for it."""
    del request
    refusal = "I'm sorry, but I can't help with finding out where a private person lives."
    return Reply((Choice(refusal=refusal),))


def blocks_prompt(request: ChatRequest) -> Fault:
    """Say what the service says when a prompt is blocked (400, `content_filter_result`)."""
    del request
    error = {
        "message": _BLOCKED,
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {
                "hate": {"filtered": False, "severity": "safe"},
                "jailbreak": {"filtered": True, "detected": True},
                "self_harm": {"filtered": False, "severity": "safe"},
                "sexual": {"filtered": False, "severity": "safe"},
                "violence": {"filtered": False, "severity": "safe"},
            },
        },
    }
    return Fault(400, {"error": error})


def cuts_answer(request: ChatRequest) -> Reply:
    """Speak, and be cut by the filter that reads along."""
    details = read_back(request.last_text("user"))
    text = f"Here is how the song goes, as you asked. {details} The first verse begins like this:"
    blocked = "protected_material_text"
    return Reply((Choice(text, finish="content_filter", blocked_by=blocked),))


def is_busy(request: ChatRequest) -> Fault:
    """Turn the caller away for two seconds."""
    message = f"Requests to {request.name} have exceeded the rate limit. Retry after 2 seconds."
    return Fault(429, error_body("429", message), retry_after=2)


def is_broken(request: ChatRequest) -> Fault:
    """Fail before anything was said."""
    del request
    message = "The server had an error while processing your request."
    return Fault(500, error_body("500", message, kind="server_error"))


def fails_halfway(request: ChatRequest) -> Reply:
    """Fail after the 200 and half a sentence."""
    details = read_back(request.last_text("user"))
    text = f"Let me go through the transfers one by one. {details} The first of them"
    error = error_body(None, "The model produced an invalid answer.", kind="server_error")
    return Reply((Choice(text),), error=error)


def hangs_up(request: ChatRequest) -> Reply:
    """Break the connection after half a sentence."""
    del request
    return Reply((Choice("I will now count the rows of the export, which are"),), hangs_up=True)
