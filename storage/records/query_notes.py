"""What someone who asks should know of a query that is understood and yet may mislead."""

from __future__ import annotations

import re
from collections.abc import Iterator

from storage.records.query_ast import All, Contains, Match, Node, Not, Query, Some

__all__ = ["notes"]

# As redaction numbers what it takes out, from 1 on in each exchange; a pseudonym has letters.
_NUMBERED = re.compile(r"<?([A-Z][A-Z0-9_]*_[0-9]{1,9})>?")


def notes(query: Query) -> list[str]:
    """A sentence for each thing to know; it repeats none of the text but a token's name."""
    found = dict.fromkeys(token for leaf in _leaves(query.where) for token in _tokens(leaf))
    return [
        f"<{token}> is numbered anew in each exchange: the records found speak of different people"
        " and things. Only a pseudonym is the same everywhere."
        for token in found
    ]


def _tokens(leaf: Match | Contains) -> list[str]:
    if isinstance(leaf, Contains):
        return _NUMBERED.findall(leaf.text)
    # A user's own name may look like a token; one that redaction made has its brackets.
    return _NUMBERED.findall(leaf.value) if leaf.value.startswith("<") else []


def _leaves(node: Node) -> Iterator[Match | Contains]:
    match node:
        case Match() | Contains():
            yield node
        case Not(of):
            yield from _leaves(of)
        case All(of) | Some(of):
            for each in of:
                yield from _leaves(each)
        case _:
            return
