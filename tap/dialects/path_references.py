"""What a path names of the prompt: a response that is stored, a thread, the run under way.

The law of this module: only operations that are known are read, and only the end of their path,
since any gateway puts a prefix of its own before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from audit.record import Reference
from tap.wire_json import clean_text

__all__ = ["first_reference", "references_in"]

# What counts the tokens of an input names no response.
_RESPONSE = r"(?:^|/)responses/(?!input_tokens/?$)(?P<response>[^/]+)"
_THREAD = r"(?:^|/)threads/(?P<thread>[^/]+)"
_RUN = r"(?P<run>[^/]+)"
# By operation; the name of each group is the kind of what it names.
_NAMED = {
    operation: re.compile(f"{end}/?$")
    for operation, end in {
        "responses.item": _RESPONSE,
        "responses.cancel": rf"{_RESPONSE}/cancel",
        "responses.input_items": rf"{_RESPONSE}/input_items",
        "threads.item": _THREAD,
        "threads.messages": rf"{_THREAD}/messages(?:/[^/]+)?",
        "threads.runs": rf"{_THREAD}/runs",
        "threads.runs.item": rf"{_THREAD}/runs/{_RUN}(?:/cancel)?",
        "threads.runs.steps": rf"{_THREAD}/runs/{_RUN}/steps(?:/[^/]+)?",
        "threads.runs.submit_tool_outputs": rf"{_THREAD}/runs/{_RUN}/submit_tool_outputs",
    }.items()
}


def references_in(path: str, operation: str) -> tuple[Reference, ...]:
    """What the path of an operation names, decoded, in its order."""
    named = _NAMED.get(operation)
    found = named.search(path) if named is not None else None
    if found is None:
        return ()
    return tuple(
        Reference(kind=kind, id=clean_text(unquote(text)))
        for kind, text in found.groupdict().items()
    )


def first_reference(kind: str, references: Iterable[Reference]) -> str | None:
    """The id of the first reference of a kind; None where there is none."""
    return next((each.id for each in references if each.kind == kind), None)
