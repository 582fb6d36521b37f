"""A store written by an attacker, judged by the command line: each attack is named, by number.

Real taps and workers make real data over several boots; copies of it are attacked with SQL.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.main import cli
from storage.key_making import make_keys
from tests.harness.attacker import ATTACKS
from tests.harness.load import CountingUpstream, Load
from tests.harness.loot import Boot, Loot, Number, rows_of, store_of
from tests.harness.realtime_upstream import realtime_upstream
from tests.harness.settling import settled
from tests.harness.talking import talk
from tests.harness.tree import Tree, auditstream

PROVEN = ("lost", "altered", "inserted")
TURNS = ("One", "Two", "Three", "Four")


@dataclass(frozen=True)
class Site:
    """An installation at rest, the report that was made of it, and a certificate."""

    data: Path
    keys: Path
    report: Path
    certificate: Path
    loot: Loot

    def verify(self, data: Path, *words: str) -> tuple[int, dict[str, Any]]:
        """Type the command over a copy; gives its exit code and what it prints as JSON.

        It runs in this process: a start takes longer than all it does here.
        """
        where = ("--data", str(data), "--keys", str(self.keys))
        foreign = {name: None for name in os.environ if name.startswith("AUDITSTREAM")}
        result = CliRunner().invoke(cli, ["verify", "--json", *where, *words], env=foreign)
        return result.exit_code, json.loads(result.stdout)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Two boots of one tap, one of another, a session of a third, and an erasure, all at rest."""
    folder = tmp_path_factory.mktemp("attacks")
    data = folder / "data"
    asyncio.run(_make(data))
    keys = data.with_name("data.keys")
    with store_of(data) as db:
        first, last, alone, talked = (
            tuple(each)
            for each in db.execute("SELECT DISTINCT tap, boot FROM ledger ORDER BY 1, 2")
        )
        erased = rows_of(db, first)[-1]
    certificate = folder / "certificate.json"
    words = ("--data", str(data), "--why", "asked for", "--out", str(certificate))
    done = auditstream("erase", "--id", erased.id, *words)
    assert done.returncode == 0, done.stderr
    with store_of(data) as db:
        rows = {boot: rows_of(db, boot) for boot in (first, last, alone)}
        spoken = rows_of(db, talked)
        assert len(spoken) == len(TURNS)
    report = folder / "report.json"
    said = auditstream("verify", "--json", "--data", str(data))
    assert said.returncode == 0, said.stdout + said.stderr
    report.write_text(said.stdout)
    return Site(data, keys, report, certificate, Loot(first, last, alone, rows, erased, spoken))


async def _make(data: Path) -> None:
    upstream = CountingUpstream(pause=0.0)
    await upstream.start()
    for name in ("a", "a", "b"):
        tree = Tree(data, upstream.url, extra={"AUDITSTREAM_TAP__NAME": name})
        await tree.start()
        load = Load(tree.url, callers=2)
        talking = asyncio.create_task(load.run())
        await load.answers(5)
        load.stopped = True
        await talking
        await settled(tree)
        assert await tree.stop() == 0, tree.log.read_text()
    await upstream.stop()
    async with realtime_upstream() as realtime:
        url = f"http://127.0.0.1:{realtime.port}"
        tree = Tree(data, url, extra={"AUDITSTREAM_TAP__NAME": "c"})
        await tree.start()
        await talk(tree.url, TURNS)
        await settled(tree)
        assert await tree.stop() == 0, tree.log.read_text()


@pytest.fixture
def copy(site: Site, tmp_path: Path) -> Path:
    """A copy of the data folder, to be attacked."""
    return Path(shutil.copytree(site.data, tmp_path / "copy"))


def named(report: dict[str, Any]) -> dict[Number, set[str]]:
    """The numbers that are lost, altered or inserted, with the reasons that name them."""
    found: dict[Number, set[str]] = {}
    for flaw in report["flaws"]:
        if flaw["outcome"] in PROVEN and flaw["first"] is not None:
            for seq in range(flaw["first"], flaw["last"] + 1):
                found.setdefault((flaw["tap"], flaw["boot"], seq), set()).add(flaw["reason"])
    return found


def boots(report: dict[str, Any]) -> set[tuple[Boot, str]]:
    """What is said of boots and checkpoints."""
    return {
        ((flaw["tap"], flaw["boot"]), flaw["reason"])
        for flaw in report["flaws"]
        if flaw["outcome"] in PROVEN and flaw["first"] is None
    }


def test_an_honest_copy_is_complete(site: Site, copy: Path) -> None:
    """Untouched data exits 0, alone and against an earlier report of it."""
    for words in ((), ("--anchor", str(site.report))):
        code, report = site.verify(copy, *words)
        assert (code, report["flaws"], report["unread"]) == (0, [], [])
        assert report["counts"]["erased"] == 1
        [gone] = [each for each in report["numbers"] if each["outcome"] == "erased"]
        assert gone["id"] == site.loot.erased.id


