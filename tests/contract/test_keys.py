"""What every source of keys promises, shown on each of them with the same keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest

from audit.errors import KeyMissing, SettingInvalid
from audit.signing import Role
from cli.config import KEY_VARIABLES
from storage.key_environment import EnvironmentKeys
from storage.key_folder import FolderKeys
from storage.key_making import make_keys, rotate
from storage.key_provider import KeyFact, KeyProvider, key_facts
from storage.keys import KeyKind

# Gives the same keys as a folder does; `without` leaves out what a kind of part does not hold.
Make: TypeAlias = Callable[..., KeyProvider]

SECRETS = ("*.key", "*.current")


def _from_folder(folder: Path, role: Role, without: tuple[str, ...]) -> KeyProvider:
    for pattern in without:
        for file in folder.glob(pattern):
            file.unlink()
    return FolderKeys(folder)


def _from_environment(folder: Path, role: Role, without: tuple[str, ...]) -> KeyProvider:
    """Give what the folder's files hold in variables, as an operator would."""
    current = FolderKeys(folder).signing(role).key_id
    first = (folder / "seal.pub").read_text().strip()
    earlier = [t for file in folder.glob("seal.*.pub") if (t := file.read_text().strip()) != first]
    signing = folder / f"sign.{role}.{current}.key"
    _from_folder(folder, role, without)

    def joined(*texts: str) -> str:
        return ",".join(text.strip() for text in texts)

    trusted = [
        f"{each}:{file.read_text()}" for each in Role for file in folder.glob(f"sign.{each}.*.pub")
    ]
    given = {
        "PUBLIC": joined(first, *earlier) if (folder / "seal.pub").exists() else "",
        "PRIVATE": joined(*(file.read_text() for file in folder.glob("seal.*.key"))),
        "FINGERPRINT": joined(*(file.read_text() for file in folder.glob("fingerprint.key"))),
        "SIGN": joined(signing.read_text()) if signing.exists() else "",
        "TRUSTED": joined(*trusted),
    }
    return EnvironmentKeys(
        {f"AUDITSTREAM_KEY_{name}": text for name, text in given.items() if text}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A keys folder in which each pair was rotated once."""
    make_keys(tmp_path)
    for kind in KeyKind:
        rotate(tmp_path, kind)
    return tmp_path


@pytest.fixture(params=[_from_folder, _from_environment], ids=["folder", "environment"])
def make(request: pytest.FixtureRequest, folder: Path) -> Make:
    """A source of keys, of each sort."""

    def made(role: Role = Role.TAP, without: tuple[str, ...] = ()) -> KeyProvider:
        provider: KeyProvider = request.param(folder, role, without)
        return provider

    return made


def test_what_is_sealed_for_can_be_opened(make: Make) -> None:
    """The tap's public key is among those of the worker, and so are the earlier ones."""
    keys = make()
    tap, worker = keys.tap(), keys.worker()
    assert {tap.key_id, *tap.earlier} == worker.key_ids
    assert len(tap.earlier) == 1
    assert tap.fingerprint_key == worker.fingerprint_key


@pytest.mark.parametrize("role", list(Role))
def test_what_is_signed_is_trusted_in_its_role(make: Make, role: Role) -> None:
    """The signing key is one of the trusted ones of its role, beside the one before it."""
    keys = make(role)
    trusted = {key.key_id: key for key in keys.trusted() if key.role is role}
    signing = keys.signing(role)
    assert len(trusted) == 2
    assert trusted[signing.key_id].public_key == signing.public_key


def test_a_tap_needs_no_key_that_opens(make: Make) -> None:
    """Without private seal keys a tap has all it needs, and a worker is told what is missing."""
    keys = make(without=("seal.*.key",))
    assert keys.tap().public_key
    assert keys.signing(Role.TAP).private_key
    with pytest.raises(KeyMissing):
        keys.worker()


def test_a_verifier_needs_no_secret(make: Make) -> None:
    """With every secret gone the trusted keys are still all there."""
    trusted = make().trusted()
    keys = make(without=(*SECRETS, "seal.*"))
    assert {key.key_id for key in keys.trusted()} == {key.key_id for key in trusted}
    asked: list[Callable[[], object]] = [keys.tap, keys.worker, partial(keys.signing, Role.TAP)]
    for ask in asked:
        with pytest.raises(KeyMissing):
            ask()


def test_where_nobody_is_trusted_that_is_no_error(make: Make) -> None:
    """Whoever asks decides what it means."""
    assert make(without=("sign.*.pub",)).trusted() == ()


def test_keys_are_listed_without_being_shown(make: Make, folder: Path) -> None:
    """Each key by its id, the current one of a kind first; nothing of what a file holds."""
    facts = key_facts(make())
    seal = [each for each in facts if each.kind == "seal"]
    assert [(each.current, each.private) for each in seal] == [(True, True), (False, True)]
    taps = [each for each in facts if each.kind == "sign-tap"]
    assert [(each.current, each.trusted) for each in taps] == [(True, True), (False, True)]
    shown = repr(facts)
    for file in [*folder.glob("*.key"), *folder.glob("*.pub")]:
        assert file.read_text().strip() not in shown


def test_a_verifiers_keys_are_listed_too(make: Make) -> None:
    """Where there are public signing keys only, none of them is called current."""
    facts = key_facts(make(without=(*SECRETS, "seal.*")))
    assert {each.kind for each in facts} == {"sign-tap", "sign-worker"}
    assert all(each == KeyFact(each.kind, each.key_id, trusted=True) for each in facts)


@pytest.mark.parametrize("name", ["PUBLIC", "PRIVATE", "FINGERPRINT", "SIGN"])
def test_a_missing_variable_is_named(folder: Path, name: str) -> None:
    """With what it is for where that is not plain, and it stands in the reference."""
    keys = EnvironmentKeys({"AUDITSTREAM_KEY_X": "secret"})
    asked: dict[str, Callable[[], object]] = {
        "PUBLIC": keys.tap,
        "PRIVATE": keys.worker,
        "FINGERPRINT": EnvironmentKeys({"AUDITSTREAM_KEY_PUBLIC": "x"}).tap,
        "SIGN": partial(keys.signing, Role.TAP),
    }
    with pytest.raises(KeyMissing, match=f"environment AUDITSTREAM_KEY_{name} is needed") as caught:
        asked[name]()
    assert "secret" not in str(caught.value)
    assert f"AUDITSTREAM_KEY_{name}" in KEY_VARIABLES


@pytest.mark.parametrize("text", ["aGVsbG8=", "tap", "boss:aGVsbG8=", "tap:aGVsbG8=", "tap:,", ":"])
def test_a_trusted_key_without_a_role_is_refused(text: str) -> None:
    """A key that could speak for anyone is believed for nobody; the text is not shown."""
    keys = EnvironmentKeys({"AUDITSTREAM_KEY_TRUSTED": text})
    with pytest.raises(SettingInvalid) as caught:
        keys.trusted()
    assert "aGVsbG8" not in str(caught.value)
