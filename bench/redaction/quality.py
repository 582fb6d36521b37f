"""How much of what is personal is taken out, and how much that is not: four ways of redacting.

`python -m bench.redaction.quality [--seed N] [--rounds N] [--model LANGUAGE=PACKAGE …]` prints the
tables of `docs/redaction-quality.md`, in Markdown. The set is all texts of the project: those of
`texts` and those of `people`. Configured models are measured where they are installed, by default
whichever spaCy pipeline is; where none is, the last line says so.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from spacy.util import get_installed_models

from bench.redaction.people import PERSONAL, people
from bench.redaction.score import Counts, false_positives
from bench.redaction.subjects import Cover, Subject, ours, stock
from bench.redaction.texts import Sample, negatives, samples
from redaction.detectors.names import NameDetector
from redaction.detectors.presidio_nlp import installed_models
from redaction.finding import Passage
from redaction.policy_file import default_policy

__all__ = ["FLOORS", "LANGUAGES", "Quality", "measured", "the_set", "unmeasured"]

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl")
# What a policy that follows the default one leaves standing, and what nothing is asked about.
_KEPT = frozenset({"ORGANIZATION"})
# The least of each, and the most characters of a thousand taken out where there is nobody.
FLOORS = {"recall": 0.95, "precision": 0.95, "PERSON en": 0.91, "PERSON": 0.85, "ADDRESS": 0.85,
          "code": 3.0, "prose": 10.0}  # fmt: skip


@dataclass(frozen=True)
class Quality:
    """What one way of redacting reached.

    `types` is span recall by type, `languages` span recall of `PERSON` by language; `code` and
    `prose` are characters of a thousand taken out of texts without personal data.
    """

    recall: float
    precision: float
    types: Mapping[str, Counts]
    languages: Mapping[str, Counts]
    code: float
    prose: float

    @property
    def f2(self) -> float:
        """Recall and precision, recall weighing twice."""
        both = 4 * self.precision + self.recall
        return 5 * self.precision * self.recall / both if both else 0.0


def the_set(seed: int, rounds: int = 1) -> list[Sample]:
    """Draw all texts of the project."""
    return [*people(seed, rounds), *samples(seed, rounds)]


def measured(subject: Subject, drawn: Sequence[Sample]) -> Quality:
    """Measure one way of redacting on drawn texts, and on texts without personal data."""
    types: dict[str, Counts] = defaultdict(Counts)
    languages: dict[str, Counts] = defaultdict(Counts)
    planted = found = covered = 0
    for sample in drawn:
        hidden, asked, spared = _judged(sample, subject(sample.text), types, languages)
        planted, found, covered = (
            planted + len(asked), found + len(asked & hidden), covered + len(hidden - spared)
        )  # fmt: skip
    rates = {
        style: false_positives(texts, [subject(each.text) for each in texts])
        for style in ("code", "prose")
        if (texts := [each for each in negatives() if each.style == style])
    }
    return Quality(found / max(1, planted), found / max(1, covered), types, languages, **rates)


def _judged(
    sample: Sample,
    covers: Sequence[Cover],
    types: Mapping[str, Counts],
    languages: Mapping[str, Counts],
) -> tuple[set[int], set[int], set[int]]:
    """Give the letters and digits that are hidden, that were to be, and that may be either."""
    hidden = _written(sample.text, ((start, end) for start, end, _ in covers))
    asked: set[int] = set()
    spared: set[int] = set()
    for mark in sample.marked:
        there = _written(sample.text, [(mark.start, mark.end)])
        types[mark.type].add(there <= hidden)
        if mark.type == "PERSON":
            languages[sample.language].add(there <= hidden)
        (spared if mark.type in _KEPT else asked).update(there)
    return hidden, asked, spared - asked


def _written(text: str, spans: Iterator[tuple[int, int]] | list[tuple[int, int]]) -> set[int]:
    return {at for start, end in spans for at in range(start, end) if text[at].isalnum()}


def _subjects(models: Mapping[str, str]) -> dict[str, Subject]:
    shipped = default_policy()
    without = [name for name in shipped.required if name != "names"]
    bare = msgspec.structs.replace(shipped, required=tuple(without))
    subjects = {"stock Presidio": stock(), "without model": ours(bare), "as it ships": ours()}
    if models:
        policy = msgspec.structs.replace(shipped, languages=tuple({*shipped.languages, *models}))
        subjects[" + ".join(sorted(models.values()))] = ours(policy, models)
    return subjects


def _rows(qualities: Mapping[str, Quality]) -> Iterator[tuple[str, list[str], str]]:
    """Give what is measured, each one's figure, and the floor."""
    each = list(qualities.values())
    for name in ("recall", "precision", "f2"):
        floor = f"{FLOORS[name]:.2f}" if name in FLOORS else ""
        yield f"character {name}", [f"{getattr(q, name):.3f}" for q in each], floor
    for language in LANGUAGES:
        least = FLOORS["PERSON en" if language == "en" else "PERSON"]
        yield (
            f"`PERSON`, {language} ({each[0].languages[language].planted})",
            [f"{q.languages[language].recall:.2f}" for q in each],
            f"{least:.2f}",
        )
    for kind in (*PERSONAL[1:], *sorted(set(each[0].types) - {*PERSONAL, *_KEPT})):
        floor = f"{FLOORS[kind]:.2f}" if kind in FLOORS else ""
        yield (
            f"`{kind}` ({each[0].types[kind].planted})",
            [f"{q.types[kind].recall:.2f}" for q in each],
            floor,
        )
    for style in ("code", "prose"):
        yield (
            f"taken out of {style} without people, of 1,000 characters",
            [f"{getattr(q, style):.1f}" for q in each],
            f"at most {FLOORS[style]:.0f}",
        )


