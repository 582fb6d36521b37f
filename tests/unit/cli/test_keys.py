"""Keys as the command line takes them: from a folder or the environment, listed and rotated."""

from __future__ import annotations

import errno
import json
import os
from contextlib import nullcontext
from pathlib import Path
from typing import NoReturn

import pytest

from audit.errors import KeyMissing, SettingInvalid
from audit.settings import Settings
from audit.signing import Role
from cli.places import Places, prepare, signer_of, tap_keys_of, trust_of
from cli.run_keys import run_list, run_new, run_rotate
from storage.key_folder import FolderKeys
from storage.key_making import make_keys, rotate
from storage.keys import KeyKind, encoded_key
from storage.spool.disk import LOCK

BOTH = tuple(Role)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a data folder that does not exist yet."""
    return Settings(data=tmp_path / "data")


def give(monkeypatch: pytest.MonkeyPatch, folder: Path, role: Role, *without: str) -> None:
    """Put a folder's keys into the environment, but for the variables named."""
    keys = FolderKeys(folder)
    tap = keys.tap()
    given = {
        "PUBLIC": encoded_key(tap.public_key),
        "PRIVATE": ",".join(map(encoded_key, keys.worker().private_keys.values())),
        "FINGERPRINT": encoded_key(tap.fingerprint_key),
        "SIGN": encoded_key(keys.signing(role).private_key),
        "TRUSTED": ",".join(f"{key.role}:{encoded_key(key.public_key)}" for key in keys.trusted()),
    }
    for name, text in given.items():
        if name not in without:
            monkeypatch.setenv(f"AUDITSTREAM_KEY_{name}", text)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Keys to be given by the environment."""
    make_keys(tmp_path / "elsewhere")
    return tmp_path / "elsewhere"


@pytest.mark.parametrize("role", BOTH)
def test_a_part_runs_on_what_it_may_hold(
    settings: Settings, keys: Path, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tap needs neither private seal keys nor trust, and no keys folder is made for it."""
    give(monkeypatch, keys, role, *(("PRIVATE", "TRUSTED") if role is Role.TAP else ()))
    prepare(settings, may_open=role is Role.WORKER, signs=[role])
    assert signer_of(settings, role).key_id == FolderKeys(keys).signing(role).key_id
    assert not settings.key_folder.exists()


