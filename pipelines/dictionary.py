"""The data dictionary of an edition: tables, columns, indicators, targets, datasets, and what rests on what.

Everything in it is read from the edition's comments and rows, the parsed dbt project and the contracts: nothing is kept
here that could differ from them. Written as one HTML page that needs no network, and as a workbook.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from xlsxwriter import Workbook

from expectations.contract import Contract, load_contracts
from pipelines.editions import Edition, open_edition
from pipelines.errors import WarehouseError, Words
from pipelines.settings import Home

TEMPLATE = "dictionary.html.jinja"


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    type: str
    words: Words


@dataclass(frozen=True)
class Table:
    """A table of the edition: what a row is, where it comes from, and its columns."""

    name: str
    words: Words
    grain: Words
    rows: int
    models: tuple[str, ...]  # that it is computed from directly
    datasets: tuple[str, ...]  # that it rests on in the end
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Dictionary:
    """All that there is to look up; indicators and targets as rows of the edition's own tables."""

    edition: dict[str, Any]
    tables: tuple[Table, ...]
    kpis: tuple[dict[str, Any], ...]
    targets: tuple[dict[str, Any], ...]
    contracts: tuple[Contract, ...]

    def targets_of(self, kpi_id: str) -> list[dict[str, Any]]:
        return [target for target in self.targets if target["kpi_id"] == kpi_id]


def read_dictionary(home: Home, edition: Edition) -> Dictionary:
    """The dictionary of an edition. WarehouseError where the dbt project was never parsed in this home."""
    lineage = _Lineage(home.manifest)
    with duckdb.connect(str(open_edition(home, edition)), read_only=True) as connection:
        columns: dict[str, list[Column]] = {}
        for table, name, kind, comment in connection.execute(_COLUMNS).fetchall():
            columns.setdefault(table, []).append(Column(name, kind.lower(), in_both(comment or "")))
        tables = tuple(
            _table(name, comment or "", rows, lineage, tuple(columns[name]))
            for name, rows, comment in connection.execute(_TABLES).fetchall()
        )
        return Dictionary(
            _rows(connection, "from edition")[0],
            tables,
            tuple(_rows(connection, "from dim_kpi order by domain, kpi_id")),
            tuple(_rows(connection, "from dim_target order by kpi_id, pack, target_id")),
            tuple(contract for _, contract in sorted(load_contracts().items())),
        )


def in_both(comment: str) -> Words:
    """A comment '中文 / English' in its two halves; twice the same where it is one."""
    zh, _, en = comment.partition(" / ")
    return Words(zh.strip(), (en or zh).strip())


