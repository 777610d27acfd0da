"""Real changes of units, from landing to edition: between the national registers of 2016 and 2021, for which the later one
is the day. One police room stands in each community, under the code that it has in the month.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from expectations.contract import load_contract
from pipelines.county import save_county
from pipelines.run import run
from pipelines.settings import Home, month_end, month_start
from pipelines.setup import set_up
from pipelines.units import build_register, load_releases, units_in_force
from tests.support.shared import made_once

BEFORE, AFTER = "2021-09", "2021-11"
BAOAN, LUOCHUAN = "440306", "610629"
Figures = Callable[[str], pl.DataFrame]


def rooms(county: str, month: str) -> str:
    """A police room in every community in force at the end of the month."""
    headers = [column.title_zh for column in load_contract("police_rooms").columns]
    units = units_in_force(build_register(load_releases(county)), month_end(month_start(month)))
    codes = units.filter(pl.col("unit_level") == "community").get_column("unit_code").sort()
    known = {"启用日期": "2010-01-01", "民警人数": "1", "辅警人数": "2"}
    rows = [known | {"警务室编号": f"J{number}", "社区代码": code} for number, code in enumerate(codes)]
    lines = [headers, *([row.get(header, "") for header in headers] for row in rows)]
    return "".join(",".join(line) + "\n" for line in lines)


def publish(folder: Path, county: str) -> None:
    home = Home(folder)
    settings = set_up(home, county, first_period=BEFORE).model_copy(update={"last_period": AFTER})
    save_county(settings, home.county_file)
    for month in (BEFORE, "2021-10", AFTER):
        place = home.landing / "county_police" / "police_rooms" / month
        place.mkdir(parents=True)
        (place / "rooms.csv").write_text(rooms(county, month), encoding="utf-8")
    run(home, as_of=date(2022, 1, 15))


@pytest.fixture
def figures() -> Figures:
    """The monthly figures of police rooms of a county, one row per unit, month and basis."""

    def _figures(county: str) -> pl.DataFrame:
        home = Home(made_once(f"changes-{county}", lambda folder: publish(folder, county)))
        with duckdb.connect(str(home.pointer.resolve()), read_only=True) as connection:
            found: pl.DataFrame = connection.sql("""
                select distinct strftime(period, '%Y-%m') as month, unit_basis, unit_level, unit_code, numerator::int as rooms,
                    high_numerator::int as at_most, low_numerator::int as at_least, comparability
                from fct_kpi where kpi_id = 'police_room_count' and period_type = 'month'""").pl()
        return found

    return _figures


def in_streets(figures: pl.DataFrame, month: str, basis: str) -> dict[str, int]:
    chosen = figures.filter(month=month, unit_basis=basis, unit_level="street")
    return dict(chosen.select("unit_code", "rooms").iter_rows())


def as_now(figures: pl.DataFrame, month: str) -> pl.DataFrame:
    """Of each unit of today the figure as it is now, which is that as it was where nothing else is given."""
    asked = figures.filter(month=month).sort("unit_basis")  # as_now stands before as_was
    today = figures.filter(month=AFTER, unit_basis="as_was").get_column("unit_code").implode()
    return asked.unique("unit_code", keep="first", maintain_order=True).filter(pl.col("unit_code").is_in(today))


def test_shajing_street_is_followed_into_the_two_streets_that_it_became(figures: Figures) -> None:
    found = figures(BAOAN)
    before, after = in_streets(found, BEFORE, "as_was"), in_streets(found, AFTER, "as_was")
    assert before["440306005"] == 29 and not before.keys() & {"440306022", "440306023"}
    # the last of the 8 is a community that Shajing did not have
    assert (after["440306022"], after["440306023"]) == (22, 8) and "440306005" not in after
    rebased = in_streets(found, BEFORE, "as_now")
    assert (rebased["440306022"], rebased["440306023"]) == (22, 7)


def test_rooms_of_communities_that_left_the_county_are_in_doubt_in_its_streets_as_they_are_now(figures: Figures) -> None:
    """Guangming became a district of its own in 2018, which the register of Bao'an does not tell: its 128 communities end."""
    found = figures(BAOAN).filter(month=BEFORE)
    assert found.filter(unit_level="county", unit_basis="as_was")["rooms"].to_list() == [269]
    now = found.filter(unit_code="440306022", unit_basis="as_now").row(0, named=True)
    assert (now["at_least"], now["at_most"], now["comparability"]) == (22, 22 + 128, "break")


def test_in_a_county_of_the_same_boundary_the_streets_of_today_add_up_to_what_it_had(figures: Figures) -> None:
    found = figures(LUOCHUAN)
    for month in (BEFORE, "2021-10", AFTER):
        (total,) = found.filter(month=month, unit_level="county").unique("rooms")["rooms"]
        streets = as_now(found, month).filter(unit_level="street")
        assert streets["at_least"].sum() <= total <= streets["at_most"].sum()
        assert total > 190


def test_a_code_that_was_used_again_has_not_its_first_holders_rooms(figures: Figures) -> None:
    found = figures(LUOCHUAN).filter(unit_code="610629001001", unit_basis="as_was")
    assert found.filter(month=BEFORE)["rooms"].to_list() == [1] and found.filter(month=AFTER)["rooms"].to_list() == [1]
