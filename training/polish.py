"""Polish names in the cases that sentences put them into, well enough to learn the endings from.

The law: a rule of thumb by the last letters. A wrong form is one that somebody writes, too.
"""

from __future__ import annotations

__all__ = ["declined"]

# By the last letters: how many of them go, and what comes in genitive, dative, instrumental.
_ENDINGS: tuple[tuple[tuple[str, ...], int, tuple[str, str, str]], ...] = (
    (("ski", "cki", "dzki"), 1, ("iego", "iemu", "im")),
    (("ska", "cka", "dzka"), 1, ("iej", "iej", "ą")),
    (("ia",), 1, ("i", "i", "ą")),
    (("ka", "ga"), 1, ("i", "ce", "ą")),
    (("a",), 1, ("y", "ie", "ą")),
    (("o", "e", "i", "y", "u"), 0, ("", "", "")),
    (("ek",), 2, ("ka", "kowi", "kiem")),
    (("k", "g"), 0, ("a", "owi", "iem")),
    (("",), 0, ("a", "owi", "em")),
)


def declined(name: str, case: str) -> str:
    """A name's words in the genitive (`g`), dative (`d`) or instrumental (`i`)."""
    return " ".join(_word(word, "gdi".index(case)) for word in name.split(" "))


def _word(word: str, case: int) -> str:
    if word.endswith((".", ",", "-")) or len(word) < 3:
        return word
    gone, forms = next((gone, forms) for ends, gone, forms in _ENDINGS if word.endswith(ends))
    return word[: len(word) - gone] + forms[case]
