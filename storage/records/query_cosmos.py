"""A query compiled to Cosmos DB's SQL.

Every piece of SQL stands in this file; what comes from the query goes into parameters, never
into the text. `compile_query` gives a condition over items `c` as `cosmos_items` makes them.

Cosmos DB's undefined is neither true nor false, and the negation of it is no more true. So each
condition is compiled to one that is always defined: a field that an item may lack is asked for
first. Words are looked for in a text that was cut into words when it was stored, with a space
around each, so that `CONTAINS` finds whole words and nothing else, on the service as on an
emulator.

With `full_text` the service's full-text index, which emulators lack, goes first and narrows down
what `CONTAINS` has to read. It knows stems and leaves common words out, by rules that are not
ours; so it is asked only for words that no such rule drops, and never has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from audit.errors import QueryInvalid
from storage.records.findable import LABELS, SCALARS
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
from storage.records.query_match import words

__all__ = ["CosmosQuery", "Parameter", "compile_query", "spaced"]

# As the SDK takes them: {"name": "@p0", "value": ...}.
Parameter = dict[str, object]

# What stands beside `find` in an item, because keys and sorting need it there.
_BESIDE = {
    "id": "c.record",
    "consumer": "c.consumer",
    "day": "c.day",
    "tap": "c.tap",
    "received_at": "c.received_at",
}
_FOUND = {name: f'c.find["{name}"]' for name in SCALARS if name not in _BESIDE}
_COMPARED: dict[Comparison, str] = {
    Comparison.IS: "=",
    Comparison.OVER: ">",
    Comparison.UNDER: "<",
    Comparison.AT_LEAST: ">=",
    Comparison.AT_MOST: "<=",
}
_RECEIVED = {"after": "c.received_at >= {}", "before": "c.received_at < {}"}
_TEXTS = {"text": ("prompt", "answer"), "prompt": ("prompt",), "answer": ("answer",)}
_LABELS = {name: f'c.find["{name}"]' for name in LABELS}

# The index may drop what is short or common (its languages' stop words); these are the longer
# ones of English, the language of the policy.
_SHORTEST = 4
_COMMON_WORDS = (
    "about above after again against because been before being below between both cannot could"
    " does doing down during each from further have having here hers herself himself into itself"
    " more most myself once only other ought ours ourselves over same shall should some such than"
    " that their theirs them themselves then there these they this those through under until very"
    " were what when where which while whom will with would your yours yourself yourselves"
)
_COMMON = frozenset(_COMMON_WORDS.split())


@dataclass(frozen=True, slots=True)
class CosmosQuery:
    """A condition, to be put in brackets, with its parameters, and the prefix of the partition key.

    `key` is empty (every partition is asked), a consumer, or a consumer and a day. The condition
    says as much, and by that the service finds the partitions.
    `reads_text` says that words are looked for: an item without its text cannot answer that.
    """

    condition: str
    parameters: tuple[Parameter, ...] = field(repr=False)
    key: tuple[str, ...] = field(repr=False)
    reads_text: bool


def compile_query(query: Query, *, full_text: bool = False) -> CosmosQuery:
    """Compile a query. Raises `QueryInvalid` for a field unknown."""
    compiler = _Compiler(full_text)
    try:
        condition = compiler.compiled(query.where)
    except KeyError:
        raise QueryInvalid("the query asks for a field that this store does not have") from None
    return CosmosQuery(
        condition.sql, tuple(compiler.parameters), _key(query.where), compiler.reads_text
    )


def _key(node: Node) -> tuple[str, ...]:
    """What every record that is found has in common as its partition's first levels."""
    fixed = {
        part.field: part.value
        for part in (node.of if isinstance(node, All) else (node,))
        if isinstance(part, Match) and not part.glob
    }
    if "consumer" not in fixed:
        return ()
    return (fixed["consumer"], fixed["day"]) if "day" in fixed else (fixed["consumer"],)


class _Binding(IntEnum):
    """How tightly a condition holds together; what binds less tightly needs brackets."""

    OR = 1
    AND = 2
    COMPARISON = 3
    CALL = 4


@dataclass(frozen=True, slots=True)
class _Condition:
    sql: str
    binding: _Binding

    def within(self, binding: _Binding) -> str:
        """As a part of something that binds so."""
        return self.sql if self.binding >= binding else f"({self.sql})"


def _joined(binding: _Binding, parts: Sequence[_Condition], of_none: str) -> _Condition:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return _Condition(of_none, _Binding.CALL)
    word = " AND " if binding is _Binding.AND else " OR "
    return _Condition(word.join(part.within(binding) for part in parts), binding)


