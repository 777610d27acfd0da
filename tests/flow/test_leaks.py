"""What people wrote into deliveries where it does not belong is found nowhere but in landing, whatever became of the row.

Composed names and telephone numbers stand in a cell of every column, in a column nobody asked for, in a note below the
table and in a file that is refused. The lake keeps the cells of columns without personal data by their contract as they
were delivered, so that a steward can see what was wrong with them; they leave it for nothing else that is written.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import duckdb
import polars as pl
import pytest

from expectations.contract import Contract, load_contract
from pipelines.errors import Refusal
from pipelines.reading.deliveries import read_file
from pipelines.settings import REPO, Home
from tests.flow.conftest import AS_OF
from tests.support.texts import everything_in

DATASETS = ("grid_disputes", "grid_events", "grid_residents", "police_residence_registrations", "civil_facilities")
MONTH = "2026-01"
Planted = dict[tuple[str, str], tuple[str, str]]


def canary(number: int) -> tuple[str, str]:
    """A name of characters that no sample uses, and a telephone number."""
    return f"欧阳{chr(0x7480 + number)}{chr(0x7500 + number)}", f"1390007{number:04d}"


def plant(home: Home) -> Planted:
    """A correction of one delivery per dataset in which each column's cell of one row holds a canary; by dataset, column."""
    planted: Planted = {}
    for dataset in DATASETS:
        contract = load_contract(dataset)
        folder, frame = _longest(home, contract)
        rows = frame.rows()
        for place, column in enumerate(frame.columns[: len(rows)]):
            planted[dataset, column] = name, phone = canary(len(planted))
            rows[place] = (*rows[place][:place], f"{name}{phone}", *rows[place][place + 1 :])
        planted[dataset, "备注"] = name, phone = canary(len(planted))
        planted[dataset, "note"] = note = canary(len(planted))
        _write(folder / "更正.csv", contract, frame.columns, rows, f"联系人{name}电话{phone}", "".join(note))
        planted[dataset, "refused"] = lost = canary(len(planted))
        text = "\n".join(f"{''.join(lost)},{number}" for number in range(4))
        (folder / "无表头.csv").write_text(text, encoding="utf-8")
    return planted


def _longest(home: Home, contract: Contract) -> tuple[Path, pl.DataFrame]:
    """The slot of a first month with the most rows, and these as they were delivered."""
    frames = {}
    for path in sorted(home.landing.glob(f"*/{contract.dataset}/{MONTH}/*")):
        with suppress(Refusal):
            frames[path.parent] = read_file(path, contract).frame.drop("row_number")
    return max(frames.items(), key=lambda item: item[1].height)


def _write(path: Path, contract: Contract, columns: list[str], rows: list[tuple[str | None, ...]], remark: str, note: str) -> None:
    titles = {column.name: column.title_zh for column in contract.columns}
    lines = [",".join([*(titles[name] for name in columns), "备注"])]
    lines += [",".join([*("" if cell is None else f'"{cell}"' for cell in row), remark]) for row in rows]
    path.write_text("\n".join([*lines, f"说明：{note}", ""]), encoding="utf-8")


@pytest.fixture(scope="module")
def leaky(published: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Planted, str]:
    """The county after a run over deliveries with canaries, what was planted, and everything the command line said."""
    home = Home(tmp_path_factory.mktemp("leaky") / "data")
    shutil.copytree(published.root, home.root, symlinks=True)
    planted = plant(home)
    temporary = home.root / "tmp"
    temporary.mkdir()
    environment = {**os.environ, "WAREHOUSE_HOME": str(home.root), "TMPDIR": str(temporary), "PYTHONPATH": str(REPO)}
    said = []
    sheets = ["--all", "--to", str(home.root / "sheets")]  # what suppliers are sent, too, lies where everything is searched
    commands = [
        ["run", "--as-of", f"{AS_OF}"], ["run", "--as-of", f"{AS_OF}", "--json"], ["status"], ["alerts", "list"],
        ["steward", "next", "--json"], ["steward", "list"],
        *(["steward", "sheet", supplier, *sheets] for supplier in ("county_police", "county_civil")),
    ]  # fmt: skip
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", *command], cwd=REPO, env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        said += [done.stdout, done.stderr]
    return home, planted, "\n".join(said)


def test_the_canaries_were_read(leaky: tuple[Home, Planted, str]) -> None:
    """The files with them are those that count now, and the others were refused: else the search would prove nothing."""
    home, _, said = leaky
    with duckdb.connect(str(home.pointer.resolve()), read_only=True) as connection:
        rows = connection.execute(
            "select dataset, sum(rows_quarantined) from fct_delivery where period = '2026-01-01' and versions > 1"
            " group by dataset order by dataset"
        ).fetchall()
    assert {dataset for dataset, quarantined in rows if quarantined >= 4} >= set(DATASETS)
    assert said.count("无表头.csv") == len(DATASETS)


def test_no_name_and_no_telephone_number_is_found_outside_landing(leaky: tuple[Home, Planted, str]) -> None:
    home, planted, _ = leaky
    looked_at, found = 0, []
    for path in sorted(home.root.rglob("*")):
        if not path.is_file() or path.is_symlink() or path.is_relative_to(home.landing):
            continue
        looked_at += 1
        text = everything_in(path)
        for (dataset, column), (name, phone) in planted.items():
            is_lake = path.is_relative_to(home.lake / dataset) and is_kept(dataset, column)
            if not is_lake and (name in text or phone in text):
                found.append((path.relative_to(home.root), dataset, column))
    assert found == []
    assert looked_at > 200
    assert len(list((home.root / "sheets").glob("*.xlsx"))) > 2
    assert len(list(home.data_docs.glob("*/*.html"))) > len(DATASETS)  # of the run over the canaries too


def test_the_command_line_says_none_of_them(leaky: tuple[Home, Planted, str]) -> None:
    _, planted, said = leaky
    assert [place for place, (name, phone) in planted.items() if name in said or phone in said] == []


def test_the_search_finds_what_is_there(leaky: tuple[Home, Planted, str]) -> None:
    """Free text in the lake, and every canary in landing."""
    home, planted, _ = leaky
    in_lake = "\n".join(everything_in(path) for path in (home.lake / "grid_events").rglob("*.parquet"))
    assert planted["grid_events", "department"][1] in in_lake
    in_landing = "\n".join(everything_in(path) for path in home.landing.glob("*/*/*/*.csv"))
    assert all(name in in_landing and phone in in_landing for name, phone in planted.values())


def is_kept(dataset: str, column: str) -> bool:
    """Whether the lake holds a column's cells as they were delivered."""
    return any(one.name == column and one.privacy == "none" for one in load_contract(dataset).columns)
