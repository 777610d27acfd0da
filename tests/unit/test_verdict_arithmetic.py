"""Shortfall, failures allowed and chance proved on the compiled SQL: over all small fractions, and by other formulas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from scipy.stats import binomtest, kendalltau  # type: ignore[import-untyped]

from pipelines.sample.judging import Figure as TrueFigure
from pipelines.sample.judging import Lever, Line, Terms, judge
from tests.support.judgements import (
    DEFAULTS,
    INPUT_TYPES,
    JUDGED_TYPES,
    compiled,
    table,
)

# --- all fractions to 3,000 ------------------------------------------------------------------------------------

FRACTIONS = """
    select
        cast(numerator as decimal(18, 2)) as numerator,
        cast(denominator as decimal(18, 2)) as denominator
    from (select unnest(range(1, 3001)) as denominator), lateral (select unnest(range(0, denominator + 1)) as numerator)
"""


@pytest.fixture(scope="module")
def fractions() -> Iterator[duckdb.DuckDBPyConnection]:
    """Every numerator up to every denominator to 3,000: 4.5 million of them."""
    with duckdb.connect() as opened:
        opened.execute(f"create table fractions as {FRACTIONS}")
        assert opened.execute("select count(*) from fractions").fetchone() == (4_504_500,)
        yield opened


def over_all_fractions(
    opened: duckdb.DuckDBPyConnection, floor: str | None, ceiling: str | None, step: str, lever: str, most: int
) -> dict[str, np.ndarray[Any, np.dtype[np.int64]]]:
    """The compiled fct_kpi over all of them to a denominator, against one target; shortfalls in hundredths, -1 for null."""
    literals = DEFAULTS | {
        "scale": 100, "shortfall_step": step, "steps_per_scaled_unit": Decimal("0.01") / Decimal(step), "lever": lever,
        "target_floor": floor, "target_ceiling": ceiling, "target_id": "target",
    }  # fmt: skip
    columns = []
    for name, kind in INPUT_TYPES.items():
        part = name.removeprefix("low_").removeprefix("high_")
        literal = "null" if literals.get(name) is None else f"'{literals[name]}'"
        columns.append(f"cast({part if part in ('numerator', 'denominator') else literal} as {kind}) as {name}")
    opened.execute(f"create or replace temp view kpi_inputs as select {', '.join(columns)} from fractions where denominator <= {most}")
    found = opened.sql(
        "select cast(numerator as bigint) as numerator, cast(denominator as bigint) as denominator, failures_allowed, "
        f"cast(coalesce(shortfall * 100, -1) as bigint) as shortfall from ({compiled()['fct_kpi']})"
    ).fetchnumpy()
    return {name: np.asarray(column, np.int64) for name, column in found.items() if not np.ma.is_masked(column)}


@pytest.mark.parametrize(
    ("floor", "ceiling", "step", "lever", "most"),
    [
        ("95", None, "1", "numerator", 3000),
        ("95", None, "1", "both", 3000),
        ("100", None, "1", "numerator", 3000),
        ("100", "100", "1", "both", 3000),
        ("33.3333", None, "1", "numerator", 3000),
        ("33.3333", None, "1", "both", 3000),
        # m² per 100 households, by the hundredth of a square metre
        ("30", None, "0.01", "numerator", 3000),
        # too much: an action takes away
        (None, "5", "1", "numerator", 3000),
        (None, "0", "1", "numerator", 3000),
        # lines that no step falls on, and narrow ranges, which a step may jump over
        ("33.3333", None, "0.01", "numerator", 600),
        (None, "33.3333", "0.01", "numerator", 600),
        ("0.0001", "100", "1", "both", 600),
        ("50", "50", "1", "numerator", 600),
        ("50", "50", "1", "both", 600),
        ("33.3333", "34", "1", "numerator", 600),
        ("33.3333", "34", "1", "both", 600),
        ("33.3333", "33.3334", "0.01", "numerator", 600),
    ],
)
def test_a_shortfall_is_minimal_and_so_many_may_fail_for_every_fraction(
    fractions: duckdb.DuckDBPyConnection, floor: str | None, ceiling: str | None, step: str, lever: str, most: int
) -> None:
    found = over_all_fractions(fractions, floor, ceiling, step, lever, most)
    n, d, k = (found[name] for name in ("numerator", "denominator", "shortfall"))
    assert n.size == (most + 1) * (most + 2) // 2 - 1
    # everything in hundredths, lines in ten-thousandths of a per cent: whole numbers far below 2^63
    one, whole = int(Decimal(step) * 100), 1_000_000
    low, high = (None if line is None else int(Decimal(line) * 10_000) for line in (floor, ceiling))
    if low is not None:
        failures = found["failures_allowed"]
        assert bool(np.all((failures >= 0) & ((d - failures) * whole >= low * d)))
        assert bool(np.all((d - failures - 1) * whole < low * d))

    def is_reached(actions: Any, adds: Any) -> Any:
        """Whether the floor is, after so many hundredths of an action that adds, or takes away."""
        top, bottom = 100 * n + np.where(adds, actions, -actions), 100 * d + np.where(adds & (lever == "both"), actions, 0)
        return np.ones(n.shape, bool) if low is None else top * whole >= low * bottom

    def is_kept(actions: Any, adds: Any) -> Any:
        """The same of the ceiling."""
        top, bottom = 100 * n + np.where(adds, actions, -actions), 100 * d + np.where(adds & (lever == "both"), actions, 0)
        return np.ones(n.shape, bool) if high is None else top * whole <= high * bottom

    nothing, adds = np.zeros_like(k), ~is_reached(0, np.True_)
    is_above = ~is_kept(nothing, adds)
    assert not bool(np.any(adds & is_above))
    assert np.array_equal(k == 0, ~adds & ~is_above)
    # k meets the target, and one action less still misses the end that was missed
    some = k > 0
    assert bool(np.all((k % one == 0)[some]))
    assert bool(np.all((is_reached(k, adds) & is_kept(k, adds))[some]))
    assert not bool(np.any(is_reached(k - one, adds)[some & adds]))
    assert not bool(np.any(is_kept(k - one, adds)[some & is_above]))
    # none: where no action reaches the floor, or the first that reaches one end has passed the other
    none = k < 0
    share = whole - (low or 0) * (lever == "both")
    if share == 0:
        assert np.array_equal(none, adds)
        return
    first = np.where(adds, -(-((low or 0) * 100 * d - 100 * n * whole) // (share * one)), -(-(100 * n * whole - (high or 0) * 100 * d) // (whole * one))) * one
    assert bool(np.all(((adds & is_reached(first, adds) & ~is_reached(first - one, adds)) | (is_above & is_kept(first, adds) & ~is_kept(first - one, adds)))[none]))
    assert not bool(np.any((is_reached(first, adds) & is_kept(first, adds))[none]))


@pytest.mark.parametrize(
    ("floor", "ceiling"), [("95", None), ("100", "100"), ("33.3333", "34"), ("50", "50"), (None, "5"), ("40", "60")]
)
def test_the_truth_counts_actions_as_the_sql_does(connection: duckdb.DuckDBPyConnection, floor: str | None, ceiling: str | None) -> None:
    connection.execute(f"create table fractions as {FRACTIONS.replace('3001', '31')}")
    line = Line(*(None if end is None else Fraction(end) for end in (floor, ceiling)))
    levers: list[Lever] = ["numerator", "both"]
    for lever in levers:
        found = over_all_fractions(connection, floor, ceiling, "1", lever, 30)
        for n, d, k in zip(found["numerator"], found["denominator"], found["shortfall"], strict=True):
            one = TrueFigure(*map(Fraction, (int(n), int(d)) * 3))
            shortfall = judge(one, line, Terms("rate", lever=lever), Fraction(0), is_too_early=False).shortfall
            assert (-1 if shortfall is None else shortfall * 100) == k, (n, d, lever)


# --- chance ----------------------------------------------------------------------------------------------------


def test_the_interval_of_chance_is_that_of_wilson(connection: duckdb.DuckDBPyConnection) -> None:
    pairs = [(n, d) for d in (1, 2, 3, 7, 19, 20, 100, 197, 1999, 123456) for n in sorted({0, 1, d // 3, d // 2, d - 1, d})]
    base = {"scale": 100, "shortfall_step": 1, "steps_per_scaled_unit": "0.01", "target_id": "target", "target_floor": 95}
    rows = [
        base | {"registered_key": number} | {f"{bound}{part}": x for bound in ("", "low_", "high_") for part, x in (("numerator", n), ("denominator", d))}
        for number, (n, d) in enumerate(pairs)
    ]
    table(connection, "kpi_inputs", INPUT_TYPES, [[row.get(name, DEFAULTS.get(name)) for name in INPUT_TYPES] for row in rows])
    found = connection.execute(
        f"select chance_low, chance_high from ({compiled()['fct_kpi']}) order by cast(unit_key as integer)"
    ).fetchall()
    for (n, d), (low, high) in zip(pairs, found, strict=True):
        expected = binomtest(n, d).proportion_ci(confidence_level=0.95, method="wilson")
        assert (low, high) == pytest.approx((100 * expected.low, 100 * expected.high), rel=1e-9, abs=1e-9), (n, d)
        assert 0 <= low <= 100 * n / d <= high <= 100, (n, d, low, high)


def trends(connection: duckdb.DuckDBPyConnection, runs: Sequence[Sequence[float]], direction: str = "higher") -> list[dict[str, Any]]:
    """What fct_trend says of rows of monthly values, oldest first."""
    rows = [
        [number, number, 1, "month", date(2025, month, 1), 0, value]
        for number, run in enumerate(runs)
        for month, value in enumerate(run, start=1)
    ]
    table(connection, "judgements", JUDGED_TYPES, rows)
    connection.execute("create table periods as select period_type, period from judgements")
    connection.execute(f"create table dim_kpi as select 'kpi' as kpi_id, '{direction}' as direction")
    connection.execute("create table target_lines as select 1 as target_no, 'target' as target_id, 'kpi' as kpi_id")
    connection.execute(
        "create table unit_numbers as select distinct"
        " name_no, cast(unit_no as varchar) as unit_key, '610629001001' as unit_code, 'community' as unit_level"
        " from judgements"
    )
    found: pl.DataFrame = connection.sql(f"select * from ({compiled()['fct_trend']}) order by cast(unit_key as integer)").pl()
    return found.to_dicts()


def test_a_trend_with_ties_as_worked_out_by_hand(connection: duckdb.DuckDBPyConnection) -> None:
    # 1 2 2 3 3 3 4: of 21 pairs 1 + 3 are equal, the other 17 rise: s = 17.
    # variance = (7·6·19 − (2·1·9 + 3·2·11)) / 18 = (798 − 84) / 18 = 119 / 3; z = 16 / √(119 / 3) = 2.5404
    # 4 3 2 1 0: all 10 pairs fall: s = −10; variance = 5·4·15 / 18 = 50 / 3; z = −9 / √(50 / 3) = −2.2045
    # all equal: no variance, no trend. Four periods are too few.
    runs = [[1, 2, 2, 3, 3, 3, 4], [4, 3, 2, 1, 0], [5, 5, 5, 5, 5], [1, 2, 3, 4]]
    found = trends(connection, runs)
    assert [row["z"] for row in found] == [pytest.approx(2.5404, abs=5e-5), pytest.approx(-2.2045, abs=5e-5), None]
    assert [row["trend"] for row in found] == ["improving", "worsening", "none"]


def test_where_less_is_better_a_fall_is_an_improvement(connection: duckdb.DuckDBPyConnection) -> None:
    (found,) = trends(connection, [[4, 3, 2, 1, 0]], direction="lower")
    assert (found["trend"], found["z"]) == ("improving", pytest.approx(2.2045, abs=5e-5))


def test_the_statistic_of_a_trend_agrees_with_kendalls_tau(connection: duckdb.DuckDBPyConnection) -> None:
    random = np.random.default_rng(1945)
    runs = [random.integers(0, 6, size=length).astype(float).tolist() for length in (5, 6, 8, 10, 12) for _ in range(40)]
    for run, found in zip(runs, trends(connection, runs), strict=True):
        n, groups = len(run), Counter(run).values()
        if len(groups) == 1:
            assert found["z"] is None
            continue
        # tau-b = s / √((pairs − pairs equal in time) (pairs − pairs equal in value)), and no two periods are the same
        pairs = n * (n - 1) / 2
        s = round(kendalltau(range(n), run).statistic * (pairs * (pairs - sum(t * (t - 1) / 2 for t in groups))) ** 0.5)
        variance = (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in groups)) / 18
        assert found["z"] == pytest.approx((s - (s > 0) + (s < 0)) / variance**0.5, rel=1e-12), run
