"""Damaged and foreign files in a spool: each is named, and costs only itself."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from storage.spool.frame import Kind
from storage.spool.reader import Frame, read_frames
from tests.harness.leftovers import NOBODY, carried, installation, leave
from tests.harness.tree import Tree, auditstream, records

EXCHANGES = 6


@dataclass
class Spool:
    """One spool to be damaged: its folder, its one segment, and the ids in it by number."""

    folder: Path
    ids: Sequence[str]
    unreadable: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)
    cut: set[int] = field(default_factory=set)

    @property
    def stored(self) -> set[str]:
        """The ids of those that nothing has happened to."""
        hit = self.unreadable | self.lost | self.cut
        return {each for seq, each in enumerate(self.ids, 1) if seq not in hit}

    @property
    def segment(self) -> Path:
        """The segment's file."""
        return max(self.folder.glob("*.spool"))

    def frame(self, kind: Kind, seq: int = 0) -> Frame:
        """The first frame of this kind and number."""
        found = (each for each in read_frames(self.segment.read_bytes()) if isinstance(each, Frame))
        return next(each for each in found if (each.header.kind, each.header.seq) == (kind, seq))

    def flip(self, at: int) -> None:
        """Flip one bit of the segment."""
        data = bytearray(self.segment.read_bytes())
        data[at] ^= 1
        self.segment.write_bytes(data)


def _payload(spool: Spool) -> None:
    """A sealed opening is hit."""
    frame = spool.frame(Kind.OPENED, 2)
    spool.flip(frame.offset + frame.size - 1)
    spool.unreadable = {2}


def _header(spool: Spool) -> None:
    """An opening's header is hit: its piece still says that the exchange was there."""
    spool.flip(spool.frame(Kind.OPENED, 3).offset + 20)
    spool.unreadable = {3}


def _both_headers(spool: Spool) -> None:
    """All that tells of an exchange is hit: it is beyond knowing, and named by its number."""
    for kind in (Kind.OPENED, Kind.PIECE):
        spool.flip(spool.frame(kind, 3).offset + 20)
    spool.lost = {3}


def _wrapped_key(spool: Spool) -> None:
    """The frame with the segment's wrapped key is hit: nothing of the segment opens."""
    frame = spool.frame(Kind.SEGMENT)
    spool.flip(frame.offset + frame.size - 3)
    spool.unreadable = set(range(1, EXCHANGES + 1))


def _other_key(spool: Spool) -> None:
    """The wrapped key is another one, with checksums that are right: no tap signed for it."""
    frame = spool.frame(Kind.SEGMENT)
    text = frame.payload
    at = text.index(b'"wrapped_key":"') + 20
    forged = text[:at] + (b"A" if text[at : at + 1] != b"A" else b"B") + text[at + 1 :]
    data = spool.segment.read_bytes()
    check = zlib.crc32(forged).to_bytes(4, "big")
    spool.segment.write_bytes(
        frame.head
        + check
        + zlib.crc32(frame.head + check).to_bytes(4, "big")
        + forged
        + data[frame.size :]
    )
    spool.unreadable = set(range(1, EXCHANGES + 1))


