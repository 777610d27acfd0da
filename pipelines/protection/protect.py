"""One delivered frame of text in, one typed batch without personal data out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import polars as pl
import polars_hash as plh

from expectations.contract import DUCKDB_TYPES, Column, Contract
from pipelines.keys import Key
from pipelines.protection.casts import cast, normalise, read_date
from pipelines.protection.identity import IDENTIFIER, MASK, examine
from pipelines.protection.linking import PSEUDONYM_LENGTH, examine_names, linking_keys, normalise_name
from pipelines.settings import month_end

_POLARS_TYPES: dict[str, pl.DataType] = {
    "varchar": pl.String(),
    "integer": pl.Int32(),
    "bigint": pl.Int64(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us"),
    "decimal(18,2)": pl.Decimal(18, 2),
    "boolean": pl.Boolean(),
    "varchar[]": pl.List(pl.String()),
}
LINKING_SCHEMA = {
    "batch_id": pl.String(),
    "row_number": pl.Int32(),
    "key_id": pl.String(),
    "name_key": pl.String(),
    "pinyin_key": pl.String(),
    "characters_key": pl.String(),
}


@dataclass(frozen=True)
class Origin:
    """Where a batch comes from: the slot it was delivered into, and its id."""

    batch_id: str
    supplier_id: str
    period: date


@dataclass(frozen=True)
class Protected:
    """A batch in the lake's schema and, for datasets with names, its linking keys (one row per named row)."""

    batch: pl.DataFrame
    linking: pl.DataFrame | None


def lake_schema(contract: Contract) -> dict[str, pl.DataType]:
    """The fixed Polars schema of a dataset's batches, in column order."""
    return {lake.name: _POLARS_TYPES[lake.duckdb_type] for lake in contract.lake_columns()}


def protect(
    delivered: pl.DataFrame, contract: Contract, origin: Origin, key: Key, *, is_sample: bool
) -> Protected:
    """Cast every cell by the contract and replace what identifies a person.

    `delivered` has `row_number` and one text column per contract column that the file had; an optional column
    that it lacked is null throughout. Returns one row per delivered row: nothing is dropped here, a cell that
    cannot be cast is null with its text beside it, or, where it identifies, with a finding.
    """
    frame = delivered.with_columns(
        pl.lit(None, pl.String).alias(column.name)
        for column in contract.columns
        if column.name not in delivered.columns
    )
    plain = [column for column in contract.columns if column.privacy == "none"]
    stored = pl.concat([frame.select("row_number"), *(_stored(frame, column) for column in plain)], how="horizontal")
    parts = [stored]
    linking = None
    for column in contract.columns:
        match column.privacy:
            case "identity_document":
                kinds = frame.select(column.name).with_columns(_kind(stored))
                parts.append(_identity(kinds, column, key, is_sample=is_sample))
            case "reference_number":
                parts.append(_reference(frame, column, key))
            case "birth_date":
                parts.append(_birth_year(frame, column, origin.period))
            case "name":
                names = frame.select(normalise_name(pl.col(column.name)).alias("name"))
                parts.append(names.select(examine_names(pl.col("name")).alias(column.check_name)))
                linking = _linking(frame["row_number"], names, origin, key)
    batch = pl.concat(parts, how="horizontal").with_columns(
        batch_id=pl.lit(origin.batch_id),
        supplier_id=pl.lit(origin.supplier_id),
        period=pl.lit(origin.period),
        contract_version=pl.lit(contract.version),
        key_id=pl.lit(key.id),
    )
    schema = lake_schema(contract)
    return Protected(batch.select(pl.col(name).cast(dtype) for name, dtype in schema.items()), linking)


