"""Units through time: what the county's own register of communities says beside the register of divisions."""

from __future__ import annotations

from datetime import date

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.units import (
    build_register,
    covered,
    merge_civil_register,
    units_in_force,
)
from pipelines.units.register import REGISTER_SCHEMA
from tests.support.registers import (
    CODES,
    FIRST,
    KNOWN,
    NAMES,
    STREETS,
    assert_nothing_overlaps,
    civil,
    keys,
    register_of,
    release,
    versions,
)


def test_without_deliveries_the_reference_is_in_force() -> None:
    units = merge_civil_register(register_of(KNOWN), civil())
    assert keys(units, date(2026, 1, 31)) == {
        code: f"{code}@2016-07-31" for code in ("610629", *STREETS, "610629001001", "610629001002")
    }
    assert set(units.get_column("source")) == {"register"}


def test_delivered_attributes_hold_from_the_month_that_first_shows_them() -> None:
    row = {"code": "610629001001", "name": "南关社区", "class": "urban", "city_class": "other"}
    units = merge_civil_register(
        register_of(KNOWN), civil({**row, "month": 2, "adjusted": True}, {**row, "month": 4, "class": "town"})
    )
    rows = units.filter(pl.col("unit_code") == "610629001001")
    assert rows.select("class", "is_adjusted", "opened_date", "valid_from", "valid_to", "source").rows() == [
        (None, None, None, FIRST, date(2026, 2, 1), "register"),
        ("urban", True, date(2010, 1, 1), date(2026, 2, 1), date(2026, 4, 1), "civil"),
        ("town", False, date(2010, 1, 1), date(2026, 4, 1), None, "civil"),
    ]
    assert set(rows.get_column("unit_key")) == {"610629001001@2016-07-31"}


def test_a_delivery_that_says_the_same_again_makes_no_version() -> None:
    row = {"code": "610629001001", "name": "南关社区"}
    units = merge_civil_register(register_of(KNOWN), civil(*({**row, "month": month} for month in (1, 2, 3, 5))))
    assert len(versions(units, "610629001001")) == 2


def test_a_class_that_is_not_delivered_falls_back_to_the_register() -> None:
    releases = release(FIRST, KNOWN, {"610629001001": "220"})
    units = merge_civil_register(
        build_register(releases),
        civil({"month": 1, "code": "610629001001", "name": "南关社区"}, {"month": 1, "code": "610629001009", "name": "新"}),
    )
    classes = dict(units_in_force(units, date(2026, 1, 31)).select("unit_code", "class").iter_rows())
    assert (classes["610629001001"], classes["610629001009"]) == ("rural", None)


def test_a_community_missing_from_the_deliveries_stays_in_force() -> None:
    units = merge_civil_register(register_of(KNOWN), civil({"month": 1, "code": "610629001001", "name": "南关"}))
    assert keys(units, date(2026, 1, 31))["610629001002"] == "610629001002@2016-07-31"


def test_a_closed_community_ends_on_its_closing_date() -> None:
    row = {"code": "610629001001", "name": "南关", "closed_date": date(2026, 2, 10)}
    units = merge_civil_register(register_of(KNOWN), civil({**row, "month": 3}))
    assert versions(units, "610629001001") == [
        ("610629001001@2016-07-31", "南关社区居委会", FIRST, date(2026, 2, 10))
    ]


def test_a_closing_that_is_taken_back_leaves_no_gap() -> None:
    row = {"code": "610629001001", "name": "南关"}
    units = merge_civil_register(
        register_of(KNOWN),
        civil({**row, "month": 1, "closed_date": date(2026, 1, 10)}, {**row, "month": 2}),
    )
    assert versions(units, "610629001001")[-1] == ("610629001001@2016-07-31", "南关", date(2026, 1, 1), None)


def test_a_community_opened_again_after_its_closing_is_a_new_unit() -> None:
    row = {"code": "610629001001", "name": "南关"}
    units = merge_civil_register(
        register_of(KNOWN),
        civil(
            {**row, "month": 1, "closed_date": date(2026, 1, 10)},
            {**row, "month": 3, "opened_date": date(2026, 3, 5)},
        ),
    )
    assert versions(units, "610629001001")[-1] == ("610629001001@2026-03-05", "南关", date(2026, 3, 5), None)


