"""Bounds and certainty from rows to fct_kpi, against brute force over everything that the rows in doubt may turn out to be.

Forty-eight communities are forty-eight small cases, built by dbt at once. The brute force knows nothing of the SQL: of a
row in doubt it fills in every unknown cell with every value, asks what the row would then add, and tries all rows
together. Where a measure is defined wider than that (see `as_defined`), both are held against the figure: it must be
exactly what the definition says, and hold everything that can be.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from itertools import product
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.dbt_runs import run_dbt
from tests.support.doubtful_rows import (
    COLUMNS,
    FEBRUARY,
    JANUARY,
    PLACES,
    STREETS,
    Row,
    cases,
)
from tests.support.judgements import INPUT_TYPES
from tests.support.lake import COUNTY, Lake, Unit
from tests.support.outcomes import (
    EVENT_KPIS,
    EVENT_PERIODS,
    PLACE_KPIS,
    SCOPED,
    SCOPES,
    SUMS,
    TARGETS,
    Expected,
    Kpi,
    Measured,
    county_targets,
    expected_event,
    expected_places,
    expected_sum,
    units_of,
)


@dataclass
class Built:
    lake: Lake
    rows: list[Row]
    figures: dict[tuple[str, str, str, date], dict[int, dict[str, Any]]] = field(default_factory=dict)

    def of(self, unit: str) -> list[Row]:
        return [row for row in self.rows if unit in units_of(row)]


def collected() -> list[Row]:
    """The rows of every community, always the same."""
    places = [community for communities in PLACES.values() for community in communities]
    found: list[list[Row]] = []

    @settings(max_examples=len(places), phases=[Phase.generate], derandomize=True, database=None, deadline=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.data())
    def collect(data: st.DataObject) -> None:
        found.append(data.draw(cases(places[len(found)])))

    collect()
    assert len(found) == len(places)
    return [row for rows in found for row in rows]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    rows = collected()
    units = [Unit(COUNTY, "county"), *(Unit(street, "street", COUNTY) for street in STREETS)]
    units += [Unit(code, "community", street, "urban") for street, codes in PLACES.items() for code in codes]
    lake = Lake(
        tmp_path_factory.mktemp("verdicts"), months=("2026-01", "2026-02"), units=units, packs=[], county_targets=list(county_targets()),
        suppliers={f"of_{street}": [street] for street in STREETS}, expected={f"of_{street}": list(COLUMNS) for street in STREETS},
    )  # fmt: skip
    for street, dataset, month in product(STREETS, COLUMNS, (JANUARY, FEBRUARY)):
        delivered = [row.delivered for row in rows if (row.street, row.dataset, row.month) == (street, dataset, month)]
        lake.deliver(dataset, f"of_{street}", f"{month:%Y-%m}", delivered)
    lake.build()
    found = Built(lake, rows)
    with lake.connect() as connection:
        for figure in connection.sql(
            "select * from fct_kpi where period_type in ('month', 'ytd') and kpi_id = any(?)", params=[list(TARGETS)]
        ).pl().iter_rows(named=True):
            place = (figure["kpi_id"], figure["unit_code"], figure["period_type"], figure["period"])
            number = int(figure["target_id"].rpartition("-")[2]) if figure["target_id"] else -1
            found.figures.setdefault(place, {})[number] = figure
    return found


UNITS = [COUNTY, *STREETS, *(code for codes in PLACES.values() for code in codes)]


def close_to(number: float | None, expected: Fraction) -> bool:
    """Equal but for rounding; what only tends to its bound comes as near as anything can."""
    return number is not None and (number == pytest.approx(float(expected), rel=1e-12) or abs(Fraction(number) - expected) < Fraction(1, 10**6))


def held_against(expected: Expected, figures: dict[int, dict[str, Any]], kpi_id: str, scale: int) -> Counter[str]:
    """Compares the figure with every target; returns what was seen."""
    seen: Counter[str] = Counter()
    n, d = expected.figure
    if d == 0:
        (row,) = figures.values() if len(figures) == 1 else [figures[0]]
        is_open = any(other for _, other in expected.outcomes)
        assert (row["status"], row["certainty"]) == ("not_applicable", "undetermined" if is_open else "confirmed"), (row, expected)
        return Counter({f"not_applicable {row['certainty']}": 1})
    values, in_truth = ({one * scale / other for one, other in found if other} for found in (expected.outcomes, expected.in_truth))
    value, least, most = n * scale / d, min(values), max(values)
    for number, target in enumerate(TARGETS[kpi_id][1]):
        row = figures[number]
        assert (Fraction(row["numerator"]), Fraction(row["denominator"])) == expected.figure, (row, expected)
        assert close_to(row["value_low"], least), (row, least, expected)
        assert (row["value_high"] is None and most > 10**6) or close_to(row["value_high"], most), (row, most, expected)
        is_met = target.is_met_by(value)
        assert row["status"] == ("met" if is_met else "missed"), (row, target)
        is_open = any(target.is_met_by(other) != is_met for other in values)
        if target.has_two_ends and not is_met:
            # outcomes that jump over the target leave it undetermined: the extremes do not tell so
            is_open = most >= target.ends[0] and least <= target.ends[1]
        assert row["certainty"] == ("undetermined" if is_open else "confirmed"), (row, target, expected)
        if row["certainty"] == "confirmed":
            assert all(target.is_met_by(other) == is_met for other in in_truth), (row, target, expected)
        seen[f"{row['status']} {row['certainty']}"] += 1
    seen["wider"] += (least, most) != (min(in_truth), max(in_truth))
    assert least <= min(in_truth) and max(in_truth) <= most
    return seen


EVERYTHING = ("met confirmed", "met undetermined", "missed confirmed", "missed undetermined")


@pytest.mark.parametrize("kpi", SUMS, ids=lambda kpi: kpi.kpi_id)
def test_sums_of_rows_are_bounded_by_all_that_rows_in_doubt_may_be(built: Built, kpi: Kpi) -> None:
    seen: Counter[str] = Counter()
    for unit in UNITS:
        figures = built.figures[kpi.kpi_id, unit, "month", JANUARY]
        seen += held_against(expected_sum(kpi, built.of(unit)), figures, kpi.kpi_id, kpi.scale)
    assert all(seen[one] >= 5 for one in EVERYTHING), seen
    assert (seen["wider"] > 0) == (kpi.as_defined is not None)


@pytest.mark.parametrize("kpi_id", PLACE_KPIS)
def test_places_are_bounded_by_all_that_rows_in_doubt_may_be(built: Built, kpi_id: str) -> None:
    seen: Counter[str] = Counter()
    for unit in UNITS:
        figures = built.figures[kpi_id, unit, "month", JANUARY]
        seen += held_against(expected_places(kpi_id, unit, built.of(unit)), figures, kpi_id, 100)
    assert all(seen[one] >= 5 for one in EVERYTHING), seen
    if kpi_id == "specialised_grid_coverage":
        assert seen["wider"] > 0


@pytest.mark.parametrize("kpi_id", EVENT_KPIS)
def test_events_are_bounded_by_all_that_doubt_and_revisions_may_be(built: Built, kpi_id: Measured) -> None:
    events = [row for row in built.rows if row.dataset == "grid_events"]
    seen: Counter[str] = Counter()
    for unit, (period_type, month) in product(UNITS, EVENT_PERIODS):
        months = (JANUARY if period_type == "ytd" else month, month)
        expected = expected_event(kpi_id, unit, events, months)
        figures = built.figures.get((kpi_id, unit, period_type, month)) or {}
        seen += held_against(expected, figures, kpi_id, 1 if kpi_id == "repeat_verification_failures" else 100)
    assert all(seen[one] >= 5 for one in EVERYTHING), seen
    assert seen["wider"] > 0


def test_a_judgement_that_no_target_stands_behind_stops_the_build(built: Built) -> None:
    """The check of every build (dbt/tests/judgements_resolve.sql), on what was built and on what must never be."""
    outcome = run_dbt(built.lake.home, "compile", "--select", "judgements_resolve")
    assert outcome.exception is None, outcome.exception
    (check,) = [one.node.compiled_code for one in outcome.result.results if one.node.name == "judgements_resolve"]
    figure = f"kpi_id = '{SCOPED}' and unit_code = '{PLACES[STREETS[0]][0]}' and period_type = 'month' and period = '2026-01-01'"
    with duckdb.connect(str(built.lake.home.warehouse)) as connection:
        connection.execute(f"set file_search_path = '{built.lake.root}'")

        def found_after(change: str) -> set[str | None]:
            """The targets that the check complains of after a change, which is taken back."""
            connection.execute("begin")
            connection.execute(change)
            complaints = {target_id for *_, target_id in connection.execute(check).fetchall()}
            connection.execute("rollback")
            return complaints

        held = {one for (one,) in connection.execute(f"select target_id from fct_kpi where {figure}").fetchall()}
        assert held == {"for all", "second step"}
        assert connection.execute(check).fetchall() == []
        for target_id in SCOPES:
            copied = f"select * replace ('{target_id}' as target_id) from fct_kpi where {figure} and target_id = 'for all'"
            # held against another target, or against the same one twice
            assert found_after(f"insert into fct_kpi {copied}") == {target_id}
        for target_id in held:
            assert found_after(f"delete from fct_kpi where {figure} and target_id = '{target_id}'") == {target_id}
        assert found_after(f"update fct_kpi set target_id = null, status = 'met' where {figure} and target_id = 'for all'") == {"for all", None}
        assert found_after(f"update fct_kpi set status = 'no_target' where {figure} and target_id = 'for all'") == {"for all"}
        assert found_after(f"update fct_kpi set unit_code = '{PLACES[STREETS[0]][1]}' where {figure}") >= {"not in force"}


def test_the_view_of_inputs_has_the_types_that_judgements_are_proved_on(built: Built) -> None:
    types = {name: kind for name, kind, *_ in built.lake.rows("describe kpi_inputs")}
    assert {name: types[name] for name in INPUT_TYPES} == INPUT_TYPES
