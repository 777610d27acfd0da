"""The worked notebook runs from top to bottom over an edition, and what it shows is what the edition holds."""

from __future__ import annotations

import csv
import importlib.util
import io
import shutil
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from pipelines.editions import current_edition
from pipelines.settings import REPO, Home

pytest.importorskip("marimo", reason="marimo is not installed: make install-dev")

KPI = "temporary_resident_registration_rate"
COUNTY = "610629@2016-07-31"


@pytest.fixture
def home(published: Home, copy_of: Callable[[Home], Home]) -> Home:
    """The county with an older edition beside the current one, in which the county had one registration less in March."""
    home = copy_of(published)
    edition = current_edition(home)
    older = edition.folder.with_name("20260101T000000-00000000")
    shutil.copytree(edition.folder, older)
    (file,) = (older / "fct_kpi").glob("2026-03*.parquet")
    is_county = (pl.col("unit_key") == COUNTY) & (pl.col("kpi_id") == KPI) & (pl.col("period_type") == "month")
    frame = pl.read_parquet(file)
    changed = frame.with_columns(
        pl.when(is_county).then(pl.col("numerator") - 1).otherwise(pl.col("numerator")).cast(frame.schema["numerator"]).alias("numerator")
    )
    file.unlink()  # it may be one file with that of the current edition
    changed.write_parquet(file)
    return home


def run(home: Home, out: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    """What the notebook's cells define."""
    monkeypatch.setenv("WAREHOUSE_HOME", str(home.root))
    monkeypatch.setenv("EXPORT_FOLDER", str(out))
    spec = importlib.util.spec_from_file_location("notebook", REPO / "docs" / "notebook.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    _, definitions = module.app.run()
    return definitions


def test_it_answers_what_the_edition_holds(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = run(home, tmp_path, monkeypatch)
    with duckdb.connect(str(home.pointer.resolve()), read_only=True) as connection:
        figures = connection.execute(
            "select count(*), count(*) filter (status = 'missed' and certainty = 'confirmed'), sum(numerator) from fct_kpi"
            f" where kpi_id = '{KPI}' and period_type = 'month' and period = '2026-03-01' and unit_level = 'community'"
            " and unit_basis = 'as_was'"
        ).fetchone()
    assert figures is not None
    communities, missed, numerators = figures
    assert (told["by_community"].height, told["shortfalls"].height) == (communities, missed)
    assert told["by_community"]["numerator"].sum() == numerators
    assert told["shortfalls"]["shortfall"].is_sorted(descending=True) and missed > 0
    assert [f"{month:%Y-%m}" for month in told["trend"]["period"]] == ["2026-01", "2026-02", "2026-03"]
    told["con"].close()


def test_it_finds_what_changed_between_editions(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = run(home, tmp_path, monkeypatch)
    assert (told["older"], told["newer"]) == ("20260101T000000-00000000", current_edition(home).id)
    (change,) = told["changes"].to_dicts()
    assert (change["unit_key"], change["numerator"] - change["numerator_before"]) == (COUNTY, Decimal(1))
    told["con"].close()


def test_what_it_exports_opens_in_excel_and_says_that_it_is_sample_data(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = run(home, tmp_path, monkeypatch)
    assert told["written"].name == f"{KPI}_2026-03_{current_edition(home).id}_示例数据.csv"
    content = told["written"].read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert len(rows) == told["by_community"].height
    told["con"].close()