def _models(asked: Sequence[str]) -> dict[str, str]:
    """Give the pipeline of each language: those asked for, else those there are."""
    if asked:
        return dict(each.split("=", 1) for each in asked)
    return {name.split("_")[0]: name for name in sorted(get_installed_models())}


def unmeasured(asked: Mapping[str, str], there: Mapping[str, str]) -> str:
    """Say which configured model there is no column of, if any."""
    absent = sorted(set(asked.values()) - set(there.values()))
    if absent:
        return f"not measured, for they are not installed: {', '.join(absent)}"
    return "" if there else "a configured spaCy model: not measured, none installed"


def words_a_second(rounds: int = 5) -> float:
    """Give how many words of English prose the shipped model reads in a second of one core."""
    prose = [each.text for each in negatives() if (each.style, each.language) == ("prose", "en")]
    passages = [Passage("\n\n".join(prose * 8))]
    detector, taken = NameDetector(), []
    for _ in range(rounds):
        begun = time.process_time()
        asyncio.run(detector.detect(passages))
        taken.append(time.process_time() - begun)
    return len(passages[0].text.split()) / min(taken)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--model", action="append", default=[], metavar="LANGUAGE=PACKAGE")
    asked = parser.parse_args()
    drawn = the_set(asked.seed, asked.rounds)
    models = _models(asked.model)
    there = installed_models(models)
    qualities = {name: measured(each, drawn) for name, each in _subjects(there).items()}
    print(
        f"{len(drawn)} texts, {sum(len(each.marked) for each in drawn)} values, seed {asked.seed}\n"
    )
    print("| | " + " | ".join([*qualities, "floor"]) + " |")
    print("| --- |" + " ---: |" * (len(qualities) + 1))
    for said, figures, floor in _rows(qualities):
        print(f"| {said} | " + " | ".join([*figures, floor]) + " |")
    print(f"\nthe shipped model: {words_a_second():,.0f} words of prose a second and core")
    if line := unmeasured(models, there):
        print(line)


if __name__ == "__main__":
    main()
