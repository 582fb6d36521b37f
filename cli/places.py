"""The data folder: where everything in it is, and whether it can be used.

The law: what is wrong with folder or keys is found here, before any part starts, and said in a
line that names the folder and what to do.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from audit.errors import KeyMissing, SettingInvalid
from audit.settings import Settings
from audit.signing import Role
from cli.config import key_values
from storage.key_binding import Signatory, bind, prepare_keys
from storage.key_environment import EnvironmentKeys
from storage.key_folder import FolderKeys, named
from storage.key_provider import KeyProvider
from storage.keys import KeyKind, TapKeys, WorkerKeys
from storage.sight import is_there
from storage.signing import Ed25519Signer, TrustedKeys
from storage.spool.disk import may_pass

__all__ = [
    "Places",
    "console_token",
    "keys_of",
    "prepare",
    "signer_of",
    "tap_keys_of",
    "trust_of",
    "worker_keys_of",
]


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
    def blobs(self) -> Path:
        """The folder of bodies that are too large for queue or store, where they take no such."""
        return self.data / "blobs"

    @property
    def access(self) -> Path:
        """The file of the access log and of saved searches, where no other is set."""
        return self.data / "access.sqlite"

    @property
    def begun(self) -> bool:
        """Whether any part has ever made its file or folder here. Raises `PlaceBarred`."""
        return any(is_there(each) for each in (self.spools, self.queue, self.store))

    @property
    def running(self) -> Path:
        """Who runs where, while `auditstream up` does."""
        return self.data / "running.json"


def prepare(settings: Settings, *, may_open: bool, signs: Sequence[Role] = ()) -> Places:
    """Make or check the data folder and the keys, and that they belong together.

    `may_open` says that the caller holds private keys: then keys are made on a first start, and
    any of them may be the one the folder was made with. `signs` are the roles it will sign in.
    Where nothing rests in the folder it is neither made nor bound, and no keys are made: what
    others have sealed is opened with the keys that they know. Raises `SettingInvalid`,
    `KeyMissing`, `WrongKey`.
    """
    places = Places(settings.data)
    rests = _rests_here(settings, signs)
    if rests:
        _writable(settings.data, _spool_alone(settings, signs))
    if rests and may_open and not key_values():
        prepare_keys(settings.key_folder, settings.data)
    keys = tap_keys_of(settings)
    held = _opening(settings, keys) if may_open else frozenset()
    signatories = [_signatory(settings, role) for role in signs]
    if rests:
        bind(settings.data, keys, held, signatories)
    if Role.WORKER in signs:
        trust_of(settings, *Role)
    return places


def _rests_here(settings: Settings, signs: Sequence[Role]) -> bool:
    """Whether the data folder is used: a tap has its spool there, others what is no service."""
    engines = {settings.queue.engine, settings.store.engine, settings.blobs.engine}
    return Role.TAP in signs or not engines.isdisjoint({"sqlite", "folder"})


def _spool_alone(settings: Settings, signs: Sequence[Role]) -> Path | None:
    """The spool of who is a tap and nothing else: it starts with a disk that is ill."""
    return Places(settings.data).spool(settings.tap.name) if set(signs) == {Role.TAP} else None


def keys_of(settings: Settings) -> KeyProvider:
    """Where this process has its keys from: the environment, else the keys folder."""
    given = key_values()
    return EnvironmentKeys(given) if given else FolderKeys(settings.key_folder)


def tap_keys_of(settings: Settings) -> TapKeys:
    """What a tap seals and recognises with."""
    return keys_of(settings).tap()


def worker_keys_of(settings: Settings) -> WorkerKeys:
    """What a worker opens with."""
    return keys_of(settings).worker()


def signer_of(settings: Settings, role: Role) -> Ed25519Signer:
    """What a part of this role signs with. Raises `KeyMissing` where it is not held."""
    return Ed25519Signer(keys_of(settings).signing(role))


def trust_of(settings: Settings, *needed: Role) -> TrustedKeys:
    """Whose signatures are believed; no secret is needed for it.

    Raises `KeyMissing` where nobody's are, or nobody's of a role that is `needed`.
    """
    keys = keys_of(settings).trusted()
    trust = TrustedKeys(keys)
    for role in needed or (() if keys else Role):
        if not trust.knows(role):
            raise KeyMissing(
                f"no public signing key of a {role} is trusted: put its sign.{role}.<id>.pub into"
                f" the keys folder {settings.key_folder}, or {role}:<key> into the environment's"
                " AUDITSTREAM_KEY_TRUSTED"
            )
    return trust


def console_token(settings: Settings) -> str:
    """The token of the query side: as set, else made on first use, for its owner's eyes alone.

    Raises `SettingInvalid` where there is none and none can be made.
    """
    if settings.console.token is not None:
        return settings.console.token.get_secret_value()
    keys = settings.key_folder
    path = keys / "console.token"
    try:
        keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(32) + "\n")
        return path.read_text("ascii").strip()
    except OSError as error:
        raise SettingInvalid(
            f"setting console.token is not set, and the file {path} that stands for it cannot be"
            f" made or read ({error.strerror}); set it, or mend the folder's permissions"
        ) from None


def _opening(settings: Settings, keys: TapKeys) -> frozenset[str]:
    """The ids of the private keys, which include the one for what is sealed from now on.

    Raises `KeyMissing` where they do not: a worker would set aside whatever came, and the sooner
    someone hears of it the less there is to be carried again, or lost with the key.
    """
    given = key_values()
    try:
        held = worker_keys_of(settings).key_ids
    except KeyMissing:
        if given:
            raise
        held = frozenset()
    if keys.key_id not in held:
        raise KeyMissing(_no_opening(settings, keys.key_id, by_environment=bool(given)))
    return held


def _no_opening(settings: Settings, key_id: str, *, by_environment: bool) -> str:
    """What is missing, how to mend it, and what still works without it."""
    name = named(KeyKind.SEAL, key_id, "key")
    what = f"private key {key_id}, which opens what is sealed now, is not"
    missing = (
        f"the {what} in the environment's AUDITSTREAM_KEY_PRIVATE: add it there, or give a new"
        " pair where it is lost (`auditstream keys new` makes one)"
        if by_environment
        else f"the {what} in the keys folder: put {settings.key_folder / name} back, or make a new"
        " pair where it is lost: auditstream keys rotate seal"
    )
    return f"{missing}; meanwhile `auditstream tap` records without it, and all of it waits sealed"


def _signatory(settings: Settings, role: Role) -> Signatory:
    """Who signs in this role; a key that nobody would believe is refused before it signs."""
    keys = keys_of(settings)
    key_id = keys.signing(role).key_id
    everyone = keys.trusted()
    trusted = frozenset(each.key_id for each in everyone if each.role is role)
    if everyone and key_id not in trusted:
        raise SettingInvalid(
            f"keys: the {role} signs with the key {key_id}, which is not among the trusted keys of"
            f" the {role}; add its public half to them"
        )
    return Signatory(role, key_id, trusted)


def _writable(folder: Path, spool: Path | None) -> None:
    """Raise `SettingInvalid` where it is not; a disk that is ill is for the `spool` to tell."""
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
        if spool is not None and may_pass(error, spool):
            return
        why = error.strerror
        raise SettingInvalid(
            f"setting data: {folder} cannot be written ({why}); choose another folder or mend its"
            f" permissions for user id {os.getuid()}"
        ) from None
