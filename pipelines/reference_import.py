"""Rebuilds `data/reference` from the public files it is taken from: `python -m pipelines.reference_import SOURCE`.

Belongs here: which rows and columns of which source file the product keeps, and under which names.
Does not belong here: reading the result (see `pipelines.units.releases`). Same sources, same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from pipelines.settings import REFERENCE
from pipelines.units.releases import DIGITS, county_rows, read_release_file

_RELEASES = (
    "nbs_divisions_2016_urbanrural/nbs2016_urbanrural_full.csv.gz",
    "nbs_divisions_2021/nbs2021_all_levels.csv.gz",
)
_CHANGES = "nbs_village_changes_2022_2023/changes_2022_2023.csv"
_CHANGES_NAME = "2022-10-31_2023-06-30.csv"
_CHANGE_LEVELS = {"province": 1, "city": 2, "county": 3, "town": 4, "village": 5}
_CENSUS_FILES = ("population", "households", "ages")
# Source column → ours; what is not named here is not taken, ethnic, health and reproductive figures least of all.
_CENSUS_COLUMNS = {
    "CODE": "county_code",
    "NAME": "name",
    "POPU": "population",
    "POPU_WM": "males_per_100_females",
    "POPU_URB": "urban_share",
    "POPU_REG_C": "registered_elsewhere_in_county_share",
    "POPU_REG_P": "registered_elsewhere_in_province_share",
    "POPU_REG_O": "registered_outside_province_share",
    "HHLD_R": "in_family_households_share",
    "HHLD_S": "household_size",
    "HHLD_1P": "one_person_households_share",
    "HHLD_1G": "one_generation_households_share",
    "HHLD_2G": "two_generation_households_share",
    "HHLD_3G": "three_generation_households_share",
    "HHLD_4GP": "four_generation_households_share",
    "HHLD_65": "households_with_aged_65_share",
    "AGES_0": "age_0_share",
    "AGES_1-4": "age_1_4_share",
    **{f"AGES_{low}-{low + 4}": f"age_{low}_{low + 4}_share" for low in range(5, 85, 5)},
    "AGES_85P": "age_85_and_over_share",
}


def import_reference(source: Path, folder: Path, county_codes: list[str]) -> list[Path]:
    """Writes the releases, the changes and the census of these counties under `folder`; the paths written."""
    written = []
    for name in _RELEASES:
        release = read_release_file(source / name)
        kept = pl.concat([county_rows(release, code) for code in county_codes]).unique().sort("code")
        as_of = kept.get_column("release_date").to_list()[0]
        columns = [
            c for c in ("code", "level", "name", "ur_code") if kept.get_column(c).null_count() < kept.height
        ]
        written.append(_write(kept.select(columns), folder / "divisions" / f"{as_of}.csv"))
    changes = pl.concat([county_rows(_changes(source / _CHANGES), code) for code in county_codes])
    written.append(_write(changes.sort("code"), folder / "changes" / _CHANGES_NAME))
    census = _census(source / "census2020_county").filter(pl.col("county_code").is_in(county_codes))
    written.append(_write(census.sort("county_code"), folder / "census_2020.csv"))
    return written


def known_counties(folder: Path) -> list[str]:
    """The codes of the counties that `folder` holds already."""
    codes = [pl.read_csv(path, infer_schema=False) for path in sorted((folder / "divisions").glob("*.csv"))]
    return sorted(
        {code for frame in codes for code in frame.filter(pl.col("level") == "3").get_column("code")}
    )


def _changes(path: Path) -> pl.DataFrame:
    level = pl.col("level").replace_strict(_CHANGE_LEVELS, return_dtype=pl.Int8)
    return pl.read_csv(path, infer_schema=False).select(
        "change",
        pl.col("code12").str.slice(0, level.replace_strict(DIGITS)).alias("code"),
        level.alias("level"),
        pl.col("name_2022").alias("name_before"),
        pl.col("name_2023").alias("name_after"),
    )


def _census(folder: Path) -> pl.DataFrame:
    """One row per county: counts as whole numbers, shares between 0 and 1 as printed in the source."""
    tables = [pl.read_csv(folder / f"{name}.csv", infer_schema=False) for name in _CENSUS_FILES]
    joined = tables[0]
    for table in tables[1:]:
        joined = joined.join(table.drop("NAME"), on="CODE", how="left")
    return joined.select(pl.col(theirs).alias(ours) for theirs, ours in _CENSUS_COLUMNS.items())


def _write(frame: pl.DataFrame, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_csv(path)
    return path


def main(
    source: Annotated[
        Path, typer.Argument(help="folder with the source files, as named in data/reference/README.md")
    ],
    county_codes: Annotated[
        list[str] | None, typer.Argument(help="county codes; default: those kept now")
    ] = None,
) -> None:
    """Rebuild data/reference from its public sources."""
    for path in import_reference(source, REFERENCE, county_codes or known_counties(REFERENCE)):
        typer.echo(f"{path.relative_to(REFERENCE)}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    typer.run(main)
