"""The whole national register, 2016 to 2021, and the reference data taken from the public files."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipelines.reference_import import import_reference, known_counties
from pipelines.settings import REFERENCE, REPO
from pipelines.units import build_register, load_releases, read_release_file, units_in_force

SOURCE = REPO.parent / "shared" / "reference"
FIRST, SECOND = date(2016, 7, 31), date(2021, 10, 31)

pytestmark = pytest.mark.skipif(
    not SOURCE.is_dir(), reason="the public source files are not beside the repository (../shared/reference)"
)


@pytest.fixture(scope="module")
def releases() -> pl.DataFrame:
    return pl.concat(
        [
            read_release_file(SOURCE / "nbs_divisions_2016_urbanrural" / "nbs2016_urbanrural_full.csv.gz"),
            read_release_file(SOURCE / "nbs_divisions_2021" / "nbs2021_all_levels.csv.gz"),
        ]
    )


@pytest.fixture(scope="module")
def register(releases: pl.DataFrame) -> pl.DataFrame:
    return build_register(releases)


def test_both_national_releases_are_read_whole(releases: pl.DataFrame) -> None:
    counts = releases.group_by("release_date", "level").len().sort("release_date", "level")
    assert counts.get_column("len").to_list() == [34, 344, 3133, 42868, 666655, 31, 342, 3270, 41355, 618133]


def test_the_register_repeats_both_releases(releases: pl.DataFrame, register: pl.DataFrame) -> None:
    not_in_2021 = {"71", "81", "82"}  # provinces that the release leaves out: they go on as they were
    for day in (FIRST, SECOND):
        in_force = units_in_force(register, day).select(pl.col("unit_code").alias("code"), pl.col("unit_name"))
        stated = releases.filter(pl.col("release_date") == day).select("code", pl.col("name").alias("unit_name"))
        unstated = in_force.join(stated, on=["code", "unit_name"], how="anti")
        assert set(unstated.get_column("code").str.slice(0, 2)) <= not_in_2021
        assert stated.join(in_force, on=["code", "unit_name"], how="anti").is_empty()


def test_no_code_and_no_unit_is_in_force_twice_at_once(register: pl.DataFrame) -> None:
    for day in (FIRST, SECOND):  # every version begins on one of them
        in_force = units_in_force(register, day)
        assert in_force.get_column("unit_code").n_unique() == in_force.height
        assert in_force.get_column("unit_key").n_unique() == in_force.height
    assert set(register.get_column("valid_from")) == {FIRST, SECOND}


def test_every_unit_below_a_province_has_its_parent_in_force_beside_it(register: pl.DataFrame) -> None:
    for day in (FIRST, SECOND):
        in_force = units_in_force(register, day)
        below = in_force.filter(pl.col("unit_level") != "province").select("parent_unit_key", "parent_code").unique()
        parents = in_force.select(pl.col("unit_key").alias("parent_unit_key"), pl.col("unit_code").alias("parent_code"))
        assert below.join(parents, on=["parent_unit_key", "parent_code"], how="anti").is_empty()


def test_most_units_of_2021_are_recognised(register: pl.DataFrame) -> None:
    now = units_in_force(register, SECOND).filter(pl.col("unit_level") == "community")
    is_known = pl.col("unit_key").str.ends_with("@2016-07-31")
    assert now.filter(is_known).height == 571_431
    assert now.filter(~is_known).height == 46_702


def test_the_reference_data_is_rebuilt_byte_for_byte(tmp_path: Path) -> None:
    written = import_reference(SOURCE, tmp_path, known_counties(REFERENCE))
    assert len(written) == 4
    for path in written:
        kept = REFERENCE / path.relative_to(tmp_path)
        assert path.read_bytes() == kept.read_bytes(), kept


def test_the_streets_rebuilt_for_2023_are_those_published_for_2023() -> None:
    path = SOURCE / "nbs_divisions_2023_to_street" / "streets.csv"
    published = pl.read_csv(path, infer_schema=False).select("code", "name", county="areaCode")
    differences = set()
    for county in known_counties(REFERENCE):
        units = units_in_force(build_register(load_releases(county)), date(2023, 6, 30))
        ours = units.filter(pl.col("unit_level") == "street").select(code="unit_code", name="unit_name")
        theirs = published.filter(pl.col("county") == county).select("code", "name")
        differences |= set(ours.rows()) ^ set(theirs.rows())
    # It came between the releases of 2021 and 2022, whose changes are not known.
    assert differences == {("320282402", "阳羡旅游度假区")}
