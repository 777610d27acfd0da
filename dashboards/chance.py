"""What chance alone does to a rate: the limits within which rates of units lie that all meet a target on average.

Wilson's interval of a rate leaves out the target exactly where the rate lies outside target ± z·√(target·(1 − target) / n),
so a unit beyond the limits here is one whose interval, as printed on the other pages, does not hold the target.
Source: D. J. Spiegelhalter, Funnel plots for comparing institutional performance, Statistics in Medicine 24 (2005).
"""

from __future__ import annotations

import math

import polars as pl

Z_95, Z_998 = 1.959964, 3.090232  # two-sided
STEPS = 60


def limits(goal: float, least: float, most: float) -> pl.DataFrame:
    """Limits in percent around a target in percent, by the number of cases: denominator, low_95, high_95, low_998, high_998.

    Numbers of cases from `least` to `most`, evenly on a logarithmic scale.
    """
    share = goal / 100
    ratio = most / least
    sizes = [least * ratio ** (step / STEPS) for step in range(STEPS + 1)]
    spread = [math.sqrt(share * (1 - share) / size) for size in sizes]
    columns = {"denominator": sizes}
    for name, z in (("95", Z_95), ("998", Z_998)):
        columns[f"low_{name}"] = [100 * max(0.0, share - z * one) for one in spread]
        columns[f"high_{name}"] = [100 * min(1.0, share + z * one) for one in spread]
    return pl.DataFrame(columns)
