"""From the text a person types to a query.

Conditions stand side by side and all must hold; `OR` between them means either, `-` before one
means not, parentheses group. `field:value` asks a field, numbers also take `>`, `>=`, `<`, `<=`;
anything else is text to be found. A value with spaces, and text that looks like a field, goes
in quotes; inside quotes a backslash takes the next character as it is. A `*` in an unquoted
value stands for any characters, at the end of text for the rest of the word. The only
error is `QueryInvalid`, which says where and what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as datafield

from audit.errors import QueryInvalid
from storage.records.query_ast import (
    Compare,
    Comparison,
    Contains,
    Match,
    Node,
    Not,
    Query,
    Received,
    Truth,
    either,
    every,
)
from storage.records.query_fields import (
    FIELDS,
    Field,
    FieldKind,
    duration,
    instant,
    is_ago,
    nearest,
    number,
    word,
)

__all__ = ["MAX_CONDITIONS", "MAX_LENGTH", "parse"]

# A person's filter is a line. The limits keep a hostile one from costing more than a glance, and
# the nesting below the recursion limits of Python and of SQL.
MAX_LENGTH = 8192
MAX_CONDITIONS = 100
MAX_DEPTH = 20

_TOKEN = re.compile(
    r"""
    (?P<open>\() | (?P<close>\)) | (?P<minus>-(?=\S))
  | (?P<name>[A-Za-z][A-Za-z_]*)(?P<sign>>=|<=|[:><])
    (?:"(?P<quoted>(?:[^"\\]|\\.)*)"(?P<star>\*?) | (?P<bare>[^\s()"]*))
  | "(?P<phrase>(?:[^"\\]|\\.)*)"(?P<going>\*?)
  | (?P<word>[^\s()"]+)
    """,
    re.VERBOSE | re.DOTALL,
)
# Control characters end a string early in some stores, half of a surrogate pair has no UTF-8.
_UNUSABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_ELSEWHERE = {
    "AND": "conditions all hold anyway: leave AND away.",
    "NOT": "write -x for not x.",
}
# Words to search for, but hardly beside a field.
_SMALL = {
    "or": "OR between conditions is written in capitals.",
    "and": "conditions all hold anyway: leave and away.",
    "not": _ELSEWHERE["NOT"],
}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Token:
    """One lexical piece: `kind` is open, close, minus, or, text or field."""

    kind: str
    at: int
    name: str = ""
    sign: str = ""
    value: str = datafield(default="", repr=False)
    quoted: bool = False
    star: bool = False


def parse(text: str, now_ns: int) -> Query:
    """Understand a filter; `now_ns` (since the epoch) is what `after:1h` counts back from.

    Raises `QueryInvalid`.
    """
    if len(text) > MAX_LENGTH:
        raise QueryInvalid(f"the filter is longer than {MAX_LENGTH} characters")
    if found := _UNUSABLE.search(text):
        raise QueryInvalid(f"a control character stands at character {found.start() + 1}")
    parser = _Parser(_tokens(text), now_ns)
    return parser.query()


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], _past_space(text, 0)
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise QueryInvalid(f"the quote at character {at + 1} is not closed")
        tokens.append(_token(found))
        at = _past_space(text, found.end())
    _check_small(tokens)
    return tokens


def _past_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _token(found: re.Match[str]) -> _Token:
    part = found.groupdict()
    at = found.start() + 1
    for mark in ("open", "close", "minus"):
        if part[mark]:
            return _Token(mark, at)
    if part["name"]:
        return _field_token(found, at)
    if (phrase := part["phrase"]) is not None:
        value = _ESCAPED.sub(r"\1", phrase)
        return _Token("text", at, value=value, quoted=True, star=bool(part["going"]))
    if part["word"] == "OR":
        return _Token("or", at)
    _check_word(part["word"], at)
    return _Token("text", at, value=part["word"])


def _check_word(said: str, at: int) -> None:
    """Refuse what other filter languages write: as text it would find something else, or nothing.

    The answer repeats no value.
    """
    name = said.partition("=")[0].lower()
    entry = FIELDS.get(name) if "=" in said else None
    if said in _ELSEWHERE:
        told = _ELSEWHERE[said]
    elif entry is not None:
        told = f"{name} takes no =; did you mean {name}:…, as in {entry.example}?"
    else:
        return
    raise QueryInvalid(f"{told} Text goes in quotes (at character {at})")


def _check_small(tokens: Sequence[_Token]) -> None:
    """Refuse `ending:failed or ending:filtered`: it would look for the word, and find nothing."""
    for before, token, behind in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        told = None if token.quoted else _SMALL.get(token.value)
        beside = any(each is not None and each.kind == "field" for each in (before, behind))
        if token.kind == "text" and told is not None and beside:
            raise QueryInvalid(f"{told} Text goes in quotes (at character {token.at})")


def _field_token(found: re.Match[str], at: int) -> _Token:
    part = found.groupdict()
    quoted = part["quoted"] is not None
    value = _ESCAPED.sub(r"\1", part["quoted"]) if quoted else part["bare"]
    name, star = part["name"].lower(), bool(part["star"])
    return _Token("field", at, name, part["sign"], value, quoted, star)


class _Parser:
    """Recursive descent over the tokens; one object per filter."""

    def __init__(self, tokens: list[_Token], now_ns: int) -> None:
        self._tokens = tokens
        self._now_ns = now_ns
        self._next = 0
        self._conditions = 0

    def query(self) -> Query:
        if not self._tokens:
            return Query()
        node = self._either(0)
        if token := self._peek():
            raise QueryInvalid(f"the parenthesis at character {token.at} closes nothing")
        return Query(node)

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _skip(self, kind: str) -> bool:
        token = self._peek()
        if token is None or token.kind != kind:
            return False
        self._next += 1
        return True

    def _either(self, depth: int) -> Node:
        nodes = [self._every(depth)]
        while self._skip("or"):
            nodes.append(self._every(depth))
        return either(tuple(nodes))

    def _every(self, depth: int) -> Node:
        nodes = [self._one(depth)]
        while (token := self._peek()) and token.kind not in ("or", "close"):
            nodes.append(self._one(depth))
        return every(tuple(nodes))

    def _one(self, depth: int) -> Node:
        token = self._peek()
        if token is None:
            raise QueryInvalid("a condition is missing at the end")
        if depth > MAX_DEPTH:
            raise QueryInvalid(f"nested too deeply at character {token.at}")
        self._next += 1
        if token.kind == "minus":
            return Not(self._one(depth + 1))
        if token.kind == "open":
            return self._group(token, depth)
        return self._condition(token)

    def _group(self, opening: _Token, depth: int) -> Node:
        node = self._either(depth + 1)
        if not self._skip("close"):
            raise QueryInvalid(f"the parenthesis at character {opening.at} is not closed")
        return node

    def _condition(self, token: _Token) -> Node:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise QueryInvalid(f"the filter has more than {MAX_CONDITIONS} conditions")
        if token.kind not in ("text", "field"):
            raise QueryInvalid(f"a condition is missing before character {token.at}")
        try:
            return _text(token, "text") if token.kind == "text" else self._field(token)
        except QueryInvalid as problem:
            raise QueryInvalid(f"{problem} (at character {token.at})") from None

    def _field(self, token: _Token) -> Node:
        entry = FIELDS.get(token.name)
        if entry is None:
            near = nearest(token.name, tuple(FIELDS))
            raise QueryInvalid(f"unknown field {token.name[:40]}; {near} Text goes in quotes")
        if not token.value:
            raise QueryInvalid(f"{token.name} needs a value, as in {entry.example}")
        compared = entry.kind in (FieldKind.NUMBER, FieldKind.DURATION)
        if token.sign != ":" and not compared:
            raise QueryInvalid(f"{token.name} takes a colon, as in {entry.example}")
        return _field_node(entry, token, self._now_ns)


def _field_node(entry: Field, token: _Token, now_ns: int) -> Node:
    match entry.kind:
        case FieldKind.WORD | FieldKind.CHOICE:
            return _match(entry, token)
        case FieldKind.NUMBER:
            return Compare(entry.name, Comparison(token.sign), number(entry, token.value))
        case FieldKind.DURATION:
            return Compare(entry.name, Comparison(token.sign), duration(entry, token.value))
        case FieldKind.TRUTH:
            return Truth(entry.name, _truth(entry, token.value))
        case FieldKind.INSTANT:
            ago = token.value if is_ago(token.value) else None
            return Received(entry.name, instant(entry, token.value, now_ns), ago)
        case FieldKind.TEXT:
            return _text(token, entry.name)


def _match(entry: Field, token: _Token) -> Match:
    if token.star:
        raise QueryInvalid(f"{entry.name}: a * after a quote means nothing here")
    glob = not token.quoted and "*" in token.value
    return Match(entry.name, word(entry, token.value, glob=glob), glob)


def _truth(entry: Field, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise QueryInvalid(f"{entry.name} takes true or false")
    return value.lower() == "true"


def _text(token: _Token, field: str) -> Contains:
    text, prefix = token.value, token.star
    if not token.quoted and text.endswith("*"):
        text, prefix = text[:-1], True
    if not token.quoted and "*" in text:
        raise QueryInvalid("in text, a * stands only at the end of a word")
    if not any(character.isalnum() for character in text):
        raise QueryInvalid("there is no letter or digit to be found")
    return Contains(text, prefix, field)
