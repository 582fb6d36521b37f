"""Key material: made on the first start, read by those it is for, and bound to its data.

A keys folder (mode 0700) holds small files (mode 0600), each one line of base64:

    seal.pub            the workers' public key; all that a tap needs to seal
    seal.<key id>.key   a private key; old ones stay readable after a rotation
    fingerprint.key     32 bytes: HMAC key of consumers' fingerprints and keyed digests

The law of this module: a key is never replaced and never guessed. A folder is either complete or
made complete, by one process at a time; `seal.pub` comes last, so that a start that was cut short
begins again from what is there. A data folder remembers the keys it was made with.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from audit.errors import KeyMissing, SettingInvalid, WrongKey
from storage.key_files import held, write_new

__all__ = [
    "TapKeys",
    "WorkerKeys",
    "bind",
    "key_id_of",
    "load_tap_keys",
    "load_worker_keys",
    "make_keys",
    "prepare_keys",
    "tap_keys",
    "worker_keys",
]

KEY_BYTES = 32
PUBLIC = "seal.pub"
FINGERPRINT = "fingerprint.key"
BINDING = "binding"


@dataclass(frozen=True, slots=True)
class TapKeys:
    """What a tap may hold: it can seal and recognise, and cannot open."""

    key_id: str
    public_key: bytes = field(repr=False)
    fingerprint_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WorkerKeys:
    """What a worker holds: private keys by key id, raw 32 bytes each."""

    private_keys: Mapping[str, bytes] = field(repr=False)
    fingerprint_key: bytes = field(repr=False)

    @property
    def key_ids(self) -> frozenset[str]:
        """The ids of the keys whose data can be opened."""
        return frozenset(self.private_keys)


def key_id_of(public_key: bytes) -> str:
    """Name a key: the first 16 hex digits of the SHA-256 of the raw public key."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def tap_keys(public_key: str, fingerprint_key: str) -> TapKeys:
    """Take a tap's keys as base64 text, as the environment gives them.

    Raises `SettingInvalid` naming which one is no key; the text itself is never shown.
    """
    public = _decoded(public_key, "the public key")
    return TapKeys(key_id_of(public), public, _decoded(fingerprint_key, "the fingerprint key"))


def worker_keys(private_keys: Sequence[str], fingerprint_key: str) -> WorkerKeys:
    """Take a worker's keys as base64 text. Raises `SettingInvalid` as `tap_keys` does."""
    raws = [_decoded(each, "a private key") for each in private_keys]
    return WorkerKeys(
        {key_id_of(_public_of(raw)): raw for raw in raws},
        _decoded(fingerprint_key, "the fingerprint key"),
    )


def load_tap_keys(folder: Path) -> TapKeys:
    """Read what a tap needs. Raises `KeyMissing`, `SettingInvalid`."""
    return tap_keys(_read(folder / PUBLIC), _read(folder / FINGERPRINT))


def load_worker_keys(folder: Path) -> WorkerKeys:
    """Read every private key of the folder. Raises `KeyMissing` when there is none."""
    files = _private_files(folder)
    if not files:
        raise KeyMissing(f"no private key (seal.*.key) is in the keys folder {folder}")
    return worker_keys([_read(file) for file in files], _read(folder / FINGERPRINT))


def make_keys(folder: Path) -> None:
    """Make what is not there yet, durably; safe when several processes start at once.

    Raises `SettingInvalid` when the folder cannot be written, or when it holds several private
    keys and nothing says which is current.
    """
    with held(folder):
        if not (folder / FINGERPRINT).exists():
            write_new(folder, FINGERPRINT, _encoded(os.urandom(KEY_BYTES)))
        if not (folder / PUBLIC).exists():
            write_new(folder, PUBLIC, _encoded(_private_key_of(folder)))


def prepare_keys(folder: Path, data: Path) -> None:
    """Make keys for a first start; never for a data folder that was made with others.

    Raises `KeyMissing` when `data` is bound and the keys folder holds no key.
    """
    if not (folder / PUBLIC).exists() and (data / BINDING).exists() and not _private_files(folder):
        raise KeyMissing(
            f"the data folder {data} was made with a key that is not in the keys folder {folder};"
            " put the keys back there, or give their folder with the setting `keys`"
        )
    make_keys(folder)


def bind(data: Path, key_id: str, also: Collection[str] = ()) -> None:
    """Tie a data folder to the key it is written with.

    The first call remembers `key_id`; later ones accept it, or a new one where `also` (private
    keys that are held) includes one it was made with, and then remember the new one too. Raises
    `WrongKey` naming the folder, `SettingInvalid` when it cannot be written.
    """
    with held(data):
        bound = _bound(data)
        if bound and not {key_id, *also} & set(bound):
            raise WrongKey(
                f"the data folder {data} was made with the key {bound[-1]}, not with {key_id};"
                " use the keys it was made with, or another data folder"
            )
        if key_id not in bound:
            text = msgspec.json.encode({"key_ids": [*bound, key_id]}).decode()
            write_new(data, BINDING, text)


def _bound(data: Path) -> list[str]:
    try:
        text = (data / BINDING).read_bytes()
    except FileNotFoundError:
        return []
    try:
        return msgspec.json.decode(text, type=dict[str, list[str]])["key_ids"]
    except (msgspec.DecodeError, KeyError):
        raise WrongKey(
            f"the file {data / BINDING}, which names the key of this data, is damaged"
        ) from None


def _private_key_of(folder: Path) -> bytes:
    """The public half of the folder's one private key, which is made where there is none."""
    files = _private_files(folder)
    if len(files) > 1:
        raise SettingInvalid(f"keys: {folder} holds several private keys and no {PUBLIC}")
    if files:
        return _public_of(_decoded(_read(files[0]), "a private key"))
    raw = X25519PrivateKey.generate().private_bytes_raw()
    public = _public_of(raw)
    write_new(folder, f"seal.{key_id_of(public)}.key", _encoded(raw))
    return public


def _private_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("seal.*.key"))


def _public_of(raw: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()


def _read(file: Path) -> str:
    try:
        mode = file.stat().st_mode
        text = file.read_text("ascii")
    except FileNotFoundError:
        raise KeyMissing(f"the key file {file} is not there") from None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not text"
        raise SettingInvalid(f"keys: {file} cannot be read ({why})") from None
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise SettingInvalid(
            f"keys: {file} is open to others (mode {stat.S_IMODE(mode):04o}); run: chmod 600 {file}"
        )
    return text


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decoded(text: str, what: str) -> bytes:
    try:
        raw = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != KEY_BYTES:
        raise SettingInvalid(f"keys: {what} is not {KEY_BYTES} bytes of base64")
    return raw
