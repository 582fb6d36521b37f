"""How much chance there is in the figures of `quality`: the same texts with other values.

`python -m bench.redaction.draws [--draws N] [--seed N]` prints, for what ships, the least, the mean
and the most of several draws, in Markdown. The law: a draw differs in values only, so that a spread
is that of names and places and not of texts.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from statistics import fmean

from bench.redaction.quality import LANGUAGES, Quality, measured, the_set
from bench.redaction.subjects import ours

__all__ = ["rows"]


def rows(qualities: Sequence[Quality]) -> Iterator[tuple[str, list[float]]]:
    """Give what is measured and its figure in each draw."""
    for name in ("recall", "precision"):
        yield f"character {name}", [getattr(each, name) for each in qualities]
    for language in LANGUAGES:
        yield f"`PERSON`, {language}", [each.languages[language].recall for each in qualities]
    for kind in ("ADDRESS", "LOCATION"):
        yield f"`{kind}`", [each.types[kind].recall for each in qualities]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--seed", type=int, default=100, help="the first draw's; the next add one")
    asked = parser.parse_args()
    find = ours()
    seeds = range(asked.seed, asked.seed + asked.draws)
    qualities = [measured(find, the_set(seed)) for seed in seeds]
    print(f"{asked.draws} draws, seeds {seeds[0]} to {seeds[-1]}\n")
    print("| | least | mean | most |\n| --- | ---: | ---: | ---: |")
    for said, figures in rows(qualities):
        print(f"| {said} | {min(figures):.3f} | {fmean(figures):.3f} | {max(figures):.3f} |")


if __name__ == "__main__":
    main()
