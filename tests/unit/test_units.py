"""Units through time: the register of divisions, and identity between its releases."""

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
    load_releases,
    read_release_file,
    units_in_force,
)
from pipelines.units.register import REGISTER_SCHEMA
from pipelines.units.releases import RELEASE_SCHEMA, apply_changes
from tests.support.registers import (
    ABOVE,
    CODES,
    FIRST,
    NAMES,
    SECOND,
    STREETS,
    THIRD,
    assert_nothing_overlaps,
    keys,
    register_of,
    release,
    versions,
)

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
