"""A folder of another user is told as what it is: not as an empty one, and not as a defect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audit.errors import PlaceBarred
from audit.preflight import Standing
from audit.settings import Settings
from audit.signing import Role
from cli.desk import check_begun, known_trust
from cli.engines import begun, log_place, store_place
from cli.failing import last_words
from cli.gathering import gather
from cli.office import begun as office_begun
from cli.places import keys_of, trust_of
from cli.run_check import PARTS, findings
from storage.sight import is_there, listed, nearest
from tests.harness.stranger import locked, shared_folder


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that any user may enter."""
    with shared_folder() as folder:
        # Modules that are imported late are imported now: another user may not see those either.
        store_place(Settings(data=folder))
        yield folder


def test_not_there_and_not_allowed_are_told_apart(shared: Path) -> None:
    """What is not there is none; what bars the way is named, with its owner and its mode."""
    inner = shared / "mine" / "data"
    assert not is_there(inner)
    assert listed(inner) == []
    assert nearest(inner) == shared
    inner.mkdir(parents=True)
    assert is_there(inner)
    with locked(shared / "mine"):
        for look in (is_there, listed, nearest):
            with pytest.raises(PlaceBarred) as raised:
                look(inner)
            told = str(raised.value)
            assert told.startswith(f"{inner} may not be seen by user id ")
            assert f": {shared / 'mine'} may not be entered (of user id " in told
            assert ", mode 0000); run this as its owner, or have its permissions changed" in told


def test_a_folder_that_may_be_entered_and_not_read_is_not_empty(shared: Path) -> None:
    """Its list is refused, and the folder itself is named."""
    with locked(shared), pytest.raises(PlaceBarred, match=f"{shared} may not be "):
        listed(shared)


LOOKS: dict[str, Callable[[Settings], object]] = {
    "hold list, dead-letters, erase, reredact": office_begun,
    "query, show, export": check_begun,
    "access-log": lambda settings: begun(log_place(settings)),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_commands_do_not_call_a_locked_folder_empty(
    shared: Path, look: Callable[[Settings], object]
) -> None:
    """Who may not see the data folder is told so, whatever they asked."""
    (shared / "data").mkdir()
    settings = Settings(data=shared / "data")
    with locked(shared / "data"), pytest.raises(PlaceBarred, match="data may not be entered"):
        look(settings)


async def test_verify_does_not_call_a_locked_folder_empty(shared: Path) -> None:
    """Neither the data folder nor the folder above it: it says who may look."""
    (shared / "data").mkdir()
    for folder in (shared, shared / "data"):
        with locked(folder), pytest.raises(PlaceBarred, match=f"{folder} may not be entered"):
            await gather(Settings(data=shared / "data"), print)


async def test_a_locked_folder_of_keys_is_no_missing_key(shared: Path) -> None:
    """`verify` could not tell, and says why; who only reads goes on without signatures."""
    (shared / "keys").mkdir()
    (shared / "data" / "spool").mkdir(parents=True)
    settings = Settings(data=shared / "data", keys=shared / "keys")
    told: list[str] = []
    with locked(shared / "keys"):
        evidence = await gather(settings, told.append)
        with pytest.raises(PlaceBarred):
            keys_of(settings).signing(Role.WORKER)
        with pytest.raises(PlaceBarred):
            trust_of(settings)
        assert known_trust(settings) is None
    assert "keys" in evidence.unread
    (line,) = (each for each in told if each.startswith("no signature could be checked"))
    assert "keys may not be seen by user id" in line
    assert "put its sign." not in line


async def test_check_finds_no_defect_in_a_locked_folder(shared: Path) -> None:
    """Each look says who bars it, and what to do is said once."""
    (shared / "data").mkdir()
    settings = Settings(data=shared / "data")
    seen = await findings(settings, PARTS)
    assert not [each for each in seen if "may not be seen" in each.found]
    with locked(shared):
        found = await findings(settings, PARTS)
    bad = [each for each in found if each.standing is Standing.FAILED]
    barred = [each for each in bad if "may not be seen" in each.found]
    assert {each.name for each in barred} >= {"keys", "spool", "queue", "store", "console.token"}
    assert not [each for each in bad if "defect" in each.found]
    assert {each.advice for each in barred} == {
        "run this as its owner, or have its permissions changed"
    }


def test_no_refusal_of_the_system_is_called_a_defect(shared: Path) -> None:
    """Where nothing asked before, the last words name the file and who may not see it."""
    with locked(shared):
        with pytest.raises(PermissionError) as raised:
            (shared / "x").read_bytes()
        said = last_words(raised.value)
    assert said.startswith(f"auditstream: {shared / 'x'} may not be seen by user id")
    assert "defect" not in said
