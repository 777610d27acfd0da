"""The rows that a steward has to settle: quarantined by a rule, or of people without a number whom nothing links.

One row per data row of a current batch, with the rules that it breaks, where in the county it lies as far as that can be
relied on, and the month that it counts in. Worked out from the lake after a run, once for the same batches and results, and
kept in the data root: no value of a cell is among it but codes of communities.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from expectations.contract import Column, Contract, load_contract
from expectations.rules import COMMUNITY_REGISTER, rule_catalogue
from pipelines.errors import WarehouseError, Words
from pipelines.lake import batch_path, verdicts_path, write_parquet
from pipelines.settings import Home
from pipelines.sql import file_list, literal
from pipelines.store import Slot, Store

UNLINKED = "person.unlinked"  # stands among the rules that rows break; it refuses none
UNLINKED_WORDS = Words(
    "没有可用证件号码，也未能关联到名册中的人", "has no usable number, and nothing links it to a person in the books"
)
KEPT = 8
SCHEMA: dict[str, pl.DataType] = {
    "supplier_id": pl.String(), "dataset": pl.String(), "period": pl.Date(), "batch_id": pl.String(),
    "delivered_id": pl.String(), "row_number": pl.Int32(), "rules": pl.List(pl.String()),
    "community_code": pl.String(), "month": pl.Date(),
}  # fmt: skip
_FOUND = "grid_residents"


def open_rows(home: Home, store: Store) -> pl.DataFrame:
    """Every open row of the current batches as the last run judged them. WarehouseError before the first run."""
    batches = {str(row["batch_id"]): row for row in store.current_batches()}
    results = _kept_results(home)
    basis = [sorted(batches), results.sort("path")["path"].to_list(), _code()]
    path = home.steward / f"open_rows-{_hash(basis)}.parquet"
    if not path.exists():
        write_parquet(_find(home, batches, results), path)
        _drop_old(path)
    return pl.read_parquet(path)


def _kept_results(home: Home) -> pl.DataFrame:
    path = home.control / "kept_results.parquet"
    if not path.exists():
        raise WarehouseError(
            Words("还没有可处理的问题行", "There are no rows to settle yet"),
            where=f"{path.parent.name}/{path.name}",
            expected=Words("至少运行一次", "at least one run"),
            found=Words("没有运行记录", "no run"),
            advice=Words("运行 warehouse run", "run: warehouse run"),
        )
    return pl.read_parquet(path)


def _find(home: Home, batches: dict[str, dict[str, Any]], results: pl.DataFrame) -> pl.DataFrame:
    slots: dict[str, dict[str, Slot]] = {}
    for batch_id, row in batches.items():
        slots.setdefault(str(row["dataset"]), {})[batch_id] = Slot.of(row)
    delivered = pl.DataFrame(
        [(name, row["base_batch_id"] or name) for name, row in batches.items()],
        {"batch_id": pl.String, "delivered_id": pl.String}, orient="row",
    )  # fmt: skip
    found = [pl.DataFrame(schema=SCHEMA)]
    with duckdb.connect() as connection:
        for dataset, of_dataset in sorted(slots.items()):
            rules = _broken_rules(home, of_dataset, results.filter(kind="rules", dataset=dataset)["path"].to_list())
            if dataset == _FOUND:
                links = [home.root / path for path in results.filter(kind="links")["path"]]
                rules = pl.concat([rules, _unlinked(connection, home, of_dataset, rules, links)])
            if rules.height:
                households = slots.get("household_households", {})
                found.append(_located(connection, home, load_contract(dataset), of_dataset, rules, households))
    rows = pl.concat([one.join(delivered, on="batch_id").select(*SCHEMA) if one.height else one for one in found])
    return rows.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items()).sort("period", "dataset", "supplier_id", "row_number")


def _broken_rules(home: Home, slots: dict[str, Slot], across: list[str]) -> pl.DataFrame:
    """batch_id, row_number, rules: of every row with an error, by the rules inside its file and across files."""
    files = [verdicts_path(home, slot, batch_id) for batch_id, slot in slots.items()]
    errors = pl.scan_parquet([*files, *(home.root / path for path in across)]).filter(pl.col("severity") == "error")
    return errors.group_by("batch_id", "row_number").agg(rules=pl.col("rule_id").unique().sort()).collect()


def _unlinked(
    connection: duckdb.DuckDBPyConnection, home: Home, slots: dict[str, Slot], refused: pl.DataFrame, links: list[Path]
) -> pl.DataFrame:
    """The rows that count as somebody of whom nobody knows whether they stand in the books."""
    lake = file_list(batch_path(home, slot, batch_id) for batch_id, slot in slots.items())
    connection.register("refused", refused.to_arrow())
    linked = "select batch_id, row_number from refused"
    if links:
        linked += (
            f" union all select batch_id, row_number from read_parquet({file_list(links)}, hive_partitioning=false)"
            " where decision = 'linked'"
        )
    found: pl.DataFrame = connection.sql(
        f"select batch_id, row_number, [{literal(UNLINKED)}] as rules"
        f" from read_parquet({lake}, hive_partitioning=false, union_by_name=true)"
        f" where person_id is null and (batch_id, row_number) not in ({linked})"
    ).pl()
    return found.select(pl.col(name).cast(dtype) for name, dtype in refused.schema.items())


def _located(
    connection: duckdb.DuckDBPyConnection, home: Home, contract: Contract, slots: dict[str, Slot], rules: pl.DataFrame,
    households: dict[str, Slot],
) -> pl.DataFrame:  # fmt: skip
    """The open rows of a dataset with their place and month; null where what says so is itself refused."""
    doubted = {
        rule.id: list(rule.columns) for rule in rule_catalogue(contract, sample=False)
    }  # fmt: skip
    named = rules.with_columns(
        doubted=pl.col("rules").list.eval(pl.element().replace_strict(doubted, default=[], return_dtype=pl.List(pl.String)))
        .list.eval(pl.element().explode()).list.unique()
    )  # fmt: skip
    connection.register("open", named.to_arrow())
    lake = file_list(batch_path(home, slot, name) for name, slot in slots.items() if name in set(rules["batch_id"]))
    place, join = _place(contract, home, households)
    month = "rows.period"
    if contract.cohort_date is not None:
        relied = _reliable(contract.cohort_date)
        month = (
            f"coalesce(case when {relied}::date <= last_day(rows.period) then date_trunc('month', {relied})::date end, rows.period)"
        )
    found: pl.DataFrame = connection.sql(f"""
        select rows.supplier_id, {literal(contract.dataset)} as dataset, rows.period, batch_id, row_number, rules,
            {place} as community_code, {month} as month
        from read_parquet({lake}, hive_partitioning=false, union_by_name=true) as rows
        inner join open using (batch_id, row_number)
        {join}""").pl()
    return found


def _place(contract: Contract, home: Home, households: dict[str, Slot]) -> tuple[str, str]:
    """The SQL for the code of the place that a row lies in, and a join that it needs."""
    column = _column_of_place(contract)
    if column is not None:
        return _reliable(column.name, column.stored_name), ""
    if contract.dataset == "household_persons" and households:
        lists = file_list(batch_path(home, slot, name) for name, slot in households.items())
        homes = (
            "left join (select household_no, period, min(community_code) as home from"
            f" read_parquet({lists}, hive_partitioning=false, union_by_name=true) group by all) as homes"
            " on homes.household_no = rows.household_no and homes.period = rows.period"
        )
        return "homes.home", homes
    return "null::varchar", ""


def _column_of_place(contract: Contract) -> Column | None:
    by_name = {column.name: column for column in contract.columns}
    referring = [column for column in contract.columns if column.references == COMMUNITY_REGISTER]
    return next(iter(referring), None) or by_name.get("unit_code") or (
        by_name.get("code") if contract.dataset == "civil_communities" else None
    )


def _reliable(name: str, stored: str | None = None) -> str:
    """The SQL for a cell that no broken rule is about; null otherwise."""
    return f"case when not list_contains(doubted, {literal(name)}) then rows.{stored or name} end"


def _drop_old(kept: Path) -> None:
    newest_first = sorted(kept.parent.glob("open_rows-*.parquet"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in newest_first[KEPT:]:
        if path != kept:
            path.unlink(missing_ok=True)


def _code() -> str:
    """A digest of this module: whatever changes in it may change the rows."""
    return _hash(Path(__file__).read_text(encoding="utf-8"))


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]
