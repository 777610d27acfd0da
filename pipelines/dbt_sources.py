"""The dbt sources of the lake, derived from the contracts, so that no list of columns is kept by hand.

Belongs here: the text of `dbt/models/sources/lake.yml`. The control tables have no contract; they are described
in `control.yml` beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from expectations.contract import Contract, LakeColumn
from pipelines.settings import DBT_DIR

SOURCES_FILE = DBT_DIR / "models" / "sources" / "lake.yml"

_HEADER = "# Derived from expectations/contracts by pipelines.dbt_sources.write_sources: do not edit.\n"
# Read as Spark reads it: the folder period=YYYY-MM gives the column `period`, as text, in place of the file's own. A
# column that a batch of an earlier contract lacks is null; the empty batch of `prepare_lake` has them all.
_LOCATION = (
    "read_parquet('lake/{name}/*/*.parquet', hive_partitioning=true, hive_types_autocast=false, union_by_name=true)"
)


def render_sources(contracts: Mapping[str, Contract]) -> str:
    """The YAML of the dbt source `lake`: one table per dataset, with types, descriptions and allowed values."""
    source = {
        "name": "lake",
        "description": "批次：每个报送文件一个，一行对应一个数据行 / batches, one per delivered file, one row per data row",
        "config": {"meta": {"external_location": _LOCATION}},
        "tables": [_table(contracts[dataset]) for dataset in sorted(contracts)],
    }
    body = yaml.safe_dump({"version": 2, "sources": [source]}, allow_unicode=True, sort_keys=False, width=110)
    return _HEADER + body


def write_sources(contracts: Mapping[str, Contract], path: Path = SOURCES_FILE) -> None:
    """Writes `lake.yml`. To be run after a contract changed; a test tells when it was forgotten."""
    path.write_text(render_sources(contracts), encoding="utf-8")


def _table(contract: Contract) -> dict[str, Any]:
    return {
        "name": contract.dataset,
        "description": f"{contract.title_zh}：{contract.grain_zh} / {contract.title_en}: {contract.grain_en}",
        "columns": [_column(contract, column) for column in contract.lake_columns()],
    }


def _column(contract: Contract, lake: LakeColumn) -> dict[str, Any]:
    described: dict[str, Any] = {"name": lake.name, "data_type": lake.duckdb_type, "description": lake.comment}
    if lake.name == "period":
        described |= {"data_type": "varchar", "description": "报送期 YYYY-MM / delivered month, the folder's name"}
    meta = _meta(contract, lake.name)
    return described | ({"config": {"meta": meta}} if meta else {})


def _meta(contract: Contract, lake_name: str) -> dict[str, Any]:
    """What models ask of the contract: the known values of a choice, the range of a number."""
    for column in contract.columns:
        if column.privacy == "none" and column.stored_name == lake_name:
            known = {"values": list(column.values), "minimum": column.minimum, "maximum": column.maximum}
            return {name: value for name, value in known.items() if value not in (None, [])}
    return {}
