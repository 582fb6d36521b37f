"""Placeholders: what stands where a secret would, in documentation, types and references."""

from __future__ import annotations

import re

__all__ = ["is_placeholder"]

_TOLD = 400
# What is named behind a dollar sign has a name that somebody could write.
_PLACEHOLDER = re.compile(
    r"[*•xX.\-_]{3,}|<[^>]*>?|\$[({]{0,2}[\w.:?\- ]{1,120}[)}]{0,2}|\{\{?[^}]*\}?\}?"
    r"|%\(?\w+\)?[%s]?"
    r"|\[[^\]]*\]?|:[a-z_]+|@[a-z_]+|\?"
    r"|(?:your|my|the|some|new|old|test|example|sample|dummy|fake|default)[ _-].{0,24}"
    r"|(?:string|str|text|none|null|nil|true|false|undefined|number|integer|boolean|bool|bytes|any"
    r"|unknown|required|optional|redacted|removed|hidden|masked|empty|missing|invalid|expired"
    r"|incorrect|wrong|passw(?:or)?d|secret|token|api[_-]?key|object|value|changeme|varchar.*"
    r"|char.*|format|type|field|input|hash|min|max)\d?[,;.)]?"
    r"|(?:[a-z]+[_-]){1,5}(?:secret|passw(?:or)?d|pass|token|key|id)|[a-z_]*(?:secret|password|token|access_key|api_key)_[a-z_]*"
    r"|(?:process\.env|os\.environ|os\.getenv|env|self|this|config|settings|args|secrets|vault"
    r"|var|local|data|module|each|request|req|params|options|props|ctx|context|import\.meta)"
    r"[.:(\[].*",
    re.IGNORECASE,
)


def is_placeholder(value: str) -> bool:
    """Tell a placeholder from a value, by its beginning: a long one is told by that."""
    return _PLACEHOLDER.fullmatch(value, 0, _TOLD) is not None
