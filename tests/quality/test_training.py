"""How the model that ships is made: the same command gives the same bytes, and they are these."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.docs.source import ROOT
from training.made import corpora_digests, taught_digest

MODEL = ROOT / "redaction" / "model"
CARD = ROOT / "docs" / "model-card.md"
FIXED = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# Two environments that have nothing in common but what training asks for.
HERE = {"TZ": "UTC", "LANG": "C.UTF-8"}
ELSEWHERE = {"TZ": "Asia/Tokyo", "LANG": "pl_PL.UTF-8", "HOME": "/nonexistent", "USER": "eve"}


def _training(out: Path, corpora: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "training.train", "--out", str(out), "--texts", "64"]
    return subprocess.Popen(
        [*command, "--corpora", str(corpora)],
        cwd=ROOT, env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


# Eight seconds of a core for each process, most of them to draw names; a busy machine takes longer.
@pytest.mark.timeout(400)
def test_two_processes_give_the_same_bytes(tmp_path: Path) -> None:
    """In different environments and from different folders, after two batches."""
    pytest.importorskip("faker", reason="`make model` brings what training needs")
    pytest.importorskip("wordfreq", reason="`make model` brings what training needs")
    labelled = {"text": "Ana Roe flew to Oslo.", "spans": [[0, 7, "PERSON"], [16, 20, "LOCATION"]]}
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "few.jsonl").write_text(json.dumps(labelled) + "\n")
    runs = [
        _training(tmp_path / "a", tmp_path / "one", FIXED | HERE),
        _training(tmp_path / "b", tmp_path / "other", FIXED | ELSEWHERE),
    ]
    for run in runs:
        said, _ = run.communicate()
        assert run.returncode == 0, said
    for name in ("weights.bin", "model.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_training_refuses_an_environment_in_which_runs_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than make weights that nobody can make again."""
    pytest.importorskip("faker", reason="`make model` brings what training needs")
    pytest.importorskip("wordfreq", reason="`make model` brings what training needs")
    from training.train import main  # noqa: PLC0415 - it cannot be imported everywhere

    monkeypatch.setattr(sys, "argv", ["train", "--out", str(tmp_path / "out")])
    for name, value in FIXED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    with pytest.raises(SystemExit, match="PYTHONHASHSEED=0"):
        main()
    assert not (tmp_path / "out").exists()


def test_the_artefact_was_made_of_what_training_is_today() -> None:
    """Whoever changes what is taught runs `make model`, so that weights and sources agree."""
    made = json.loads((MODEL / "model.json").read_text("utf-8"))
    assert made["taught"] == taught_digest(), "training/ has changed: run `make model`"
    assert made["weights"] == hashlib.sha256((MODEL / "weights.bin").read_bytes()).hexdigest()


def test_the_card_is_of_the_artefact_that_is_there() -> None:
    """It tells the digest of the weights and how many texts they were made of."""
    made = json.loads((MODEL / "model.json").read_text("utf-8"))
    card = CARD.read_text("utf-8")
    assert made["weights"][:12] in card
    assert f"{made['texts']:,} short texts" in card


def test_a_digest_tells_any_change_of_what_is_taught(tmp_path: Path) -> None:
    """Of content, of a name, of a boundary between files; and none where nothing is taught."""
    (tmp_path / "a.txt").write_text("one\n")
    (tmp_path / "b.toml").write_text("two\n")
    seen = {taught_digest(tmp_path)}
    (tmp_path / "note.md").write_text("not taught")
    assert {taught_digest(tmp_path)} == seen
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    seen.add(taught_digest(tmp_path))
    (tmp_path / "b.toml").rename(tmp_path / "c.toml")
    seen.add(taught_digest(tmp_path))
    assert len(seen) == 3
    assert corpora_digests(None) == {}
