"""The data folder: where everything in it is, and whether it can be used.

The law: what is wrong with folder or keys is found here, before any part starts, and said in a
line that names the folder and what to do.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from audit.errors import SettingInvalid
from audit.settings import Settings
from cli.config import key_values
from storage.keys import (
    TapKeys,
    WorkerKeys,
    bind,
    load_tap_keys,
    load_worker_keys,
    prepare_keys,
    tap_keys,
    worker_keys,
)

__all__ = ["Places", "console_token", "prepare", "tap_keys_of", "worker_keys_of"]


@dataclass(frozen=True, slots=True)
class Places:
    """The parts of a data folder."""

    data: Path

    @property
    def spools(self) -> Path:
        """The folder that holds one folder for each tap."""
        return self.data / "spool"

    def spool(self, tap: str) -> Path:
        """One tap's spool."""
        return self.spools / tap

    @property
    def queue(self) -> Path:
        """The queue's file."""
        return self.data / "queue.sqlite"

    @property
    def store(self) -> Path:
        """The file of records and ledger."""
        return self.data / "records.sqlite"

    @property
    def begun(self) -> bool:
        """Whether any part has ever made its file or folder here."""
        return any(os.path.lexists(each) for each in (self.spools, self.queue, self.store))

    @property
    def running(self) -> Path:
        """Who runs where, while `auditstream up` does."""
        return self.data / "running.json"


def prepare(settings: Settings, *, may_open: bool) -> Places:
    """Make or check the data folder and the keys, and that they belong together.

    `may_open` says that the caller holds private keys: then keys are made on a first start, and
    any of them may be the one the folder was made with. Raises `SettingInvalid`, `KeyMissing`,
    `WrongKey`.
    """
    places = Places(settings.data)
    _writable(settings.data)
    if may_open and not key_values():
        prepare_keys(settings.key_folder, settings.data)
    held = worker_keys_of(settings).key_ids if may_open else frozenset()
    bind(settings.data, tap_keys_of(settings), held)
    return places


def tap_keys_of(settings: Settings) -> TapKeys:
    """What a tap may hold, from the environment or the keys folder."""
    given = key_values()
    if not given:
        return load_tap_keys(settings.key_folder)
    return tap_keys(
        _given(given, "AUDITSTREAM_KEY_PUBLIC"), _given(given, "AUDITSTREAM_KEY_FINGERPRINT")
    )


def worker_keys_of(settings: Settings) -> WorkerKeys:
    """What a worker holds, from the environment or the keys folder."""
    given = key_values()
    if not given:
        return load_worker_keys(settings.key_folder)
    return worker_keys(
        _given(given, "AUDITSTREAM_KEY_PRIVATE").split(","),
        _given(given, "AUDITSTREAM_KEY_FINGERPRINT"),
    )


def console_token(keys: Path) -> str:
    """The token of the query side: made on first use, readable by its owner alone."""
    path = keys / "console.token"
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
    return path.read_text("ascii").strip()


def _given(given: dict[str, str], name: str) -> str:
    if name not in given:
        others = ", ".join(sorted(given))
        raise SettingInvalid(f"environment {name} is needed where {others} is set")
    return given[name]


def _writable(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror
        raise SettingInvalid(f"setting data: {folder} cannot be made ({why})") from None
    probe = folder / ".writable"
    try:
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        why = error.strerror
        raise SettingInvalid(
            f"setting data: {folder} cannot be written ({why}); choose another folder or mend its"
            f" permissions for user id {os.getuid()}"
        ) from None
