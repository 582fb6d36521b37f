"""Train the model that ships: `python -m training.train --out redaction/model`.

The law: given the seed, the texts and their order are the same; nothing is downloaded. Corpora
are optional, and what they teach is diluted by templates.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random as standard_random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import Adam, Optimizer, fix_random_seed

from redaction.detectors.shipped_pipeline import LABELS, blank
from training.corpora import code, corpus
from training.texts import Labelled, Texts

# Out of a hundred texts: labelled by others, code, and the rest from templates.
_CORPUS, _CODE = 16, 10
_REPORT_EVERY = 20_000


def main() -> None:
    """Train, report, write."""
    given = _arguments()
    fix_random_seed(given.seed)
    standard_random.seed(given.seed)
    nlp = blank()
    nlp.initialize(lambda: [_example(nlp, text) for text in _first(given.seed)])
    # The averages of all steps are better weights than the last step's.
    optimizer = Adam(learn_rate=0.001, L2=0.01, grad_clip=1.0, use_averages=True)
    _train(nlp, optimizer, _texts(Random(given.seed), given.corpora), given.texts)
    with nlp.use_params(optimizer.averages):
        _write(nlp, given.out)


def _train(nlp: Language, optimizer: Optimizer, texts: Iterator[Labelled], count: int) -> None:
    began, loss = time.process_time(), 0.0
    done, report = 0, _REPORT_EVERY
    for batch in _batches(texts):
        examples = [_example(nlp, text) for text in batch]
        # Later steps are smaller: the last third of the way settles what the first has found.
        optimizer.learn_rate = 0.0015 * max(0.08, 1 - done / count) if done else 0.0005
        losses = nlp.update(examples, sgd=optimizer, drop=0.12)
        loss += losses["ner"]
        done += len(batch)
        if done >= report:
            print(
                f"{done:8} texts {time.process_time() - began:7.0f} s  loss {loss:.0f}", flush=True
            )
            report, loss = report + _REPORT_EVERY, 0.0
        if done >= count:
            break


def _batches(texts: Iterator[Labelled]) -> Iterator[list[Labelled]]:
    """Batches that grow from 32 to 192 texts."""
    size = 32.0
    while True:
        yield list(itertools.islice(texts, int(size)))
        size = min(192.0, size * 1.002)


def _texts(random: Random, folder: Path | None) -> Iterator[Labelled]:
    """Texts of all sources, mixed."""
    made, plain = iter(Texts(random)), code(random)
    labelled = corpus(folder) if folder else []
    while True:
        chance = random.randrange(100)
        if labelled and chance < _CORPUS:
            yield random.choice(labelled)
        elif chance < _CORPUS + _CODE:
            yield next(plain)
        else:
            yield next(made)


def _first(seed: int) -> list[Labelled]:
    return list(itertools.islice(Texts(Random(seed)), 64))


def _example(nlp: Language, text: Labelled) -> Example:
    doc = nlp.make_doc(text.text)
    reference = nlp.make_doc(text.text)
    ents = [span for span in (_span(reference, *each) for each in text.spans) if span is not None]
    unknown = [
        span
        for span in (_span(reference, s, e, "AGE") for s, e in text.unknown)
        if span is not None
    ]
    kept = spacy.util.filter_spans(ents)
    taken = {token.i for span in kept for token in span}
    missing = [each for each in unknown if not taken & {token.i for token in each}]
    reference.set_ents(kept, missing=spacy.util.filter_spans(missing), default="outside")
    return Example(doc, reference)


def _span(doc: Doc, start: int, end: int, label: str) -> Span | None:
    return doc.char_span(start, end, label, alignment_mode="expand")


def _write(nlp: Language, out: Path) -> None:
    if out.exists():
        for each in out.iterdir():
            if each.name != "__init__.py":
                shutil.rmtree(each) if each.is_dir() else each.unlink()
    out.mkdir(parents=True, exist_ok=True)
    weights = nlp.get_pipe("ner").to_bytes(exclude=["vocab"])  # type: ignore[attr-defined]
    (out / "weights.bin").write_bytes(weights)
    (out / "model.json").write_text(json.dumps({"labels": list(LABELS)}, indent=1) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the artefact")
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--texts", type=int, default=240_000, help="how many texts are read")
    parser.add_argument("--corpora", type=Path, help="folder of labelled .jsonl files")
    return parser.parse_args()


if __name__ == "__main__":
    main()