class _Compiler:
    """Turns nodes into text and collects the values; one object per query."""

    def __init__(self, full_text: bool) -> None:
        self._full_text = full_text
        self.parameters: list[Parameter] = []
        self.reads_text = False

    def compiled(self, node: Node) -> _Condition:
        match node:
            case All(of):
                return _joined(_Binding.AND, [self.compiled(each) for each in of], "true")
            case Some(of):
                return _joined(_Binding.OR, [self.compiled(each) for each in of], "false")
            case Not(of):
                inner = self.compiled(of).within(_Binding.CALL)
                return _Condition(f"NOT {inner}", _Binding.COMPARISON)
            case Contains(text, prefix, where):
                return self._contains(words(text), prefix, _TEXTS[where])
            case Match(name, value, glob):
                return self._matched(name, value, glob)
            case _:
                return self._leaf(node)

    def _value(self, value: object) -> str:
        name = f"@p{len(self.parameters)}"
        self.parameters.append({"name": name, "value": value})
        return name

    def _leaf(self, node: Compare | Truth | Received) -> _Condition:
        match node:
            case Compare(name, comparison, amount):
                return _defined(name, [f"{{}} {_COMPARED[comparison]} {self._value(amount)}"])
            case Truth(name, value):
                return _defined(name, [f"{{}} = {self._value(int(value))}"])
            case Received(name, at):
                sql = _RECEIVED[name].format(self._value(at))
                return _Condition(sql, _Binding.COMPARISON)

    def _matched(self, name: str, value: str, glob: bool) -> _Condition:
        if name not in LABELS:
            return _defined(name, self._is_it(value, glob))
        if not glob:
            sql = f"ARRAY_CONTAINS({_LABELS[name]}, {self._value(value)})"
            return _Condition(sql, _Binding.CALL)
        each = " AND ".join(self._is_it(value, glob)).replace("{}", "l")
        sql = f"EXISTS(SELECT VALUE l FROM l IN {_LABELS[name]} WHERE {each})"  # noqa: S608 - constants
        return _Condition(sql, _Binding.CALL)

    def _is_it(self, value: str, glob: bool) -> list[str]:
        """Say how a text, `{}`, equals a value, or matches it as a pattern with stars.

        The two ends of a pattern stand apart, because an index can find them.
        """
        if not glob:
            return [f"{{}} = {self._value(value)}"]
        first, *middle, last = value.split("*")
        conditions = [f"STARTSWITH({{}}, {self._value(first)})"] if first else []
        if last:
            conditions.append(f"ENDSWITH({{}}, {self._value(last)})")
        if last or any(middle):
            pattern = ".*".join(re.escape(piece) for piece in (first, *middle, last))
            conditions.append(f'RegexMatch({{}}, {self._value(f"^{pattern}$")}, "s")')
        return conditions or ["IS_STRING({})"]

    def _contains(self, wanted: list[str], prefix: bool, columns: Sequence[str]) -> _Condition:
        self.reads_text = True
        phrase = self._value(spaced(wanted)[: -1 if prefix else None])
        asked = [self._value(each) for each in self._indexed(wanted, prefix)]
        each = [_in_column(f"c.find.{column}", phrase, asked) for column in columns]
        return _joined(_Binding.OR, each, "false")

    def _indexed(self, wanted: list[str], prefix: bool) -> list[str]:
        """The words that the service's index is sure to have, if it is to be asked at all."""
        whole = wanted[:-1] if prefix else wanted
        sure = [w for w in whole if w.isascii() and len(w) >= _SHORTEST and w not in _COMMON]
        return list(dict.fromkeys(sure)) if self._full_text else []


def _in_column(column: str, phrase: str, asked: Sequence[str]) -> _Condition:
    exact = _Condition(f"CONTAINS({column}, {phrase})", _Binding.CALL)
    if not asked:
        return exact
    sql = f"FullTextContainsAll({column}, {', '.join(asked)})"
    return _joined(_Binding.AND, [_Condition(sql, _Binding.CALL), exact], "true")


def spaced(of: list[str]) -> str:
    """Write words so that each has a space before and after it."""
    return f" {' '.join(of)} "


def _defined(name: str, conditions: Sequence[str]) -> _Condition:
    """Make conditions over one field one that is true or false for every item."""
    found = _BESIDE.get(name) or _FOUND[name]
    parts = [_Condition(each.replace("{}", found), _Binding.COMPARISON) for each in conditions]
    if name not in _BESIDE:
        parts.insert(0, _Condition(f"IS_DEFINED({found})", _Binding.CALL))
    return _joined(_Binding.AND, parts, "true")
