"""The program's own source, read as syntax: what it logs, counts, answers and raises.

The law: what cannot be read is reported, never passed over. A log line whose keys come from
somewhere this reader does not understand is a line that no catalogue can vouch for.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

__all__ = ["PACKAGES", "ROOT", "Use", "answers", "codes", "counts", "details", "lines", "modules"]

ROOT = Path(__file__).parents[3]
PACKAGES = ("audit", "tap", "storage", "redaction", "workers", "console", "cli")
_LEVELS = frozenset({"info", "warning", "error"})
UNREADABLE = "(not readable)"


@dataclass(frozen=True)
class Use:
    """One use of a catalogue: what was named, with which keys or status, and where."""

    name: str
    keys: frozenset[str]
    where: str


@functools.cache
def modules() -> Sequence[tuple[str, ast.Module]]:
    """Every module of the program, by its path; read once, until the cache is cleared."""
    return [
        (str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8")))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    ]


def lines(module: ast.Module, path: str) -> Iterator[Use]:
    """Every log line: a call of `info`, `warning`, `error`, or of a `say` that is one of them."""
    for call in _calls(module):
        keys = frozenset(_keys(call, module))
        if _attribute(call) in _LEVELS or _name(call.func) == "say":
            yield Use(_text(call, 0, module), keys, f"{path}:{call.lineno}")
        elif _attribute(call) == "bind" and call.keywords:
            yield Use("", keys, f"{path}:{call.lineno}")


def counts(module: ast.Module, path: str) -> Iterator[Use]:
    """Every metric that is counted or stated: `count.add(…)`, `count.state(…)`."""
    for call in _calls(module):
        counter = call.func.value if isinstance(call.func, ast.Attribute) else None
        named = getattr(counter, "attr", getattr(counter, "id", ""))
        if _attribute(call) in {"add", "state"} and named.lstrip("_") in {"count", "metrics"}:
            keys = frozenset(_keys(call, module)) - {"amount", "value"}
            yield Use(_text(call, 0, module), keys, f"{path}:{call.lineno}")


def answers(module: ast.Module, path: str) -> Iterator[Use]:
    """Every answer in our own name that is given as text: its code, and its status as a key."""
    for call in _calls(module):
        spelt = _attribute(call) or _name(call.func)
        place = {"_answer": 2, "tap_error": 2, "problem": 1}.get(spelt)
        if place is None or len(call.args) <= place or not _is_text(call.args[place]):
            continue
        status = call.args[0]
        given = {str(status.value)} if isinstance(status, ast.Constant) else set()
        yield Use(_text(call, place, module), frozenset(given), f"{path}:{call.lineno}")


def codes(module: ast.Module, path: str) -> Iterator[Use]:
    """Every code that a class states for its errors."""
    for node in ast.walk(module):
        if not isinstance(node, ast.ClassDef):
            continue
        for stated in node.body:
            target, value = _assigned(stated)
            if target == "code" and isinstance(value, ast.Constant) and _is_text(value):
                yield Use(str(value.value), frozenset(), f"{path}:{node.lineno}")


def details(module: ast.Module, path: str) -> Iterator[Use]:
    """Every ending detail that is given as text beside an ending: `Ending.X, "detail"`."""
    for node in ast.walk(module):
        if not isinstance(node, ast.Tuple | ast.Call):
            continue
        parts = node.elts if isinstance(node, ast.Tuple) else node.args
        for ending, detail in pairwise(parts):
            owner = ending.value if isinstance(ending, ast.Attribute) else None
            if _name(owner) == "Ending" and isinstance(detail, ast.Constant) and _is_text(detail):
                yield Use(str(detail.value), frozenset(), f"{path}:{node.lineno}")


def _calls(module: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(module) if isinstance(node, ast.Call))


def _keys(call: ast.Call, module: ast.Module) -> Iterator[str]:
    """The names of keyword arguments; `**made_by(…)` is followed into this module."""
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield keyword.arg
        elif isinstance(keyword.value, ast.Call):
            yield from _returned(_name(keyword.value.func), module)
        else:
            yield UNREADABLE


def _returned(function: str, module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and node.name == function:
            last = node.body[-1]
            value = last.value if isinstance(last, ast.Return) else None
            if isinstance(value, ast.Dict) and all(map(_is_text, value.keys)):
                yield from (str(key.value) for key in value.keys if isinstance(key, ast.Constant))
                return
    yield UNREADABLE


def _text(call: ast.Call, place: int, module: ast.Module) -> str:
    """An argument's text, or that of the module's constant it names."""
    given = call.args[place] if len(call.args) > place else None
    if isinstance(given, ast.Name):
        assigned = dict(map(_assigned, module.body))
        given = assigned.get(given.id)
    return str(given.value) if isinstance(given, ast.Constant) else UNREADABLE


def _assigned(node: ast.stmt) -> tuple[str, ast.expr | None]:
    if isinstance(node, ast.Assign):
        return _name(node.targets[0]), node.value
    if isinstance(node, ast.AnnAssign):
        return _name(node.target), node.value
    return "", None


def _attribute(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _name(node: ast.expr | None) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _is_text(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
