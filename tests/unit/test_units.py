"""Units through time: identity between releases, the county's own register, validity."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import WarehouseError
from pipelines.units import (
    build_register,
    covered,
    load_releases,
    merge_civil_register,
    read_release_file,
    units_in_force,
)
from pipelines.units.register import REGISTER_SCHEMA
from pipelines.units.releases import RELEASE_SCHEMA, apply_changes

FIRST, SECOND, THIRD = date(2016, 7, 31), date(2021, 10, 31), date(2023, 6, 30)
ABOVE = {"61": "陕西省", "6106": "延安市", "610629": "洛川县"}
STREETS = {"610629001": "凤栖街道", "610629101": "旧县镇"}
LEVEL_BY_DIGITS = {2: 1, 4: 2, 6: 3, 9: 4, 12: 5}
CIVIL_SCHEMA = {
    "period": pl.Date,
    "code": pl.String,
    "name": pl.String,
    "street_code": pl.String,
    "class": pl.String,
    "city_class": pl.String,
    "opened_date": pl.Date,
    "closed_date": pl.Date,
    "adjusted": pl.Boolean,
    "change_kind": pl.String,
    "predecessor_codes": pl.List(pl.String),
    "moved_grids": pl.List(pl.String),
    "moved_households": pl.List(pl.String),
    "document_no": pl.String,
}


def release(day: date, names: dict[str, str], ur_codes: dict[str, str] | None = None) -> pl.DataFrame:
    """One release: province, city, county and the given streets and communities."""
    rows = [
        (day, code, LEVEL_BY_DIGITS[len(code)], name, (ur_codes or {}).get(code))
        for code, name in {**ABOVE, **names}.items()
    ]
    return pl.DataFrame(rows, schema=RELEASE_SCHEMA, orient="row")


def register_of(*releases: dict[str, str]) -> pl.DataFrame:
    """The register of releases given as code → name of streets and communities."""
    days = (FIRST, SECOND, THIRD)
    return build_register(pl.concat(release(day, names) for day, names in zip(days, releases, strict=False)))


def civil(*rows: dict[str, object]) -> pl.DataFrame:
    """Deliveries of the register of communities; `month` is the period, the street follows from the code."""
    full = []
    for row in rows:
        usual = {"street_code": str(row["code"])[:9], "opened_date": date(2010, 1, 1), "adjusted": False}
        content = {**usual, **{name: value for name, value in row.items() if name != "month"}}
        full.append({**content, "period": date(2026, int(str(row["month"])), 1)})
    return pl.DataFrame(full, schema=CIVIL_SCHEMA)


def versions(units: pl.DataFrame, code: str) -> list[tuple[str, str, date, date | None]]:
    rows = units.filter(pl.col("unit_code") == code).sort("valid_from")
    return list(rows.select("unit_key", "unit_name", "valid_from", "valid_to").iter_rows())


def keys(units: pl.DataFrame, day: date) -> dict[str, str]:
    """code → unit_key of what is in force on a day."""
    return dict(units_in_force(units, day).select("unit_code", "unit_key").iter_rows())


def assert_nothing_overlaps(units: pl.DataFrame) -> None:
    for of in ("unit_code", "unit_key"):
        rows = units.sort(of, "valid_from").with_columns(pl.col("valid_from").shift(-1).over(of).alias("next"))
        overlapping = rows.filter(
            pl.col("next").is_not_null() & (pl.col("valid_to").is_null() | (pl.col("valid_to") > pl.col("next")))
        )
        assert overlapping.is_empty(), overlapping
    assert units.filter(pl.col("valid_to") <= pl.col("valid_from")).is_empty()


# --- the real register of the sample county


@pytest.fixture(scope="module")
def luochuan() -> pl.DataFrame:
    return build_register(load_releases("610629"))


def test_the_reused_code_610629001001_is_two_units(luochuan: pl.DataFrame) -> None:
    assert versions(luochuan, "610629001001") == [
        ("610629001001@2016-07-31", "南街居委会", FIRST, SECOND),
        ("610629001001@2021-10-31", "南关社区居委会", SECOND, None),
    ]


def test_nanjie_keeps_its_key_under_its_new_code(luochuan: pl.DataFrame) -> None:
    assert versions(luochuan, "610629001006") == [
        ("610629001001@2016-07-31", "南街社区居委会", SECOND, None)
    ]
    change = luochuan.filter(pl.col("unit_code") == "610629001006").row(0, named=True)
    assert (change["change_kind"], change["previous_code"]) == ("recoded", "610629001001")


def test_a_code_that_another_unit_held_names_that_unit(luochuan: pl.DataFrame) -> None:
    new = luochuan.filter(pl.col("unit_key") == "610629001001@2021-10-31").row(0, named=True)
    assert (new["change_kind"], new["previous_holder_key"]) == ("code_reused", "610629001001@2016-07-31")


def test_a_street_that_only_drops_its_suffix_is_the_same_unit(luochuan: pl.DataFrame) -> None:
    assert versions(luochuan, "610629001") == [
        ("610629001@2016-07-31", "凤栖街道办事处", FIRST, SECOND),
        ("610629001@2016-07-31", "凤栖街道", SECOND, None),
    ]


def test_a_township_that_became_a_town_is_the_same_unit(luochuan: pl.DataFrame) -> None:
    assert versions(luochuan, "610629108") == [("610629200@2016-07-31", "菩提镇", SECOND, None)]


def test_a_community_added_in_2023_begins_with_that_release(luochuan: pl.DataFrame) -> None:
    assert versions(luochuan, "610629001007") == [("610629001007@2023-06-30", "融欣社区居委会", THIRD, None)]


@pytest.mark.parametrize(
    ("day", "streets", "communities"),
    [(FIRST, 9, 373), (date(2021, 10, 30), 9, 373), (SECOND, 9, 203), (THIRD, 9, 204), (date(2026, 6, 30), 9, 204)],
)
def test_luochuan_has_as_many_units_as_its_releases(
    luochuan: pl.DataFrame, day: date, streets: int, communities: int
) -> None:
    levels = units_in_force(luochuan, day).get_column("unit_level").to_list()
    assert (levels.count("street"), levels.count("community"), levels.count("county")) == (streets, communities, 1)


def test_every_unit_below_the_province_has_a_parent_that_exists(luochuan: pl.DataFrame) -> None:
    children = luochuan.filter(pl.col("unit_level") != "province")
    assert children.get_column("parent_unit_key").null_count() == 0
    assert set(children.get_column("parent_unit_key")) <= set(luochuan.get_column("unit_key"))


def test_the_class_of_2016_is_carried_to_later_codes_of_the_same_unit(luochuan: pl.DataFrame) -> None:
    classes = dict(units_in_force(luochuan, THIRD).select("unit_code", "class").iter_rows())
    assert (classes["610629001006"], classes["610629001207"]) == ("town", "rural")
    assert classes["610629001007"] is None


def test_shajing_communities_keep_their_units_in_both_new_streets() -> None:
    register = build_register(load_releases("440306"))
    before = units_in_force(register, FIRST).filter(pl.col("parent_code") == "440306005")
    now = keys(register, THIRD)
    unit_codes = {key: code for code, key in now.items()}
    moved = [unit_codes.get(key, "")[:9] for key in before.get_column("unit_key")]
    assert (moved.count("440306022"), moved.count("440306023")) == (22, 7)
    assert len(moved) == 29
    assert now["440306022"] == "440306005@2016-07-31"
    assert now["440306023"] == "440306023@2021-10-31"


# --- identity between releases, on tiny ones


def test_the_same_code_and_name_is_one_version() -> None:
    same = {**STREETS, "610629001001": "南街居委会"}
    assert versions(register_of(same, same), "610629001001") == [
        ("610629001001@2016-07-31", "南街居委会", FIRST, None)
    ]


def test_another_name_under_a_code_is_a_renaming_when_the_old_name_is_gone() -> None:
    register = register_of(
        {**STREETS, "610629001235": "马王村委会"}, {**STREETS, "610629001235": "凤园村委会"}
    )
    assert versions(register, "610629001235") == [
        ("610629001235@2016-07-31", "马王村委会", FIRST, SECOND),
        ("610629001235@2016-07-31", "凤园村委会", SECOND, None),
    ]


def test_two_units_that_swap_their_codes_keep_their_keys() -> None:
    register = register_of(
        {**STREETS, "610629001001": "甲社区", "610629001002": "乙社区"},
        {**STREETS, "610629001001": "乙社区", "610629001002": "甲社区"},
    )
    now = keys(register, SECOND)
    assert now["610629001001"] == "610629001002@2016-07-31"
    assert now["610629001002"] == "610629001001@2016-07-31"


def test_a_community_and_a_village_of_one_name_are_told_apart_by_their_kind() -> None:
    register = register_of(
        {**STREETS, "610629001003": "东关社区居委会", "610629001200": "东关村委会"},
        {**STREETS, "610629001013": "东关社区居委会", "610629001210": "东关村委会"},
    )
    now = keys(register, SECOND)
    assert now["610629001013"] == "610629001003@2016-07-31"
    assert now["610629001210"] == "610629001200@2016-07-31"


def test_a_name_that_stands_twice_in_a_street_is_not_guessed() -> None:
    register = register_of(
        {**STREETS, "610629001001": "新村", "610629001002": "新村"},
        {**STREETS, "610629001003": "新村", "610629001004": "新村"},
    )
    assert set(keys(register, SECOND).values()) >= {"610629001003@2021-10-31", "610629001004@2021-10-31"}
    assert "610629001001" not in keys(register, SECOND)


def test_a_unit_moved_to_another_street_of_the_county_is_found_by_its_name() -> None:
    register = register_of(
        {**STREETS, "610629001205": "西沟村委会"}, {**STREETS, "610629101205": "西沟村民委员会"}
    )
    assert keys(register, SECOND)["610629101205"] == "610629001205@2016-07-31"


def test_a_name_that_another_street_has_too_does_not_move_a_unit() -> None:
    register = register_of(
        {**STREETS, "610629001205": "新华村", "610629101205": "新华村"},
        {**STREETS, "610629101205": "新华村", "610629101206": "新华社区"},
    )
    assert keys(register, SECOND)["610629101206"] == "610629101206@2021-10-31"


def test_a_unit_missing_from_one_release_and_back_in_the_next_is_a_new_unit() -> None:
    whole = {**STREETS, "610629001001": "南街居委会"}
    register = register_of(whole, STREETS, whole)
    assert versions(register, "610629001001") == [
        ("610629001001@2016-07-31", "南街居委会", FIRST, SECOND),
        ("610629001001@2023-06-30", "南街居委会", THIRD, None),
    ]


def test_a_province_that_a_release_does_not_cover_goes_on_as_it_was() -> None:
    other = pl.DataFrame([(FIRST, "71", 1, "台湾省", None)], schema=RELEASE_SCHEMA, orient="row")
    register = build_register(pl.concat([release(FIRST, STREETS), other, release(SECOND, STREETS)]))
    assert versions(register, "71") == [("71@2016-07-31", "台湾省", FIRST, None)]


def test_a_class_that_changes_makes_a_new_version_of_the_same_unit() -> None:
    names = {**STREETS, "610629001001": "南街居委会"}
    register = build_register(
        pl.concat([release(FIRST, names, {"610629001001": "122"}), release(SECOND, names, {"610629001001": "111"})])
    )
    rows = register.filter(pl.col("unit_code") == "610629001001").select("class", "change_kind").rows()
    assert rows == [("town", "first"), ("urban", "reclassified")]


def test_a_code_twice_in_one_release_is_an_error() -> None:
    twice = release(FIRST, STREETS)
    with pytest.raises(ValueError, match="stand twice"):
        build_register(pl.concat([twice, twice]))


NAMES = st.sampled_from(["甲", "乙社区", "乙村委会", "丙居委会", "丙村", "丁社区"])
CODES = st.sampled_from([f"61062900100{n}" for n in range(1, 6)] + [f"61062910100{n}" for n in range(1, 3)])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.dictionaries(CODES, NAMES, max_size=6), min_size=1, max_size=3), st.randoms())
def test_any_releases_give_a_register_that_repeats_them(releases: list[dict[str, str]], random: object) -> None:
    days = (FIRST, SECOND, THIRD)[: len(releases)]
    rows = pl.concat(release(day, {**STREETS, **names}) for day, names in zip(days, releases, strict=True))
    register = build_register(rows)
    assert_nothing_overlaps(register)
    assert register.equals(build_register(rows.sample(fraction=1, shuffle=True, seed=random.randint(0, 99))))  # type: ignore[attr-defined]
    for day, names in zip(days, releases, strict=True):
        in_force = dict(units_in_force(register, day).select("unit_code", "unit_name").iter_rows())
        assert in_force == {**ABOVE, **STREETS, **names}


# --- releases


def test_a_county_that_the_reference_does_not_hold_has_no_releases() -> None:
    releases = load_releases("110101")
    assert releases.is_empty()
    assert build_register(releases).schema == REGISTER_SCHEMA


def test_a_reference_without_divisions_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError) as caught:
        load_releases("610629", tmp_path)
    assert "divisions" in caught.value.en
    assert "data/reference" in caught.value.zh


def test_changes_give_the_release_before_and_the_one_after() -> None:
    base = release(SECOND, {**STREETS, "610629001001": "南关", "610629001002": "东关", "610629001003": "新街"})
    changes = pl.DataFrame(
        [
            ("removed", "610629001001", 5, "南关", None),
            ("renamed", "610629001002", 5, "东关居委会", "东关社区"),
            ("added", "610629001003", 5, None, "新街"),
        ],
        schema=["change", "code", "level", "name_before", "name_after"],
        orient="row",
    )
    before, after = apply_changes(base, changes, date(2022, 10, 31), THIRD)
    names = [
        dict(frame.filter(pl.col("level") == 5).select("code", "name").iter_rows()) for frame in (before, after)
    ]
    assert names == [
        {"610629001001": "南关", "610629001002": "东关居委会"},
        {"610629001002": "东关社区", "610629001003": "新街"},
    ]


def test_a_release_file_takes_its_date_from_its_name_or_from_the_caller(tmp_path: Path) -> None:
    text = "code,level,name\n610000000000,province,陕西省\n610629001001,village,南街\n"
    for name, given_date, expected in (
        ("2019-10-31.csv", None, date(2019, 10, 31)),
        ("nbs2021_all_levels.csv", None, SECOND),
        ("divisions.csv", date(2024, 1, 1), date(2024, 1, 1)),
    ):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        rows = read_release_file(path, given_date).select("release_date", "code", "level").rows()
        assert rows == [(expected, "61", 1), (expected, "610629001001", 5)]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("2021-10-31.csv", "code,name\n61,陕西省\n", "level"),
        ("2021-10-31.csv", "code,level,name\n61,1,陕西省\n61,1,陕西省\n", "twice"),
        ("2021-10-31.csv", "code,level,name\n61x,1,陕西省\n610629,3,\n6x,2,延安\n", "3 rows|2 rows"),
        ("2021-10-31.csv", "code,level,name\n61,planet,陕西省\n", "invalid"),
        ("register.csv", "code,level,name\n61,1,陕西省\n", "as-of date"),
    ],
)
def test_a_release_file_that_is_not_valid_is_refused_with_its_fault(
    tmp_path: Path, name: str, text: str, expected: str
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(WarehouseError, match=expected):
        read_release_file(path)


# --- the county's own register over the reference

KNOWN = {**STREETS, "610629001001": "南关社区居委会", "610629001002": "解放路社区居委会"}


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
