"""Which language a part is written in, as far as it shows; None where it does not.

Told by the script where that suffices, else by the small words that only one language has many of.
It decides which name models are asked and what a record says of them, so that unsure means None:
then every model is asked. Reads the first stretches of a text only.
"""

from __future__ import annotations

import re
from collections import Counter

__all__ = ["language_of"]

# Two stretches of this many characters are read: the beginning, and one from the middle.
_STRETCH = 1500
# So many small words, and so many times those of the next language.
_ENOUGH, _TIMES = 4, 2
_WORD = re.compile(r"[^\W\d_]+")
_WORDS = {
    "en": "the and of to is are was were with that this have has for you not but what which from "
          "they she he will would can been it's i'm my your there",
    "de": "der die das und ist nicht ich sie mit den dem ein eine auf für von zu im auch werden "
          "wurde haben hat wir ihr kann noch nach bei sich aber bitte mein meine",
    "fr": "le la les des est une un et dans pour que qui pas sur avec vous nous je il elle ce "
          "cette sont été plus mais mon ma votre aux du au",
    "es": "el la los las es una un y en por que no con para del se su lo como más pero mi está "
          "son muy hay ya cuando desde",
    "it": "il lo la gli le è una un e di che non con per del della sono mi si come più ma nel alla "
          "questo questa anche ho mio mia",
    "pt": "o a os as é uma um e em que não com para do da dos das se por mais mas como meu minha "
          "está foi são você na no ao",
    "nl": "de het een en van is niet ik je dat die op te met voor zijn er maar ook aan heeft naar "
          "bij wordt mijn deze wij ben kan",
    "pl": "jest nie się na do to w z i że jak ale po dla przez tak od czy są być został mój moja "
          "proszę już tylko oraz może",
    "sv": "och att det som är på för med inte jag den har till av ett kan om var men från min vi",
    "da": "og at det som er på for med ikke jeg den har til af et kan om var men fra min vi blev",
    "fi": "ja on ei se että oli mutta kun tai olen ovat hän niin kuin minun joka myös voi",
    "cs": "je se na že to do jsem byl ale jak pro jsou tak by od nebo už když není může která",
    "hu": "az és hogy nem is egy van de meg csak volt ez már ha mint még vagy kell lesz",
    "ro": "și este nu cu pe la din că pentru mai sunt care un fi dar am ce sau foarte acest",
    "tr": "ve bir bu için de da ne ile çok olarak daha gibi ama var değil ben olan kadar",
}  # fmt: skip
_SPEAKERS: dict[str, tuple[str, ...]] = {}
for _language, _said in _WORDS.items():
    for _word in dict.fromkeys(_said.split()):
        _SPEAKERS[_word] = (*_SPEAKERS.get(_word, ()), _language)
# Scripts that one language writes, or one most of all; kana before Han, which both use.
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("uk", re.compile("[\u0456\u0457\u0454\u0491]")),
    ("ru", re.compile("[\u0430-\u044f]")),
    ("el", re.compile("[\u03b1-\u03c9]")),
    ("ar", re.compile("[\u0620-\u064a]")),
    ("he", re.compile("[\u05d0-\u05ea]")),
    ("hi", re.compile("[\u0904-\u0939]")),
    ("th", re.compile("[\u0e01-\u0e2e]")),
)
_LATIN = re.compile("[A-Za-z\u00c0-\u017f]")


def language_of(text: str) -> str | None:
    """Give the ISO 639-1 code of a text's language, or None where nothing speaks for one."""
    middle = len(text) // 2
    read = text[:_STRETCH]
    if len(text) > 2 * _STRETCH:
        read += " " + text[middle : middle + _STRETCH]
    if not read.isascii() and (told := _by_script(read)) is not None:
        return told
    return _by_words(read.lower())


def _by_script(text: str) -> str | None:
    """Give the language of a script that is written more than Latin letters are."""
    latin = len(_LATIN.findall(text))
    for language, letters in _SCRIPTS:
        count = len(letters.findall(text))
        # A Ukrainian letter in ten is many; of other scripts every letter counts.
        if count * (8 if language in {"uk", "ja"} else 1) > max(latin, 3):
            return language
    return None


def _by_words(text: str) -> str | None:
    counts: Counter[str] = Counter()
    for word in _WORD.findall(text):
        counts.update(_SPEAKERS.get(word, ()))
    (first, most), (_, next_most) = [*counts.most_common(2), ("", 0), ("", 0)][:2]
    return first if most >= _ENOUGH and most >= _TIMES * next_most else None
