"""What became of units, and where the rows of earlier months lie today."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.settings import REPO, month_end
from pipelines.units import (
    Today,
    build_lineage,
    build_register,
    load_releases,
    merge_civil_register,
    place_today,
    read_release_file,
    units_in_force,
)
from tests.support.registers import CIVIL_SCHEMA, KNOWN, civil, register_of

SOURCE = REPO.parent / "shared" / "reference"
PILOTS = ("610629", "440306")
NOTHING = pl.DataFrame(schema=CIVIL_SCHEMA)
JIEFANG, NANGUAN = "610629001002", "610629001001"


def changes_of(*rows: dict[str, object]) -> list[tuple[str, str | None, str | None, date]]:
    """kind, code before, code after and date of what the deliveries tell over a register of one release."""
    units, lineage = of_deliveries(*rows)
    assert units.height
    return lineage.select("change_kind", "from_code", "to_code", "change_date").rows()  # type: ignore[return-value]


def of_deliveries(*rows: dict[str, object]) -> tuple[pl.DataFrame, pl.DataFrame]:
    delivered = civil(*rows)
    units = merge_civil_register(register_of(KNOWN), delivered)
    return units, build_lineage(units, delivered)


def month(number: int) -> date:
    return date(2026, number, 1)


# --- the lineage


def test_a_stated_split_has_a_row_for_each_part_with_its_date_document_and_grids() -> None:
    split = {"change_kind": "split", "predecessor_codes": [NANGUAN], "opened_date": date(2026, 3, 10), "document_no": "文1号"}
    _, lineage = of_deliveries(
        {"month": 1, "code": NANGUAN, "name": "南关"},
        {"month": 3, "code": "610629001011", "name": "南关一", "moved_grids": [f"{NANGUAN}-001"], **split},
        {"month": 3, "code": "610629001012", "name": "南关二", "moved_grids": [f"{NANGUAN}-002"], **split},
        {"month": 4, "code": "610629001011", "name": "南关一", "moved_grids": [f"{NANGUAN}-001"], **split},
    )
    found = lineage.filter(pl.col("change_kind") == "split")
    assert found.select("change_date", "from_unit_key", "to_unit_key", "document_no", "moved_grids").rows() == [
        (date(2026, 3, 10), f"{NANGUAN}@2016-07-31", f"{part}@2026-03-10", "文1号", [f"{NANGUAN}-{grid}"])
        for part, grid in (("610629001011", "001"), ("610629001012", "002"))
    ]
    assert lineage.filter(pl.col("change_kind").is_in(["new", "closed"])).is_empty()


def test_a_renaming_and_a_recoding_keep_the_unit_on_both_sides() -> None:
    recoded = {"change_kind": "recoded", "predecessor_codes": [NANGUAN], "document_no": "文2号"}
    units, lineage = of_deliveries(
        {"month": 1, "code": NANGUAN, "name": "南关"}, {"month": 2, "code": "610629001011", "name": "南关", **recoded},
        {"month": 3, "code": "610629001011", "name": "凤凰", **recoded},
    )  # fmt: skip
    key = f"{NANGUAN}@2016-07-31"
    assert lineage.select("change_kind", "from_unit_key", "from_code", "to_unit_key", "to_code").rows() == [
        ("recoded", key, NANGUAN, key, "610629001011"), ("renamed", key, "610629001011", key, "610629001011"),
    ]  # fmt: skip
    assert place_today(units, lineage, [month(1), month(2), month(3)], date(2026, 3, 31)).extents.is_empty()


def test_another_word_for_the_kind_of_unit_is_no_renaming() -> None:
    assert changes_of({"month": 1, "code": NANGUAN, "name": "南关村"}, {"month": 2, "code": NANGUAN, "name": "南关社区"}) == []


def test_a_merger_a_closing_and_a_founding_are_told_apart() -> None:
    merged = {"change_kind": "merged", "predecessor_codes": [NANGUAN, JIEFANG]}
    assert changes_of(
        {"month": 1, "code": NANGUAN, "name": "南关"}, {"month": 1, "code": JIEFANG, "name": "解放路"},
        {"month": 3, "code": NANGUAN, "name": "南关", **merged},
    ) == [("merged", JIEFANG, NANGUAN, date(2026, 3, 1))]  # fmt: skip
    assert changes_of(
        {"month": 1, "code": NANGUAN, "name": "南关"},
        {"month": 2, "code": NANGUAN, "name": "南关", "closed_date": date(2026, 2, 20)},
        {"month": 2, "code": "610629001015", "name": "新城", "opened_date": date(2026, 2, 5)},
    ) == [("new", None, "610629001015", date(2026, 2, 5)), ("closed", NANGUAN, None, date(2026, 2, 20))]


def test_a_reused_code_is_another_unit_and_nothing_moves_into_it() -> None:
    found = changes_of(
        {"month": 1, "code": NANGUAN, "name": "南关"},
        {"month": 3, "code": NANGUAN, "name": "凤凰", "change_kind": "new", "opened_date": date(2026, 3, 10)},
    )
    assert found == [("new", None, NANGUAN, date(2026, 3, 10)), ("closed", NANGUAN, None, date(2026, 3, 10))]


def test_a_part_that_moved_leaves_both_units_in_force() -> None:
    moved = {"change_kind": "part_moved", "predecessor_codes": [NANGUAN], "moved_households": ["pseudonym"]}
    units, lineage = of_deliveries(
        {"month": 1, "code": NANGUAN, "name": "南关"}, {"month": 1, "code": JIEFANG, "name": "解放路"},
        {"month": 2, "code": JIEFANG, "name": "解放路", **moved},
    )  # fmt: skip
    assert lineage.select("change_kind", "from_code", "to_code", "moved_households").rows() == [
        ("part_moved", NANGUAN, JIEFANG, ["pseudonym"])
    ]
    today = place_today(units, lineage, [month(1), month(2)], date(2026, 2, 28))
    assert placements(today, 1, NANGUAN) == {
        None: ("?", "?", NANGUAN), "pseudonym": (JIEFANG, JIEFANG, JIEFANG),
    }  # fmt: skip


# --- real registers


def test_shajing_street_went_into_two_streets_and_none_of_its_communities_into_another_unit() -> None:
    """440306005 of Bao'an became 440306022 and 440306023: every code changed, every name was kept."""
    units = merge_civil_register(build_register(load_releases("440306")), NOTHING)
    lineage = build_lineage(units, NOTHING)
    streets = lineage.filter((pl.col("unit_level") == "street") & (pl.col("from_code") == "440306005"))
    assert set(streets.select("change_kind", "to_code").rows()) == {("recoded", "440306022"), ("part_moved", "440306023")}
    communities = lineage.filter(pl.col("from_code").str.starts_with("440306005") & (pl.col("unit_level") == "community"))
    assert communities.height == 29
    assert set(communities.get_column("change_kind")) == {"recoded"}
    before, after = date(2021, 9, 1), date(2021, 10, 1)
    today = place_today(units, lineage, [before, after], date(2021, 10, 31))
    moved = today.extents.filter((pl.col("month") == before) & (pl.col("unit_basis") == "as_now") & (pl.col("unit_level") == "street"))
    assert {"440306022", "440306023"} <= set(moved.get_column("unit_code"))
    held = today.places.filter((pl.col("month") == before) & (pl.col("extent_key") == "today:440306023@2021-10-31"))
    drawn = today.placements.filter((pl.col("placed_month") == before) & pl.col("place_today").is_in(held.get_column("place_code").implode()))
    assert drawn.get_column("placed_code").str.slice(0, 9).unique().to_list() == ["440306005"]
    assert drawn.height == 7


