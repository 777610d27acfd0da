"""Division registers as released by the statistics bureau: reading them, one row per release and code.

Belongs here: the file layouts, level from code, the changes between two releases.
Does not belong here: deciding which code of one release is which unit of another (see `register`).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from pipelines.errors import WarehouseError, Words
from pipelines.settings import REFERENCE

# Digits of a code at each level: province, city, county, street or town, community or village.
DIGITS = {1: 2, 2: 4, 3: 6, 4: 9, 5: 12}
RELEASE_SCHEMA = pl.Schema(
    {
        "release_date": pl.Date(),
        "code": pl.String(),
        "level": pl.Int8(),
        "name": pl.String(),
        "ur_code": pl.String(),
    }
)
# The day as of which each yearly register says it holds; the files in circulation do not carry it.
AS_OF = {2016: date(2016, 7, 31), 2021: date(2021, 10, 31), 2022: date(2022, 10, 31), 2023: date(2023, 6, 30)}
_LEVEL_NAMES = {
    "province": 1, "city": 2, "county": 3, "town": 4, "street": 4, "village": 5, "community": 5,
    "1": 1, "2": 2, "3": 3, "4": 4, "5": 5,
}  # fmt: skip


def load_releases(county_code: str, folder: Path = REFERENCE) -> pl.DataFrame:
    """The releases of one county kept in `folder`, one row per release × code.

    Columns: release_date, code, level (1 province … 5 community), name, ur_code (null where not stated).
    Rows: the county, what lies under it, its city and its province. Empty for a county that the folder does
    not hold, which is legal. `divisions/<date>.csv` are whole releases; `changes/<date>_<date>.csv` list what
    changed between two more, which are rebuilt from the last whole release before them.
    WarehouseError where the folder has no releases at all.
    """
    paths = sorted((folder / "divisions").glob("*.csv"))
    if not paths:
        raise WarehouseError(
            Words("没有区划参考数据", "There is no reference data of divisions"),
            where=f"{folder.name}/divisions",
            expected=Words("至少一个 <日期>.csv", "at least one <date>.csv"),
            found=Words("没有文件", "no file"),
            advice=Words("恢复随软件发布的 data/reference", "restore data/reference as shipped"),
        )
    releases = [county_rows(read_release_file(path), county_code) for path in paths]
    for path in sorted((folder / "changes").glob("*.csv")):
        before_date, after_date = (date.fromisoformat(part) for part in path.stem.split("_"))
        earlier = [
            release for release in releases if not release.is_empty() and _date_of(release) < before_date
        ]
        changes = county_rows(pl.read_csv(path, infer_schema=False), county_code)
        if earlier:
            releases += apply_changes(max(earlier, key=_date_of), changes, before_date, after_date)
    return pl.concat(releases).sort("release_date", "code")


def read_release_file(path: Path, release_date: date | None = None) -> pl.DataFrame:
    """One whole release, one row per code; columns as `load_releases`.

    `path` is a CSV (or .csv.gz) with code, level and name, codes of 12 digits or shortened to their level,
    level as 1–5 or province/city/county/town/village, `ur_code` optional. The as-of date is `release_date`,
    else the file name (`2016-07-31.csv`, or a name with a year whose register is known: 2016, 2021–2023).
    WarehouseError for missing columns, unknown levels, malformed or repeated codes, or an unknown date.
    """
    frame = pl.read_csv(path, infer_schema=False)
    missing = {"code", "level", "name"} - set(frame.columns)
    if missing:
        raise _invalid(path, f"缺少列 {sorted(missing)}", f"columns {sorted(missing)} are missing")
    as_of = release_date or _date_in_name(path)
    level_of = pl.col("level").replace_strict(_LEVEL_NAMES, default=None, return_dtype=pl.Int8)
    ur_code = pl.col("ur_code") if "ur_code" in frame.columns else pl.lit(None, pl.String)
    release = frame.filter(pl.col("level") != "country").select(
        pl.lit(as_of).alias("release_date"),
        pl.col("code").str.slice(0, level_of.replace_strict(DIGITS, default=12)),
        level_of.alias("level"),
        pl.col("name"),
        ur_code.alias("ur_code"),
    )
    _check(path, release)
    return release.cast(RELEASE_SCHEMA)


def apply_changes(
    base: pl.DataFrame, changes: pl.DataFrame, before_date: date, after_date: date
) -> list[pl.DataFrame]:
    """The two releases between which `changes` lie, rebuilt from the earlier release `base`.

    `changes`: change (added, removed, renamed), code, level, name_before, name_after. Where base and the list
    disagree, the list is right: a code removed or renamed existed before, a code added did not. What changed
    between `base` and `before_date` without standing in the list stays unknown.
    """
    removed, added, renamed = (pl.col("change") == word for word in ("removed", "added", "renamed"))
    before = _overlay(base, changes.filter(removed | renamed), "name_before", changes, before_date)
    after = _overlay(before, changes.filter(added | renamed), "name_after", changes, after_date)
    return [before, after]


def _overlay(
    base: pl.DataFrame, rows: pl.DataFrame, name: str, changes: pl.DataFrame, as_of: date
) -> pl.DataFrame:
    """`base` with every code of `changes` taken out and `rows` put in, as of another date."""
    stated = rows.select(
        pl.lit(as_of).alias("release_date"), "code", pl.col("level").cast(pl.Int8), pl.col(name).alias("name")
    ).join(base.select("code", "ur_code"), on="code", how="left")
    kept = base.join(changes, on="code", how="anti").with_columns(pl.lit(as_of).alias("release_date"))
    return pl.concat([kept, stated.select(kept.columns)])


def county_rows(rows: pl.DataFrame, county_code: str) -> pl.DataFrame:
    """The rows of one county: itself, what lies under it, its city and its province; none if it is not there."""
    above = [county_code[: DIGITS[1]], county_code[: DIGITS[2]]]
    inside = pl.col("code").str.starts_with(county_code)
    if rows.filter(inside).is_empty():
        return rows.clear()
    return rows.filter(inside | pl.col("code").is_in(above))


def _date_of(release: pl.DataFrame) -> date:
    return release.get_column("release_date").to_list()[0]  # type: ignore[no-any-return]


def _date_in_name(path: Path) -> date:
    stem = path.name.split(".")[0]
    try:
        return date.fromisoformat(stem)
    except ValueError:
        years = [as_of for year, as_of in AS_OF.items() if str(year) in stem]
    if len(years) != 1:
        raise _invalid(
            path, "无法得知数据截止日期", "its as-of date is unknown; name the file <YYYY-MM-DD>.csv"
        )
    return years[0]


def _check(path: Path, release: pl.DataFrame) -> None:
    digits = pl.col("level").replace_strict(DIGITS, default=None, return_dtype=pl.UInt32)
    bad = release.filter(
        ~(pl.col("code").str.contains("^[0-9]+$") & (pl.col("code").str.len_chars() == digits)).fill_null(
            False
        )
        | pl.col("name").is_null()
    )
    if not bad.is_empty():
        codes = bad.get_column("code").head(3).to_list()
        raise _invalid(
            path,
            f"{bad.height} 行代码、级别或名称无效，如 {codes}",
            f"{bad.height} rows with an invalid code, level or name, such as {codes}",
        )
    repeated = release.filter(pl.col("code").is_duplicated())
    if not repeated.is_empty():
        codes = repeated.get_column("code").head(3).to_list()
        raise _invalid(path, f"代码重复，如 {codes}", f"codes that stand twice, such as {codes}")


def _invalid(path: Path, zh: str, en: str) -> WarehouseError:
    return WarehouseError(
        Words("区划文件无效", "The register of divisions is not valid"),
        where=path.name,
        expected=Words(
            "含 code、level、name 列的 CSV，代码唯一", "a CSV with code, level and name, each code once"
        ),
        found=Words(zh, en),
        advice=Words("更正文件后重试", "correct the file and try again"),
    )
