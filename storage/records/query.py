"""The filter language: one face for those who ask.

`parse` understands what a person types, `render` writes it again, `describe` says it in words,
`notes` what to know of the answer, `FIELDS` is the table of what can be asked. A store compiles
the tree for itself.
"""

from __future__ import annotations

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
    either,
    every,
)
from storage.records.query_fields import FIELDS, Field, FieldKind
from storage.records.query_notes import notes
from storage.records.query_parser import parse
from storage.records.query_words import describe, render

__all__ = [
    "FIELDS",
    "All",
    "Compare",
    "Comparison",
    "Contains",
    "Field",
    "FieldKind",
    "Match",
    "Node",
    "Not",
    "Query",
    "Received",
    "Some",
    "Truth",
    "describe",
    "either",
    "every",
    "notes",
    "parse",
    "render",
]
