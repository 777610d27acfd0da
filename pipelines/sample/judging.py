"""Status, certainty and shortfall of a figure: the second, independent implementation of DOMAIN.md §4.

Everything is judged on fractions. Belongs here: one figure with its bounds against one target.
Does not belong here: counting.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Status = Literal["too_early", "no_data", "not_applicable", "no_target", "met", "near", "missed"]
SCALE = 100


@dataclass(frozen=True)
class Target:
    """What a document demands of a KPI, in the KPI's unit."""

    target_id: str
    pack: str
    kpi_id: str
    operator: Literal[">=", "="]
    value: int
    # the smallest step by which the numerator can grow: a case, or a hundredth of a square metre
    step: Fraction


TARGETS = (
    Target("D3-TRR", "D3", "temporary_resident_registration_rate", ">=", 95, Fraction(1)),
    Target("D3-DHR", "D3", "dispute_handling_rate", "=", 100, Fraction(1)),
    Target("D3-DMS", "D3", "dispute_mediation_success_rate", ">=", 95, Fraction(1)),
    Target("C-FAH", "C", "facility_area_per_100_households", ">=", 30, Fraction(1, 100)),
)


@dataclass(frozen=True)
class Figure:
    """A KPI of one unit and period: what was counted, and the extremes that doubtful rows leave open.

    `low_denominator` None: it may grow without limit, so the value may fall to 0. `high_numerator` and
    `high_denominator` None: both may grow alike, so the value may come near to the scale, which it reaches only
    if `may_be_complete`. `high_numerator` None alone: the value has no upper limit.
    """

    numerator: Fraction
    denominator: Fraction
    low_numerator: Fraction
    low_denominator: Fraction | None
    high_numerator: Fraction | None
    high_denominator: Fraction | None
    is_partial: bool = False
    may_be_complete: bool = True

    @property
    def value(self) -> Fraction | None:
        return _ratio(self.numerator, self.denominator)

    @property
    def value_low(self) -> Fraction | None:
        if self.low_denominator is None:
            return Fraction(0)
        return _ratio(self.low_numerator, self.low_denominator)

    @property
    def value_high(self) -> Fraction | None:
        """None where there is no limit, or no value."""
        if self.high_denominator is None:
            return Fraction(SCALE)
        if self.high_numerator is None:
            return None
        return _ratio(self.high_numerator, self.high_denominator)

    @property
    def has_no_limit(self) -> bool:
        return self.high_numerator is None and self.high_denominator is not None


@dataclass(frozen=True)
class Judgement:
    """What is made of a figure."""

    status: Status
    certainty: Literal["confirmed", "undetermined"] | None
    shortfall: Fraction | None


def judge(
    figure: Figure | None, target: Target | None, tolerance: Fraction, *, is_too_early: bool
) -> Judgement:
    """The judgement on a figure, None where there is no data, in the precedence of DOMAIN.md §4."""
    if is_too_early:
        return Judgement("too_early", None, None)
    if figure is None:
        return Judgement("no_data", None, None)
    if figure.denominator == 0:
        # There is nothing to judge for certain only where no outcome has a case or household.
        is_certain = figure.low_denominator == figure.high_denominator == 0 and not figure.is_partial
        return Judgement("not_applicable", "confirmed" if is_certain else "undetermined", None)
    if target is None:
        return Judgement("no_target", None, None)
    excess = figure.numerator * SCALE - target.value * figure.denominator
    is_met = excess >= 0 if target.operator == ">=" else excess == 0
    certainty: Literal["confirmed", "undetermined"] = (
        "confirmed" if _is_certain(figure, target, is_met=is_met) else "undetermined"
    )
    if is_met:
        return Judgement("met", certainty, Fraction(0))
    status: Status = "near" if abs(excess) <= tolerance * figure.denominator else "missed"
    return Judgement(status, certainty, _shortfall(figure, target))


def _is_certain(figure: Figure, target: Target, *, is_met: bool) -> bool:
    """Whether every outcome between the bounds lies on the side on which the figure lies."""
    low, high = figure.value_low, figure.value_high
    if target.operator == ">=":
        if is_met:
            return low is not None and low >= target.value
        return not figure.has_no_limit and high is not None and high < target.value
    if is_met:
        return low == target.value and high == target.value
    if figure.high_denominator is None and not figure.may_be_complete:
        return True
    below = not figure.has_no_limit and high is not None and high < target.value
    return below or (low is not None and low > target.value)


def _shortfall(figure: Figure, target: Target) -> Fraction:
    """The smallest whole number of steps that meets the target."""
    needed = target.value * figure.denominator / SCALE - figure.numerator
    return math.ceil(needed / target.step) * target.step


def _ratio(numerator: Fraction, denominator: Fraction) -> Fraction | None:
    return numerator * SCALE / denominator if denominator else None
