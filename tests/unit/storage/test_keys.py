"""Keys on disk: made once, read by their owner only, bound to their data."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from audit.errors import KeyMissing, SettingInvalid, WrongKey
from storage.keys import (
    BINDING,
    FINGERPRINT,
    TapKeys,
    bind,
    key_id_of,
    load_tap_keys,
    load_worker_keys,
    make_keys,
    prepare_keys,
    tap_keys,
    worker_keys,
)


def test_keys_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    """The folder is 0700, each file 0600, and a second start changes nothing."""
    folder = tmp_path / "keys"
    make_keys(folder)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    make_keys(folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    """Made from several threads at once, a folder holds one private key and one public."""
    folder = tmp_path / "keys"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make_keys, [folder] * 8))
    assert load_worker_keys(folder).key_ids == {load_tap_keys(folder).key_id}


def test_a_start_that_was_cut_short_goes_on_from_what_is_there(tmp_path: Path) -> None:
    """A private key without its public half is kept, not replaced."""
    make_keys(tmp_path)
    before = load_tap_keys(tmp_path)
    (tmp_path / "seal.pub").unlink()
    make_keys(tmp_path)
    assert load_tap_keys(tmp_path) == before


def test_a_tap_needs_no_private_key(tmp_path: Path) -> None:
    """With the private key taken away a tap loads and a worker says what is missing."""
    make_keys(tmp_path)
    for file in tmp_path.glob("seal.*.key"):
        file.unlink()
    assert len(load_tap_keys(tmp_path).public_key) == 32
    with pytest.raises(KeyMissing, match="no private key"):
        load_worker_keys(tmp_path)


def test_old_private_keys_stay_readable(tmp_path: Path) -> None:
    """Every private key of the folder is held, so that data from before a rotation opens."""
    make_keys(tmp_path / "old")
    make_keys(tmp_path / "new")
    old = next((tmp_path / "old").glob("seal.*.key"))
    os.link(old, tmp_path / "new" / old.name)
    held = load_worker_keys(tmp_path / "new").key_ids
    assert held == {load_tap_keys(tmp_path / each).key_id for each in ("old", "new")}


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """A world-readable key file stops the start, with the command that mends it."""
    make_keys(tmp_path)
    (tmp_path / "fingerprint.key").chmod(0o644)
    with pytest.raises(SettingInvalid, match="chmod 600"):
        load_tap_keys(tmp_path)


def test_text_that_is_no_key_is_refused_without_being_shown() -> None:
    """A bad value from the environment is named by what it should be, never quoted."""
    with pytest.raises(SettingInvalid) as caught:
        tap_keys("hunter2", "hunter2")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(SettingInvalid):
        worker_keys([""], "")


A, B = (TapKeys(name, b"", b"f" * 32) for name in ("aaaa", "bbbb"))


def test_data_remembers_its_key(tmp_path: Path) -> None:
    """A data folder takes its own key again and refuses another, naming the folder."""
    bind(tmp_path, A)
    bind(tmp_path, A)
    with pytest.raises(WrongKey, match=str(tmp_path)):
        bind(tmp_path, B)
    bind(tmp_path, B, also={"aaaa"})
    bind(tmp_path, B)


def test_data_remembers_its_fingerprint_key(tmp_path: Path) -> None:
    """The same sealing key with another fingerprint key is refused, and no key is written down."""
    bind(tmp_path, A)
    with pytest.raises(WrongKey, match="made with the fingerprint key"):
        bind(tmp_path, replace(A, fingerprint_key=b"g" * 32), also={"aaaa"})
    digest = hashlib.sha256(b"fingerprint" + b"f" * 32).hexdigest()[:16]
    assert json.loads((tmp_path / BINDING).read_bytes()) == {
        "key_ids": ["aaaa"],
        "fingerprint_id": digest,
    }


def test_a_binding_of_an_earlier_version_is_completed(tmp_path: Path) -> None:
    """Where only the sealing key was remembered, the next start adds the fingerprint key."""
    (tmp_path / BINDING).write_text('{"key_ids":["aaaa"]}')
    bind(tmp_path, A)
    with pytest.raises(WrongKey):
        bind(tmp_path, replace(A, fingerprint_key=b"g" * 32))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"key_ids":[]}', "\udcff"])
def test_a_damaged_binding_is_not_taken_for_a_new_folder(tmp_path: Path, text: str) -> None:
    """Text that names no key stops the start instead of binding the folder anew."""
    (tmp_path / BINDING).write_text(text, errors="surrogateescape")
    with pytest.raises(WrongKey, match="is damaged"):
        bind(tmp_path, A)


def test_no_new_key_is_made_for_data_of_an_old_one(tmp_path: Path) -> None:
    """With its keys folder gone, bound data raises `KeyMissing`; it is not sealed anew."""
    keys, data = tmp_path / "keys", tmp_path / "data"
    prepare_keys(keys, data)
    bind(data, load_tap_keys(keys))
    for file in keys.iterdir():
        file.unlink()
    with pytest.raises(KeyMissing, match="was made with a key"):
        prepare_keys(keys, data)
    assert not list(keys.iterdir())


def test_a_deleted_fingerprint_key_is_not_replaced(tmp_path: Path) -> None:
    """For bound data its absence raises `KeyMissing`; for data not bound yet it is made."""
    keys, data = tmp_path / "keys", tmp_path / "data"
    prepare_keys(keys, data)
    (keys / FINGERPRINT).unlink()
    prepare_keys(keys, data)
    bind(data, load_tap_keys(keys))
    (keys / FINGERPRINT).unlink()
    with pytest.raises(KeyMissing, match="a fingerprint key"):
        prepare_keys(keys, data)
    assert not (keys / FINGERPRINT).exists()


def test_a_key_is_named_by_its_public_half() -> None:
    """The key id is the first 16 hex digits of the public key's SHA-256."""
    assert key_id_of(b"") == "e3b0c44298fc1c14"
