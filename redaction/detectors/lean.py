"""spaCy and Presidio, loaded without what they bring for uses that are not ours.

Importing spaCy imports its command lines, and importing Presidio the clients of the services that
some of its recognisers ask: four hundred modules, and a sixth of the time in which a process that
redacts becomes ready. The law: what is left away is missing only while the two are loaded. Who
imports it afterwards has the real one, and nothing of spaCy or Presidio that is used here is lost.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType

__all__ = ["load_lean"]

# spaCy hands `info` on, a command that prints what is installed, and needs nothing else of these.
_COMMANDS = ("spacy.cli", "spacy.cli.info")
# Presidio takes these for not installed, and its recognisers for them are never built:
# `redaction.detectors.azure_language` asks the service instead, from the worker's process.
_CLIENTS = ("azure.ai.textanalytics", "azure.identity")
# The part that replaces asks the part that finds for a way to sign in, to a service of Azure's.
_ANALYZER = ("presidio_analyzer",)
# The detectors that read with it.
_SPACY = frozenset({"names", "presidio"})


def load_lean(detectors: Collection[str]) -> None:
    """Import what these detectors need of both, for whoever uses it from now on.

    Nothing happens where it is loaded.
    """
    if not _SPACY.isdisjoint(detectors):
        commands = {name: ModuleType(name) for name in _COMMANDS}
        commands["spacy.cli.info"].info = None  # type: ignore[attr-defined]  # a stand-in has what is put there
        with _standing_in(commands):
            import spacy  # noqa: F401, PLC0415 - imported here for the sake of the line above
    if "presidio" in detectors:
        with _standing_in(dict.fromkeys(_CLIENTS)):
            import presidio_analyzer  # noqa: F401, PLC0415 - as above
    with _standing_in(dict.fromkeys(_ANALYZER)):
        import presidio_anonymizer  # noqa: F401, PLC0415 - as above


@contextmanager
def _standing_in(others: Mapping[str, ModuleType | None]) -> Iterator[None]:
    """Have imports find these instead, where the real ones are not loaded; None is not found."""
    absent = {name: other for name, other in others.items() if name not in sys.modules}
    sys.modules.update(absent)  # type: ignore[arg-type]  # None stops an import, as Python documents
    try:
        yield
    finally:
        for name in absent:
            sys.modules.pop(name, None)
