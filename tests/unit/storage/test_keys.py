"""Keys on disk: made once, read by their owner only, rotated without losing one."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from audit.errors import KeyMissing, SettingInvalid
from audit.signing import Role
from storage import key_making
from storage.key_files import write_new
from storage.key_folder import FolderKeys
from storage.key_making import make_keys, rotate
from storage.keys import KeyKind, key_id_of, signing_key, tap_keys, worker_keys
from storage.signing import Ed25519Signer, TrustedKeys


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A keys folder as a first start makes it."""
    make_keys(tmp_path / "keys")
    return tmp_path / "keys"


def content(folder: Path) -> dict[str, bytes]:
    """What every file of a folder holds."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def current(folder: Path, kind: KeyKind) -> str:
    """The id of the current key of a kind, as a part would take it."""
    keys = FolderKeys(folder)
    if kind is KeyKind.SEAL:
        return keys.tap().key_id
    return keys.signing(next(role for role in Role if KeyKind.of(role) is kind)).key_id


def test_keys_are_made_once_and_for_their_owner_only(folder: Path) -> None:
    """The folder is 0700, each file 0600, and a second start changes nothing."""
    before = content(folder)
    make_keys(folder)
    assert content(folder) == before
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    """Made from several threads at once, a folder holds one pair of each kind."""
    folder = tmp_path / "keys"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make_keys, [folder] * 8))
    keys = FolderKeys(folder)
    assert keys.worker().key_ids == {keys.tap().key_id}
    assert [key.role for key in keys.trusted()] == list(Role)


@pytest.mark.parametrize("name", ["seal.pub", "sign.tap.current", "sign.worker.*.pub"])
def test_a_start_that_was_cut_short_goes_on_from_what_is_there(folder: Path, name: str) -> None:
    """A private key without its public half or its pointer is kept, not replaced."""
    before = content(folder)
    (file,) = folder.glob(name)
    file.unlink()
    make_keys(folder)
    assert content(folder) == before


def test_a_folder_of_an_earlier_version_is_completed(folder: Path) -> None:
    """Where only the seal's keys are, signing keys are made and the seal's stay."""
    tap = FolderKeys(folder).tap()
    for file in [*folder.glob("sign.*"), *folder.glob("seal.*.pub")]:
        file.unlink()
    make_keys(folder)
    keys = FolderKeys(folder)
    assert keys.tap() == tap
    for role in Role:
        assert keys.signing(role).key_id in {key.key_id for key in keys.trusted()}


def test_no_private_key_is_made_beside_a_public_one_from_elsewhere(folder: Path) -> None:
    """On a worker's own machine the tap's public key lies without a private one, and stays so."""
    for file in [folder / "sign.tap.current", *folder.glob("sign.tap.*.key")]:
        file.unlink()
    before = content(folder)
    make_keys(folder)
    assert content(folder) == before


@pytest.mark.parametrize("kind", list(KeyKind))
def test_several_private_keys_and_no_pointer_are_not_guessed_at(
    folder: Path, kind: KeyKind
) -> None:
    """Which is current must be said; a rotation says it."""
    rotate(folder, kind)
    (
        folder / ("seal.pub" if kind is KeyKind.SEAL else f"{kind}.current".replace("-", "."))
    ).unlink()
    with pytest.raises(SettingInvalid, match=f"keys rotate {kind}"):
        make_keys(folder)
    key_id = rotate(folder, kind)
    make_keys(folder)
    assert current(folder, kind) == key_id


def test_old_private_keys_stay_readable(folder: Path, tmp_path: Path) -> None:
    """Every private key of the folder is held, so that data from before a rotation opens."""
    make_keys(tmp_path / "old")
    old = next((tmp_path / "old").glob("seal.*.key"))
    os.link(old, folder / old.name)
    held = FolderKeys(folder).worker().key_ids
    assert held == {FolderKeys(each).tap().key_id for each in (folder, tmp_path / "old")}


@pytest.mark.parametrize("kind", list(KeyKind))
def test_a_rotation_adds_a_key_and_takes_none_away(folder: Path, kind: KeyKind) -> None:
    """The new one is current, everything that was there is there, other kinds stay as they are."""
    before = content(folder)
    others = {each: current(folder, each) for each in KeyKind if each is not kind}
    first = current(folder, kind)
    key_id = rotate(folder, kind)
    assert current(folder, kind) == key_id != first
    changed = {name for name, held in before.items() if content(folder)[name] != held}
    assert changed == {"seal.pub" if kind is KeyKind.SEAL else f"{kind}.current".replace("-", ".")}
    assert {each: current(folder, each) for each in others} == others
    known = FolderKeys(folder).tap().earlier | {key.key_id for key in FolderKeys(folder).trusted()}
    assert first in known


class Cut(Exception):
    """The power goes off."""


@pytest.mark.parametrize("writes", range(3))
@pytest.mark.parametrize("kind", list(KeyKind))
def test_a_rotation_that_was_cut_short_leaves_working_keys(
    folder: Path, kind: KeyKind, writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After any number of its writes the old key is current and whole, and the next one works."""
    left = [writes]

    def cut(folder: Path, name: str, text: str) -> None:
        if not left[0]:
            (folder / f".{name}.new").write_text(text[:5])
            raise Cut
        left[0] -= 1
        write_new(folder, name, text)

    before = current(folder, kind)
    with monkeypatch.context() as patched:
        patched.setattr(key_making, "write_new", cut)
        with pytest.raises(Cut):
            rotate(folder, kind)
    make_keys(folder)
    assert current(folder, kind) == before
    _assert_whole(folder)
    key_id = rotate(folder, kind)
    assert current(folder, kind) == key_id
    _assert_whole(folder)


