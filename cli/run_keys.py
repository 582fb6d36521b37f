"""Commands about keys: what a consumer's credential is called in the settings."""

from __future__ import annotations

import sys

from audit.errors import SettingInvalid
from audit.settings import Settings
from cli.places import prepare, tap_keys_of
from tap.consumers import fingerprint

__all__ = ["run_fingerprint"]


def run_fingerprint(settings: Settings) -> None:
    """Read one credential from standard input and print its fingerprint.

    The credential itself is neither printed nor kept.
    """
    credential = sys.stdin.buffer.read().strip()
    if not credential:
        raise SettingInvalid("give the key on standard input: auditstream fingerprint < key.txt")
    prepare(settings, may_open=True)
    sys.stdout.write(fingerprint(tap_keys_of(settings).fingerprint_key, credential) + "\n")
