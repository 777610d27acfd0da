"""What people wrote into deliveries where it does not belong is found nowhere but in landing, whatever became of the row.

The lake keeps the cells of columns without personal data by their contract as they were delivered, so that a steward can see
what was wrong with them; they leave it for nothing else that is written. What pages send is searched in `test_leaks_pages.py`.
"""

from __future__ import annotations

import gzip
import io
import zipfile

import duckdb
import polars as pl
import pytest

from expectations.contract import load_contract
from tests.support.planted import DATASETS, Leaky, files_beside_landing, is_kept, person, places_found, told
from tests.support.texts import everything_in, text_of


def test_the_planted_were_read(leaky: Leaky) -> None:
    """The files with them are those that count now, and the others were refused: else the search would prove nothing."""
    with duckdb.connect(str(leaky.home.pointer.resolve()), read_only=True) as connection:
        rows = connection.execute(
            "select dataset, sum(rows_quarantined) from fct_delivery where period = '2026-01-01' and versions > 1"
            " group by dataset order by dataset"
        ).fetchall()
    assert {dataset for dataset, quarantined in rows if quarantined >= 4} >= set(DATASETS)
    assert leaky.said.count("无表头.csv") == len(DATASETS)


def test_nobody_is_found_outside_landing(leaky: Leaky) -> None:
    home, looked_at, found = leaky.home, 0, []
    for path in files_beside_landing(home):
        looked_at += 1
        for place in places_found(everything_in(path), leaky.planted):
            if not (path.is_relative_to(home.lake / place[0]) and is_kept(place)):
                found.append((path.relative_to(home.root), *place))
    assert found == []
    assert looked_at > 200
    assert len(list((home.root / "sheets").glob("*.xlsx"))) > 2
    assert len(list(home.data_docs.glob("*/*.html"))) > len(DATASETS)  # of the run over them too


def test_the_command_line_names_nobody(leaky: Leaky) -> None:
    assert places_found(leaky.said, leaky.planted) == set()


def test_the_search_finds_what_is_there(leaky: Leaky) -> None:
    """Free text in the lake, and everybody in landing."""
    in_lake = "\n".join(everything_in(path) for path in (leaky.home.lake / "grid_events").rglob("*.parquet"))
    assert ("grid_events", "department") in places_found(in_lake, leaky.planted)
    in_landing = "\n".join(everything_in(path) for path in leaky.home.landing.glob("*/*/*/*.csv"))
    assert places_found(in_landing, leaky.planted) == {place for place, parts in leaky.planted.items() if parts}


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("wrapped", ["plain", "gzip", "zip", "zip in gzip", "json", "address", "one byte off"])
def test_the_search_finds_somebody_however_it_is_written(encoding: str, wrapped: str) -> None:
    planted = {("grid_events", "department"): person(7)[:1]}
    (name,) = planted["grid_events", "department"]
    data = f"承办：{name}\n".encode(encoding)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr("sheet.xml", data)
    told_as = {
        "plain": data, "gzip": gzip.compress(data), "zip": archive.getvalue(), "zip in gzip": gzip.compress(archive.getvalue()),
        "json": "".join(f"\\u{ord(sign):04x}" for sign in name).encode(encoding),
        "address": "".join(f"%{byte:02X}" for byte in name.encode()).encode(encoding), "one byte off": b"\x00" + data,
    }  # fmt: skip
    assert places_found(text_of(told_as[wrapped]), planted) == {("grid_events", "department")}


def test_the_search_finds_cells_of_parquet() -> None:
    planted = {("grid_events", "department"): person(7)}
    for column in ([told(person(7))], [["别人", person(7)[2]]]):
        file = io.BytesIO()
        pl.DataFrame({"some": column}).write_parquet(file, compression="zstd")
        assert places_found(text_of(file.getvalue()), planted)
    assert not places_found(text_of(b"nobody"), planted)


def test_columns_that_identify_are_not_kept() -> None:
    for dataset in DATASETS:
        for column in load_contract(dataset).columns:
            assert is_kept((dataset, column.name)) == (column.privacy == "none")
