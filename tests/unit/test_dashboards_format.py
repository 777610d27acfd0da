"""A printed figure tells the same as the exact one."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.format import exact_value, number, round_beside, short_name


def percent(numerator: int, denominator: int) -> Fraction:
    value = exact_value(Decimal(numerator), Decimal(denominator), 100)
    assert value is not None
    return value


def test_a_value_just_below_the_target_is_not_printed_on_it() -> None:
    assert round_beside(percent(113, 119), 1) == Decimal("95.0")
    assert round_beside(percent(113, 119), 1, [Fraction(95)]) == Decimal("94.9")


def test_a_value_just_above_a_limit_is_not_printed_on_it() -> None:
    assert round_beside(Fraction(4, 100), 1, [Fraction(0)]) == Decimal("0.1")
    assert round_beside(Fraction(9996, 100), 1, [Fraction(100)]) == Decimal("99.9")


def test_a_value_on_the_target_is_printed_on_it_even_with_more_decimals_than_asked_for() -> None:
    assert round_beside(percent(95, 100), 1, [Fraction(95)]) == Decimal("95.0")
    assert round_beside(Fraction(9525, 100), 1, [Fraction(9525, 100)]) == Decimal("95.25")


def test_a_value_between_two_near_lines_gets_the_decimals_it_needs() -> None:
    assert round_beside(Fraction(9504, 100), 1, [Fraction(95), Fraction(951, 10)]) == Decimal("95.04")


@given(
    denominator=st.integers(1, 300_000),
    share=st.fractions(0, 1),
    targets=st.lists(st.integers(0, 10_000), min_size=1, max_size=3),
    decimals=st.integers(0, 2),
)
def test_no_printed_value_crosses_a_line(
    denominator: int, share: Fraction, targets: list[int], decimals: int
) -> None:
    value = percent(int(share * denominator), denominator)
    lines = [Fraction(target, 100) for target in targets]
    printed = Fraction(round_beside(value, decimals, lines))
    assert [(printed > line) - (printed < line) for line in lines] == [
        (value > line) - (value < line) for line in lines
    ]


def test_a_denominator_of_zero_gives_no_value() -> None:
    assert exact_value(Decimal(3), Decimal(0), 100) is None
    assert exact_value(None, Decimal(3), 100) is None


@pytest.mark.parametrize(
    ("value", "printed"),
    [(Decimal("1234.50"), "1,234.5"), (Decimal("188.00"), "188"), (1200, "1,200"), (0, "0"), (None, "–")],
)
def test_counts_and_amounts_are_grouped_without_needless_zeros(
    value: Decimal | int | None, printed: str
) -> None:
    assert number(value) == printed


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("南关社区居委会", "南关社区"),
        ("胡村委会", "胡村"),
        ("安民村村民委员会", "安民村"),
        ("居委会", "居委会"),
        ("旧县镇", "旧县镇"),
    ],
)
def test_a_unit_is_shown_without_the_name_of_its_committee(name: str, short: str) -> None:
    assert short_name(name) == short
