"""Judgements proved on the compiled SQL of fct_kpi, against brute force over outcomes.

Belongs here: certainty, bounds and shortfall, given what kpi_inputs holds.
Does not belong here: what rows make of kpi_inputs (see tests/flow/test_verdicts.py), all small fractions and chance (see
test_verdict_arithmetic.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipelines.sample.judging import Figure as TrueFigure
from pipelines.sample.judging import Judgement, Line, Terms, judge
from pipelines.sample.measuring import Amounts, figure_of
from pipelines.sample.measuring import Kpi as TrueKpi
from tests.support.judgements import (
    DEFAULTS,
    INPUT_TYPES,
    MANY,
    Outcome,
    Target,
    compiled,
    hundredths,
    table,
)


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
        figure = figure_of(kpi, Amounts({}, 1, 1, 1, 1), case.missing)  # type: ignore[arg-type]
        low, high = case.target.ends
        both = case.target.has_two_ends
        line = Line(None if is_ceiling_only(case.target) else low, None if not both and not is_ceiling_only(case.target) else high)
        found = judge(figure, line, Terms(case.kind, case.step), case.tolerance, is_too_early=False)  # type: ignore[arg-type]
        shortfall = None if row["shortfall"] is None else Fraction(row["shortfall"])
        assert found == Judgement(row["status"], row["certainty"], shortfall), (case, row)


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
