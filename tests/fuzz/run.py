"""`python -m tests.fuzz.run TARGET [FILE ...]`: fuzz a target, or try the inputs in some files.

Guided by the coverage of `tap` and `audit`, for FUZZ_SECONDS (600). What it learns stays in
`.fuzz/TARGET/corpus` for the next run, what breaks the target is left in `.fuzz/TARGET` and the
process ends with an error. Put such a file into `tests/fixtures/fuzz/TARGET` with the repair: it is
then a seed of every run, and `test_fuzz_targets.py` tries it too.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import atheris

ROOT = Path(".fuzz")

# A JSON document of this size holds more structure than a mutation explores, and stays fast.
_LONGEST = 16 * 1024
_SLOWEST_SECONDS = 30
_MOST_MEGABYTES = 2048


def main(name: str, files: list[str]) -> None:
    """Run the target; does not return."""
    with atheris.instrument_imports(include=["tap", "audit"]):
        target = importlib.import_module(f"tests.fuzz.{name}")
    arguments = [sys.argv[0], *(files or _corpus(name, target)), *_options(name)]
    own = {"custom_mutator": _mutator(target)} if hasattr(target, "mutate") else {}
    atheris.Setup(arguments, target.check, **own)
    atheris.Fuzz()


def _mutator(target: Any) -> Callable[[bytes, int, int], bytes]:
    """The target's own way to change an input, in turns with changing bytes at random."""

    def mutated(data: bytes, most: int, seed: int) -> bytes:
        if seed % 3:
            changed: bytes = target.mutate(data, seed)
            if len(changed) <= most:
                return changed
        return bytes(atheris.Mutate(data, most))

    return mutated


def _corpus(name: str, target: Any) -> list[str]:
    """The folders to start from; the seeds are written anew, as the fixtures are now."""
    learnt, seeds = ROOT / name / "corpus", ROOT / name / "seeds"
    for folder in (learnt, seeds):
        folder.mkdir(parents=True, exist_ok=True)
    for old in seeds.iterdir():
        old.unlink()
    for number, seed in enumerate(target.seeds()):
        (seeds / f"{number:04}").write_bytes(seed)
    words = ROOT / name / "words"
    words.write_text("".join(f'"{word}"\n' for word in target.words()))
    return [str(learnt), str(seeds), f"-dict={words}"]


def _options(name: str) -> list[str]:
    return [
        f"-max_total_time={os.environ.get('FUZZ_SECONDS', '600')}",
        f"-artifact_prefix={ROOT / name}/",
        f"-max_len={_LONGEST}",
        f"-timeout={_SLOWEST_SECONDS}",
        f"-rss_limit_mb={_MOST_MEGABYTES}",
        "-print_final_stats=1",
    ]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
