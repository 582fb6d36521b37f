"""How good and how fast redaction is, beside stock Presidio, printed in one run.

`python -m bench.redaction.run [--seed N] [--rounds N] [--quick | --names-only] [set.jsonl …]`.
Without a seed each run draws its own. A set of one's own is a file of lines
`{"text", "spans": [[start, end, type]]}`.
`--quick` leaves out the measurements of time; `--names-only` prints nothing but how fast names are
looked for.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from bench.redaction.report import false_positive_lines, score_lines, table
from bench.redaction.score import Score, false_positives, judge
from bench.redaction.speed import (
    TEXTS,
    Pace,
    adversarial,
    linearity,
    model_pace,
    pace,
    reading_pace,
)
from bench.redaction.subjects import Subject, ours, stock
from bench.redaction.texts import Marked, Sample, negatives, samples
from redaction.policy import Policy
from redaction.policy_file import default_policy

__all__ = ["read_jsonl"]

# The most false positives on code and on prose, in characters of 1,000.
MOST = {"code": 3.0, "prose": 10.0}


def read_jsonl(path: Path) -> Iterator[Sample]:
    """Read a marked set; each type is a group of its own."""
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        marked = [Marked(start, end, kind, kind) for start, end, kind in row["spans"]]
        yield Sample(row["text"], marked, row.get("language", "-"), "jsonl")


def _score(subject: Subject, drawn: Sequence[Sample]) -> Score:
    return judge(drawn, (subject(sample.text) for sample in drawn))


def _rates(mine: Subject, theirs: Subject) -> dict[str, tuple[float, float, float]]:
    rates = {}
    for style, most in MOST.items():
        texts = [sample for sample in negatives() if sample.style == style]
        own, other = (false_positives(texts, (s(t.text) for t in texts)) for s in (mine, theirs))
        rates[style] = own, other, most
    return rates


def _times(mine: Subject, theirs: Subject) -> list[str]:
    # Stock Presidio has no model of names here: beside it stands what ships, without its own.
    paces = {kind: pace(kind, ours(_without_names()), theirs) for kind in TEXTS}
    rows = (
        (kind, f"{p.ours / 1e6:.2f}", f"{p.stock / 1e6:.3f}", f"{p.ratio:.1f} x")
        for kind, p in paces.items()
    )
    grown = (
        (kind, *(f"{each:.2f}" for each in linearity(mine, kind)))
        for kind in ("prose", "identifier-dense")
    )
    worst = sorted(adversarial(mine).items(), key=lambda item: -item[1])[:8]
    return [
        *table(("million characters a second, no names", "ours", "stock", "ratio"), rows), "",
        *_times_of_names(), "",
        *table(("microseconds a character", "62 KB", "250 KB", "1 MB"), grown), "",
        *table(("slowest hostile 100 KB", "seconds"), ((n, f"{s:.2f}") for n, s in worst)),
    ]  # fmt: skip


def _without_names() -> Policy:
    policy = default_policy()
    required = tuple(each for each in policy.required if each != "names")
    return msgspec.structs.replace(policy, required=required)


def _times_of_names() -> list[str]:
    def rows(measure: Callable[[str], Pace]) -> Iterator[tuple[str, ...]]:
        for kind in TEXTS:
            p = measure(kind)
            yield kind, f"{p.ours / 1e3:.1f}", f"{p.stock / 1e3:.1f}", f"{p.ratio:.2f} x"

    return [
        *table(("1,000 characters a second, all layers", "ours", "nlp.pipe", "ratio"),
               rows(model_pace)), "",
        *table(("1,000 words a second, the model alone", "ours", "nlp.pipe", "ratio"),
               rows(reading_pace)),
    ]  # fmt: skip


def _print(title: str, lines: Sequence[str]) -> None:
    print(f"\n{title}\n")
    for line in lines:
        print(f"  {line}" if line else "")


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--names-only", action="store_true")
    parser.add_argument("sets", nargs="*", type=Path)
    asked = parser.parse_args()
    if asked.names_only:
        _print("time", _times_of_names())
        return
    mine, theirs = ours(), stock()
    for held_out, name in ((False, "the texts that were worked on"), (True, "the texts held out")):
        drawn = samples(asked.seed, asked.rounds, held_out=held_out)
        title = f"{name}: {len(drawn)} samples, seed {asked.seed}"
        _print(title, score_lines(_score(mine, drawn), _score(theirs, drawn)))
    _print(
        f"{len(negatives())} texts without personal data",
        false_positive_lines(_rates(mine, theirs)),
    )
    for path in asked.sets:
        drawn = list(read_jsonl(path))
        _print(
            f"{path.name}: {len(drawn)} texts",
            score_lines(_score(mine, drawn), _score(theirs, drawn)),
        )
    if not asked.quick:
        _print("time", _times(mine, theirs))


if __name__ == "__main__":
    main()
