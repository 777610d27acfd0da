"""A table of an edition, or the answer to a query over its tables, as Parquet, CSV or Excel.

Codes stay text, no cell is a formula, and every row says which edition it is from and whether it is sample data.
Belongs here: choosing rows and writing them. Does not belong here: which editions there are (`editions.py`).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from pipelines.calendar import Period, period_named, periods_of
from pipelines.editions import Edition, open_edition
from pipelines.errors import WarehouseError, Words
from pipelines.settings import Home

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
ENCODINGS = ("utf-8-sig", "gb18030")
MOST_ROWS = 1_048_575  # of an Excel sheet, below its head
KINDS = {True: "示例数据 sample data", False: "正式数据 official data"}
LIST_SIGN = "、"


@dataclass(frozen=True)
class Request:
    """What is asked for: a table's name or a query; rows of a unit and those below it, and of a period."""

    what: str
    unit_code: str | None = None
    period: str | None = None
    name: str | None = None


def export(home: Home, edition: Edition, request: Request, kind: str, encoding: str = ENCODINGS[0]) -> tuple[str, bytes]:
    """File name and content, `kind` being one of WRITERS. WarehouseError says what cannot be given."""
    path = open_edition(home, edition)
    # A query may read the edition's tables and nothing else of this machine.
    with duckdb.connect(str(path), read_only=True, config={"enable_external_access": False}) as connection:
        frame = _rows(connection, request)
        unit_name = _unit_name(connection, request.unit_code)
        comments = _comments(connection, request.what)
    is_sample = bool(edition.manifest["is_sample"])
    frame = frame.with_columns(edition_id=pl.lit(edition.id), data_kind=pl.lit(KINDS[is_sample]))
    parts = [
        str(edition.manifest["county_name"]), _name(request), request.period or "全部期间", unit_name or "全部单位", edition.id,
        *(["示例数据"] if is_sample else []),
    ]  # fmt: skip
    return f"{file_stem(parts)}.{kind}", WRITERS[kind](frame, encoding, comments)


def file_stem(parts: Iterable[str]) -> str:
    """The name of a file without its ending: county, report, period, area, edition, mark, without what paths cannot hold."""
    return "_".join(re.sub(r'[\\/:*?"<>|\s]+', "-", part) for part in parts)


def harmless(text: str) -> str:
    """Text that no spreadsheet runs when it opens a CSV file: what begins like a formula gets an apostrophe."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _rows(connection: duckdb.DuckDBPyConnection, request: Request) -> pl.DataFrame:
    tables = [row[0] for row in connection.execute("select table_name from duckdb_tables() order by 1").fetchall()]
    is_query = request.what not in tables
    if is_query and not re.match(r"\s*(select|with|from)\b", request.what, re.IGNORECASE):
        raise _no_table(request.what, tables)
    try:
        if is_query and len(duckdb.extract_statements(request.what)) != 1:
            raise _not_a_query("more than one statement")
        asked = request.what.strip().rstrip(";") if is_query else f"from {request.what}"
        conditions, parameters = _conditions(connection.sql(asked).columns, request)
        chosen = f"select * from ({asked}) as asked{conditions}" if conditions else asked  # keeps a query's own order
        frame: pl.DataFrame = connection.sql(chosen, params=parameters).pl()
        return frame
    except duckdb.Error as error:
        raise _not_a_query(str(error).splitlines()[0]) from error


def _conditions(columns: list[str], request: Request) -> tuple[str, list[Any]]:
    """SQL for the unit and the period asked for, and its parameters."""
    found: list[str] = []
    parameters: list[Any] = []
    if request.unit_code is not None:
        _need("unit_code", columns, "--unit")
        found.append("starts_with(unit_code, ?)")
        parameters.append(request.unit_code)
    if request.period is not None:
        period = _period(request.period)
        if "period_type" in columns:
            _need("period", columns, "--period")
            found.append("period_type = ? and period = ?")
            parameters += [period.period_type, period.period]
        else:
            month = "month" if "month" in columns else "period"
            _need(month, columns, "--period")
            found.append(f"{month} between ? and ?")
            parameters += [period.start_date, period.last_month]
    return f" where {' and '.join(found)}" if found else "", parameters


def _period(name: str) -> Period:
    period_type, first = period_named(name)
    return next(one for one in periods_of([first]) if (one.period_type, one.period) == (period_type, first))


def _need(column: str, columns: list[str], option: str) -> None:
    if column not in columns:
        raise WarehouseError(
            Words("这些行不能这样筛选", "These rows cannot be chosen so"),
            where=option,
            expected=Words(f"有 {column} 一栏", f"a column {column}"),
            found=Words("、".join(columns), ", ".join(columns)),
            advice=Words("去掉该选项，或在查询中写条件", "leave the option out, or put the condition into the query"),
        )


def _unit_name(connection: duckdb.DuckDBPyConnection, code: str | None) -> str | None:
    if code is None:
        return None
    found = connection.execute(
        "select unit_name from dim_unit where unit_code = ? order by valid_from desc limit 1", [code]
    ).fetchone()
    if found is None:
        raise WarehouseError(
            Words("没有这个单位", "There is no such unit"),
            where="--unit",
            expected=Words("dim_unit 中的 unit_code", "a unit_code of dim_unit"),
            found=Words(code, code),
            advice=Words("用 warehouse export dim_unit 查看", "see warehouse export dim_unit"),
        )
    return str(found[0])


def _comments(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Column → what it is, of a table; a query's columns have none of their own."""
    query = "select column_name, comment from duckdb_columns() where table_name = ? and comment is not null"
    return {str(name): str(comment) for name, comment in connection.execute(query, [table]).fetchall()}


