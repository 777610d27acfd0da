"""How numbers are printed. A printed value never crosses a line that its exact value does not cross."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

MOST_DECIMALS = 8


def exact_value(numerator: Decimal | None, denominator: Decimal | None, scale: int) -> Fraction | None:
    """numerator × scale / denominator, exactly; None where the denominator is 0 or absent."""
    if numerator is None or denominator is None or denominator == 0:
        return None
    return Fraction(numerator) * scale / Fraction(denominator)


def round_beside(value: Fraction, decimals: int, lines: Iterable[Fraction] = ()) -> Decimal:
    """`value` rounded half up, but left on its own side of every line.

    113/119 = 94.957… against 95 gives 94.9, not 95.0. Where two lines are too near for the decimals asked for,
    more decimals are printed. A value exactly on a line is printed exactly on it.
    """
    sides = list(lines)
    for places in range(decimals, MOST_DECIMALS + 1):
        step = 10**places
        below, above = math.floor(value * step), math.ceil(value * step)
        nearest = math.floor(value * step + Fraction(1, 2))
        for candidate in (nearest, below, above):
            rounded = Fraction(candidate, step)
            if all(_side(rounded, line) == _side(value, line) for line in sides):
                return Decimal(candidate).scaleb(-places)
    return Decimal(math.floor(value * 10**MOST_DECIMALS)).scaleb(-MOST_DECIMALS)


def number(value: Decimal | int | None) -> str:
    """Digits in groups of three and no needless zeros: 1234.50 → '1,234.5'. '–' where there is none."""
    if value is None:
        return "–"
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def short_name(name: str) -> str:
    """A community's name without the name of its committee: 南关社区居委会 → 南关社区, 胡村委会 → 胡村."""
    for ending in ("居民委员会", "居委会"):
        if name.endswith(ending) and len(name) > len(ending):
            return name.removesuffix(ending)
    for ending in ("村民委员会", "村委会"):
        if name.endswith(ending) and len(name) > len(ending):
            stem = name.removesuffix(ending)
            return stem if stem.endswith("村") else f"{stem}村"
    return name


def _side(value: Fraction, line: Fraction) -> int:
    return (value > line) - (value < line)