@pytest.mark.parametrize(
    ("number", "was_here", "passes"),
    [(errno.ENOSPC, False, True), (errno.EROFS, True, True), (errno.EROFS, False, False)],
)
def test_a_tap_alone_starts_with_a_data_folder_whose_disk_is_ill(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    was_here: bool,
    passes: bool,
) -> None:
    """Its callers come first; who has nobody waiting for it says what is the matter."""
    prepare(settings, may_open=True, signs=BOTH)
    if was_here:
        spool = Places(settings.data).spool(settings.tap.name)
        spool.mkdir(parents=True)
        (spool / LOCK).touch()

    def refuse(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    for role, starts in ((Role.TAP, passes), (Role.WORKER, False)):
        with nullcontext() if starts else pytest.raises(SettingInvalid, match="cannot be written"):
            prepare(settings, may_open=role is Role.WORKER, signs=[role])


@pytest.mark.parametrize("role", BOTH)
def test_a_part_without_its_signing_key_is_refused(
    settings: Settings, keys: Path, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable is named, with how to come by what belongs in it."""
    give(monkeypatch, keys, role, "SIGN")
    with pytest.raises(KeyMissing, match=rf"AUDITSTREAM_KEY_SIGN .*the {role}'s.*keys new"):
        prepare(settings, may_open=role is Role.WORKER, signs=[role])


def test_a_folder_of_an_earlier_version_says_how_to_come_by_signing_keys(
    settings: Settings,
) -> None:
    """A tap alone makes no keys; the command that does is named, and is enough."""
    run_new(settings)
    for file in settings.key_folder.glob("sign.*"):
        file.unlink()
    with pytest.raises(KeyMissing, match=r"no signing key of the tap .*keys new"):
        prepare(settings, may_open=False, signs=[Role.TAP])
    run_new(settings)
    prepare(settings, may_open=False, signs=[Role.TAP])


def test_a_key_that_nobody_would_believe_signs_nothing(
    settings: Settings, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was given the tap's key is refused before its first entry."""
    give(monkeypatch, keys, Role.TAP)
    with pytest.raises(SettingInvalid, match="not among the trusted keys of the worker"):
        prepare(settings, may_open=True, signs=[Role.WORKER])


def test_a_worker_that_knows_no_tap_is_refused(
    settings: Settings, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could not tell a tap's checkpoint from one that was made up."""
    give(monkeypatch, keys, Role.WORKER, "TRUSTED")
    with pytest.raises(KeyMissing, match="no public signing key of a tap is trusted"):
        prepare(settings, may_open=True, signs=[Role.WORKER])


@pytest.mark.parametrize("others", [True, False])
def test_a_worker_without_the_current_private_key_is_refused(
    settings: Settings, others: bool
) -> None:
    """Everything new would be unreadable; a rotation is the way on where the key is lost."""
    prepare(settings, may_open=True, signs=BOTH)
    rotate(settings.key_folder, KeyKind.SEAL)
    lost = tap_keys_of(settings).key_id
    for file in settings.key_folder.glob(f"seal.{lost if others else '*'}.key"):
        file.unlink()
    with pytest.raises(KeyMissing, match=rf"seal\.{lost}\.key back, or .*keys rotate seal"):
        prepare(settings, may_open=True, signs=BOTH)
    rotate(settings.key_folder, KeyKind.SEAL)
    prepare(settings, may_open=True, signs=BOTH)


def test_a_worker_whose_environment_lacks_the_current_private_key_is_told_where_to_add_it(
    settings: Settings, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No folder is named that nobody looks into, and no rotation that would change nothing."""
    give(monkeypatch, keys, Role.WORKER)
    current = rotate(keys, KeyKind.SEAL)
    public = encoded_key(FolderKeys(keys).tap().public_key)
    monkeypatch.setenv("AUDITSTREAM_KEY_PUBLIC", public)
    with pytest.raises(KeyMissing) as refused:
        prepare(settings, may_open=True, signs=[Role.WORKER])
    assert f"the private key {current}, " in str(refused.value)
    assert "AUDITSTREAM_KEY_PRIVATE: add it there" in str(refused.value)
    assert "rotate" not in str(refused.value)
    assert str(settings.key_folder) not in str(refused.value)


def test_a_tap_alone_goes_on_after_a_rotation(settings: Settings) -> None:
    """It reads no private seal key, not even to see that the new key belongs to the old one."""
    prepare(settings, may_open=True, signs=BOTH)
    for kind in KeyKind:
        rotate(settings.key_folder, kind)
    for file in settings.key_folder.glob("seal.*.key"):
        file.unlink()
    prepare(settings, may_open=False, signs=[Role.TAP])


def test_a_verifier_needs_public_keys_only(
    settings: Settings, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the environment or from a folder that holds nothing else; without any it is told so."""
    with pytest.raises(KeyMissing, match="is trusted"):
        trust_of(settings)
    settings.key_folder.mkdir()
    for file in keys.glob("sign.*.pub"):
        (settings.key_folder / file.name).write_bytes(file.read_bytes())
    assert all(trust_of(settings).knows(role) for role in Role)
    give(monkeypatch, keys, Role.TAP, "PUBLIC", "PRIVATE", "FINGERPRINT", "SIGN")
    assert all(trust_of(settings).knows(role) for role in Role)


def test_new_keys_are_made_once_and_listed(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a first start makes them; what is printed names them and shows none."""
    run_new(settings)
    run_new(settings)
    run_list(settings, as_json=True)
    out, err = capsys.readouterr()
    listed = json.loads(out.splitlines()[-1])
    assert [each["kind"] for each in listed] == ["seal", "fingerprint", "sign-tap", "sign-worker"]
    for file in settings.key_folder.iterdir():
        text = file.read_text().strip()
        assert file.suffix == ".current" or text not in out + err


def test_a_rotation_says_what_is_new_and_what_to_do(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """The new ids on standard output; each kind once; the old ones are listed as earlier."""
    run_new(settings)
    capsys.readouterr()
    run_rotate(settings, ["seal", "sign-tap", "seal"])
    out, err = capsys.readouterr()
    ids = dict(line.split() for line in out.splitlines())
    assert ids["seal"] == FolderKeys(settings.key_folder).tap().key_id
    assert f"sign.tap.{ids['sign-tap']}.pub" in err
    assert err.count("from its next start on") == 2
    run_list(settings, as_json=True)
    kinds = [(each["kind"], each["current"]) for each in json.loads(capsys.readouterr().out)]
    assert kinds.count(("seal", False)) == kinds.count(("sign-tap", False)) == 1
    assert ("sign-worker", False) not in kinds


def test_keys_of_the_environment_are_not_rotated(
    settings: Settings, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing could put the new ones back there; no folder is touched."""
    give(monkeypatch, keys, Role.TAP)
    with pytest.raises(SettingInvalid, match="given by the environment") as caught:
        run_rotate(settings, ["seal"])
    with pytest.raises(SettingInvalid, match="given by the environment"):
        run_new(settings)
    assert encoded_key(tap_keys_of(settings).public_key) not in str(caught.value)
    assert not settings.key_folder.exists()
