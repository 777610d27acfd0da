"""The content of protected rows, by which a row of a new delivery is known to be one that was decided on."""

from __future__ import annotations

import duckdb
import polars as pl

from expectations.contract import Contract

# What says where a row stands, not what it says.
_PLACE = ("batch_id", "row_number", "supplier_id", "period", "contract_version", "key_id")


def digests(rows: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """row_number and digest of every row of a batch: equal where what a row says is equal, cell by cell.

    An empty cell is as one that an earlier contract did not know. `rows` has the lake's schema.
    """
    named = [lake.name for lake in contract.lake_columns() if lake.name not in _PLACE and lake.name in rows.columns]
    # A cell is told from its neighbours by its name and its length.
    cells = ", ".join(f"'{name}=' || length(\"{name}\"::varchar) || ':' || \"{name}\"::varchar" for name in named)
    with duckdb.connect() as connection:
        connection.register("rows", rows.to_arrow())
        found: pl.DataFrame = connection.sql(
            f"select row_number, sha256(concat_ws(';', {cells})) as digest from rows"
        ).pl()
    return found
