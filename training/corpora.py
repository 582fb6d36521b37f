"""Texts that others labelled, and code that nobody has to: what templates alone cannot teach.

The law: what a corpus did not label must not teach the model to leave it alone. Such stretches
are unknown: dates, numbers that may be ages, and what a corpus calls miscellaneous, which may be
a nationality. A street that a corpus calls a location becomes an address with what follows it.
"""

from __future__ import annotations

import json
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from random import Random

from training.texts import Labelled

__all__ = ["code", "corpus"]

_NAMED = {"PERSON": "PERSON", "LOCATION": "LOCATION", "ORG": "ORGANIZATION"}
_UNSURE = re.compile(
    r"\b(?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|(?:19|20)\d\d|\d{1,3}\s?-?\s?years?(?:\s?-?\s?old)?)\b"
)
_STREET = re.compile(r"^\d{1,5}\b.*[A-Za-z]")
_CREDITS = re.compile(
    r"author|copyright|written by|contributed|thanks|patch|@|licen[cs]e", re.IGNORECASE
)
# Modules of the standard library, whose comments and names are as plain as code has them.
_MODULES = [
    "argparse.py",
    "ast.py",
    "asyncio/base_events.py",
    "bisect.py",
    "calendar.py",
    "collections/__init__.py",
    "configparser.py",
    "csv.py",
    "dataclasses.py",
    "datetime.py",
    "decimal.py",
    "difflib.py",
    "email/message.py",
    "enum.py",
    "fractions.py",
    "functools.py",
    "glob.py",
    "gzip.py",
    "heapq.py",
    "html/parser.py",
    "http/client.py",
    "importlib/util.py",
    "inspect.py",
    "ipaddress.py",
    "json/decoder.py",
    "logging/__init__.py",
    "mailbox.py",
    "mimetypes.py",
    "pathlib.py",
    "pickle.py",
    "platform.py",
    "queue.py",
    "random.py",
    "sched.py",
    "selectors.py",
    "shutil.py",
    "smtplib.py",
    "socket.py",
    "sqlite3/dump.py",
    "ssl.py",
    "statistics.py",
    "string.py",
    "subprocess.py",
    "tarfile.py",
    "tempfile.py",
    "textwrap.py",
    "threading.py",
    "tokenize.py",
    "traceback.py",
    "typing.py",
    "unittest/case.py",
    "urllib/parse.py",
    "uuid.py",
    "warnings.py",
    "weakref.py",
    "xml/dom/minidom.py",
    "zipfile.py",
]


def corpus(folder: Path) -> list[Labelled]:
    """All texts of the `.jsonl` files in a folder: `text` and `spans` as `[start, end, label]`."""
    return [
        _labelled(json.loads(line))
        for file in sorted(folder.glob("*.jsonl"))
        for line in file.read_text("utf-8").splitlines()
    ]


def code(random: Random) -> Iterator[Labelled]:
    """Stretches of the standard library's source, without end."""
    library = Path(sysconfig.get_path("stdlib"))
    files = [(library / name).read_text("utf-8").splitlines() for name in _MODULES]
    while True:
        lines = random.choice(files)
        first = random.randrange(len(lines))
        stretch = "\n".join(lines[first : first + random.randint(3, 14)])
        if stretch.strip() and not _CREDITS.search(stretch):
            yield Labelled(stretch, ())


def _labelled(row: dict[str, object]) -> Labelled:
    text = str(row["text"])
    given = [(s, e, str(label)) for s, e, label in row["spans"]]  # type: ignore[attr-defined]
    spans = _addresses(text, [(s, e, _NAMED[label]) for s, e, label in given if label in _NAMED])
    unknown = [(s, e) for s, e, label in given if label not in _NAMED]
    unknown += [
        found.span()
        for found in _UNSURE.finditer(text)
        if not any(s < found.end() and found.start() < e for s, e, _ in spans)
    ]
    return Labelled(text, tuple(spans), tuple(unknown))


def _addresses(text: str, spans: list[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """Join a street with the places right behind it."""
    waiting: tuple[int, int, str] | None = None
    for start, end, label in sorted(spans):
        if waiting and label == "LOCATION" and start - waiting[1] <= 3:
            joint = text[waiting[1] : start]
            if waiting[2] == "ADDRESS" and not joint.strip(" ,"):
                waiting = (waiting[0], end, "ADDRESS")
                continue
        if waiting:
            yield waiting
        street = label == "LOCATION" and _STREET.match(text[start:end])
        waiting = (start, end, "ADDRESS" if street else label)
    if waiting:
        yield waiting
