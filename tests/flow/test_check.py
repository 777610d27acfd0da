"""`warehouse check`: a file is told everything that its delivery would be, and nothing of it stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import Result
from typer.testing import CliRunner

from expectations.contract import load_contract, load_contracts
from pipelines.check import check_file, place_of
from pipelines.cli import app
from pipelines.county import load_county
from pipelines.keys import load_or_create_key
from pipelines.settings import Home
from pipelines.store import Store

CopyOf = Callable[[Home], Home]
ROOM = {"警务室编号": "J1", "社区代码": "610629001002", "启用日期": "2020-01-01", "民警人数": "1", "辅警人数": "2"}


def planted(home: Home) -> dict[Path, set[tuple[int, str]]]:
    """The lines that were spoilt with the rules that they break, by file that is current in its slot."""
    rows = pl.read_parquet(home.truth / "planted_rows.parquet").explode("rule_ids")
    found: dict[Path, set[tuple[int, str]]] = {}
    for row in rows.iter_rows(named=True):
        folder = home.landing / row["supplier_id"] / row["dataset"] / row["period"]
        if len(list(folder.iterdir())) == 1:
            found.setdefault(folder / row["file_name"], set()).add((row["row_number"], row["rule_ids"]))
    return found


@pytest.fixture(scope="module")
def spoilt(published: Home) -> dict[Path, set[tuple[int, str]]]:
    """Of each dataset the file with the most kinds of errors."""
    most: dict[str, tuple[Path, set[tuple[int, str]]]] = {}
    for path, rows in sorted(planted(published).items()):
        dataset, kinds = path.parts[-3], len({rule for _, rule in rows})
        if dataset not in most or kinds > len({rule for _, rule in most[dataset][1]}):
            most[dataset] = path, rows
    return dict(most.values())


def test_every_planted_row_is_found_with_every_rule_that_it_breaks_also_across_files(
    published: Home, spoilt: dict[Path, set[tuple[int, str]]]
) -> None:
    assert {path.parts[-3] for path in spoilt} == set(load_contracts())
    county, key, store = load_county(published.county_file), load_or_create_key(published.keys), Store.of(published)
    across = 0
    for path, rows in spoilt.items():
        slot = place_of(path)
        assert slot is not None
        checked = check_file(published, county, store, path, slot, key)
        assert {(finding.row_number, finding.rule_id) for finding in checked.findings} == rows, path.name
        assert checked.refusal is None and checked.account is not None and checked.account.is_balanced
        across += sum(rule in ("community_code.exists", "outside_supplier_area", "household_exists") for _, rule in rows)
    store.close()
    assert across > 0


def invoke(home: Home, monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> Result:
    monkeypatch.setenv("WAREHOUSE_HOME", str(home.root))
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


def told(result: Result) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(result.stdout)
    return content


def rooms(path: Path, *rows: dict[str, str], extra: str = "") -> Path:
    headers = [column.title_zh for column in load_contract("police_rooms").columns]
    assert set(ROOM) <= set(headers)
    lines = [[*headers, extra], *([*(row.get(header, "") for header in headers), ""] for row in rows)]
    cut = None if extra else -1
    path.write_text("".join(",".join(line[:cut]) + "\n" for line in lines), encoding="utf-8")
    return path


def files_of(home: Home) -> dict[Path, bytes]:
    """Everything in a data root but its store, which opening it touches."""
    return {path: path.read_bytes() for path in home.root.rglob("*") if path.is_file() and path.parent != home.store.parent}


def test_a_sound_file_is_said_to_be_sound_and_nothing_of_it_stays(
    published: Home, copy_of: CopyOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_of(published)
    before = files_of(home)
    path = rooms(tmp_path / "rooms.csv", ROOM)
    result = invoke(home, monkeypatch, path, "--dataset", "police_rooms", "--period", "2026-02")
    assert result.exit_code == 0, result.output
    assert "没有发现问题" in result.output and "示例数据" in result.output
    assert files_of(home) == before


def test_a_column_is_named_as_the_file_names_it_too(published: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = rooms(tmp_path / "rooms.csv", ROOM | {"民警人数": "many"})
    alias = load_contract("police_rooms").column("officers").aliases[0]
    path.write_text(path.read_text("utf-8").replace("民警人数", f" {alias} "), "utf-8")
    result = invoke(published, monkeypatch, path, "--dataset", "police_rooms", "--period", "2026-02", "--json")
    assert [finding["columns"] for finding in told(result)["findings"]] == [f"民警人数（表头“{alias}”）"]


def test_too_many_bad_rows_refuse_the_file_here_as_in_a_run(
    published: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = [ROOM | {"警务室编号": f"J{number}", "民警人数": "many"} for number in range(21)]
    path = rooms(tmp_path / "rooms.csv", *bad)
    result = invoke(published, monkeypatch, path, "--dataset", "police_rooms", "--period", "2026-02", "--json")
    assert result.exit_code == 1
    found = told(result)
    assert found["refusal"]["code"] == "too_many_bad_rows" and found["rows_failed"] == len(found["findings"]) == 21
    assert "整份退回" in invoke(published, monkeypatch, path, "--dataset", "police_rooms", "--period", "2026-02").output


def test_what_would_be_left_out_is_told(published: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = rooms(tmp_path / "rooms.csv", ROOM, extra="面貌")
    result = invoke(published, monkeypatch, path, "--dataset", "police_rooms", "--period", "2026-02", "--json")
    assert result.exit_code == 0 and "面貌" in told(result)["remarks"][0]["zh"]


def test_a_file_that_cannot_be_read_says_why_to_machines_as_well(
    published: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rooms.csv"
    path.write_bytes(rooms(tmp_path / "sound.csv", ROOM).read_text(encoding="utf-8").encode("utf-16"))
    result = invoke(published, monkeypatch, path, "--dataset", "police_rooms", "--period", "2026-02", "--json")
    assert result.exit_code == 1
    assert told(result)["refusal"]["code"] == "encoding_utf16" and told(result)["rows"] is None


def test_who_delivers_has_to_be_named_where_several_do(
    published: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "grids.csv"
    path.write_text("网格编码,社区代码,网格类型,户数\n", encoding="utf-8")
    result = invoke(published, monkeypatch, path, "--dataset", "grid_grids", "--period", "2026-02")
    assert result.exit_code == 2 and "grid_610629001" in result.output


def test_a_file_that_is_not_there_or_of_no_dataset_is_asked_about(
    published: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rooms.csv"
    missing = invoke(published, monkeypatch, path)
    assert missing.exit_code == 2 and "does not exist" in missing.output
    path.write_text("警务室编号\n", encoding="utf-8")
    unplaced = invoke(published, monkeypatch, path)
    assert unplaced.exit_code == 2 and "--dataset" in unplaced.output


def test_a_county_without_deliveries_can_check_its_first_file(
    delivered: Home, copy_of: CopyOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_of(delivered)
    (path,) = (home.landing / "county_police" / "police_rooms" / "2026-02").iterdir()
    result = invoke(home, monkeypatch, path, "--json")
    assert told(result)["period"] == "2026-02" and told(result)["refusal"] is None