def _by_value(texts: pl.Series, derive: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
    """What `derive` makes of a column of normalised `text`, row for row.

    Worked out once per different text: dates, codes and choices repeat themselves thousands of times.
    """
    column = texts.alias("delivered").to_frame()
    different = column.unique()
    derived = derive(different.select(normalise(pl.col("delivered")).alias("text")))
    values = pl.concat([different, derived], how="horizontal")
    joined = column.join(values, on="delivered", how="left", nulls_equal=True, maintain_order="left")
    return joined.drop("delivered")


def _stored(frame: pl.DataFrame, column: Column) -> pl.DataFrame:
    def derive(texts: pl.DataFrame) -> pl.DataFrame:
        if column.type != "text":
            # A cell that slipped into the wrong column must not bring a person's number with it. Free text is
            # left alone: a registration may well be numbered by region, date and sequence.
            texts = texts.with_columns(pl.col("text").str.replace_all(IDENTIFIER, MASK))
        values = texts.with_columns(cast(pl.col("text"), column).alias(column.stored_name))
        if not column.keeps_text:
            return values.select(column.stored_name)
        kept = pl.when(pl.col(column.stored_name).is_null()).then(pl.col("text"))
        return values.select(column.stored_name, kept.alias(column.text_name))

    return _by_value(frame[column.name], derive)


def _kind(stored: pl.DataFrame) -> pl.Series:
    if "id_type" in stored.columns:
        return stored["id_type"]
    return pl.Series("id_type", [None] * stored.height, dtype=pl.String)


def _identity(frame: pl.DataFrame, column: Column, key: Key, *, is_sample: bool) -> pl.DataFrame:
    # The document is checked before it is pseudonymised: afterwards nothing can be seen of it.
    examined = examine(frame, column.name, "id_type", is_sample=is_sample)
    hashed = plh.col("canonical").chash.hmac_sha256(key=key.for_purpose("person"))
    return examined.select(
        hashed.str.slice(0, PSEUDONYM_LENGTH).alias(column.stored_name),
        pl.col("finding").alias(column.check_name),
    )


def _reference(frame: pl.DataFrame, column: Column, key: Key) -> pl.DataFrame:
    texts = frame.select(normalise(pl.col(column.name)).alias("number"))
    hashed = plh.col("number").chash.hmac_sha256(key=key.for_purpose(f"reference:{column.name}"))
    return texts.select(
        hashed.str.slice(0, PSEUDONYM_LENGTH).alias(column.stored_name),
        pl.when(pl.col("number").is_null()).then(pl.lit("absent")).otherwise(pl.lit("valid")).alias(column.check_name),
    )


def _birth_year(frame: pl.DataFrame, column: Column, period: date) -> pl.DataFrame:
    def derive(texts: pl.DataFrame) -> pl.DataFrame:
        days = texts.with_columns(day=read_date(pl.col("text")))
        is_possible = pl.col("day").is_between(date(1900, 1, 1), month_end(period))
        return days.select(
            pl.when(is_possible).then(pl.col("day").dt.year()).alias(column.stored_name),
            pl.when(pl.col("text").is_null()).then(pl.lit("absent"))
            .when(pl.col("day").is_null()).then(pl.lit("unreadable"))
            .when(~is_possible).then(pl.lit("out_of_range"))
            .otherwise(pl.lit("valid")).alias(column.check_name),
        )  # fmt: skip

    return _by_value(frame[column.name], derive)


def _linking(row_numbers: pl.Series, names: pl.DataFrame, origin: Origin, key: Key) -> pl.DataFrame:
    valid = names.select(pl.when(examine_names(pl.col("name")) == "valid").then(pl.col("name")).alias("name"))
    keys = linking_keys(valid["name"], key)
    frame = keys.with_columns(row_numbers, batch_id=pl.lit(origin.batch_id), key_id=pl.lit(key.id))
    return frame.select(pl.col(name).cast(dtype) for name, dtype in LINKING_SCHEMA.items()).drop_nulls("name_key")


# A type of the contract without a Polars type here would only be noticed when such a file arrives.
assert set(DUCKDB_TYPES.values()) <= set(_POLARS_TYPES)
