"""Keys made and rotated: the only module that writes a keys folder.

The law of this module: a key is never replaced and never guessed. A folder is completed by one
process at a time. A pair is written private half first, then the public one, and last the pointer
that makes it current; so that a start or a rotation that was cut short leaves the keys that were
current, and the next one begins again from what is there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from audit.errors import KeyMissing, SettingInvalid
from storage.key_files import held, read_public, read_secret, write_new
from storage.key_folder import (
    FINGERPRINT,
    check_name,
    current_id,
    files_of,
    named,
    pointer_of,
)
from storage.keys import KEY_BYTES, KeyKind, decoded_key, encoded_key, key_id_of
from storage.sight import is_there

__all__ = ["has_any", "make_keys", "rotate"]


def make_keys(folder: Path) -> None:
    """Make what is not there yet, durably; safe when several processes start at once.

    A kind of which only public keys are here is left alone: its private half is held elsewhere.
    Raises `SettingInvalid` when the folder cannot be written, or holds several private keys of a
    kind and nothing says which is current.
    """
    with held(folder):
        if not is_there(folder / FINGERPRINT):
            write_new(folder, FINGERPRINT, encoded_key(os.urandom(KEY_BYTES)))
        for kind in KeyKind:
            _complete(folder, kind)


def rotate(folder: Path, kind: KeyKind) -> str:
    """Make a new key of this kind current from each part's next start on; gives its id.

    The earlier ones stay: private ones still open, public ones are still believed. Raises
    `KeyMissing` when no keys were made in this folder yet, `SettingInvalid` when it cannot be
    written.
    """
    if not is_there(folder / FINGERPRINT):
        raise KeyMissing(f"no keys are in {folder} yet; `auditstream keys new` makes them")
    with held(folder):
        # An earlier version kept no public half beside its pointer; the next line would lose it.
        _publish_current(folder, kind)
        public = _new_private(folder, kind)
        _publish(folder, kind, public)
        _point(folder, kind, public)
        return key_id_of(public)


def has_any(folder: Path, kind: KeyKind) -> bool:
    """Whether the folder holds a private key of this kind, or says which is current."""
    return is_there(folder / pointer_of(kind)) or bool(files_of(folder, kind, "key"))


def _complete(folder: Path, kind: KeyKind) -> None:
    if is_there(folder / pointer_of(kind)):
        _publish_current(folder, kind)
        return
    private = files_of(folder, kind, "key").values()
    if not private and files_of(folder, kind, "pub"):
        return
    public = _only(folder, kind, private) if private else _new_private(folder, kind)
    _publish(folder, kind, public)
    _point(folder, kind, public)


def _only(folder: Path, kind: KeyKind, private: Iterable[Path]) -> bytes:
    """The public half of a kind's one private key."""
    file, *others = private
    if others:
        raise SettingInvalid(
            f"keys: {folder} holds several private keys ({kind}) and no {pointer_of(kind)}, which"
            f" says which is current; put it back, or run: auditstream keys rotate {kind}"
        )
    return kind.public_of(decoded_key(read_secret(file), "a private key"))


def _new_private(folder: Path, kind: KeyKind) -> bytes:
    """Write a new private key; gives its public half. Any 32 bytes are one, of either curve."""
    raw = os.urandom(KEY_BYTES)
    public = kind.public_of(raw)
    write_new(folder, named(kind, key_id_of(public), "key"), encoded_key(raw))
    return public


def _publish_current(folder: Path, kind: KeyKind) -> None:
    """Write the current key's public half where only its pointer or private half is here."""
    if not is_there(folder / pointer_of(kind)):
        return
    key_id = current_id(folder, kind)
    private = folder / named(kind, key_id, "key")
    if kind is KeyKind.SEAL:
        pointer = read_public(folder / pointer_of(kind))
        _publish(folder, kind, decoded_key(pointer, "the public key"))
    elif is_there(private):
        public = kind.public_of(decoded_key(read_secret(private), "the signing key"))
        check_name(private, key_id, key_id_of(public))
        _publish(folder, kind, public)


def _publish(folder: Path, kind: KeyKind, public: bytes) -> None:
    name = named(kind, key_id_of(public), "pub")
    if not is_there(folder / name):
        write_new(folder, name, encoded_key(public))


def _point(folder: Path, kind: KeyKind, public: bytes) -> None:
    seal = kind is KeyKind.SEAL
    write_new(folder, pointer_of(kind), encoded_key(public) if seal else key_id_of(public))
