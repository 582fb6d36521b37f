"""The fuzz targets hold for their seeds and for every input that broke one of them before."""

from __future__ import annotations

import json
from types import ModuleType

import pytest

from tests.fuzz import fuzz_dialects, fuzz_sse
from tests.fuzz.mutation import changed
from tests.fuzz.targets import FOUND, bounded, cut

TARGETS = {"fuzz_dialects": fuzz_dialects, "fuzz_sse": fuzz_sse}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_every_seed_passes_its_target(target: ModuleType) -> None:
    """What a fuzzing run starts from breaks nothing, nor does what one has found."""
    seeds = target.seeds()
    assert seeds
    for seed in seeds:
        target.check(seed)


def test_every_folder_of_findings_is_a_targets() -> None:
    """A finding that no target tries would prove nothing."""
    folders = {path.name for path in FOUND.iterdir()} if FOUND.is_dir() else set()
    assert folders <= set(TARGETS)


def test_a_body_is_cut_into_all_of_its_bytes() -> None:
    """The pieces have the lengths told, and nothing is lost."""
    assert list(cut(b"abcdefg", b"\1\3")) == [b"a", b"bcd", b"e", b"fg"]
    assert list(cut(b"ab", b"")) == [b"a", b"b"]
    assert b"".join(cut(b"x" * 1000, b"\0\7")) == b"x" * 1000


def test_a_body_is_changed_as_its_format_is_made() -> None:
    """Documents stay documents, one seed gives one change, and without JSON there is none."""
    stream = b'event: a\ndata: {"x": [1, 2]}\n\ndata: {"y": "z"}\n\ndata: [DONE]\n\n'
    for body in (stream, b'{"a": {"b": 1}}', b"[]"):
        made = {changed(body, ["type"], seed) for seed in range(200)}
        assert len(made) > 5
        for other in made:
            texts = other.split(b"data: ")[1:-1] if body is stream else [other]
            for text in texts:
                json.loads(text.partition(b"\n")[0])
    assert changed(stream, ["type"], 7) == changed(stream, ["type"], 7)
    assert changed(b"data: words\n\n", ["type"], 7) == b"data: words\n\n"


def test_work_beyond_its_bound_is_noticed() -> None:
    """Work that is quadratic in its input passes the bound of a small input."""

    def step() -> int:
        return 0

    assert bounded(10, lambda: "done") == "done"
    with pytest.raises(AssertionError, match="calls for 400 bytes"):
        bounded(400, lambda: [step() for _ in range(400) for _ in range(400)])
