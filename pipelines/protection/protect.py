"""One delivered frame of text in, one typed batch without personal data out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
import polars_hash as plh

from expectations.contract import DUCKDB_TYPES, Column, Contract
from expectations.tuning import respelled_columns
from pipelines.keys import Key
from pipelines.protection.casts import cast, map_choice, normalise, read_date, read_list
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
    """One file's batch; see `protect_all`."""
    return protect_all([(delivered, origin)], contract, key, is_sample=is_sample)[0]


def protect_all(
    deliveries: Sequence[tuple[pl.DataFrame, Origin]], contract: Contract, key: Key, *, is_sample: bool
) -> list[Protected]:
    """Cast every cell by the contract and replace what identifies a person: one batch per file, in their order.

    Each delivered frame has `row_number` and one text column per contract column that the file had; an optional
    column that it lacked is null throughout. All are of one dataset and month, so that they are worked on as one
    table: most files are small, and suppliers repeat the same values. A batch has one row per delivered row:
    nothing is dropped here, a cell that cannot be cast is null with its text beside it, or, where it identifies,
    with a finding.
    """
    if not deliveries:
        return []
    frame = pl.concat([_complete(delivered, contract) for delivered, _ in deliveries])
    plain = [column for column in contract.columns if column.privacy == "none"]
    stored = pl.concat([frame.select("row_number"), *(_stored(frame, column) for column in plain)], how="horizontal")
    parts = [stored]
    names = None
    for column in contract.columns:
        match column.privacy:
            case "identity_document":
                kinds = frame.select(column.name).with_columns(_kind(stored))
                parts.append(_identity(kinds, column, key, is_sample=is_sample))
            case "reference_number":
                parts.append(_reference(frame, column, key))
            case "birth_date":
                parts.append(_birth_year(frame, column, deliveries[0][1].period))
            case "name":
                names = _names(frame, column, key)
                parts.append(names.select(column.check_name))
    rows = pl.concat(parts, how="horizontal")
    protected, start = [], 0
    for delivered, origin in deliveries:
        own = rows.slice(start, delivered.height)
        linking = None if names is None else _linking(own["row_number"], names.slice(start, delivered.height), origin, key)
        protected.append(Protected(_batch(own, contract, origin, key), linking))
        start += delivered.height
    return protected


def store_cells(cells: Mapping[str, str], contract: Contract) -> pl.DataFrame:
    """One row with what the lake holds of these cells, column → text as delivered; only columns that identify nobody."""
    stored = [_stored(pl.DataFrame({name: [text]}), contract.column(name)) for name, text in cells.items()]
    return pl.concat(stored, how="horizontal").cast(
        {name: dtype for name, dtype in lake_schema(contract).items() if any(name in one.columns for one in stored)}
    )