@pytest.mark.skipif(not SOURCE.is_dir(), reason="the public source files are not beside the repository (../shared/reference)")
@pytest.mark.parametrize("county", PILOTS)
def test_no_community_of_a_pilot_county_vanishes_without_a_change(county: str) -> None:
    national = [
        SOURCE / "nbs_divisions_2016_urbanrural" / "nbs2016_urbanrural_full.csv.gz",
        SOURCE / "nbs_divisions_2021" / "nbs2021_all_levels.csv.gz",
    ]
    releases = pl.concat(read_release_file(path) for path in national)
    own = releases.filter(pl.col("code").str.starts_with(county) | pl.col("code").is_in([county[:2], county[:4]]))
    register = build_register(own)
    units = merge_civil_register(register, NOTHING)
    lineage = build_lineage(units, NOTHING)
    before, after = (
        set(units_in_force(units, day).filter(pl.col("unit_level") == "community").get_column("unit_key"))
        for day in (date(2016, 7, 31), date(2021, 10, 31))
    )
    assert after - before == set(lineage.filter(pl.col("unit_level") == "community", pl.col("change_kind") == "new").get_column("to_unit_key"))
    assert before - after == set(lineage.filter(pl.col("unit_level") == "community", pl.col("change_kind") == "closed").get_column("from_unit_key"))
    codes = units.filter(pl.col("unit_level") == "community").group_by("unit_key").agg(pl.col("unit_code").n_unique())
    recoded = codes.filter(pl.col("unit_code") > 1).get_column("unit_key")
    assert set(recoded) == set(lineage.filter(pl.col("unit_level") == "community", pl.col("change_kind") == "recoded").get_column("to_unit_key"))


