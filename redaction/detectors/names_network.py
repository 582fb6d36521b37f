"""The arithmetic of the network that ships, without what training needs.

The law: what it says is what the network itself says, but for rounding. thinc keeps at each layer
what a step back would need, and looks at each token of a text by itself; here a token that stands
in many places is embedded once, and what is thrown away is not worked out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from thinc.api import Model, NumpyOps

from redaction.detectors.names_words import Words
from redaction.detectors.shipped_pipeline import Floats, softmax

__all__ = ["Network"]

# What thinc adds to a variance.
_LEAST_VARIANCE = np.float32(1e-8)


class Network:
    """A trained network, to be asked only; what it was made of may change afterwards."""

    def __init__(self, model: Model[Any, Any]) -> None:
        nodes = list(model.walk(order="dfs_pre"))
        self._ops = NumpyOps()
        self._tables = [_Table(node, self._ops) for node in nodes if node.name == "hashembed"]
        maxouts = [node for node in nodes if node.name == "maxout"]
        norms = [node for node in nodes if node.name == "layernorm"]
        self._mix, *self._layers = map(_Layer, maxouts, norms)
        (linear,) = (node for node in nodes if node.name == "linear")
        self._weights = np.ascontiguousarray(_parameter(linear, "W").T)
        self._bias = _parameter(linear, "b")

    def odds(self, words: Words) -> list[Floats]:
        """Give for each text an array of tokens by tags: probabilities, each row's sum is 1."""
        if not len(words.numbers):
            return [np.empty((0, len(self._bias)), np.float32) for _ in words.lengths]
        columns = np.ascontiguousarray(words.features.T)
        parts = [table(column) for table, column in zip(self._tables, columns, strict=True)]
        embedded = self._mix(np.concatenate(parts, axis=1))
        rows, count = _apart(words.lengths, len(self._layers))
        state = np.zeros((count, embedded.shape[1]), np.float32)
        state[rows] = embedded[words.numbers]
        for layer in self._layers[:-1]:
            state += layer(_windows(state))
        # Of the last layer only the tokens are asked for, and not what stands around texts.
        last = state[rows] + self._layers[-1](_windows(state)[rows])
        odds = softmax(last @ self._weights + self._bias)
        return np.split(odds, np.cumsum(words.lengths))[:-1]


class _Table:
    """A hashed table of vectors: each feature's is the sum of four rows."""

    def __init__(self, node: Model[Any, Any], ops: NumpyOps) -> None:
        self._ops = ops
        self._rows = _parameter(node, "E")
        self._seed: int = node.attrs["seed"]

    def __call__(self, features: Any) -> Floats:
        keys = self._ops.hash(features, self._seed) % len(self._rows)
        summed: Floats = self._ops.gather_add(self._rows, keys)
        return summed


class _Layer:
    """The largest of three linear pieces, normalised."""

    def __init__(self, maxout: Model[Any, Any], norm: Model[Any, Any]) -> None:
        weights, bias = _parameter(maxout, "W"), _parameter(maxout, "b")
        # All first pieces, then all second ones: so that whole rows are compared.
        by_piece = weights.transpose(1, 0, 2).reshape(-1, weights.shape[2])
        self._weights = np.ascontiguousarray(by_piece.T)
        self._bias = np.ascontiguousarray(bias.T).reshape(-1)
        self._scale, self._shift = _parameter(norm, "G"), _parameter(norm, "b")

    def __call__(self, rows: Floats) -> Floats:
        pieces = np.ascontiguousarray(rows) @ self._weights
        pieces += self._bias
        width = len(self._shift)
        best: Floats = np.maximum(pieces[:, :width], pieces[:, width : 2 * width])
        np.maximum(best, pieces[:, 2 * width :], out=best)
        best -= best.sum(axis=1, keepdims=True) / np.float32(width)
        variance = np.einsum("ij,ij->i", best, best) / np.float32(width)
        best *= self._scale * (1 / np.sqrt(variance + _LEAST_VARIANCE))[:, None]
        best += self._shift
        return best


def _parameter(node: Model[Any, Any], name: str) -> Any:
    return np.array(node.get_param(name), np.float32)


def _apart(lengths: Sequence[int], space: int) -> tuple[Any, int]:
    """Give the row of each token, with empty rows around each text, and how many rows there are.

    As many as there are layers: no layer looks further than one row, so no text sees another.
    """
    sizes = np.array(lengths)
    ends = np.cumsum(sizes)
    padding = np.repeat(np.cumsum(sizes > 0) * space, sizes)
    return np.arange(ends[-1]) + padding, int(ends[-1] + (np.count_nonzero(sizes) + 1) * space)


def _windows(rows: Floats) -> Floats:
    """Put the row before and the row behind beside each row; there are zeros before the first."""
    count, width = rows.shape
    around = np.zeros((count + 2, width), np.float32)
    around[1:-1] = rows
    # Three rows that follow each other lie side by side in memory.
    return np.ndarray((count, 3 * width), np.float32, around, strides=around.strides)
