"""How well the communities of a sample are run, which shows in everything that they do.

Who lacks one thing often lacks others: some communities lack nothing, most a thing or two, a few much and for long. Each
domain says how common a lack is in all; here it says in whom.
"""

from __future__ import annotations

import numpy as np

from pipelines.sample.chance import Flags, Floats, Integers

# Communities that are run with care, as most are, and badly.
WELL_RUN, USUAL, BADLY_RUN = 0, 1, 2
SHARES = (0.27, 0.60, 0.13)
# How much likelier than on average each of them is to lack something; the average of all is near 1.
LIKELIHOOD = np.array([0.0, 0.75, 3.5])


def drawn_care(count: int, chance: np.random.Generator) -> Integers:
    """For each community how it is run."""
    return chance.choice(len(SHARES), count, p=np.array(SHARES))


def lacks(care: Integers, share: float, chance: np.random.Generator) -> Flags:
    """For each community whether it lacks what this share of all lack."""
    lacking: Flags = chance.random(len(care)) < share * LIKELIHOOD[care]
    return lacking


def levels(care: Integers, shares: tuple[float, float], chance: np.random.Generator) -> Integers:
    """For each community whether it does well (0), nearly well (1) or badly (2); `shares` of all do the last two."""
    draw = chance.random(len(care))
    nearly, badly = (share * LIKELIHOOD[care] for share in shares)
    return np.where(draw < badly, 2, np.where(draw < badly + nearly, 1, 0)).astype(np.int64)


def between(ranges: tuple[tuple[float, float], ...], level: Integers, chance: np.random.Generator) -> Floats:
    """For each community a number from the range (low, high) of its level."""
    low, high = np.array(ranges, dtype=np.float64).T
    numbers: Floats = low[level] + chance.random(len(level)) * (high - low)[level]
    return numbers
