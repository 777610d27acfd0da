"""What becomes of a delivery that is not as it was agreed, for every dataset: each drift is accepted, told, or refused by name."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from expectations.contract import Column, Contract, load_contract, load_contracts
from pipelines.check import Checked, check_file, place_of
from pipelines.county import load_county
from pipelines.errors import Refusal
from pipelines.keys import load_or_create_key
from pipelines.reading import read_file
from pipelines.settings import Home
from pipelines.store import Slot, Store

Table = list[list[str]]
BAD_ROWS = 60
ALL = sorted(load_contracts())


@pytest.fixture(scope="module")
def tables(published: Home) -> dict[str, tuple[Slot, Table]]:
    """Of each dataset a delivered file, as a header row of usual titles and a few rows."""
    found = {}
    for dataset in ALL:
        files = sorted(published.landing.glob(f"*/{dataset}/*/*"))
        path = next(path for path in files if len(list(path.parent.iterdir())) == 1)
        contract, slot = load_contract(dataset), place_of(path)
        assert slot is not None
        frame = read_file(path, contract).frame.drop("row_number").head(8)
        header = [contract.column(name).title_zh for name in frame.columns]
        found[dataset] = slot, [header, *([cell or "" for cell in row] for row in frame.iter_rows())]
    return found


def written(table: Table, path: Path) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(table)
    return path


def without(table: Table, place: int) -> Table:
    return [[cell for number, cell in enumerate(row) if number != place] for row in table]


def with_column(table: Table, header: str, cell: str) -> Table:
    return [[*row, cell if number else header] for number, row in enumerate(table)]


def required(table: Table, contract: Contract) -> int:
    """The place of a column that every file has to have."""
    needed = {column.title_zh for column in contract.columns if column.is_header_required}
    return next(number for number, title in enumerate(table[0]) if title in needed)


@pytest.mark.parametrize("dataset", ALL)
def test_columns_in_another_order_under_another_usual_name_or_more_of_them_change_nothing(
    dataset: str, tables: dict[str, tuple[Slot, Table]], tmp_path: Path
) -> None:
    contract, (_, table) = load_contract(dataset), tables[dataset]
    agreed = read_file(written(table, tmp_path / "agreed.csv"), contract)
    aliases = {column.title_zh: column.aliases[-1] for column in contract.columns if column.aliases}
    drifted = {
        "reordered": [row[::-1] for row in table],
        "other names": [[aliases.get(title, title) for title in table[0]], *table[1:]],
        "one more": with_column(table, "备用栏", "x"),
        "one that must not come in": with_column(table, "民族", "汉"),
    }
    for name, other in drifted.items():
        read = read_file(written(other, tmp_path / "drifted.csv"), contract)
        assert read.frame.select(agreed.frame.columns).equals(agreed.frame), name
        assert read.extra_headers == (["备用栏"] if name == "one more" else []), name
        assert read.dropped_headers == (["民族"] if name == "one that must not come in" else []), name
    assert "民族" not in agreed.frame.columns


@pytest.mark.parametrize("dataset", ALL)
def test_a_structure_that_is_another_refuses_the_file(
    dataset: str, tables: dict[str, tuple[Slot, Table]], tmp_path: Path
) -> None:
    contract, (_, table) = load_contract(dataset), tables[dataset]
    place = required(table, contract)
    renamed = [list(table[0]), *table[1:]]
    renamed[0][place] = "某栏"
    for expected, other in (
        ("header_missing", without(table, place)),
        ("header_missing", renamed),
        ("header_duplicate", with_column(table, table[0][place], "")),
        ("header_empty", with_column(table, "", "x")),
        ("header_not_found", table[1:]),
        ("ragged_row", [*table[:-1], table[-1][:-1]]),
        ("ragged_row", [*table[:-1], [*table[-1], "x"]]),
    ):
        with pytest.raises(Refusal) as refused:
            read_file(written(other, tmp_path / "drifted.csv"), contract)
        assert refused.value.code == expected, other[0]


@pytest.fixture(scope="module")
def checked(published: Home) -> Callable[[Slot, Path], Checked]:
    county, key, store = load_county(published.county_file), load_or_create_key(published.keys), Store.of(published)
    return lambda slot, path: check_file(published, county, store, path, slot, key)


def unreadable(contract: Contract, titles: list[str]) -> tuple[int, Column]:
    """A column in which not every text is a value."""
    known = {column.title_zh: column for column in contract.columns}
    kinds = ("integer", "decimal", "date", "timestamp", "choice", "code")
    return next((number, known[title]) for number, title in enumerate(titles) if known[title].type in kinds)


@pytest.mark.parametrize("dataset", ALL)
def test_a_bad_value_refuses_its_row_and_too_many_refuse_the_file(
    dataset: str, tables: dict[str, tuple[Slot, Table]], checked: Callable[[Slot, Path], Checked], tmp_path: Path
) -> None:
    contract, (slot, table) = load_contract(dataset), tables[dataset]
    place, column = unreadable(contract, table[0])
    bad = [[*row[:place], "不是值", *row[place + 1 :]] for row in table[1:]]
    one = checked(slot, written([*table[:-1], bad[-1]], tmp_path / "one.csv"))
    found = {finding.rule_id for finding in one.findings if finding.row_number == len(table)}
    assert one.refusal is None and any(rule.startswith(f"{column.name}.") for rule in found), found
    many = [table[0], *(bad[number % len(bad)] for number in range(BAD_ROWS))]
    refusal = checked(slot, written(many, tmp_path / "many.csv")).refusal
    assert refusal is not None and refusal.code == "too_many_bad_rows"


def test_every_dataset_has_its_drifts(tables: dict[str, tuple[Slot, Table]]) -> None:
    assert set(tables) == set(ALL) and all(pl.Series(len(table) for _, table in tables.values()) > 1)