def test_an_honest_copy_without_the_spool_folder_has_no_flaw(site: Site, copy: Path) -> None:
    """What the taps' folders would tell is open then, and nothing else is."""
    shutil.rmtree(copy / "spool")
    code, report = site.verify(copy, "--anchor", str(site.report))
    assert (code, report["flaws"], report["unread"]) == (2, [], ["spool"])


@pytest.mark.parametrize("name", ATTACKS)
def test_each_attack_is_named(site: Site, copy: Path, name: str) -> None:
    """Exit code 1, exactly the numbers that were touched, and the boots where nothing else is."""
    attack = ATTACKS[name](site.loot)
    with store_of(copy) as db:
        attack.do(db)
    code, report = site.verify(copy)
    assert code == 1
    assert named(report) == {number: {why} for number, why in attack.numbers.items()}
    assert set(attack.ids) <= {each["id"] for each in report["flaws"]}
    assert attack.boots <= boots(report)
    touched = {number[:2] for number in attack.numbers} | {boot for boot, _ in attack.boots}
    assert {boot for boot, _ in boots(report)} <= touched


@pytest.mark.parametrize("name", ATTACKS)
def test_each_attack_is_named_without_the_spool_folder(site: Site, copy: Path, name: str) -> None:
    """An earlier report is witness enough: the same numbers, by whatever reason."""
    attack = ATTACKS[name](site.loot)
    with store_of(copy) as db:
        attack.do(db)
    shutil.rmtree(copy / "spool")
    code, report = site.verify(copy, "--anchor", str(site.report))
    assert code == 1
    assert set(named(report)) == set(attack.numbers)
    assert attack.boots <= boots(report)


def test_checkpoints_that_are_rolled_back_are_named_against_a_report(
    site: Site, copy: Path
) -> None:
    """Every last word of a tap removed, and nothing else: its boots no longer reach their head."""
    with store_of(copy) as db:
        db.execute("DELETE FROM checkpoints WHERE tap = ?", site.loot.alone[:1])
    code, report = site.verify(copy, "--anchor", str(site.report))
    assert (code, named(report)) == (1, {})
    assert (site.loot.alone, "head_rolled_back") in boots(report)


def test_an_erasure_that_is_undone_is_named_against_a_report(site: Site, copy: Path) -> None:
    """Record and signed entry of before it agree with each other; a report of after does not."""
    with store_of(copy) as db:
        ATTACKS["put an erased record back"](site.loot).do(db)
        ATTACKS["put the entry of an erased record back"](site.loot).do(db)
    code, report = site.verify(copy, "--anchor", str(site.report))
    assert (code, named(report)) == (1, {site.loot.erased.number: {"rolled_back"}})


def test_the_certificate_of_an_erasure_is_confirmed_until_the_record_is_back(
    site: Site, copy: Path
) -> None:
    """Exit code 0 while it holds, 1 and the id when it does not."""
    words = ("--certificate", str(site.certificate))
    code, checked = site.verify(copy, *words)
    assert (code, checked["verdict"], checked["waiting"]) == (0, "confirmed", [])
    with store_of(copy) as db:
        ATTACKS["put an erased record back"](site.loot).do(db)
    code, checked = site.verify(copy, *words)
    said = [(each["reason"], each["id"]) for each in checked["contradictions"]]
    assert (code, said) == (1, [("record_there", site.loot.erased.id)])


def test_a_forged_certificate_is_contradicted(site: Site, copy: Path, tmp_path: Path) -> None:
    """A certificate that names another exchange than the one that was signed for is no proof."""
    told = json.loads(site.certificate.read_text())
    other = site.loot.rows[site.loot.last][0]
    told["erased"][0]["id"] = other.id
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(told))
    code, checked = site.verify(copy, "--certificate", str(forged))
    assert code == 1
    assert "certificate_forged" in {each["reason"] for each in checked["contradictions"]}


def test_without_keys_the_answer_is_open(site: Site, copy: Path, tmp_path: Path) -> None:
    """No public key, no proof: exit code 2, and one line that says which file is needed."""
    (tmp_path / "none").mkdir(mode=0o700)
    result = auditstream("verify", "--json", "--data", str(copy), "--keys", str(tmp_path / "none"))
    report = json.loads(result.stdout)
    assert (result.returncode, report["unread"], report["flaws"]) == (2, ["keys"], [])
    assert "no public signing key" in result.stderr


def test_with_the_keys_of_another_installation_the_answer_is_open(
    copy: Path, tmp_path: Path
) -> None:
    """Their own keys are named by id: that they are not here is no break-in."""
    make_keys(tmp_path / "others")
    others = str(tmp_path / "others")
    result = auditstream("verify", "--json", "--data", str(copy), "--keys", others)
    report = json.loads(result.stdout)
    assert (result.returncode, report["unread"], report["flaws"]) == (2, ["keys"], [])
    assert "these are not the worker keys that this data was made with" in result.stderr
