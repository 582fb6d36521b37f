"""A query as text again: for the search box (`render`) and for people (`describe`).

What `render` gives parses into the same query. What `describe` gives is for an access log and
an explanation; without `show_text` it holds no free text.
"""

from __future__ import annotations

import re

from storage.records.query_ast import (
    All,
    Compare,
    Comparison,
    Contains,
    Match,
    Node,
    Not,
    Query,
    Received,
    Some,
    Truth,
)
from storage.records.query_fields import FIELDS, FieldKind

__all__ = ["describe", "render"]

_BARE = re.compile(r'[^\s()"*]+')
_TOKEN = re.compile(r"<?[A-Z][A-Z_]*_[a-z0-9]*\*?>?\*?|\*")
_SAID = {
    Comparison.IS: "is",
    Comparison.OVER: "is over",
    Comparison.UNDER: "is under",
    Comparison.AT_LEAST: "is at least",
    Comparison.AT_MOST: "is at most",
}


def render(query: Query) -> str:
    """Write the query in the filter language, so that parsing gives the same query."""
    return _open(query.where)


def describe(query: Query, *, show_text: bool = True) -> str:
    """Say in an English sentence what is asked.

    Without `show_text`, free text is replaced by the number of its words, for a log that must
    not repeat what someone was looking for; and a value that may be a person's own is not said,
    such as an address for a user, whom records know by a token.
    """
    parts = [_said(node, show_text) for node in _parts(query.where)]
    return f"records where {' and '.join(parts)}" if parts else "all records"


def _parts(node: Node) -> tuple[Node, ...]:
    return node.of if isinstance(node, All) else (node,)


def _open(node: Node) -> str:
    """Write a node that stands alone or in brackets: it needs none of its own."""
    match node:
        case All(of):
            return " ".join(_rendered(n) for n in of)
        case Some(of):
            # "and" binds more tightly, and no bracket is added that the text did not need: the
            # limit on nesting must not refuse what was parsed.
            return " OR ".join(_open(n) for n in of)
        case _:
            return _rendered(node)


def _rendered(node: Node) -> str:
    match node:
        case All() | Some():
            return f"({_open(node)})"
        case Not(of):
            return f"-{_rendered(of)}"
        case Contains(text, prefix, field):
            name = "" if field == "text" else f"{field}:"
            return f"{name}{_quoted(text)}{'*' if prefix else ''}"
        case _:
            return _rendered_field(node)


def _rendered_field(node: Match | Compare | Truth | Received) -> str:
    match node:
        case Match(field, value, glob):
            bare = glob or _BARE.fullmatch(value)
            return f"{field}:{value if bare else _quoted(value)}"
        case Compare(field, comparison, amount):
            unit = "ms" if FIELDS[field].kind is FieldKind.DURATION else ""
            return f"{field}{comparison.value}{_decimal(amount)}{unit}"
        case Truth(field, value):
            return f"{field}:{'true' if value else 'false'}"
        case Received(field, at, ago):
            return f"{field}:{ago or at}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _decimal(amount: float) -> str:
    return f"{amount:.6f}".rstrip("0").rstrip(".")


def _said(node: Node, show_text: bool) -> str:
    match node:
        case All(of):
            return f"({' and '.join(_said(n, show_text) for n in of)})"
        case Some(of):
            return f"({' or '.join(_said(n, show_text) for n in of)})"
        case Not(of):
            return f"not {_bracketed(_said(of, show_text))}"
        case Contains(text, prefix, field):
            return _said_text(text, prefix, field, show_text)
        case Match(field, value, _) if not show_text and not _is_name(field, value):
            return f"{FIELDS[field].noun} is a value that is not written down"
        case _:
            return _said_field(node)


def _is_name(field: str, value: str) -> bool:
    """Tell a name of things, or a token, from what may be somebody's own."""
    if field == "user":
        return _TOKEN.fullmatch(value) is not None
    return "@" not in value and " " not in value


def _bracketed(said: str) -> str:
    return said if said.startswith("(") else f"({said})"


def _said_text(text: str, prefix: bool, field: str, show_text: bool) -> str:
    count = len(text.split())
    shown = f"“{text}”" if show_text else f"a phrase of {count} word{'s' if count > 1 else ''}"
    return f"{FIELDS[field].noun} contains {shown}{' (or longer)' if prefix else ''}"


def _said_field(node: Match | Compare | Truth | Received) -> str:
    noun = FIELDS[node.field].noun
    match node:
        case Match(_, value, glob):
            return f"{noun} {'matches' if glob else 'is'} {value}"
        case Compare(field, comparison, amount):
            unit = " ms" if FIELDS[field].kind is FieldKind.DURATION else ""
            return f"{noun} {_SAID[comparison]} {_decimal(amount)}{unit}"
        case Truth(_, value):
            return f"it was {'' if value else 'not '}{noun}"
        case Received(_, at):
            return f"it was {noun} {at}"
