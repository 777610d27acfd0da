"""Judging by every operator, and choosing the targets that concern a figure, on figures that can be checked by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest

from pipelines.county import County, CountyTarget
from pipelines.sample.judging import Figure, Line, Terms, judge
from pipelines.sample.measuring import Amounts, Kpi, Measure
from pipelines.sample.targets import Choice, Subject, Target, choose, load_targets, targets_of
from pipelines.sample.truth import Truth

COUNT, RATE, RATIO = Terms("count"), Terms("rate"), Terms("ratio", Fraction(1, 100))
UNIT = Subject("610629101201", "community", "town", "other")
END = date(2026, 6, 30)


def number(
    value: Fraction | int | str, low: Fraction | int | None = None, high: Fraction | int | None = None
) -> Figure:
    """A count with its bounds."""
    one, value = Fraction(1), Fraction(value)
    return Figure(
        value, one, value if low is None else Fraction(low), one, value if high is None else Fraction(high), one, scale=1
    )


def share(numerator: int, denominator: int, scale: int = 100) -> Figure:
    return Figure(*map(Fraction, (numerator, denominator) * 3), scale=scale)


def line(floor: int | str | None = None, ceiling: int | str | None = None) -> Line:
    return Line(None if floor is None else Fraction(floor), None if ceiling is None else Fraction(ceiling))


def judged(
    figure: Figure, target: Line, terms: Terms = COUNT, tolerance: int = 0
) -> tuple[str, str | None, Fraction | None]:
    found = judge(figure, target, terms, Fraction(tolerance), is_too_early=False)
    return found.status, found.certainty, found.shortfall


# --- operators -------------------------------------------------------------------------------------------------


def test_none_at_all_is_met_by_none_and_short_by_how_many_there_are() -> None:
    none = line(0, 0)
    assert judged(number(0), none) == ("met", "confirmed", 0)
    assert judged(number(3), none) == ("missed", "confirmed", 3)
    assert judged(number(0, high=2), none) == ("met", "undetermined", 0)
    assert judged(number(3, low=0), none) == ("missed", "undetermined", 3)
    assert judged(number(3, low=1), none) == ("missed", "confirmed", 3)


def test_a_count_without_upper_limit_may_yet_reach_a_floor_or_pass_a_ceiling() -> None:
    open_up = Figure(Fraction(2), Fraction(1), Fraction(2), Fraction(1), None, Fraction(1), scale=1)
    assert judged(open_up, line(3)) == ("missed", "undetermined", 1)
    assert judged(open_up, line(None, 2)) == ("met", "undetermined", 0)
    assert judged(open_up, line(None, 1)) == ("missed", "confirmed", 1)
    assert judged(open_up, line(2)) == ("met", "confirmed", 0)


def test_at_most_is_met_below_and_short_by_how_many_are_too_many() -> None:
    few = line(None, 5)
    assert judged(number(5), few) == ("met", "confirmed", 0)
    assert judged(number(5, high=6), few) == ("met", "undetermined", 0)
    assert judged(number(8), few) == ("missed", "confirmed", 3)
    assert judged(number(6), few, tolerance=1) == ("near", "confirmed", 1)


def test_a_rate_above_its_ceiling_is_short_by_how_many_are_too_many() -> None:
    assert judged(share(12, 100), line(None, 10), RATE) == ("missed", "confirmed", 2)
    assert judged(share(2, 100), line(0, 0), RATE) == ("missed", "confirmed", 2)
    # 3 of 7 are 42.9 %, 2 of 7 28.6 %
    assert judged(share(3, 7), line(None, 30), RATE) == ("missed", "confirmed", 1)


def test_a_step_that_jumps_over_a_range_is_none() -> None:
    # 1 of 3 is below, 2 of 3 above
    assert judged(share(1, 3), line(40, 60), RATE) == ("missed", "confirmed", None)
    assert judged(share(2, 3), line(40, 60), RATE) == ("missed", "confirmed", None)
    # with another case beside it: 2 of 4
    assert judged(share(1, 3), line(40, 60), Terms("rate", lever="both")) == ("missed", "confirmed", 1)
    assert judged(share(1, 3), line(40, 49), Terms("rate", lever="both")) == ("missed", "confirmed", None)


def test_both_ends_of_a_range_bind() -> None:
    between = line(300, 500)
    step = Terms("count", Fraction(1, 100))
    assert judged(number("299.995"), between, step) == ("missed", "confirmed", Fraction("0.01"))
    assert judged(number(300), between, step) == ("met", "confirmed", 0)
    assert judged(number(500), between, step) == ("met", "confirmed", 0)
    assert judged(number(501), between, step) == ("missed", "confirmed", 1)
    assert judged(number(400, low=290, high=400), between, step) == ("met", "undetermined", 0)
    assert judged(number(400, low=400, high=510), between, step) == ("met", "undetermined", 0)
    assert judged(number(290, high=299), between, step) == ("missed", "confirmed", 10)
    assert judged(number(290, high=300), between, step) == ("missed", "undetermined", 10)
    assert judged(number(295), between, step, tolerance=5) == ("near", "confirmed", 5)
    assert judged(number(505), between, step, tolerance=5) == ("near", "confirmed", 5)


def test_exactly_so_many_can_be_reached_or_not() -> None:
    assert judged(number(1), line(3, 3)) == ("missed", "confirmed", 2)
    assert judged(number("1.5"), line(3, 3)) == ("missed", "confirmed", None)
    assert judged(number(4), line(3, 3)) == ("missed", "confirmed", 1)
    assert judged(share(1, 3), line(50, 50), RATE) == ("missed", "confirmed", None)
    assert judged(share(2, 3), line(100, 100), RATE) == ("missed", "confirmed", 1)


def test_the_scale_is_the_figures_own() -> None:
    assert share(1, 2, scale=1).value == Fraction(1, 2)
    assert judged(share(1, 2, scale=1), line("0.5"), Terms("ratio")) == ("met", "confirmed", 0)
    per_thousand = Figure(Fraction(9), Fraction(1000), Fraction(9), None, None, None, scale=1000)
    assert (per_thousand.value, per_thousand.value_high) == (9, 1000)


def test_an_action_that_enlarges_the_denominator_too_moves_a_rate_more_slowly() -> None:
    both = Terms("rate", lever="both")
    # 8 of 10 is 80 %; 90 % is reached by 10 more of 10 more: 18 of 20.
    assert judged(share(8, 10), line(90), both) == ("missed", "confirmed", 10)
    assert judged(share(8, 10), line(90), RATE) == ("missed", "confirmed", 1)
    # 2 of 3 with 70 %: 0.1 / 0.3 is a third of an action.
    assert judged(share(2, 3), line(70), both)[2] == 1
    assert judged(share(9, 10), line(100, 100), both) == ("missed", "confirmed", None)
    with pytest.raises(ValueError, match="is a whole case"):
        Terms("rate", Fraction(1, 100), "both")


def test_a_rate_that_may_fall_to_0_does_so_only_where_nothing_has_passed() -> None:
    passed, none = (
        Figure(Fraction(n), Fraction(9), Fraction(n), None, None, None, scale=100) for n in (2, 0)
    )
    assert judged(passed, line(0, 0), RATE)[:2] == ("missed", "confirmed")
    assert judged(none, line(0, 0), RATE)[:2] == ("met", "undetermined")


# --- scopes ----------------------------------------------------------------------------------------------------


def target(target_id: str = "T", pack: str = "P", **changes: object) -> Target:
    return Target(target_id, pack, "k", line(1), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scope", "fits", "does_not"),
    [
        ("area_scope", "610629101", "610629102"),
        ("class_scope", "town", "rural"),
        ("city_class_scope", "other", "megacity"),
        ("level_scope", "community", "street"),
        ("variant_scope", "*", "new_built"),
    ],
)
def test_a_target_concerns_what_its_scopes_say(scope: str, fits: str, does_not: str) -> None:
    assert target().concerns(UNIT)
    assert target(**{scope: fits}).concerns(UNIT)
    assert not target(**{scope: does_not}).concerns(UNIT)


def test_a_variant_is_judged_by_its_own_targets_and_those_for_all() -> None:
    new = Subject(UNIT.code, "community", "town", "other", "new_built")
    assert target(variant_scope="new_built").concerns(new)
    assert target().concerns(new)
    assert not target(variant_scope="leased").concerns(new)


def test_a_target_is_in_force_from_its_first_day_to_its_last() -> None:
    for changes in ({}, {"effective_from": END}, {"effective_to": END}):
        assert choose([target(**changes)], UNIT, END) == Choice((target(**changes),))
    for changes in ({"effective_from": date(2026, 7, 1)}, {"effective_to": date(2026, 6, 29)}):
        assert choose([target(**changes)], UNIT, END) == Choice(())


def test_of_a_phased_target_the_step_in_force_binds_and_before_the_first_it_is_too_early() -> None:
    first = target("1", effective_from=date(2026, 4, 1), phase=1)
    second = target("2", effective_from=END, phase=2)
    assert choose([first, second], UNIT, date(2026, 3, 31)) == Choice((), is_before_first=True)
    assert choose([first, second], UNIT, date(2026, 4, 30)) == Choice((first,))
    assert choose([first, second], UNIT, END) == Choice((second,))
    # Elsewhere there is no target; and with one beside it that is not phased the figure is judged.
    assert choose([first, second], Subject("610629", "county"), date(2025, 1, 1)).is_before_first
    assert not choose([target(level_scope="street", phase=1)], UNIT, END).is_before_first
    assert choose([first, target("3")], UNIT, date(2026, 3, 31)) == Choice((target("3"),))
    later = target("3", effective_from=date(2026, 7, 1))
    assert choose([first, later], UNIT, date(2026, 3, 31)) == Choice((), is_before_first=True)
    # so it is beside another phased target, whose last step is over
    over = target("4", pack="Q", effective_from=date(2025, 1, 1), effective_to=date(2025, 12, 31), phase=1)
    assert choose([over, first], UNIT, date(2026, 3, 31)) == Choice((), is_before_first=True)
    assert choose([over], UNIT, date(2026, 3, 31)) == Choice(())


def test_a_target_counted_from_the_start_of_a_programme_takes_effect_on_the_last_day_of_its_time(county: County) -> None:
    within_a_year, within_three = target("1", phase=1, due_months=12), target("2", phase=2, due_months=36)
    # nobody knows when the programme began: no target
    assert targets_of(county, [within_a_year]) == ()
    # 12 months from 2025-03-15 on end with 2026-03-14, six from 2025-08-31 on with 2026-02-27
    assert within_a_year.counted_from(date(2025, 3, 15)).effective_from == date(2026, 3, 14)
    assert target(due_months=6).counted_from(date(2025, 8, 31)).effective_from == date(2026, 2, 27)
    stated = target(effective_from=date(2023, 12, 31), due_months=36)
    assert stated.counted_from(None) == stated
    # the last step passed binds: 35 after a year, 100 after three
    steps = [one.counted_from(date(2025, 1, 1)) for one in (within_a_year, within_three)]
    chosen = [choose(steps, UNIT, day) for day in (date(2025, 12, 30), date(2025, 12, 31), date(2027, 12, 31))]
    assert chosen == [Choice((), is_before_first=True), Choice((steps[0],)), Choice((steps[1],))]


def test_targets_are_read_from_their_table_and_a_column_that_is_not_there_restricts_nothing(tmp_path: Path) -> None:
    old = tmp_path / "old.csv"
    old.write_text(
        "target_id,pack,kpi_id,operator,value_1,value_2,area_scope,class_scope,effective_from,effective_to\n"
        "1,A,k,>=,95,,*,*,,\n2,A,k,=,0,,6106,rural,2021-01-01,2022-12-31\n3,A,k,<=,0.5,,*,*,,\n4,A,k,range,20,30,,,,\n5,A,k,>=,,,*,*,,\n",
        encoding="utf-8",
    )
    assert load_targets(old) == (
        Target("1", "A", "k", line(95)),
        Target(
            "2", "A", "k", line(0, 0), area_scope="6106", class_scope="rural",
            effective_from=date(2021, 1, 1), effective_to=date(2022, 12, 31),
        ),
        Target("3", "A", "k", line(None, "0.5")),
        Target("4", "A", "k", line(20, 30)),
    )  # fmt: skip
    new = tmp_path / "new.csv"
    header = "target_id,pack,kpi_id,operator,value_1,value_2,binding,level_scope,variant_scope,city_class_scope,phase\n"
    new.write_text(
        f"{header}1,A,k,range,20,30,lower,county,new_built,megacity,1\n2,A,k,range,20,30,upper,*,,,\n3,A,k,range,20,30,both,,,,\n",
        encoding="utf-8",
    )
    assert load_targets(new) == (
        Target("1", "A", "k", line(20), level_scope="county", variant_scope="new_built", city_class_scope="megacity", phase=1),
        Target("2", "A", "k", line(None, 30)),
        Target("3", "A", "k", line(20, 30)),
    )  # fmt: skip
    new.write_text(f"{header}1,A,k,range,20,,,,,,\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no target is 'range'"):
        load_targets(new)


def test_every_target_that_the_warehouse_ships_can_be_read() -> None:
    with (Path(__file__).parents[2] / "dbt" / "seeds" / "targets.csv").open(encoding="utf-8") as seed:
        shipped = pl.read_csv(seed.read().encode(), infer_schema=False)
    assert {one.target_id for one in load_targets()} == set(shipped.drop_nulls("value_1")["target_id"])


def test_a_county_judges_by_the_packs_that_it_chose_and_by_its_own_targets(county: County) -> None:
    own = CountyTarget(kpi_id="k", operator="range", value_1=Decimal("0.5"), value_2=Decimal(2), level_scope="street")
    county = county.model_copy(update={"parameters": county.parameters.model_copy(update={"targets": (own,)})})
    chosen, other = (Target("T", pack, "k", line(1)) for pack in ("C", "E"))
    assert targets_of(county, [chosen, other]) == (
        chosen, Target("county-1", "county", "k", line("0.5", 2), level_scope="street"),
    )  # fmt: skip


def test_every_target_in_force_has_a_row_of_its_own(county: County) -> None:
    codes = ("610629", "610629101", "610629101201", "610629102", "610629102201")
    levels = {6: "county", 9: "street", 12: "community"}
    units = pl.DataFrame(
        [(code, levels[len(code)], date(2016, 1, 1), None, None, "town" if len(code) == 12 else None) for code in codes],
        schema={
            "unit_code": pl.String, "unit_level": pl.String, "valid_from": pl.Date, "valid_to": pl.Date,
            "opened_date": pl.Date, "class": pl.String,
        },
        orient="row",
    )  # fmt: skip

    def by_code(amounts: Amounts) -> str:
        return "several" if amounts.communities > 1 else "one"

    measure = Measure("open", "civil_facilities", "count")
    kpi = Kpi("k", "count", {"civil_facilities": "cases"}, (measure,), variant=by_code)
    stated = [
        Target("all", "C", "k", line(1)),
        Target("towns", "D3", "k", line(2), class_scope="town"),
        Target("several", "C", "k", line(2), variant_scope="several"),
        Target("other_pack", "E", "k", line(2)),
        Target("phased", "C", "late", line(2), effective_from=date(2026, 2, 28), phase=1),
    ]
    late = Kpi("late", "count", {"civil_facilities": "cases"}, (measure,), levels=("county",))
    found = Truth(county, units, date(2026, 11, 22), kpis=[kpi, late], stated=stated).table(date(2026, 1, 1))
    months = found.filter(pl.col("period_type") == "month", pl.col("period") <= date(2026, 2, 1))
    rows = months.filter(pl.col("kpi_id") == "k", pl.col("period") == date(2026, 1, 1))
    by_unit = {code: set(rows.filter(pl.col("unit_code") == code)["target_id"]) for code in codes}
    assert by_unit == {
        "610629": {"all", "several"}, "610629101": {"all"}, "610629102": {"all"},
        "610629101201": {"all", "towns"}, "610629102201": {"all", "towns"},
    }  # fmt: skip
    phased = months.filter(pl.col("kpi_id") == "late").sort("period").select("target_id", "status").rows()
    # Nothing was delivered.
    assert phased == [(None, "too_early"), ("phased", "no_data")]