def test_an_unknown_code_is_a_new_unit_from_its_opening() -> None:
    units = merge_civil_register(
        register_of(KNOWN),
        civil({"month": 2, "code": "610629001008", "name": "新街社区", "opened_date": date(2026, 1, 20)}),
    )
    assert versions(units, "610629001008") == [
        ("610629001008@2026-01-20", "新街社区", date(2026, 1, 20), None)
    ]


def test_an_unknown_code_without_an_opening_begins_with_its_first_month() -> None:
    units = merge_civil_register(
        register_of(KNOWN), civil({"month": 2, "code": "610629001008", "name": "新街社区", "opened_date": None})
    )
    assert versions(units, "610629001008") == [("610629001008@2026-02-01", "新街社区", date(2026, 2, 1), None)]


def test_a_unit_does_not_begin_before_its_street() -> None:
    units = merge_civil_register(register_of(KNOWN), civil({"month": 2, "code": "610629001008", "name": "新街"}))
    assert versions(units, "610629001008") == [("610629001008@2010-01-01", "新街", FIRST, None)]


def test_another_name_without_a_stated_change_is_a_renaming() -> None:
    units = merge_civil_register(register_of(KNOWN), civil({"month": 1, "code": "610629001001", "name": "凤凰社区"}))
    assert keys(units, date(2026, 1, 31))["610629001001"] == "610629001001@2016-07-31"


def test_a_stated_new_unit_under_a_known_code_ends_the_old_one() -> None:
    units = merge_civil_register(
        register_of(KNOWN),
        civil(
            {"month": 1, "code": "610629001001", "name": "南关"},
            {
                "month": 3, "code": "610629001001", "name": "凤凰社区", "change_kind": "new",
                "opened_date": date(2026, 3, 10),
            },
        ),
    )  # fmt: skip
    assert versions(units, "610629001001")[-2:] == [
        ("610629001001@2016-07-31", "南关", date(2026, 1, 1), date(2026, 3, 10)),
        ("610629001001@2026-03-10", "凤凰社区", date(2026, 3, 10), None),
    ]


def test_a_stated_recoding_keeps_the_unit_and_frees_its_old_code() -> None:
    recoded = {"change_kind": "recoded", "predecessor_codes": ["610629001001"]}
    units = merge_civil_register(
        register_of(KNOWN),
        civil(
            {"month": 1, "code": "610629001001", "name": "南关"},
            {"month": 2, "code": "610629001011", "name": "南关", **recoded},
            {"month": 3, "code": "610629001011", "name": "南关", **recoded},
        ),
    )
    assert keys(units, date(2026, 3, 31)) == {
        "610629": "610629@2016-07-31",
        **{code: f"{code}@2016-07-31" for code in STREETS},
        "610629001002": "610629001002@2016-07-31",
        "610629001011": "610629001001@2016-07-31",
    }
    assert keys(units, date(2026, 1, 31))["610629001001"] == "610629001001@2016-07-31"


def test_a_closing_row_of_the_old_code_does_not_end_a_recoded_unit() -> None:
    closed = {"code": "610629001001", "name": "南关", "closed_date": date(2026, 2, 1)}
    recoded = {"code": "610629001011", "name": "南关", "change_kind": "recoded", "predecessor_codes": ["610629001001"]}
    units = merge_civil_register(
        register_of(KNOWN),
        civil(*({**row, "month": month} for month in (2, 4) for row in (closed, recoded))),
    )
    now = keys(units, date(2026, 4, 30))
    assert now["610629001011"] == "610629001001@2016-07-31"
    assert "610629001001" not in now
    assert units.filter(pl.col("unit_level") == "community").get_column("unit_key").n_unique() == 2


def test_two_units_whose_codes_are_stated_as_swapped_keep_their_keys() -> None:
    units = merge_civil_register(
        register_of(KNOWN),
        civil(
            {
                "month": 1, "code": "610629001001", "name": "解放路", "change_kind": "recoded",
                "predecessor_codes": ["610629001002"],
            },
            {
                "month": 1, "code": "610629001002", "name": "南关", "change_kind": "recoded",
                "predecessor_codes": ["610629001001"],
            },
        ),
    )  # fmt: skip
    now = keys(units, date(2026, 1, 31))
    assert now["610629001001"] == "610629001002@2016-07-31"
    assert now["610629001002"] == "610629001001@2016-07-31"