# --- where rows lie today


def placements(today: Today, number: int, code: str) -> dict[str | None, tuple[str, ...]]:
    """By part: the code of the one unit of today, or ? for a remainder; for the unit and for other grids and households."""

    def shown(place: str) -> str:
        return place.removeprefix("today:").split("@")[0] if place.startswith("today:") else "?"

    found = today.placements.filter((pl.col("placed_month") == month(number)) & (pl.col("placed_code") == code))
    return {row[2]: tuple(shown(place) for place in row[3:]) for row in found.iter_rows()}


def of_changes(*changes: dict[str, Any], ended: dict[str, date]) -> Today:
    """Five communities of one street, all in force from the start unless a change opens them."""
    codes = [f"610629001{number:03}" for number in range(1, 6)]
    opened = {change["to"]: change["day"] for change in changes if change["kind"] == "split"}
    rows = [("610629@x", "610629", "county", None, date(2020, 1, 1), None), ("610629001@x", "610629001", "street", "610629@x", date(2020, 1, 1), None)]
    rows += [
        (f"{code}@x", code, "community", "610629001@x", opened.get(code, date(2020, 1, 1)), ended.get(code)) for code in codes
    ]
    names = ["unit_key", "unit_code", "unit_level", "parent_unit_key", "valid_from", "valid_to"]
    units = pl.DataFrame(rows, names, orient="row").with_columns(
        *(pl.lit(None, pl.String).alias(name) for name in ("class", "city_class")), opened_date="valid_from"
    )
    lineage = pl.DataFrame(
        [
            (
                change["day"], change["kind"], f"{change['from']}@x", f"{change['to']}@x", list(change.get("parts", ())), [],
            )
            for change in changes
        ],
        {
            "change_date": pl.Date, "change_kind": pl.String, "from_unit_key": pl.String, "to_unit_key": pl.String,
            "moved_grids": pl.List(pl.String), "moved_households": pl.List(pl.String),
        },
        orient="row",
    )  # fmt: skip
    return place_today(units, lineage, [month(number) for number in range(1, 7)], date(2026, 6, 30))


ONE, TWO, THREE, FOUR, FIVE = (f"610629001{number:03}" for number in range(1, 6))


def test_grids_that_no_part_of_a_split_lists_go_to_the_one_that_lists_none() -> None:
    today = of_changes(
        {"day": date(2026, 3, 5), "kind": "split", "from": ONE, "to": TWO, "parts": [f"{ONE}-001"]},
        {"day": date(2026, 3, 5), "kind": "split", "from": ONE, "to": THREE},
        ended={ONE: date(2026, 3, 5)},
    )
    # households were not listed at all, so that nobody knows of them
    assert placements(today, 2, ONE) == {None: ("?", THREE, "?"), f"{ONE}-001": (TWO, TWO, TWO)}
    assert placements(today, 3, TWO) == {None: (TWO, TWO, TWO)}


