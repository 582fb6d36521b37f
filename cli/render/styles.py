"""Colours: one for each ending and each family of what was taken out.

Colour never says anything that the words do not say too: output goes to files and to people
who do not see it.
"""

from __future__ import annotations

from audit.exchange import Ending

__all__ = ["ENDING_STYLES", "entity_style"]

ENDING_STYLES: dict[Ending, str] = {
    Ending.TAP_CRASHED: "bold red",
    Ending.REFUSED: "red",
    Ending.UPSTREAM_UNREACHABLE: "red",
    Ending.UPSTREAM_TIMEOUT: "red",
    Ending.UPSTREAM_DISCONNECTED: "red",
    Ending.CLIENT_DISCONNECTED: "yellow",
    Ending.FILTERED: "magenta",
    Ending.REJECTED: "red",
    Ending.FAILED: "red",
    Ending.TUNNELLED: "cyan",
    Ending.COMPLETE: "green",
}

# The first word that occurs in a type's name decides.
_FAMILIES: dict[str, str] = {
    "KEY": "bold red",
    "TOKEN": "bold red",
    "SECRET": "bold red",
    "PASSWORD": "bold red",
    "CREDENTIAL": "bold red",
    "CARD": "bold magenta",
    "IBAN": "bold magenta",
    "BANK": "bold magenta",
    "SSN": "bold yellow",
    "PASSPORT": "bold yellow",
    "MEDICAL": "bold yellow",
    "IP_": "bold blue",
    "URL": "bold blue",
    "LOCATION": "bold blue",
}


def entity_style(entity: str) -> str:
    """Give the colour of an entity type; people's own data is cyan unless a family is named."""
    for word, style in _FAMILIES.items():
        if word in entity:
            return style
    return "bold cyan"
