"""Commands about keys: what a consumer's credential is called in the settings."""

from __future__ import annotations

import sys

from audit.errors import SettingInvalid
from audit.settings import Settings
from cli.config import key_values
from cli.places import prepare, tap_keys_of
from storage.keys import FINGERPRINT
from tap.consumers import fingerprint

__all__ = ["run_fingerprint"]


def run_fingerprint(settings: Settings) -> None:
    """Read one credential from standard input and print its fingerprint.

    The credential itself is neither printed nor kept. Standard error says which keys were used:
    a fingerprint means something only to a tap that has the same.
    """
    credential = sys.stdin.buffer.read().strip()
    if not credential:
        raise SettingInvalid("give the key on standard input: auditstream fingerprint < key.txt")
    folder = settings.key_folder
    made = not key_values() and not (folder / FINGERPRINT).exists()
    prepare(settings, may_open=True)
    used = "of the environment" if key_values() else f"in {folder}"
    new = ", which were made just now" if made else ""
    sys.stderr.write(f"auditstream: valid for taps with the keys {used}{new}\n")
    sys.stdout.write(fingerprint(tap_keys_of(settings).fingerprint_key, credential) + "\n")
