"""Train the model that ships: `python -m training.train --out redaction/model`.

The law: given the seed, the texts and their order are the same, and on one kind of processor so is
every byte of the weights; nothing is downloaded. Corpora are optional, and what they teach is
diluted by templates. The artefact says what it was made of.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import random as standard_random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc
from thinc.api import Adam, Optimizer, fix_random_seed, set_dropout_rate

from redaction.detectors.shipped_pipeline import LABELS, Floats, Tagger, softmax
from training.corpora import code, corpus
from training.made import corpora_digests, taught_digest
from training.texts import Labelled, Texts

# Out of a hundred texts: labelled by others, code, and the rest from templates.
_CORPUS, _CODE = 16, 10
_REPORT_EVERY = 10_000
_RATE, _DROPOUT = 0.002, 0.12
# Faker draws from sets: in another order of them the same seed gives other texts. On more than one
# thread sums may be taken in another order.
_FIXED = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def main() -> None:
    """Train, report, write."""
    given = _arguments()
    if not _FIXED.items() <= os.environ.items():
        fixed = " ".join(f"{name}={each}" for name, each in _FIXED.items())
        raise SystemExit(f"set {fixed}, as `make model` does: else no two runs are alike")
    # Before anything is read: files that change meanwhile are not what was taught.
    made = _made(given)
    fix_random_seed(given.seed)
    standard_random.seed(given.seed)
    tagger = Tagger()
    tagger.prepare([" "])
    # The averages of all steps are better weights than the last step's.
    optimizer = Adam(learn_rate=0.001, L2=0.01, grad_clip=1.0, use_averages=True)
    _train(tagger, optimizer, _texts(Random(given.seed), given.corpora), given.texts)
    with tagger.model.use_params(optimizer.averages):
        _write(tagger.weights(), made, given.out)


def _train(tagger: Tagger, optimizer: Optimizer, texts: Iterator[Labelled], count: int) -> None:
    began, loss = time.process_time(), 0.0
    done, report = 0, _REPORT_EVERY
    set_dropout_rate(tagger.model, _DROPOUT)
    for batch in _batches(texts):
        # Later steps are smaller: the last third of the way settles what the first has found.
        optimizer.learn_rate = _RATE * max(0.05, 1 - done / count) if done else _RATE / 3
        loss += _step(tagger, optimizer, batch)
        done += len(batch)
        if done >= report:
            print(
                f"{done:8} texts {time.process_time() - began:7.0f} s  loss {loss:.1f}", flush=True
            )
            report, loss = report + _REPORT_EVERY, 0.0
        if done >= count:
            break


def _step(tagger: Tagger, optimizer: Optimizer, batch: Sequence[Labelled]) -> float:
    """Correct the weights once; gives the mean loss of a token."""
    with tagger.forgetting():
        docs = tagger.split([each.text for each in batch])
        wanted = [_tags(doc, each) for doc, each in zip(docs, batch, strict=True)]
        scores, correct = tagger.model.begin_update(docs)
        steps, loss, tokens = [], 0.0, sum(map(len, docs))
        for score, (tags, known) in zip(scores, wanted, strict=True):
            step = softmax(score)
            rows = np.arange(len(tags))
            loss -= float(np.log(step[rows, tags] + 1e-9) @ known)
            step[rows, tags] -= 1
            steps.append(step * known[:, None] / tokens)
        correct(steps)
        tagger.model.finish_update(optimizer)
    return loss / tokens


def _tags(doc: Doc, text: Labelled) -> tuple[NDArray[np.intp], Floats]:
    """Give the tag of each token, and 0 for tokens that teach nothing, else 1."""
    tags, known = np.zeros(len(doc), np.intp), np.ones(len(doc), np.float32)
    for start, end in text.unknown:
        for token in doc.char_span(start, end, alignment_mode="expand") or ():
            known[token.i] = 0
    for start, end, label in text.spans:
        first = 1 + 2 * LABELS.index(label)
        for token in doc.char_span(start, end, alignment_mode="expand") or ():
            tags[token.i], known[token.i] = first if token.idx <= start else first + 1, 1
    return tags, known


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


def _made(given: argparse.Namespace) -> dict[str, object]:
    return {
        "labels": list(LABELS),
        "seed": given.seed,
        "texts": given.texts,
        "corpora": corpora_digests(given.corpora),
        "taught": taught_digest(),
    }


def _write(weights: bytes, made: dict[str, object], out: Path) -> None:
    digest = hashlib.sha256(weights).hexdigest()
    out.mkdir(parents=True, exist_ok=True)
    (out / "weights.bin").write_bytes(weights)
    (out / "model.json").write_text(json.dumps(made | {"weights": digest}, indent=1) + "\n")
    print(f"weights {digest}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the artefact")
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--texts", type=int, default=200_000, help="how many texts are read")
    parser.add_argument("--corpora", type=Path, help="folder of labelled .jsonl files")
    return parser.parse_args()


if __name__ == "__main__":
    main()
