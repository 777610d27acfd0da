"""The delivered rows that an objection names: read from what somebody wrote, and looked up in the current batches.

One line names rows of one file: supplier, dataset, month, line numbers (`grid_110101001 grid_disputes 2026-06 12, 15-18`).
Errors say which line of the list is wrong, and never what stands in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from pipelines.errors import Words
from pipelines.follow_up_edition import Ask
from pipelines.lake import batch_path
from pipelines.objections import Contested, NamedRows, ObjectionError, checked_text
from pipelines.settings import Home
from pipelines.store import Slot, Store

MOST_ROWS = 200  # of one objection; who contests a whole file says so in words
_LINE = re.compile(r"(\S+)\s+(\S+)\s+([0-9]{4}-(?:0[1-9]|1[0-2]))\s+(\S.*)")
_SPAN = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_TO = re.compile(r"\s*[-–—~～至]\s*")
_BETWEEN = re.compile(r"[\s,，、;；]+")


@dataclass(frozen=True)
class Source:
    """A supplier's deliveries of a dataset that a figure is made from."""

    supplier_id: str
    supplier_name: str
    dataset: str


def sources_of(ask: Ask, contested: Contested) -> list[Source]:
    """Whose deliveries of what may make the figure of a unit: of the KPI's datasets, by suppliers that cover it or a part."""
    frame = ask(
        "select supplier_id, supplier_name, dataset, any_value(covered_codes) as covered from fct_delivery"
        " where list_contains((select datasets from dim_kpi where kpi_id = ?), dataset) group by all order by all",
        (contested.subject.kpi_id,),
    )
    unit = contested.unit_code
    return [
        Source(supplier_id, name, dataset)
        for supplier_id, name, dataset, covered in frame.iter_rows()
        if any(unit.startswith(code) or code.startswith(unit) for code in (covered or "").split(","))
    ]


def named_rows(text: str, sources: list[Source], store: Store, home: Home) -> tuple[NamedRows, ...]:
    """The rows that a text names, a line for each file; none of an empty one.

    ObjectionError where a line cannot be read, names a file that the figure is not made from or that is not there, or a row
    that the file does not have.
    """
    lines = [line.strip() for line in checked_text("rows", text).split("\n")]
    asked = [(number, *_read(number, line)) for number, line in enumerate(lines, 1) if line]
    if sum(len(rows) for _, _, rows in asked) > MOST_ROWS:
        raise _too_many()
    known = {(one.supplier_id, one.dataset) for one in sources}
    current = {Slot.of(row): str(row["batch_id"]) for row in store.current_batches()}
    found = []
    for number, slot, rows in asked:
        if (slot.supplier_id, slot.dataset) not in known:
            raise _refused(
                number, Words("这项数据所用的报送单位和数据集", "a supplier and dataset that this figure is made from"),
                Words("其他单位或数据集", "another supplier or dataset"),
            )  # fmt: skip
        if slot not in current:
            raise _refused(
                number, Words("已报送且有效的月份", "a month that was delivered"), Words("该月没有有效批次", "no current batch of that month"),
            )  # fmt: skip
        missing = _missing(home, slot, current[slot], rows)
        if missing:
            told = ", ".join(map(str, missing[:5]))
            raise _refused(number, Words("文件中数据行的行号", "line numbers of data rows"), Words(f"没有第 {told} 行", f"no row {told}"))
        found.append(NamedRows(slot, current[slot], rows))
    return tuple(found)


def _read(number: int, line: str) -> tuple[Slot, tuple[int, ...]]:
    """A line of the list: which file, which of its rows."""
    read = _LINE.fullmatch(line)
    if read is None:
        raise _unreadable(number)
    supplier_id, dataset, month, numbers = read.groups()
    rows: set[int] = set()
    for part in filter(None, _BETWEEN.split(_TO.sub("-", numbers))):
        span = _SPAN.fullmatch(part)
        if span is None or int(span[2] or span[1]) < int(span[1]):
            raise _unreadable(number)
        first, last = int(span[1]), int(span[2] or span[1])
        if last - first >= MOST_ROWS:
            raise _too_many()
        rows.update(range(first, last + 1))
    return Slot(supplier_id, dataset, month), tuple(sorted(rows))


def _missing(home: Home, slot: Slot, batch_id: str, rows: tuple[int, ...]) -> list[int]:
    path = batch_path(home, slot, batch_id)
    kept = pl.scan_parquet(path).select("row_number").filter(pl.col("row_number").is_in(list(rows))).collect()["row_number"]
    return sorted(set(rows) - set(kept))


def _unreadable(number: int) -> ObjectionError:
    return _refused(
        number, Words("报送单位 数据集 月份 行号，如 grid_110101001 grid_disputes 2026-06 12, 15-18", "supplier dataset month lines, such as grid_110101001 grid_disputes 2026-06 12, 15-18"),
        Words("不能这样读", "something else"),
    )  # fmt: skip


def _too_many() -> ObjectionError:
    return ObjectionError(
        Words("列出的行太多", "Too many rows are named"), where="rows",
        expected=Words(f"最多 {MOST_ROWS} 行", f"at most {MOST_ROWS} rows"), found=Words("更多", "more"),
        advice=Words("只列有代表性的行，其余在异议内容中说明", "name some of them, and say the rest in words"),
    )  # fmt: skip


def _refused(number: int, expected: Words, found: Words) -> ObjectionError:
    return ObjectionError(
        Words(f"有误的行：第 {number} 条不能这样填写", f"Line {number} of the list of rows cannot be taken"),
        where=f"rows {number}", expected=expected, found=found,
        advice=Words("核对报送文件后修改；不清楚时留空", "look at the delivered file and correct it; leave it empty where you do not know"),
    )  # fmt: skip