def _assert_whole(folder: Path) -> None:
    """What is sealed for can be opened, what is signed is believed."""
    keys = FolderKeys(folder)
    assert keys.tap().key_id in keys.worker().key_ids
    trust = TrustedKeys(keys.trusted())
    for role in Role:
        signature = Ed25519Signer(keys.signing(role)).sign(b"statement")
        assert trust.bears_out(role, b"statement", signature)


def test_nothing_is_rotated_where_no_keys_are(tmp_path: Path) -> None:
    """A folder by another name gets no keys by mistake."""
    with pytest.raises(KeyMissing, match="no keys are in"):
        rotate(tmp_path / "keys", KeyKind.SEAL)
    assert not (tmp_path / "keys").exists()


def test_a_secret_that_others_can_read_is_refused(folder: Path) -> None:
    """A world-readable secret stops the start, with the command that mends it."""
    (folder / "fingerprint.key").chmod(0o644)
    with pytest.raises(SettingInvalid, match="chmod 600"):
        FolderKeys(folder).tap()


def test_a_public_key_may_be_read_and_not_replaced_by_others(folder: Path) -> None:
    """Whoever could write it could have a key of his own believed."""
    file = next(folder.glob("sign.tap.*.pub"))
    file.chmod(0o644)
    assert FolderKeys(folder).trusted()
    file.chmod(0o664)
    with pytest.raises(SettingInvalid, match="chmod 644"):
        FolderKeys(folder).trusted()


@pytest.mark.parametrize("half", ["key", "pub"])
def test_a_signing_key_under_another_keys_name_is_refused(folder: Path, half: str) -> None:
    """A file that was renamed would give a key another role or another id."""
    tap = next(folder.glob(f"sign.tap.*.{half}"))
    worker = next(folder.glob(f"sign.worker.*.{half}"))
    worker.write_bytes(tap.read_bytes())
    with pytest.raises(SettingInvalid, match="is not the key that its name says"):
        FolderKeys(folder).signing(Role.WORKER) if half == "key" else FolderKeys(folder).trusted()


@pytest.mark.parametrize("text", ["", "../seal.pub", "0123456789ABCDEF", "0123456789abcdef0"])
def test_a_pointer_that_names_no_key_is_refused(folder: Path, text: str) -> None:
    """It is a key's id or nothing, so that it leads to no other file."""
    (folder / "sign.tap.current").write_text(text)
    with pytest.raises(SettingInvalid, match="does not name a key"):
        FolderKeys(folder).signing(Role.TAP)


def test_text_that_is_no_key_is_refused_without_being_shown() -> None:
    """A bad value is named by what it should be, never quoted."""
    with pytest.raises(SettingInvalid) as caught:
        tap_keys("hunter2", "hunter2")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(SettingInvalid):
        worker_keys([""], "")
    with pytest.raises(SettingInvalid) as caught:
        signing_key("hunter2")
    assert "hunter2" not in str(caught.value)


def test_a_key_is_named_by_its_public_half() -> None:
    """The key id is the first 16 hex digits of the public key's SHA-256."""
    assert key_id_of(b"") == "e3b0c44298fc1c14"
