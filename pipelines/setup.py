"""Setting up a county: its `county.yml`, landing folders and, if the product does not ship it, its register."""

from __future__ import annotations

import shutil
from datetime import date, datetime
from pathlib import Path

import polars as pl

from pipelines.county import County, Expected, Parameters, Supplier, load_county, save_county
from pipelines.errors import WarehouseError, Words
from pipelines.landing import make_folders
from pipelines.settings import SHANGHAI, Home
from pipelines.units import build_register, load_releases, read_release_file

# Which agency delivers what; grid management is delivered street by street.
COUNTY_AGENCIES = {
    "household": ("公安局户政", ("household_households", "household_persons")),
    "police": ("公安局治安", ("police_residence_registrations", "police_case_returns", "police_rooms")),
    "civil": (
        "民政局",
        (
            "civil_communities", "civil_facilities", "civil_equipment", "civil_residential_areas", "civil_staff",
            "civil_organizations", "civil_programmes", "civil_assessments", "civil_activities", "civil_surveys",
            "civil_funding", "civil_village_works",
        ),
    ),
}  # fmt: skip
STREET_DATASETS = ("grid_grids", "grid_residents", "grid_disputes", "grid_events", "grid_patrols", "grid_duty")
PACKS = ("A", "B", "C", "D1", "D2", "D3", "D4", "D5", "D6", "D7", "E")
DUE_DAY = 5


def set_up(home: Home, county_code: str, *, register: Path | None = None, first_period: str | None = None) -> County:
    """Writes `county.yml` and the landing folders. WarehouseError where there is a county already."""
    if home.county_file.exists():
        known = load_county(home.county_file)
        raise WarehouseError(
            Words("数据根目录已有县级配置", "The data root has a county already"),
            where=home.county_file.name,
            expected=Words("没有 county.yml 的数据根目录", "a data root without county.yml"),
            found=Words(f"{known.county_code} {known.name_zh}", f"{known.county_code} {known.name_zh}"),
            advice=Words("换一个 WAREHOUSE_HOME，或直接修改 county.yml", "use another WAREHOUSE_HOME, or edit county.yml"),
        )
    if register is not None:
        bring_register(home, county_code, register)
    units = build_register(load_releases(county_code, home.reference))
    today = datetime.now(SHANGHAI).date()
    county = new_county(county_code, units, first_period=first_period or f"{today:%Y-%m}")
    save_county(county, home.county_file)
    make_folders(home, county)
    return county


def new_county(
    county_code: str, units: pl.DataFrame, *, first_period: str, last_period: str | None = None,
    sample: bool = False, parameters: Parameters | None = None,
) -> County:  # fmt: skip
    """A county as most are: three county-level suppliers, and grid management street by street.

    `units` is the dated register; a county that it does not hold gets one supplier of grid data for the whole
    county, to be split up in `county.yml` by hand.
    """
    in_force = units.filter(pl.col("valid_to").is_null())
    own = in_force.filter(pl.col("unit_code") == county_code)
    name = own["unit_name"].item() if own.height else county_code
    streets = in_force.filter(
        (pl.col("unit_level") == "street") & (pl.col("parent_code") == county_code)
    ).sort("unit_code").select("unit_code", "unit_name").rows()  # fmt: skip
    agencies = [
        Supplier(id=f"county_{agency}", name_zh=f"{name}{title}", covers=(county_code,))
        for agency, (title, _) in COUNTY_AGENCIES.items()
    ]
    grid = [
        Supplier(id=f"grid_{code}", name_zh=f"{unit_name}网格中心", covers=(code,))
        for code, unit_name in streets or [(county_code, name)]
    ]
    expected = [
        Expected(dataset=dataset, suppliers=(f"county_{agency}",), due_day=DUE_DAY)
        for agency, (_, datasets) in COUNTY_AGENCIES.items()
        for dataset in datasets
    ]
    expected += [
        Expected(dataset=dataset, suppliers=tuple(supplier.id for supplier in grid), due_day=DUE_DAY)
        for dataset in STREET_DATASETS
    ]
    return County(
        county_code=county_code, name_zh=name, sample=sample, first_period=first_period,
        last_period=last_period, packs=PACKS, suppliers=(*agencies, *grid), expected=tuple(expected),
        parameters=parameters or Parameters(),
    )  # fmt: skip


def bring_register(home: Home, county_code: str, register: Path) -> None:
    """Keeps the county's part of a national register in the data root. WarehouseError where it has none."""
    release = read_release_file(register)
    codes = [county_code, county_code[:4], county_code[:2]]
    own = release.filter(pl.col("code").is_in(codes) | pl.col("code").str.starts_with(county_code))
    if own.filter(pl.col("code") == county_code).is_empty():
        raise WarehouseError(
            Words("区划文件中没有这个县", "The register does not have this county"),
            where=register.name,
            expected=Words(f"含代码 {county_code}", f"code {county_code}"),
            found=Words(f"{release.height} 个单位，没有该代码", f"{release.height} units without it"),
            advice=Words("检查 --county 与 --register", "check --county and --register"),
        )
    folder = home.register / "divisions"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    day: date = own["release_date"].item(0)
    own.write_csv(folder / f"{day.isoformat()}.csv")
