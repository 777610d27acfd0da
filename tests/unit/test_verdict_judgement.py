"""Judgements proved on the compiled SQL of fct_kpi: against brute force over outcomes, and over all small fractions.

Belongs here: certainty, bounds, shortfall, failures allowed and chance, given what kpi_inputs holds.
Does not belong here: what rows make of kpi_inputs (see tests/flow/test_verdicts.py).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, kendalltau  # type: ignore[import-untyped]

from pipelines.sample.judging import Figure as TrueFigure
from pipelines.sample.judging import Judgement, Lever, Line, Terms, judge
from pipelines.sample.measuring import Amounts, figure_of
from pipelines.sample.measuring import Kpi as TrueKpi
from pipelines.settings import Home
from tests.support.lake import run_dbt

# The columns of kpi_inputs that fct_kpi reads, as the view has them (tests/flow/test_verdicts.py compares).
INPUT_TYPES = {
    "registered_key": "VARCHAR", "unit_basis": "VARCHAR", "is_moved": "BOOLEAN", "is_unplaced": "BOOLEAN", "unit_code": "VARCHAR",
    "unit_level": "VARCHAR", "period_type": "VARCHAR", "period": "DATE", "kpi_id": "VARCHAR", "kind": "VARCHAR", "lever": "VARCHAR",
    "scale": "INTEGER", "shortfall_step": "DECIMAL(4,2)", "steps_per_scaled_unit": "DECIMAL(9,4)", "numerator": "DECIMAL(18,2)", "low_numerator": "DECIMAL(18,2)",
    "high_numerator": "DECIMAL(18,2)", "denominator": "DECIMAL(18,2)", "low_denominator": "DECIMAL(18,2)",
    "high_denominator": "DECIMAL(18,2)", "has_chance": "BOOLEAN", "is_withheld": "BOOLEAN", "is_too_early": "BOOLEAN", "tolerance": "DECIMAL(18,4)",
    "target_id": "VARCHAR", "target_floor": "DECIMAL(18,4)", "target_ceiling": "DECIMAL(18,4)",
    "is_before_first_step": "BOOLEAN", "is_basis_expired": "BOOLEAN", "is_no_data": "BOOLEAN",
    "is_cases_partial": "BOOLEAN", "is_numerator_partial": "BOOLEAN", "is_amount_partial": "BOOLEAN",
    "is_denominator_partial": "BOOLEAN", "expected_suppliers": "BIGINT", "reporting_suppliers": "BIGINT",
}  # fmt: skip
JUDGED_TYPES = {
    "unit_no": "INTEGER", "name_no": "INTEGER", "target_no": "INTEGER", "period_type": "VARCHAR", "period": "DATE",
    "is_met": "INTEGER", "value": "DOUBLE",
}  # fmt: skip
# Stands for "as many as you like" of what did not arrive; finer than any target's four decimals can tell from a limit.
MANY = 10**13

Outcome = tuple[Fraction, Fraction]


@cache
def compiled() -> dict[str, str]:
    """The SQL of the models as it is run, each reading the tables that it refers to by their bare names."""
    names = ["fct_kpi", "fct_trend", "target_lines"]
    with TemporaryDirectory() as folder:
        outcome = run_dbt(Home(Path(folder)), "compile", "--select", *names)
        assert outcome.exception is None, outcome.exception
    codes = {one.node.name: one.node.compiled_code for one in outcome.result.results}
    bare = {name: re.sub(r'"\w+"\."\w+"\.("\w+")', r"\1", codes[name]) for name in names}
    return {name: re.sub(r"read_parquet\('control/(\w+)\.parquet'\)", r"\1", code) for name, code in bare.items()}


def table(connection: duckdb.DuckDBPyConnection, name: str, types: dict[str, str], rows: Sequence[Sequence[Any]]) -> None:
    """A table with these types, filled from Python values."""
    connection.execute(f"create table {name} ({', '.join(f'{column} {kind}' for column, kind in types.items())})")
    frame = pl.DataFrame([[None if v is None else str(v) for v in row] for row in rows], dict.fromkeys(types, pl.String), orient="row")
    connection.register("given_rows", frame.to_arrow())
    connection.execute(f"insert into {name} select * from given_rows")


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


# --- certainty and bounds against brute force ------------------------------------------------------------------


@dataclass(frozen=True)
class Doubt:
    """A row in doubt: `base` is what it adds if it counts; a case in doubt may have been counted or passed already."""

    base: Fraction
    may_pass: bool = True
    may_fail: bool = True
    # of a ratio: whether it belongs to the amount or to what it is divided by
    is_amount: bool = True
    # a revision of an accepted case, which may have counted or passed
    is_revision: bool = False
    counted: bool = False
    passed: bool = False


@dataclass(frozen=True)
class Target:
    operator: str
    value_1: Fraction
    value_2: Fraction | None = None
    binding: str | None = None

    def is_met_by(self, value: Fraction) -> bool:
        match self.operator:
            case ">=":
                return value >= self.value_1
            case "<=":
                return value <= self.value_1
            case "=":
                return value == self.value_1
        assert self.value_2 is not None
        reaches, stays = value >= self.value_1, value <= self.value_2
        return {"lower": reaches, "upper": stays}.get(self.binding or "both", reaches and stays)

    def distance(self, value: Fraction) -> Fraction:
        ends = {">=": (0,), "<=": (0,), "=": (0,)}.get(self.operator, {"lower": (0,), "upper": (1,)}.get(self.binding or "", (0, 1)))
        return min(abs(value - (self.value_1, self.value_2 or Fraction(0))[end]) for end in ends)

    @property
    def has_two_ends(self) -> bool:
        return self.operator == "=" or (self.operator == "range" and self.binding in (None, "both"))

    @property
    def ends(self) -> tuple[Fraction, Fraction]:
        return self.value_1, self.value_1 if self.value_2 is None else self.value_2


@dataclass(frozen=True)
class Case:
    """A small figure: what is certain, the rows in doubt, what did not arrive, and the target that it is held to."""

    kind: str
    scale: int
    numerator: Fraction
    denominator: Fraction
    doubts: tuple[Doubt, ...]
    missing: frozenset[str]
    target: Target
    tolerance: Fraction
    step: Fraction

    def outcomes(self) -> set[Outcome]:
        """Every numerator with its denominator that the rows in doubt and the missing ones allow."""
        outcomes = {(self.numerator, self.denominator)}
        for doubt in self.doubts:
            outcomes = {(n + dn, d + dd) for (n, d), (dn, dd) in product(outcomes, self._effects(doubt))}
        for role in sorted(self.missing, key=["denominator", "amount", "cases", "numerator"].index):
            outcomes = set().union(*(self._widened(role, *outcome) for outcome in outcomes))
        return outcomes

    def _effects(self, doubt: Doubt) -> set[Outcome]:
        nothing, one, base = (Fraction(0), Fraction(0)), Fraction(0), doubt.base
        if doubt.is_revision:
            # relative to the accepted case, which the figure holds as it was
            was = (base if doubt.passed else one, base if doubt.counted else one)
            effects = {nothing, (one, base), (base, base)} if self.kind == "rate" else {nothing, (base, one)}
            was = was if self.kind == "rate" else (base, one)
            return {(n - was[0], d - was[1]) for n, d in effects}
        if self.kind == "rate":
            return {nothing} | ({(base, base)} if doubt.may_pass else set()) | ({(one, base)} if doubt.may_fail else set())
        return {nothing, (base, one) if doubt.is_amount or self.kind == "count" else (one, base)}

    def _widened(self, role: str, n: Fraction, d: Fraction) -> set[Outcome]:
        some = (Fraction(0), Fraction(1), Fraction(MANY))
        if role == "denominator":
            return {(n, d + more) for more in some}
        if role == "numerator":
            # the register says who of these has something: nobody else, all, or all but a part
            return {(n, d), (d, d), (n + (d - n) / 2, d)}
        if role == "amount" or self.kind == "count":
            return {(n + more, d) for more in some}
        if self.kind == "ratio":
            return {(n + more, d + others) for more, others in product(some, some)}
        return {(n + more, d + more + others) for more, others in product(some, some)}

    # what kpi_inputs says of it: "Figures" of the measures

    def inputs(self, number: int) -> dict[str, Any]:
        own = [doubt for doubt in self.doubts if not doubt.is_revision]
        revised = [doubt for doubt in self.doubts if doubt.is_revision]
        n, d = self.numerator, self.denominator
        if self.kind == "rate":
            open_still = total(r for r in revised if not r.counted)
            revised_passed = total(r for r in revised if r.passed)
            low = (n - revised_passed, d + open_still + total(one for one in own if one.may_fail))
            may_pass = total(one for one in own if one.may_pass)
            high = (n + total(revised) - revised_passed + may_pass, d + open_still + may_pass)
        elif self.kind == "count":
            low, high = (n - total(revised), d), (n + total(own), d)
        else:
            low = (n, d + total(one for one in own if not one.is_amount))
            high = (n + total(one for one in own if one.is_amount), d)
        return {
            "registered_key": number, "kind": self.kind, "lever": "numerator", "scale": self.scale, "shortfall_step": hundredths(self.step),
            "steps_per_scaled_unit": Decimal(1) / (self.scale * hundredths(self.step)),
            "numerator": hundredths(n), "denominator": hundredths(d), "low_numerator": hundredths(low[0]),
            "low_denominator": hundredths(low[1]), "high_numerator": hundredths(high[0]), "high_denominator": hundredths(high[1]),
            "tolerance": hundredths(self.tolerance), "target_id": number,
            **{f"is_{role}_partial": role in self.missing for role in ("cases", "numerator", "amount", "denominator")},
        }  # fmt: skip


def total(doubts: Iterable[Doubt]) -> Fraction:
    return sum((doubt.base for doubt in doubts), Fraction(0))


def hundredths(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / Decimal(number.denominator)


AMOUNTS = st.one_of(st.integers(1, 9).map(Fraction), st.integers(1, 900).map(lambda n: Fraction(n, 100)))
MISSING = {"rate": ["cases", "numerator"], "count": ["cases", "amount"], "ratio": ["cases", "amount", "denominator"]}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kind = draw(st.sampled_from(["rate", "rate", "count", "ratio"]))
    of_amounts = draw(st.booleans())
    amount = AMOUNTS if of_amounts else st.just(Fraction(1))
    doubts = [draw(doubts_of(kind, amount)) for _ in range(draw(st.integers(0, 6)))]
    certain = sum((draw(amount) for _ in range(draw(st.integers(0, 6)))), Fraction(0))
    passed = Fraction(draw(st.integers(0, int(certain * 100))), 100) if of_amounts else Fraction(draw(st.integers(0, int(certain))))
    numerator, denominator = (passed, certain) if kind == "rate" else (certain, Fraction(1))
    if kind == "ratio":
        denominator = Fraction(draw(st.integers(0, 40)))
    revised = [doubt for doubt in doubts if doubt.is_revision]
    # an accepted case in doubt is part of the figure
    numerator += total(doubt for doubt in revised if kind != "rate" or doubt.passed)
    denominator += total(doubt for doubt in revised if kind == "rate" and doubt.counted)
    missing = frozenset(draw(st.lists(st.sampled_from(MISSING[kind]), max_size=2))) if draw(st.booleans()) else frozenset()
    scale = 1 if kind == "count" else 100
    known = [n * scale / d for n, d in ((numerator, denominator), (numerator + 1, denominator + 1)) if d]
    target = draw(targets(scale, known))
    tolerance = Fraction(draw(st.sampled_from([0, 0, 500, 2000])), 100)
    return Case(kind, scale, numerator, denominator, tuple(doubts), missing, target, tolerance, Fraction(1, 100) if of_amounts else Fraction(1))


@st.composite
def doubts_of(draw: st.DrawFn, kind: str, amount: st.SearchStrategy[Fraction]) -> Doubt:
    base = draw(amount)
    if kind != "ratio" and draw(st.integers(0, 2)) == 0:
        counted = draw(st.booleans())
        return Doubt(base, is_revision=True, counted=counted, passed=counted and draw(st.booleans()))
    may_pass = draw(st.booleans())
    return Doubt(base, may_pass=may_pass, may_fail=not may_pass or draw(st.booleans()), is_amount=draw(st.booleans()))


@st.composite
def targets(draw: st.DrawFn, scale: int, known: list[Fraction]) -> Target:
    """Lines that documents draw, and lines through the figure itself or a hair beside it."""
    exact = [Fraction(int(value * 10_000), 10_000) + Fraction(by, 10_000) for value in known for by in (0, 1)]
    stated = [Fraction(n) for n in ([0, 1, 2, 3, 8] if scale == 1 else [0, 30, 50, 95, 100])] + [Fraction(333333, 10000)]
    value = st.sampled_from([Fraction(0), Fraction(scale)]) | st.sampled_from(stated) | st.sampled_from(exact or stated)
    operator = draw(st.sampled_from([">=", "<=", "=", "=", "range"]))
    if operator != "range":
        return Target(operator, draw(value))
    low, high = sorted([draw(value), draw(value)])
    return Target(operator, low, high, draw(st.sampled_from([None, "both", "lower", "upper"])))


def collected(number: int) -> list[Case]:
    """So many cases, always the same; drawn one by one to be judged in one query."""
    found: list[Case] = []

    @settings(max_examples=number, phases=[Phase.generate], derandomize=True, database=None, deadline=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(cases())
    def collect(case: Case) -> None:
        found.append(case)

    collect()
    return found


@pytest.fixture(scope="module")
def judged() -> list[tuple[Case, dict[str, Any]]]:
    """Cases and what the SQL says of them."""
    drawn = collected(3000)
    lines = {
        "target_id": "VARCHAR", "kpi_id": "VARCHAR", "pack": "VARCHAR", "area_scope": "VARCHAR", "class_scope": "VARCHAR",
        "city_class_scope": "VARCHAR", "level_scope": "VARCHAR", "variant_scope": "VARCHAR", "phase": "INTEGER",
        "due_months": "INTEGER", "effective_from": "DATE", "effective_to": "DATE", "plan_end": "DATE", "document": "VARCHAR", "clause": "VARCHAR",
        "operator": "VARCHAR", "value_1": "DECIMAL(18,4)", "value_2": "DECIMAL(18,4)", "binding": "VARCHAR",
    }  # fmt: skip
    with duckdb.connect() as opened:
        targets_given = [
            [number, *[None] * 14, t.operator, hundredths(t.value_1), None if t.value_2 is None else hundredths(t.value_2), t.binding]
            for number, t in enumerate(case.target for case in drawn)
        ]
        table(opened, "dim_target", lines, targets_given)
        rows = [case.inputs(number) for number, case in enumerate(drawn)]
        table(opened, "figures", INPUT_TYPES, [[row.get(name, DEFAULTS.get(name)) for name in INPUT_TYPES] for row in rows])
        opened.execute(
            f"create table kpi_inputs as select figures.* replace (lines.target_floor as target_floor, lines.target_ceiling as target_ceiling) "
            f"from figures inner join ({compiled()['target_lines']}) as lines using (target_id)"
        )
        found = opened.sql(f"select * from ({compiled()['fct_kpi']}) order by cast(unit_key as integer)").pl()
    assert found.height == len(drawn)
    return list(zip(drawn, found.iter_rows(named=True), strict=True))


DEFAULTS = {
    "unit_basis": "as_was", "is_moved": False, "is_unplaced": False, "is_too_early": False, "is_before_first_step": False, "is_no_data": False, "has_chance": True, "is_withheld": False, "is_basis_expired": False,
    "expected_suppliers": 1, "reporting_suppliers": 1, "is_cases_partial": False, "is_numerator_partial": False,
    "is_amount_partial": False, "is_denominator_partial": False, "tolerance": 0, "lever": "numerator", "kind": "rate",
}  # fmt: skip


def values(case: Case) -> list[Fraction]:
    return [n * case.scale / d for n, d in case.outcomes() if d]


def test_the_cases_are_of_every_sort(judged: list[tuple[Case, dict[str, Any]]]) -> None:
    seen = Counter((case.kind, row["status"], row["certainty"]) for case, row in judged)
    for kind, status, certainty in product(("rate", "count", "ratio"), ("met", "near", "missed"), ("confirmed", "undetermined")):
        assert seen[kind, status, certainty] >= 10, (kind, status, certainty, seen)
    assert all(seen[kind, "not_applicable", "undetermined"] >= 5 for kind in ("rate", "ratio"))
    ends = Counter((case.target.operator, case.target.binding) for case, _ in judged)
    assert min(ends.values()) >= 50, ends


def test_status_and_certainty_are_those_of_all_outcomes(judged: list[tuple[Case, dict[str, Any]]]) -> None:
    for case, row in judged:
        found = values(case)
        if not case.denominator:
            assert row["status"] == "not_applicable", (case, row)
            assert row["certainty"] == ("undetermined" if found else "confirmed"), (case, row)
            continue
        value = case.numerator * case.scale / case.denominator
        is_met = case.target.is_met_by(value)
        status = "met" if is_met else "near" if case.target.distance(value) <= case.tolerance else "missed"
        assert row["status"] == status, (case, row)
        is_open = any(case.target.is_met_by(other) != is_met for other in found)
        if row["certainty"] == "confirmed" or is_met or not case.target.has_two_ends:
            assert row["certainty"] == ("undetermined" if is_open else "confirmed"), (case, row)
        else:
            # A target with two ends that the figure misses: only the extremes are kept, not what lies between them.
            # Outcomes that jump over the target leave it undetermined, though none of them meets it.
            lower, upper = case.target.ends
            assert is_open or (max(found) >= lower and min(found) <= upper), (case, row)


def test_bounds_are_the_least_and_the_greatest_outcome(judged: list[tuple[Case, dict[str, Any]]]) -> None:
    for case, row in judged:
        found = values(case)
        is_open_below = "denominator" in case.missing or ("cases" in case.missing and case.kind != "count")
        is_open_above = "cases" in case.missing and case.kind == "rate"
        is_unbounded = "amount" in case.missing or ("cases" in case.missing and case.kind != "rate")
        assert (row["low_denominator"] is None) == is_open_below, (case, row)
        if is_open_below:
            assert row["value_low"] == 0 and min(found) < Fraction(1, 10**4), (case, row)
        elif row["low_denominator"]:
            assert row["value_low"] == pytest.approx(float(min(found)), rel=1e-12), (case, row)
        else:
            assert row["value_low"] is None and not case.denominator, (case, row)
        if is_unbounded:
            assert row["value_high"] is None and (not case.denominator or max(found) > 10**6), (case, row)
        elif is_open_above:
            assert row["value_high"] == case.scale and max(found) > case.scale - Fraction(1, 10**4), (case, row)
        elif row["high_denominator"]:
            assert row["value_high"] == pytest.approx(float(max(found)), rel=1e-12), (case, row)
        else:
            assert row["value_high"] is None and not case.denominator, (case, row)


def test_a_shortfall_is_the_least_number_of_steps_that_meets_the_target(judged: list[tuple[Case, dict[str, Any]]]) -> None:
    for case, row in judged:
        if row["status"] not in ("met", "near", "missed"):
            assert row["shortfall"] is None
            continue
        sign = 1 if case.numerator * case.scale < case.target.ends[0] * case.denominator and not is_ceiling_only(case.target) else -1
        end = case.target.ends[0] if sign > 0 else case.target.ends[1]
        # the first step that reaches the end in question, and the one before it
        away = abs(end * case.denominator / case.scale - case.numerator)
        steps = -(-away // case.step) if row["status"] != "met" else Fraction(0)
        meeting = [
            k for k in (steps - 1, steps, steps + 1) if k >= 0
            and case.target.is_met_by((case.numerator + sign * k * case.step) * case.scale / case.denominator)
        ]  # fmt: skip
        expected = meeting[0] * case.step if meeting else None
        assert (None if row["shortfall"] is None else Fraction(row["shortfall"])) == expected, (case, row)


def test_the_truth_of_a_sample_judges_as_the_sql_does(judged: list[tuple[Case, dict[str, Any]]]) -> None:
    for case, row in judged:
        given = case.inputs(0)
        bounds = [Fraction(given[f"{bound}{part}"]) for bound in ("", "low_", "high_") for part in ("numerator", "denominator")]
        kpi = TrueKpi("k", case.kind, {}, (), scale=case.scale, figure=lambda _, bounds=bounds: TrueFigure(*bounds))  # type: ignore[arg-type, misc]
        figure = figure_of(kpi, Amounts({}, 1, 1, 1), case.missing)  # type: ignore[arg-type]
        low, high = case.target.ends
        both = case.target.has_two_ends
        line = Line(None if is_ceiling_only(case.target) else low, None if not both and not is_ceiling_only(case.target) else high)
        found = judge(figure, line, Terms(case.kind, case.step), case.tolerance, is_too_early=False)  # type: ignore[arg-type]
        shortfall = None if row["shortfall"] is None else Fraction(row["shortfall"])
        assert found == Judgement(row["status"], row["certainty"], shortfall), (case, row)


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


def is_ceiling_only(target: Target) -> bool:
    return target.operator == "<=" or (target.operator == "range" and target.binding == "upper")


def test_a_target_that_outcomes_jump_over_stays_undetermined(connection: duckdb.DuckDBPyConnection) -> None:
    # 2, or 12 with a row in doubt of 10: neither lies between 5 and 8. The extremes alone do not tell so.
    row = {
        "registered_key": 1, "kind": "count", "scale": 1, "shortfall_step": 1, "steps_per_scaled_unit": 1, "numerator": 2,
        "denominator": 1, "low_numerator": 2, "low_denominator": 1, "high_numerator": 12, "high_denominator": 1,
        "target_id": "between", "target_floor": 5, "target_ceiling": 8,
    }  # fmt: skip
    table(connection, "kpi_inputs", INPUT_TYPES, [[row.get(name, DEFAULTS.get(name)) for name in INPUT_TYPES]])
    found = connection.execute(f"select status, certainty, shortfall from ({compiled()['fct_kpi']})").fetchone()
    assert found == ("missed", "undetermined", 3)


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