def respell(batch: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """A batch with the values of spellings that were added to its contract since; the same frame where none were."""
    columns = respelled_columns(contract)
    return batch.with_columns(map_choice(pl.col(column.stored_name), column) for column in columns) if columns else batch


def _complete(delivered: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """The row numbers and every column of the contract, null where the file lacked it."""
    return delivered.select(
        "row_number",
        *(
            pl.col(column.name) if column.name in delivered.columns else pl.lit(None, pl.String).alias(column.name)
            for column in contract.columns
        ),
    )


def _batch(rows: pl.DataFrame, contract: Contract, origin: Origin, key: Key) -> pl.DataFrame:
    return rows.with_columns(
        batch_id=pl.lit(origin.batch_id),
        supplier_id=pl.lit(origin.supplier_id),
        period=pl.lit(origin.period),
        contract_version=pl.lit(contract.version),
        key_id=pl.lit(key.id),
    ).select(pl.col(name).cast(dtype) for name, dtype in lake_schema(contract).items())


def _by_value(texts: pl.Series, derive: Callable[[pl.LazyFrame], pl.LazyFrame]) -> pl.DataFrame:
    """What `derive` makes of a column of `delivered` text, row for row.

    Worked out once per different text: dates, codes and names repeat themselves, choices thousands of times.
    Lazily, for only then is an expression that is used twice evaluated once.
    """
    encoded = texts.to_arrow().dictionary_encode(null_encoding="encode")
    different = pl.LazyFrame({"delivered": pl.Series(encoded.dictionary)})
    return derive(different).collect().select(pl.all().gather(pl.Series(encoded.indices)))


def _normalised(texts: pl.LazyFrame) -> pl.LazyFrame:
    return texts.select(text=normalise(pl.col("delivered")))


def _stored(frame: pl.DataFrame, column: Column) -> pl.DataFrame:
    def derive(delivered: pl.LazyFrame) -> pl.LazyFrame:
        texts = _normalised(delivered)
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
    def derive(delivered: pl.LazyFrame) -> pl.LazyFrame:
        hashed = plh.col("text").chash.hmac_sha256(key=key.for_purpose(f"reference:{column.numbers_of or column.name}"))
        is_absent = pl.col("text").is_null()
        texts = _normalised(delivered)
        pseudonym = hashed.str.slice(0, PSEUDONYM_LENGTH)
        if column.type == "list":
            # each number by itself: a list that is longer by one would have nothing in common with the shorter one
            listed = texts.with_row_index("place").select("place", text=read_list(pl.col("text"))).explode("text")
            numbers = listed.with_columns(pl.col("text").str.strip_chars()).select("place", pseudonyms=pseudonym).drop_nulls()
            lists = numbers.group_by("place").agg("pseudonyms")
            texts = texts.with_row_index("place").join(lists, on="place", how="left", maintain_order="left")
            pseudonym = pl.col("pseudonyms")
        return texts.select(
            pseudonym.alias(column.stored_name),
            pl.when(is_absent).then(pl.lit("absent")).otherwise(pl.lit("valid")).alias(column.check_name),
        )

    return _by_value(frame[column.name], derive)


def _birth_year(frame: pl.DataFrame, column: Column, period: date) -> pl.DataFrame:
    def derive(delivered: pl.LazyFrame) -> pl.LazyFrame:
        days = _normalised(delivered).with_columns(day=read_date(pl.col("text")))
        is_possible = pl.col("day").is_between(date(1900, 1, 1), month_end(period))
        return days.select(
            pl.when(is_possible).then(pl.col("day").dt.year()).alias(column.stored_name),
            pl.when(pl.col("text").is_null()).then(pl.lit("absent"))
            .when(pl.col("day").is_null()).then(pl.lit("unreadable"))
            .when(~is_possible).then(pl.lit("out_of_range"))
            .otherwise(pl.lit("valid")).alias(column.check_name),
        )  # fmt: skip

    return _by_value(frame[column.name], derive)


def _names(frame: pl.DataFrame, column: Column, key: Key) -> pl.DataFrame:
    """The finding for each name, and the linking keys of the valid ones."""

    def derive(delivered: pl.LazyFrame) -> pl.LazyFrame:
        names = delivered.select(name=normalise_name(pl.col("delivered")))
        names = names.with_columns(examine_names(pl.col("name")).alias(column.check_name))
        valid = pl.when(pl.col(column.check_name) == "valid").then(pl.col("name"))
        examined = names.select(column.check_name, name=valid).collect()
        keys = linking_keys(examined["name"], key)
        return pl.concat([examined.drop("name"), keys], how="horizontal").lazy()

    return _by_value(frame[column.name], derive)


def _linking(row_numbers: pl.Series, names: pl.DataFrame, origin: Origin, key: Key) -> pl.DataFrame:
    frame = names.with_columns(row_numbers, batch_id=pl.lit(origin.batch_id), key_id=pl.lit(key.id))
    return frame.select(pl.col(name).cast(dtype) for name, dtype in LINKING_SCHEMA.items()).drop_nulls("name_key")


# A type of the contract without a Polars type here would only be noticed when such a file arrives.
assert set(DUCKDB_TYPES.values()) <= set(_POLARS_TYPES)