def test_what_moved_and_was_merged_later_is_followed_to_today() -> None:
    today = of_changes(
        {"day": date(2026, 2, 1), "kind": "part_moved", "from": ONE, "to": FOUR, "parts": [f"{ONE}-001"]},
        {"day": date(2026, 4, 1), "kind": "merged", "from": FOUR, "to": FIVE},
        ended={FOUR: date(2026, 4, 1)},
    )
    assert placements(today, 1, ONE) == {None: ("?", ONE, "?"), f"{ONE}-001": (FIVE, FIVE, FIVE)}
    assert placements(today, 3, FOUR) == {None: (FIVE, FIVE, FIVE)}
    assert placements(today, 5, FIVE) == {None: (FIVE, FIVE, FIVE)}


def test_a_grid_that_moved_into_a_unit_that_was_split_later_is_not_guessed() -> None:
    today = of_changes(
        {"day": date(2026, 2, 1), "kind": "part_moved", "from": ONE, "to": FOUR, "parts": [f"{ONE}-001"]},
        {"day": date(2026, 4, 1), "kind": "split", "from": FOUR, "to": TWO, "parts": [f"{FOUR}-009"]},
        {"day": date(2026, 4, 1), "kind": "split", "from": FOUR, "to": THREE},
        ended={FOUR: date(2026, 4, 1)},
    )
    # it got another number there: TWO listed the new ones only
    assert placements(today, 1, ONE)[f"{ONE}-001"] == ("?", "?", "?")


def test_a_unit_that_went_nowhere_may_be_anywhere_in_its_street_and_is_certain_for_it() -> None:
    today = of_changes({"day": date(2026, 3, 5), "kind": "closed", "from": ONE, "to": ONE}, ended={ONE: date(2026, 3, 5)})
    assert placements(today, 2, ONE) == {None: ("?", "?", "?")}
    assert set(today.doubts.get_column("extent_key")) == {f"today:{code}@x" for code in (TWO, THREE, FOUR, FIVE)}
    # the street holds all of them: it is as it was
    assert today.extents.filter(pl.col("unit_level") == "street").is_empty()


CODES = st.sampled_from([ONE, TWO, THREE, FOUR, FIVE])
KINDS = st.sampled_from(["part_moved", "merged"])
CHANGES = st.lists(st.tuples(st.integers(2, 6), KINDS, CODES, CODES, st.booleans()), max_size=4)


@settings(max_examples=60)
@given(CHANGES)
def test_whatever_moved_every_row_lies_in_one_place_and_the_county_keeps_them_all(changes: list[tuple[int, str, str, str, bool]]) -> None:
    ended: dict[str, date] = {}
    stated = []
    for number, kind, before, after, is_listed in sorted(changes):
        if before == after or before in ended or after in ended:
            continue
        if kind == "merged":
            ended[before] = month(number)
        parts = [f"{before}-001"] if is_listed and kind == "part_moved" else []
        stated.append({"day": month(number), "kind": kind, "from": before, "to": after, "parts": parts})
    today = of_changes(*stated, ended=ended)
    keys = today.placements.select("placed_month", "placed_code", "placed_part")
    assert keys.is_duplicated().sum() == 0
    assert today.extents.filter(pl.col("unit_level").is_in(["county", "street"])).is_empty()
    for row in today.placements.iter_rows(named=True):
        in_force = ended.get(row["placed_code"], date.max)
        assert month_end(row["placed_month"]) < in_force
        for name in ("place_today", "place_today_of_other_grids", "place_today_of_other_households"):
            place = row[name].removeprefix("today:").split("@")[0]
            assert row[name].startswith("remainder:") or place not in ended