def test_a_merged_predecessor_that_is_no_longer_delivered_ends() -> None:
    merged = {"change_kind": "merged", "predecessor_codes": ["610629001001", "610629001002"]}
    units = merge_civil_register(
        register_of(KNOWN), civil({"month": 3, "code": "610629001001", "name": "南关", **merged})
    )
    assert versions(units, "610629001002")[-1][3] == date(2026, 3, 1)
    assert keys(units, date(2026, 3, 31))["610629001001"] == "610629001001@2016-07-31"


def test_a_change_stated_long_ago_does_not_act_again_on_a_later_renaming() -> None:
    row = {"code": "610629001001", "change_kind": "new", "opened_date": date(2010, 1, 1)}
    units = merge_civil_register(
        register_of(KNOWN), civil({**row, "month": 1, "name": "南关"}, {**row, "month": 2, "name": "凤凰社区"})
    )
    assert keys(units, date(2026, 2, 28))["610629001001"] == "610629001001@2016-07-31"


def test_without_a_reference_streets_and_county_follow_from_the_codes() -> None:
    units = merge_civil_register(
        REGISTER_SCHEMA.to_frame(),
        civil({"month": 2, "code": "610629001001", "name": "南关"}, {"month": 3, "code": "610629101001", "name": "旧县"}),
    )
    assert keys(units, date(2026, 3, 31)) == {
        "610629": "610629@2026-02-01",
        "610629001": "610629001@2026-02-01",
        "610629101": "610629101@2026-03-01",
        "610629001001": "610629001001@2010-01-01",
        "610629101001": "610629101001@2010-01-01",
    }
    parents = dict(units.select("unit_key", "parent_unit_key").iter_rows())
    assert parents["610629001001@2010-01-01"] == "610629001@2026-02-01"
    assert parents["610629101@2026-03-01"] == "610629@2026-02-01"
    assert parents["610629@2026-02-01"] is None


def test_a_street_that_the_reference_does_not_know_is_named_by_its_code() -> None:
    units = merge_civil_register(register_of(KNOWN), civil({"month": 2, "code": "610629002001", "name": "新街"}))
    street = units.filter(pl.col("unit_code") == "610629002").row(0, named=True)
    assert (street["unit_key"], street["unit_name"]) == ("610629002@2026-02-01", "610629002")
    assert (street["parent_unit_key"], street["source"]) == ("610629@2016-07-31", "civil")


def test_covered_units_lie_under_any_of_the_prefixes() -> None:
    units = merge_civil_register(register_of(KNOWN), civil())
    assert set(covered(units, ["610629101", "610629001002"]).get_column("unit_code")) == {"610629101", "610629001002"}
    assert covered(units, []).is_empty()


CIVIL_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "month": st.integers(1, 5),
            "code": CODES,
            "name": NAMES,
            "opened_date": st.one_of(st.none(), st.dates(date(2015, 1, 1), date(2026, 6, 1))),
            "closed_date": st.one_of(st.none(), st.none(), st.dates(date(2025, 11, 1), date(2026, 7, 1))),
            "change_kind": st.sampled_from([None, None, "renamed", "split", "merged", "part_moved", "recoded", "new"]),
            "predecessor_codes": st.one_of(st.none(), st.lists(CODES, max_size=2)),
        }
    ),
    max_size=14,
    unique_by=lambda row: (row["month"], row["code"]),
)


@settings(max_examples=60, deadline=None)
@given(CIVIL_ROWS, st.dictionaries(CODES, NAMES, max_size=6), st.booleans(), st.randoms())
def test_whatever_is_delivered_each_code_is_one_unit_on_each_day(
    rows: list[dict[str, object]], known: dict[str, str], is_in_reference: bool, random: object
) -> None:
    register = register_of({**STREETS, **known}) if is_in_reference else REGISTER_SCHEMA.to_frame()
    deliveries = civil(*rows)
    units = merge_civil_register(register, deliveries)
    assert_nothing_overlaps(units)
    shuffled = deliveries.sample(fraction=1, shuffle=True, seed=random.randint(0, 99))  # type: ignore[attr-defined]
    assert units.equals(merge_civil_register(register, pl.concat([shuffled, shuffled])))
    for day in (date(2026, month, 28) for month in range(1, 7)):
        in_force = units_in_force(units, day)
        below = in_force.filter(pl.col("unit_level") != "county")
        assert set(below.get_column("parent_unit_key")) <= set(in_force.get_column("unit_key"))
        assert below.filter(~pl.col("unit_code").str.starts_with(pl.col("parent_code"))).is_empty()
