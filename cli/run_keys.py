"""Commands about keys: fingerprints, which keys there are, new ones. None shows a key."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict

import msgspec
from rich.console import Console
from rich.table import Table

from audit.errors import SettingInvalid
from audit.settings import Settings
from cli.config import key_values
from cli.places import keys_of, prepare, tap_keys_of
from storage.key_binding import prepare_keys
from storage.key_folder import FINGERPRINT, named
from storage.key_making import rotate
from storage.key_provider import KeyFact, key_facts
from storage.keys import KeyKind
from storage.sight import is_there
from tap.consumers import fingerprint

__all__ = ["run_fingerprint", "run_list", "run_new", "run_rotate"]


def run_fingerprint(settings: Settings) -> None:
    """Read one credential from standard input and print its fingerprint.

    The credential itself is neither printed nor kept. Standard error says which keys were used:
    a fingerprint means something only to a tap that has the same.
    """
    credential = sys.stdin.buffer.read().strip()
    if not credential:
        raise SettingInvalid("give the key on standard input: auditstream fingerprint < key.txt")
    folder = settings.key_folder
    made = not key_values() and not is_there(folder / FINGERPRINT)
    prepare(settings, may_open=True)
    new = ", which were made just now" if made else ""
    _say(f"valid for taps with the keys {_source(settings)}{new}")
    sys.stdout.write(fingerprint(tap_keys_of(settings).fingerprint_key, credential) + "\n")


def run_list(settings: Settings, *, as_json: bool) -> None:
    """Print the ids of all keys, what each is for and which is current; never a key."""
    facts = key_facts(keys_of(settings))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode([asdict(each) for each in facts]) + b"\n")
        return
    _say(f"the keys {_source(settings)}" if facts else f"there are no keys {_source(settings)}")
    if facts:
        Console().print(_table(facts))


def run_new(settings: Settings) -> None:
    """Make what a first start would make, and nothing else; then list the keys."""
    _in_files("made")
    prepare_keys(settings.key_folder, settings.data)
    run_list(settings, as_json=False)


def run_rotate(settings: Settings, kinds: Sequence[str]) -> None:
    """Make new keys of these kinds current; the earlier ones stay. Prints the new ids."""
    _in_files("rotated")
    for kind in map(KeyKind, dict.fromkeys(kinds)):
        key_id = rotate(settings.key_folder, kind)
        sys.stdout.write(f"{kind} {key_id}\n")
        _say(_advice(kind, key_id))


def _advice(kind: KeyKind, key_id: str) -> str:
    if kind is KeyKind.SEAL:
        return (
            "each tap seals for the new key from its next start on; workers that run find it by"
            " themselves. Earlier private keys stay, and what was sealed for them still opens"
        )
    part = "tap" if kind is KeyKind.SIGN_TAP else "worker"
    return (
        f"each {part} signs with the new key from its next start on, and earlier signatures stay"
        f" trusted. Whoever verifies elsewhere needs {named(kind, key_id, 'pub')} too"
    )


def _in_files(done: str) -> None:
    """Refuse what would write keys where they come from the environment."""
    if given := ", ".join(sorted(key_values())):
        raise SettingInvalid(
            f"the keys are given by the environment ({given}) and can only be {done} in a keys"
            " folder: run this without these variables, and give what the new files hold"
        )


def _source(settings: Settings) -> str:
    return "of the environment" if key_values() else f"in {settings.key_folder}"


def _table(facts: Sequence[KeyFact]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("for", "id", "state", "here"):
        table.add_column(heading)
    current = {each.kind for each in facts if each.current}
    for each in facts:
        earlier = "earlier" if each.kind in current else ""
        state = "current" if each.current else earlier
        table.add_row(each.kind, each.key_id, state, _halves(each))
    return table


def _halves(fact: KeyFact) -> str:
    halves = ["private"] if fact.private else []
    if fact.trusted:
        halves.append("trusted")
    return ", ".join(halves) or "public"


def _say(line: str) -> None:
    sys.stderr.write(f"auditstream: {line}\n")
