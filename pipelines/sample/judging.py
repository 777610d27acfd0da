"""Status, certainty and shortfall of a figure: the second, independent implementation of DOMAIN.md §4.

Everything is judged on fractions. Belongs here: one figure with its bounds against one target.
Does not belong here: counting, which target concerns a figure (see `targets`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Literal

Status = Literal["too_early", "no_data", "not_applicable", "no_target", "met", "near", "missed"]
Kind = Literal["rate", "count", "ratio"]
Lever = Literal["numerator", "both"]
PERCENT = 100


@dataclass(frozen=True)
class Line:
    """What a target demands, in the KPI's unit: a floor to be reached, a ceiling not to be passed, or both."""

    floor: Fraction | None
    ceiling: Fraction | None


@dataclass(frozen=True)
class Terms:
    """What a shortfall is counted in: `step` is the smallest by which the numerator can change (a case, a hundredth of
    a square metre); with the lever `both` each action is a case more, which adds to the denominator too."""

    kind: Kind
    step: Fraction = Fraction(1)
    lever: Lever = "numerator"

    def __post_init__(self) -> None:
        if self.lever == "both" and self.step != 1:
            raise ValueError(f"an action that adds to the denominator too is a whole case, not {self.step}")


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
    scale: int = PERCENT

    @cached_property
    def value(self) -> Fraction | None:
        return self._ratio(self.numerator, self.denominator)

    @cached_property
    def value_low(self) -> Fraction | None:
        if self.low_denominator is None:
            return Fraction(0)
        return self._ratio(self.low_numerator, self.low_denominator)

    @cached_property
    def value_high(self) -> Fraction | None:
        """None where there is no limit, or no value."""
        if self.high_denominator is None:
            return Fraction(self.scale)
        if self.high_numerator is None:
            return None
        return self._ratio(self.high_numerator, self.high_denominator)

    @property
    def has_no_limit(self) -> bool:
        return self.high_numerator is None and self.high_denominator is not None

    def _ratio(self, numerator: Fraction, denominator: Fraction) -> Fraction | None:
        return numerator * self.scale / denominator if denominator else None


@dataclass(frozen=True)
class Judgement:
    """What is made of a figure."""

    status: Status
    certainty: Literal["confirmed", "undetermined"] | None
    shortfall: Fraction | None


def judge(
    figure: Figure | None, line: Line | None, terms: Terms, tolerance: Fraction, *, is_too_early: bool
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
    if line is None:
        return Judgement("no_target", None, None)
    is_met = _is_met(figure, line)
    is_open = _can_be_missed(figure, line) if is_met else _can_be_met(figure, line)
    certainty: Literal["confirmed", "undetermined"] = "undetermined" if is_open else "confirmed"
    shortfall = _shortfall(figure, line, terms)
    if is_met:
        return Judgement("met", certainty, shortfall)
    distance = max(-_margin(figure, line.floor), _margin(figure, line.ceiling))
    status: Status = "near" if distance <= tolerance * figure.denominator else "missed"
    return Judgement(status, certainty, shortfall)


def _margin(figure: Figure, line: Fraction | None) -> Fraction:
    """How far the figure is above (+) or below (−) a line, times its denominator; 0 where there is no line."""
    return Fraction(0) if line is None else figure.numerator * figure.scale - line * figure.denominator


def _is_met(figure: Figure, line: Line) -> bool:
    return _margin(figure, line.floor) >= 0 and _margin(figure, line.ceiling) <= 0


def _can_be_met(figure: Figure, line: Line) -> bool:
    """Whether some outcome between the bounds meets the target."""
    low, high = figure.value_low, figure.value_high
    if line.floor is not None and not figure.has_no_limit:
        if high is None or high < line.floor:
            return False
        if figure.high_denominator is None and high == line.floor and not figure.may_be_complete:
            return False
    if line.ceiling is None or low is None:
        return True
    # It falls to 0 only where nothing passed for certain.
    falls_to_ceiling = figure.low_denominator is None and line.ceiling == 0
    return figure.low_numerator == 0 if falls_to_ceiling else low <= line.ceiling


def _can_be_missed(figure: Figure, line: Line) -> bool:
    """Whether some outcome between the bounds misses the target."""
    low, high = figure.value_low, figure.value_high
    if line.floor is not None and (low is None or low < line.floor):
        return True
    if line.ceiling is None:
        return False
    return figure.has_no_limit or high is None or high > line.ceiling


def _shortfall(figure: Figure, line: Line, terms: Terms) -> Fraction | None:
    """The smallest multiple of the step that meets the target: so many more below the floor, fewer above the ceiling.

    None where no number of steps does: also where the first that reaches one end passes the other.
    """
    below, above = -_margin(figure, line.floor), _margin(figure, line.ceiling)
    if below > 0:
        is_both = terms.lever == "both"
        gained = figure.scale - (line.floor or 0) if is_both else figure.scale
        if gained <= 0:
            return None
        steps = _steps(below / gained, terms.step)
        added = steps if is_both else Fraction(0)
        after = replace(figure, numerator=figure.numerator + steps, denominator=figure.denominator + added)
    elif above > 0:
        steps = _steps(above / figure.scale, terms.step)
        after = replace(figure, numerator=figure.numerator - steps)
    else:
        return Fraction(0)
    return steps if _is_met(after, line) else None


def _steps(amount: Fraction, step: Fraction) -> Fraction:
    return math.ceil(amount / step) * step