def _name(request: Request) -> str:
    return request.name or (request.what if re.fullmatch(r"\w+", request.what) else "查询")


def _to_parquet(frame: pl.DataFrame, _encoding: str, _comments: dict[str, str]) -> bytes:
    content = io.BytesIO()
    frame.write_parquet(content, compression="zstd")
    return content.getvalue()


def _to_csv(frame: pl.DataFrame, encoding: str, _comments: dict[str, str]) -> bytes:
    """Text in quotes, numbers without, so that a careful reader keeps codes as text."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(frame.columns)
    writer.writerows([_csv_cell(cell) for cell in row] for row in frame.iter_rows())
    return text.getvalue().encode(encoding)


def _csv_cell(cell: Any) -> Any:
    plain = _plain(cell)
    return harmless(plain) if isinstance(plain, str) else plain


def _plain(cell: Any) -> Any:
    """A cell as text or number: lists in one line, days as 2026-06-30."""
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case list():
            return LIST_SIGN.join(str(one) for one in cell)
        case datetime() | date():
            return cell.isoformat()
        case int() | float() | Decimal():
            return cell
        case _:
            return str(cell)


def _to_xlsx(frame: pl.DataFrame, _encoding: str, comments: dict[str, str]) -> bytes:
    if frame.height > MOST_ROWS:
        raise WarehouseError(
            Words("一个工作表放不下", "This does not fit a sheet"),
            where="--format xlsx",
            expected=Words(f"至多 {MOST_ROWS} 行", f"{MOST_ROWS} rows at most"),
            found=Words(f"{frame.height} 行", f"{frame.height} rows"),
            advice=Words("用 --period、--unit 筛选，或改用 parquet、csv", "choose by --period and --unit, or take parquet or csv"),
        )
    content = io.BytesIO()
    # Row by row into a file: the cells of a large table as objects would take gigabytes.
    with Workbook(content, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as workbook:
        sheet, head = workbook.add_worksheet("data"), workbook.add_format({"bold": True, "bg_color": "#F2F2F2"})
        day = workbook.add_format({"num_format": "yyyy-mm-dd"})
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, frame.height, frame.width - 1)
        sheet.set_column(0, frame.width - 1, 16)
        for column, name in enumerate(frame.columns):
            sheet.write_string(0, column, name, head)
        for place, row in enumerate(frame.iter_rows(), start=1):
            for column, cell in enumerate(row):
                _write(sheet, place, column, cell, day)
        _write_about(workbook.add_worksheet("columns"), frame.columns, comments, head)
    return content.getvalue()


def _write(sheet: Worksheet, row: int, column: int, cell: Any, day: Format) -> None:
    if isinstance(cell, date) and not isinstance(cell, datetime):
        sheet.write_datetime(row, column, datetime(cell.year, cell.month, cell.day), day)
        return
    plain = _plain(cell)
    if isinstance(plain, str):
        sheet.write_string(row, column, plain)
    else:
        sheet.write_number(row, column, plain)


def _write_about(sheet: Worksheet, columns: Iterable[str], comments: dict[str, str], head: Format) -> None:
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 100)
    sheet.write_string(0, 0, "column", head)
    sheet.write_string(0, 1, "说明 what it is", head)
    for row, name in enumerate(columns, start=1):
        sheet.write_string(row, 0, name)
        sheet.write_string(row, 1, comments.get(name, ""))


WRITERS: dict[str, Callable[[pl.DataFrame, str, dict[str, str]], bytes]] = {
    "parquet": _to_parquet,
    "csv": _to_csv,
    "xlsx": _to_xlsx,
}


def _no_table(what: str, tables: list[str]) -> WarehouseError:
    return WarehouseError(
        Words("本版本没有这张表", "This edition has no such table"),
        where="warehouse export",
        expected=Words("、".join(tables) + "，或一条 select 查询", ", ".join(tables) + ", or a query (select …)"),
        found=Words(what, what),
        advice=Words("用 warehouse dictionary 查看各表", "see the tables by warehouse dictionary"),
    )


def _not_a_query(found: str) -> WarehouseError:
    return WarehouseError(
        Words("查询不能执行", "The query cannot be run"),
        where="warehouse export",
        expected=Words("本版本各表上的一条 select 查询", "one query (select …) over tables of the edition"),
        found=Words(found, found),
        advice=Words("更正查询", "correct the query"),
    )
