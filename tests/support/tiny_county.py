"""A tiny county with one edition, the files that lie in its landing, and one run over them without the models of dbt.

Belongs here: what the tests of a faulty loader start from, and how many lines of each kind its files have. What is faulty
says the test.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date

import duckdb
import pytest

from expectations.contract import load_contract
from pipelines import build as build_module
from pipelines.build import BuildResult
from pipelines.county import County, save_county
from pipelines.dbt_process import run_models
from pipelines.landing import look
from pipelines.run import RunSummary, compute_and_publish, open_session, recorded, take_in
from pipelines.settings import Home
from pipelines.store import Slot
from tests.support.dbt_runs import prepare_child
from tests.support.delivered_files import Cell, workbook_bytes
from tests.support.working import PASSED_TEST, TABLES, Working

AS_OF = date(2026, 3, 11)
A, B = "610629101200", "610629102201"  # a community in each of the two towns
TEXT = Slot("grid_610629101", "grid_grids", "2026-01")
WORKBOOK = Slot("grid_610629102", "grid_grids", "2026-01")
RESIDENTS = Slot("grid_610629101", "grid_residents", "2026-01")
DISPUTES = Slot("grid_610629101", "grid_disputes", "2026-01")
OTHER_DISPUTES = Slot("grid_610629102", "grid_disputes", "2026-01")
LATER_DISPUTES = Slot("grid_610629101", "grid_disputes", "2026-02")


def _lines(dataset: str, *rows: dict[str, str]) -> list[list[str]]:
    """The header of a dataset and these rows; cells that a row does not name are empty."""
    headers = [column.title_zh for column in load_contract(dataset).columns]
    return [headers, *([row.get(header, "") for header in headers] for row in rows)]


def _text(lines: list[list[str]], encoding: str = "utf-8") -> bytes:
    return "".join(",".join(line) + "\n" for line in lines).encode(encoding)


def _grid(community: str, number: int, households: str = "30", kind: str = "综合") -> dict[str, str]:
    return {"网格编码": f"{community}-{number:03}", "社区代码": community, "网格类型": kind, "户数": households}


def _resident(number: str, name: str, grid: int = 1) -> dict[str, str]:
    return {
        "证件类型": "居民身份证", "证件号码": number, "姓名": name, "性别": "男", "出生日期": "1990-03-07", "社区代码": A,
        "网格编码": f"{A}-{grid:03}", "人口类型": "流动", "入住日期": "2025-06-01",
    }  # fmt: skip


def _dispute(number: str, community: str = A) -> dict[str, str]:
    return {
        "纠纷编号": number, "社区代码": community, "纠纷类型": "民事", "调解渠道": "人民调解", "受理日期": "2026-01-05",
        "调解结果": "处理中",
    }  # fmt: skip


def _text_with_every_kind_of_line() -> bytes:
    """Two good rows, two that nobody can read, one twice; a quoted cell runs over two lines."""
    header, first, second, third, fourth = _lines(
        "grid_grids", _grid(A, 1), _grid(A, 2, households='"3\n0"'), _grid(A, 3, "40"), _grid(A, 4, kind="别的")
    )
    lines = [["洛川县网格名册"], [""], header, ["说明：户数为常住户数"], first, second, first, header, third, fourth, [""], ["合计", "", "", "70"]]
    return _text([line + [""] * (len(header) - len(line)) if len(line) > 1 or line[0] else line for line in lines])


def _workbook_with_every_kind_of_row() -> bytes:
    """Two good rows and one that nobody can read; two rows below the last a formula that gives an empty text."""
    sheet: list[list[Cell]] = [["洛川县网格名册"], []]
    sheet += [[*row] for row in _lines("grid_grids", _grid(B, 1), _grid(B, 2), _grid(B, 3, kind="别的"))]
    sheet += [[], ["合计", None, None, "90"]]
    return workbook_bytes(sheet, change=lambda book: book.worksheets()[0].write_formula(9, 0, '=""', None, ""))


# A file that the first of the others corrects, and what lies in landing after it, oldest first.
CORRECTED = (TEXT, "first.csv", _text(_lines("grid_grids", _grid(A, 1), _grid(A, 2))))
FILES: tuple[tuple[Slot, str, bytes], ...] = (
    (TEXT, "grids.csv", _text_with_every_kind_of_line()),
    (WORKBOOK, "grids.xlsx", _workbook_with_every_kind_of_row()),
    (RESIDENTS, "residents.csv", _text(_lines("grid_residents", _resident("999000199003070011", "王小明"), _resident("999000199003070012", "李乙"), _resident("99900019900307002X", "张丙", grid=2)), "gb18030")),
    (DISPUTES, "disputes.csv", _text(_lines("grid_disputes", _dispute("D1"), _dispute("D2"), _dispute("D3"), _dispute("D4", B)))),
    (OTHER_DISPUTES, "disputes.csv", _text(_lines("grid_disputes", *(_dispute(number, B) for number in ("D3", "D5", "D7", "D8"))))),
    (LATER_DISPUTES, "disputes.csv", _text(_lines("grid_disputes", _dispute("D1"), _dispute("D6")))),
)  # fmt: skip
# Of each kind of line, how many each file has that becomes current.
LINES: dict[Slot, dict[str, int]] = {
    TEXT: {"read": 13, "data": 5, "title": 1, "header": 2, "note": 1, "totals": 1, "blank": 2, "continuation": 1},
    WORKBOOK: {"read": 10, "data": 3, "title": 1, "header": 1, "note": 0, "totals": 1, "blank": 4, "continuation": 0},
    RESIDENTS: {"read": 4, "data": 3, "title": 0, "header": 1, "note": 0, "totals": 0, "blank": 0, "continuation": 0},
    DISPUTES: {"read": 5, "data": 4, "title": 0, "header": 1, "note": 0, "totals": 0, "blank": 0, "continuation": 0},
    OTHER_DISPUTES: {"read": 5, "data": 4, "title": 0, "header": 1, "note": 0, "totals": 0, "blank": 0, "continuation": 0},
    LATER_DISPUTES: {"read": 3, "data": 2, "title": 0, "header": 1, "note": 0, "totals": 0, "blank": 0, "continuation": 0},
}
# And what becomes of the data rows: accepted, quarantined, duplicate.
STATES = {
    TEXT: (2, 2, 1),  # two cells that nobody can read; one row twice
    WORKBOOK: (2, 1, 0),
    RESIDENTS: (1, 2, 0),  # a check digit that is wrong; a grid whose own row is quarantined
    DISPUTES: (1, 2, 1),  # D3 of two suppliers, D4 outside the area; D1 is corrected a month later
    OTHER_DISPUTES: (3, 1, 0),
    LATER_DISPUTES: (2, 0, 0),
}

# What the models give that are not computed here, and the tables of an edition that a run would make.
_MODELS = {"mart_coverage": "select ''::varchar as supplier_id, '' as dataset, date '2026-01-01' as month, 0 as communities_expected, 0 as communities_delivered where false"}
_OF_ROWS = ("slot_deliveries", "fct_delivery", "row_accounts_balance")


def make_county(home: Home) -> None:
    """A data root of two towns with an edition that their suppliers have delivered nothing for yet."""
    towns = {"grid_610629101": "610629101", "grid_610629102": "610629102"}
    county = County.model_validate(
        {
            "county_code": "610629", "name_zh": "洛川县", "sample": True, "first_period": "2026-01", "packs": ["C"],
            "suppliers": [{"id": id, "name_zh": id, "covers": [code]} for id, code in towns.items()],
            "expected": [{"dataset": "grid_grids", "suppliers": list(towns), "due_day": 5}],
        }
    )  # fmt: skip
    save_county(county, home.county_file)
    Working(home, county, has_batch=False).publish()


def deliver(home: Home, slots: tuple[Slot, ...] = tuple(LINES), *, is_corrected: bool = False) -> None:
    """Puts the files of these slots into landing, each later than the one before; `is_corrected`: after the corrected one."""
    before = (CORRECTED,) if is_corrected else ()
    for number, (slot, name, content) in enumerate((*before, *(file for file in FILES if file[0] in slots))):
        path = home.landing / slot.supplier_id / slot.dataset / slot.period / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (1_780_000_000 + number, 1_780_000_000 + number))


@dataclass
class Build:
    """Stands in for dbt: the tables of a sound warehouse, other figures than the published ones, and tests that passed.

    `has_accounts`: dbt itself computes the account of each slot, and runs the test of the accounts.
    """

    has_accounts: bool

    def __call__(self, home: Home, *, full_refresh: bool) -> BuildResult:
        tables = TABLES | {"fct_kpi": TABLES["fct_kpi"].replace("113", "114")}
        if self.has_accounts:
            tables = {name: query for name, query in tables.items() if name != "fct_delivery"} | _MODELS
        home.warehouse.unlink()
        with duckdb.connect(str(home.warehouse)) as connection:
            for name, query in tables.items():
                connection.execute(f"create table {name} as {query}")
        if not self.has_accounts:
            return BuildResult([PASSED_TEST])
        nodes = run_models(home, ["--no-write-json", "--exclude-resource-type", "unit_test", "--indirect-selection", "empty", "--select", *_OF_ROWS])
        assert [node.status for node in nodes[:2]] == ["success", "success"], nodes
        return BuildResult(nodes)


def take_in_once(home: Home) -> None:
    """Takes in what lies in landing, and no more."""
    with open_session(home, as_of=AS_OF) as session:
        for _ in take_in(session, look(home, session.county, session.store)):
            pass


def run_once(home: Home, monkeypatch: pytest.MonkeyPatch, *, has_accounts: bool) -> RunSummary:
    """Takes in what lies in landing, and computes and publishes, as a run does; whatever it raises, and says in the store."""
    if has_accounts:
        prepare_child()
    monkeypatch.setattr(build_module, "_build", Build(has_accounts))
    with open_session(home, as_of=AS_OF) as session, recorded(session) as summary:
        for files in take_in(session, look(home, session.county, session.store)):
            summary.files += files
        compute_and_publish(session, summary)
    return summary
