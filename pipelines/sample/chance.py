"""Reproducible chance: every part of the sample draws from a stream of its own, so that one may change alone."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def stream(seed: int, *labels: object) -> np.random.Generator:
    """The generator of random numbers that belongs to these labels under this seed."""
    return np.random.default_rng([seed, *(zlib.crc32(str(label).encode()) for label in labels)])


def spread(total: int, weights: Floats) -> Integers:
    """`total` divided into whole parts in proportion to `weights` (largest remainder; they sum to `total`)."""
    exact = weights / weights.sum() * total
    parts: Integers = np.floor(exact).astype(np.int64)
    remainders = exact - parts
    parts[np.argsort(-remainders, kind="stable")[: total - int(parts.sum())]] += 1
    return parts