def to_html(dictionary: Dictionary) -> bytes:
    """One page with search, styles inside, nothing from outside."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(TEMPLATE).render(dictionary=dictionary, contracts=load_contracts()).encode("utf-8")


def to_xlsx(dictionary: Dictionary) -> bytes:
    """A sheet each for tables, columns, indicators, targets, datasets and their columns."""
    content = io.BytesIO()
    with Workbook(content, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as workbook:
        head = workbook.add_format({"bold": True, "bg_color": "#F2F2F2"})
        text = workbook.add_format({"text_wrap": True, "valign": "top"})
        for name, heads, rows in _sheets(dictionary):
            sheet = workbook.add_worksheet(name)
            sheet.freeze_panes(1, 1)
            sheet.autofilter(0, 0, len(rows), len(heads) - 1)
            sheet.set_column(0, len(heads) - 1, 24, text)
            for column, title in enumerate(heads):
                sheet.write_string(0, column, title, head)
            for place, row in enumerate(rows, start=1):
                for column, cell in enumerate(row):
                    sheet.write_string(place, column, _text(cell), text)
    return content.getvalue()


WRITERS = {"html": to_html, "xlsx": to_xlsx}


def file_name(dictionary: Dictionary, kind: str) -> str:
    edition = dictionary.edition
    mark = "_示例数据" if edition["is_sample"] else ""
    return f"{edition['county_name']}_数据字典_{edition['edition_id']}{mark}.{kind}"


_TABLES = "select table_name, estimated_size, comment from duckdb_tables() where not internal order by table_name"
_COLUMNS = (
    "select table_name, column_name, data_type, comment from duckdb_columns() where not internal"
    " order by table_name, column_index"
)

Sheet = tuple[str, tuple[str, ...], list[tuple[Any, ...]]]


def _sheets(dictionary: Dictionary) -> list[Sheet]:
    kpis, targets = (tuple(rows[0]) if rows else () for rows in (dictionary.kpis, dictionary.targets))
    of_edition = [(name, value) for name, value in dictionary.edition.items()]
    return [
        ("版本 edition", ("栏 column", "值 value"), of_edition),
        (
            "表 tables",
            ("table", "说明", "what it is", "每行", "one row per", "rows", "来自模型 from models", "依据数据集 rests on datasets"),
            [
                (one.name, one.words.zh, one.words.en, one.grain.zh, one.grain.en, one.rows, one.models, one.datasets)
                for one in dictionary.tables
            ],
        ),
        (
            "栏 columns",
            ("table", "column", "type", "说明", "what it is"),
            [
                (table.name, column.name, column.type, column.words.zh, column.words.en)
                for table in dictionary.tables
                for column in table.columns
            ],
        ),
        ("指标 indicators", kpis, [tuple(row.values()) for row in dictionary.kpis]),
        ("目标 targets", targets, [tuple(row.values()) for row in dictionary.targets]),
        (
            "数据集 datasets",
            ("dataset", "名称", "title", "部门 agency", "每行", "one row per", "键 key"),
            [
                (one.dataset, one.title_zh, one.title_en, one.agency, one.grain_zh, one.grain_en, one.key)
                for one in dictionary.contracts
            ],
        ),
        (
            "数据集各栏 dataset columns",
            ("dataset", "column", "名称", "title", "type", "隐私 privacy", "代码值 values"),
            [
                (one.dataset, column.name, column.title_zh, column.title_en, column.type, column.privacy, tuple(column.values or ()))
                for one in dictionary.contracts
                for column in one.columns
            ],
        ),
    ]


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return "、".join(map(str, cell)) if isinstance(cell, list | tuple) else str(cell)


class _Lineage:
    """The graph of the parsed dbt project, upwards."""

    def __init__(self, manifest: Path) -> None:
        if not manifest.exists():
            raise WarehouseError(
                Words("这里没有解析过的 dbt 项目", "There is no parsed dbt project here"),
                where=manifest.name,
                expected=Words("至少运行过一次", "one run in this data root"),
                found=Words("文件不存在", "no such file"),
                advice=Words("运行 warehouse publish", "run: warehouse publish"),
            )
        content = json.loads(manifest.read_text(encoding="utf-8"))
        self._parents: dict[str, list[str]] = content["parent_map"]
        self._ids = {
            node["name"]: unique_id for unique_id, node in content["nodes"].items() if node["resource_type"] == "model"
        }

    def models(self, table: str) -> tuple[str, ...]:
        """The models that a table is computed from directly; none of a table that publishing itself writes."""
        parents = self._parents.get(self._ids.get(table, ""), [])
        return tuple(sorted(_name(parent) for parent in parents if parent.startswith("model.")))

    def datasets(self, table: str) -> tuple[str, ...]:
        """The delivered datasets that it rests on in the end."""
        above = self._above(self._ids.get(table, ""))
        return tuple(sorted(_name(one) for one in above if one.startswith("source.") and one.split(".")[-2] == "lake"))

    def _above(self, node: str) -> set[str]:
        """Everything that a node is made from, directly or not."""
        found: set[str] = set()
        waiting = [node]
        while waiting:
            parents = [parent for parent in self._parents.get(waiting.pop(), []) if parent not in found]
            found.update(parents)
            waiting += parents
        return found


def _name(unique_id: str) -> str:
    return unique_id.rsplit(".", 1)[-1]


def _table(name: str, comment: str, rows: int, lineage: _Lineage, columns: tuple[Column, ...]) -> Table:
    """The comment says what the table holds, then what a row is: '指标值与判定：单位 × 期间 / figures: unit × period'."""
    words = in_both(comment)
    grain = Words(words.zh.partition("：")[2], words.en.partition(": ")[2])
    return Table(name, words, grain, rows, lineage.models(name), lineage.datasets(name), columns)


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    relation = connection.sql(query)
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