def _cut_short(spool: Spool) -> None:
    """The file ends in the middle of the last exchange's opening, as after a power cut."""
    frame = spool.frame(Kind.OPENED, EXCHANGES)
    os.truncate(spool.segment, frame.offset + frame.size // 2)
    spool.cut = {EXCHANGES}


def _foreign(spool: Spool) -> None:
    """A file lies there that is no segment, though it is called one, and one that is not."""
    (spool.folder / "holiday.jpg").write_bytes(b"\xff\xd8 a beach")
    (spool.folder / "000000000000-0000-000000.spool").write_bytes(b"not a segment " * 99)


DAMAGES: dict[str, Callable[[Spool], None]] = {
    "payload": _payload,
    "header": _header,
    "both-headers": _both_headers,
    "wrapped-key": _wrapped_key,
    "other-key": _other_key,
    "cut-short": _cut_short,
    "foreign": _foreign,
}

# Those whose checksums hold: nothing but the key, or the missing end, tells what happened.
UNDAMAGED = {"other-key", "cut-short"}


@dataclass
class Outcome:
    """What came of all damaged spools together."""

    spools: dict[str, Spool]
    before: dict[str, bytes]
    adopted: subprocess.CompletedProcess[str]
    report: dict[str, Any]
    complaints: str
    stored: set[str]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Spools left behind, each damaged in its way, adopted, carried and verified."""
    return asyncio.run(_outcome(tmp_path_factory.mktemp("damage") / "data"))


async def _outcome(data: Path) -> Outcome:
    installation(data)
    spools = {}
    for name, damage in DAMAGES.items():
        folder = data / "spool" / name
        spools[name] = Spool(folder, await leave(folder, data, EXCHANGES, tap=name))
        damage(spools[name])
    before = _bytes_of(spools)
    adopted = auditstream("adopt", str(data), "--data", str(data), "--anyway")
    tree = Tree(data, NOBODY)
    await tree.start()
    assert await tree.stop() == 0, tree.log.read_text()
    verified = auditstream("verify", "--data", str(data), "--json")
    found = {record["id"] for record in records(data)}
    report = msgspec.json.decode(verified.stdout)
    return Outcome(spools, before, adopted, report, verified.stderr, found)


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_costs_what_was_hit_and_nothing_else(outcome: Outcome, name: str) -> None:
    """What can be read is stored, what cannot is `unreadable`, what is gone is named as lost."""
    spool = outcome.spools[name]
    assert outcome.stored & set(spool.ids) == spool.stored
    assert _dead(spool.folder.parent.parent, name) == spool.unreadable
    flaws = [each for each in outcome.report["flaws"] if each["tap"] == name]
    assert {each["first"] for each in flaws} == spool.lost
    assert {each["outcome"] for each in flaws} <= {"lost"}


@pytest.mark.parametrize("name", [name for name in DAMAGES if name not in UNDAMAGED])
def test_what_is_damaged_or_foreign_is_named_and_stays(outcome: Outcome, name: str) -> None:
    """The file stands byte for byte where it was; `adopt` and `verify` say which it is."""
    folder = outcome.spools[name].folder
    said = outcome.adopted.stdout.partition(f"{folder}: ")[2].partition("left: nothing")[0]
    kept = [Path(each) for each in outcome.before if Path(each).parent == folder]
    assert kept
    for path in kept:
        assert path.read_bytes() == outcome.before[str(path)]
        assert path.name in said
        assert f"auditstream: {path} is " in outcome.complaints


def test_a_torn_tail_is_cut_and_said(outcome: Outcome) -> None:
    """What a write that never finished left is no damage: it is counted, in bytes too."""
    folder = outcome.spools["cut-short"].folder
    said = outcome.adopted.stdout.partition(f"{folder}: ")[2].partition("left: nothing")[0]
    assert "torn tails: 1 cut off (" in said
    assert "damaged" not in said


def test_adopting_damage_is_no_failure(outcome: Outcome) -> None:
    """All that could be taken was taken: the exit code says so, the lines say the rest."""
    assert outcome.adopted.returncode == 0, outcome.adopted.stderr
    assert outcome.adopted.stdout.count("left: nothing") == len(DAMAGES)


def _bytes_of(spools: dict[str, Spool]) -> dict[str, bytes]:
    """The files that are damaged or foreign."""
    found = {}
    for name, spool in spools.items():
        foreign = [each for each in spool.folder.iterdir() if _is_foreign(each)]
        for path in foreign if name == "foreign" else [spool.segment]:
            found[str(path)] = path.read_bytes()
    return found


def _is_foreign(path: Path) -> bool:
    return path.name.startswith(("holiday", "0000"))


_SET_ASIDE = "('unreadable', 'dead_lettered')"


def _dead(data: Path, tap: str) -> set[int]:
    with closing(sqlite3.connect(data / "records.sqlite")) as db:
        rows = db.execute(f"SELECT seq FROM ledger WHERE tap = ? AND state IN {_SET_ASIDE}", (tap,))  # noqa: S608
        return {row[0] for row in rows}


async def test_a_segment_of_another_format_is_named_and_stays(tmp_path: Path) -> None:
    """Its format is said, it is not read as damage, and `verify` could not tell."""
    data = installation(tmp_path / "data")
    folder = data / "spool" / "gone"
    await leave(folder, data, 3)
    (segment,) = folder.glob("*.spool")
    segment.write_bytes(_as_format(segment.read_bytes(), 7))
    before = segment.read_bytes()
    adopted = auditstream("adopt", str(folder), "--data", str(data))
    assert adopted.returncode == 1
    assert f"left in place: {segment.name} (format 7)" in adopted.stdout
    verified = auditstream("verify", "--data", str(data))
    assert verified.returncode == 2
    assert f"{segment} is in spool format 7, and this version reads format" in verified.stderr
    assert segment.read_bytes() == before


async def test_a_tap_says_which_files_of_its_folder_it_leaves_alone(tmp_path: Path) -> None:
    """A foreign file does not keep a tap from running, and its log names the file."""
    data = installation(tmp_path / "data")
    (data / "spool" / "tap").mkdir(parents=True)
    (data / "spool" / "tap" / "holiday.jpg").write_bytes(b"a beach")
    tree = Tree(data, NOBODY)
    await tree.start()
    assert await tree.stop() == 0, tree.log.read_text()
    (line,) = [each for each in tree.log.read_text().splitlines() if "spool.left_alone" in each]
    assert "reason=foreign" in line
    assert "where=holiday.jpg" in line
    assert (data / "spool" / "tap" / "holiday.jpg").read_bytes() == b"a beach"


async def test_a_damaged_note_is_put_aside_and_costs_no_record(tmp_path: Path) -> None:
    """Boots that the note alone knew are believed by their signed checkpoints."""
    data = installation(tmp_path / "data")
    folder = data / "spool" / "gone"
    ids: list[str] = []
    for _ in range(3):
        ids += await leave(folder, data, 2)
        assert auditstream("adopt", str(folder), "--data", str(data)).returncode == 0
    note = folder / "boots"
    broken = note.read_bytes().replace(b"opened", b"opemed", 1)
    note.write_bytes(broken)
    verified = auditstream("verify", "--data", str(data))
    assert verified.returncode == 2
    assert f"{note} is damaged" in verified.stderr
    adopted = auditstream("adopt", str(folder), "--data", str(data))
    assert adopted.returncode == 0, adopted.stderr
    assert "damaged notes: boots" in adopted.stdout
    (aside,) = folder.glob("boots.damaged-*")
    assert aside.read_bytes() == broken
    await carried(data)
    verified = auditstream("verify", "--data", str(data), "--json")
    assert verified.returncode == 0, (verified.stdout, verified.stderr)
    assert f"{folder} lost its note of boots once" in verified.stderr
    assert {record["id"] for record in records(data)} == set(ids)


def _as_format(data: bytes, number: int) -> bytes:
    """The same frames as another format would begin them, with checksums that hold."""
    out = b""
    for each in read_frames(data):
        assert isinstance(each, Frame)
        head = each.head[:4] + bytes([number]) + each.head[5:]
        check = zlib.crc32(each.payload).to_bytes(4, "big")
        out += head + check + zlib.crc32(head + check).to_bytes(4, "big") + each.payload
    return out
