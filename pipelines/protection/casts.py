"""Casts from delivered text to the contract's types: strict spellings, null where a text is none of them."""

from __future__ import annotations

import polars as pl

from expectations.contract import Column

TRUE_WORDS = ("是", "有", "1", "√", "Y", "y", "true", "TRUE", "True")
FALSE_WORDS = ("否", "无", "0", "×", "N", "n", "false", "FALSE", "False")
LIST_SEPARATORS = r"\s*[、；;，,]\s*"
_MONTH, _DAY = "[0-9]{1,2}", "[0-9]{1,2}"
DATE_FORM = rf"^[0-9]{{4}}(?:-{_MONTH}-{_DAY}|/{_MONTH}/{_DAY}|\.{_MONTH}\.{_DAY}|年{_MONTH}月{_DAY}日)$"
GROUPED_DIGITS = r"^-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?$"


def normalise(text: pl.Expr) -> pl.Expr:
    """Compatibility forms (full-width digits, ㎡ …) folded and outer blanks removed; '' becomes null."""
    folded = text.str.normalize("NFKC").str.strip_chars()
    return pl.when(folded != "").then(folded)


def read_date(text: pl.Expr) -> pl.Expr:
    """A date from 2026-01-05, 2026/1/5, 2026.1.5, 2026年1月5日 or 20260105; null for anything else."""
    dashed = text.str.replace_many(["年", "月", "/", ".", "日"], ["-", "-", "-", "-", ""])
    day = pl.coalesce(
        pl.when(text.str.contains(DATE_FORM)).then(dashed.str.to_date("%Y-%m-%d", strict=False)),
        pl.when(text.str.contains(r"^[0-9]{8}$")).then(text.str.to_date("%Y%m%d", strict=False)),
    )
    return _of_our_time(day)


def _of_our_time(moment: pl.Expr) -> pl.Expr:
    """Null where the year is surely a slip of the pen."""
    return pl.when(moment.dt.year().is_between(1850, 2100)).then(moment)


def read_timestamp(text: pl.Expr) -> pl.Expr:
    """A timestamp from an ISO-like date and time of day (Asia/Shanghai), or from a date alone; else null."""
    dashed = text.str.replace_many(["年", "月", "/", "日", "T"], ["-", "-", "-", "", " "])
    moment = pl.coalesce(
        dashed.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False),
        dashed.str.to_datetime("%Y-%m-%d %H:%M", strict=False),
        read_date(text).cast(pl.Datetime("us")),
    )
    return _of_our_time(moment)


def read_number(text: pl.Expr, *, decimals: int) -> pl.Expr:
    """A number with at most `decimals` places; grouped thousands are read, more places are not rounded but null."""
    plain = pl.when(text.str.contains(GROUPED_DIGITS)).then(text.str.replace_all(",", "")).otherwise(text)
    fraction = rf"(\.[0-9]{{1,{decimals}}}0*)?" if decimals else ""
    pattern = rf"^-?[0-9]{{1,16}}{fraction}$"
    target = pl.Decimal(18, decimals) if decimals else pl.Int64()
    return pl.when(plain.str.contains(pattern)).then(plain).cast(target, strict=False)


def read_boolean(text: pl.Expr) -> pl.Expr:
    return pl.when(text.is_in(TRUE_WORDS)).then(True).when(text.is_in(FALSE_WORDS)).then(False)


def read_list(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all(LIST_SEPARATORS, "、").str.strip_chars("、").str.split("、")


def map_choice(text: pl.Expr, column: Column) -> pl.Expr:
    """Known spellings become the stored value; an unknown spelling stays, for the rule that refuses it."""
    spellings = {spelling: value for value, all_of in column.values.items() for spelling in all_of}
    return text.replace(spellings)


def cast(text: pl.Expr, column: Column) -> pl.Expr:
    """The typed value of a normalised, not identifying cell; null where the text is not of the column's type."""
    match column.type:
        case "choice":
            return map_choice(text, column)
        case "date":
            return read_date(text)
        case "timestamp":
            return read_timestamp(text)
        case "integer":
            return read_number(text, decimals=0)
        case "decimal":
            return read_number(text, decimals=2)
        case "boolean":
            return read_boolean(text)
        case "list":
            return read_list(text)
        case _:
            return text
