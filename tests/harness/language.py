"""Long texts full of names that only Azure AI Language finds, and workers that ask it.

The names are the stand-in service's (`tests.emulators.language.finding`), and each occurs once. One
follows upon the other wherever a text is likely to be cut, so that most cuts go through one.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from pathlib import Path

from redaction.detectors.azure_language_chunks import chunks
from tests.emulators.language import LanguageService
from tests.emulators.language.finding import RULES

__all__ = ["LongTexts", "environment", "policy"]

# About how far apart texts are cut, and where the names around such a place begin and end.
_STRIDE, _BEFORE, _ZONE = 5_016, 200, 300
_NAME = RULES["Person"]
_PROSE = "the report says that we met there again and spoke of many other things in the"
_WORDS = _PROSE.split()


@dataclass
class LongTexts:
    """Draws exchanges with a prompt of `size` characters; remembers every name that it planted."""

    size: int = 200_000
    names: list[str] = field(default_factory=list, repr=False)
    texts: list[str] = field(default_factory=list, repr=False)
    drawn: int = 0

    def __call__(self, rng: random.Random) -> tuple[bytes, bytes]:
        """The bodies of a request and its answer."""
        self.drawn += 1
        asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": self._text(rng)}]}
        said = {"role": "assistant", "content": f"Done, as number {self.drawn}."}
        answer = {"object": "chat.completion", "choices": [{"index": 0, "message": said}]}
        return json.dumps(asked).encode(), json.dumps(answer).encode()

    def _text(self, rng: random.Random) -> str:
        pieces: list[str] = []
        length = 0
        while length < self.size - 120:
            piece = " ".join(rng.choices(_WORDS, k=10)) + ", "
            if (length + _BEFORE) % _STRIDE < _ZONE or not self.names:
                name = f"Planta {rng.getrandbits(40):X}a {rng.getrandbits(40):X}son"
                self.names.append(name)
                piece = f"{name}, "
            pieces.append(piece)
            length += len(piece)
        text = "".join(pieces).ljust(self.size, ".")
        self.texts.append(text)
        return text

    def cut_names(self) -> tuple[int, int]:
        """How many of the places at which texts are cut lie in a name, and how many there are."""
        inside = {
            place
            for number, text in enumerate(self.texts)
            for found in _NAME.finditer(text)
            for place in ((number, at) for at in range(found.start() + 1, found.end()))
        }
        edges = [
            (number, chunk.end)
            for number, text in enumerate(self.texts)
            for chunk in chunks(text)
            if chunk.end < len(text)
        ]
        return sum(edge in inside for edge in edges), len(edges)


def policy(folder: Path, *, required: bool = True) -> Path:
    """Write a policy that asks the service, as a required or as an optional detector."""
    ours, other = '"patterns", "secrets"', '"azure_language"'
    lists = (f"{ours}, {other}", "") if required else (ours, other)
    file = folder / "policy.toml"
    file.write_text(
        f'name = "with-language"\nversion = "1"\nrequired = [{lists[0]}]\noptional = [{lists[1]}]\n'
    )
    return file


def environment(service: LanguageService, policy: Path, **more: str) -> dict[str, str]:
    """What a worker is told."""
    return {
        "AUDITSTREAM_LANGUAGE__ENDPOINT": service.endpoint,
        "AUDITSTREAM_LANGUAGE__KEY": service.key,
        "AUDITSTREAM_REDACTION__POLICY": str(policy),
        "AUDITSTREAM_WORKER__CONCURRENCY": "8",
        **more,
    }
