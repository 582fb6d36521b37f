"""A folder of keys, read: which file is what, and who is given which.

A keys folder (mode 0700) holds small files (mode 0600), one line each:

    seal.pub              the workers' public key that is sealed for; all that a tap needs to seal
    seal.<id>.key         a private key; old ones stay, so that what they sealed still opens
    seal.<id>.pub         its public half
    sign.<role>.current   the id of the key that the tap, or the worker, signs with
    sign.<role>.<id>.key  a private signing key
    sign.<role>.<id>.pub  its public half: whoever holds this file believes its signatures
    fingerprint.key       HMAC key of consumers' fingerprints and keyed digests

The law of this module: a file's name says what it is, and a signing key that is not what its name
says is refused, since the name gives it its role. Keys are base64. Only `storage.key_making`
writes here.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from audit.errors import KeyMissing, SettingInvalid
from audit.signing import Role
from storage.key_files import read_public, read_secret
from storage.keys import (
    KeyKind,
    SigningKey,
    TapKeys,
    TrustedKey,
    WorkerKeys,
    decoded_key,
    key_id_of,
    signing_key,
    tap_keys,
    trusted_key,
    worker_keys,
)
from storage.sight import is_there, listed

__all__ = [
    "FINGERPRINT",
    "FolderKeys",
    "check_name",
    "current_id",
    "files_of",
    "named",
    "pointer_of",
]

FINGERPRINT = "fingerprint.key"

_STEMS = {KeyKind.SEAL: "seal", KeyKind.SIGN_TAP: "sign.tap", KeyKind.SIGN_WORKER: "sign.worker"}
_ID = re.compile("[0-9a-f]{16}")


def named(kind: KeyKind, key_id: str, half: str) -> str:
    """The name of a key's file; `half` is `key` for the private one, `pub` for the public one."""
    return f"{_STEMS[kind]}.{key_id}.{half}"


def pointer_of(kind: KeyKind) -> str:
    """The name of the file that says which key is current."""
    return "seal.pub" if kind is KeyKind.SEAL else f"{_STEMS[kind]}.current"


def files_of(folder: Path, kind: KeyKind, half: str) -> dict[str, Path]:
    """The files of a kind by the id in their name, in order; `half` as in `named`.

    Raises `PlaceBarred` where the folder may not be read.
    """
    prefix, suffix = f"{_STEMS[kind]}.", f".{half}"
    files = listed(folder, f"{prefix}*{suffix}")
    return {each.name.removeprefix(prefix).removesuffix(suffix): each for each in files}


def current_id(folder: Path, kind: KeyKind) -> str:
    """The id of the current key. Raises `KeyMissing`, `SettingInvalid`."""
    pointer = folder / pointer_of(kind)
    text = read_public(pointer).strip()
    if kind is KeyKind.SEAL:
        return key_id_of(decoded_key(text, "the public key"))
    if not _ID.fullmatch(text):
        raise SettingInvalid(f"keys: {pointer} does not name a key")
    return text


class FolderKeys:
    """A `KeyProvider` over a folder of files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def tap(self) -> TapKeys:
        """What a tap seals and recognises with; of earlier keys only the names are looked at."""
        public = read_public(self._folder / pointer_of(KeyKind.SEAL))
        current = tap_keys(public, self._fingerprint())
        files = [files_of(self._folder, KeyKind.SEAL, half) for half in ("key", "pub")]
        return replace(current, earlier=frozenset().union(*files) - {current.key_id})

    def worker(self) -> WorkerKeys:
        """Every private key of the folder. Raises `KeyMissing` when there is none."""
        files = files_of(self._folder, KeyKind.SEAL, "key").values()
        if not files:
            raise KeyMissing(f"no private key (seal.*.key) is in the keys folder {self._folder}")
        return worker_keys([read_secret(file) for file in files], self._fingerprint())

    def signing(self, role: Role) -> SigningKey:
        """The current private key of a role."""
        kind = KeyKind.of(role)
        if not is_there(self._folder / pointer_of(kind)):
            raise KeyMissing(
                f"no signing key of the {role} ({pointer_of(kind)}) is in the keys folder"
                f" {self._folder}; `auditstream keys new` makes one"
            )
        key_id = current_id(self._folder, kind)
        file = self._folder / named(kind, key_id, "key")
        key = signing_key(read_secret(file))
        check_name(file, key_id, key.key_id)
        return key

    def trusted(self) -> tuple[TrustedKey, ...]:
        """Every public signing key of the folder, in the role that its name says."""
        return tuple(
            _trusted(role, key_id, file)
            for role in Role
            for key_id, file in files_of(self._folder, KeyKind.of(role), "pub").items()
        )

    def _fingerprint(self) -> str:
        return read_secret(self._folder / FINGERPRINT)


def _trusted(role: Role, key_id: str, file: Path) -> TrustedKey:
    key = trusted_key(role, read_public(file))
    check_name(file, key_id, key.key_id)
    return key


def check_name(file: Path, named_id: str, key_id: str) -> None:
    """Raise `SettingInvalid` when the file holds another key than its name says."""
    if named_id != key_id:
        raise SettingInvalid(f"keys: {file} is not the key that its name says, but {key_id}")
