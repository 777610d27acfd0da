"""Identity documents: what is wrong with a number, and its one canonical form. Source: GB 11643, GA 490.

Works on whole columns; a number is text from the first to the last step.
"""

from __future__ import annotations

import numpy as np
import polars as pl

# GB 11643 (ISO 7064 MOD 11-2): weight of digit i (from the left) is 2^(17-i) mod 11.
_WEIGHTS = np.array([pow(2, 17 - i, 11) for i in range(17)], dtype=np.float32)
_CHECK_CHARACTERS = pl.Series(list("10X98765432"))
_MAINLAND_FORM = r"^[0-9]{17}[0-9X]$"
_OLD_FORM = r"^[0-9]{15}$"
_OLD_FOREIGN_FORM = r"^[A-Z]{3}[0-9]{12}$"
_PASSPORT_FORM = r"^[A-Z0-9]{5,17}$"
_MANGLED_FORM = r"^[0-9]+(\.[0-9]+)?[Ee]\+?[0-9]+$|^[0-9]+\.[0-9]*$"
_FULL_WIDTH = r"[\u{FF01}-\u{FF5E}\u{3000}]"
_APOSTROPHE = r"^['’‘`＇]"

# A mainland number inside other text: region, a date that exists, sequence, check character.
_MONTH_DAY = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
IDENTIFIER = rf"\b[1-9][0-9]{{5}}(?:19|20)[0-9]{{2}}{_MONTH_DAY}[0-9]{{3}}[0-9Xx]\b"
OLD_IDENTIFIER = rf"\b[1-9][0-9]{{7}}{_MONTH_DAY}[0-9]{{3}}\b"
MASK = "******"


def check_characters(numbers: pl.Series) -> pl.Series:
    """The check character that belongs to each number of 17 or 18 digits (only the first 17 are read)."""
    joined = numbers.str.slice(0, 17).str.join().item().encode("ascii")
    digits = np.frombuffer(joined, dtype=np.uint8).reshape(-1, 17) - ord("0")
    # As floating-point numbers, which are exact here and multiply as matrices at full speed.
    remainders = (digits.astype(np.float32) @ _WEIGHTS).astype(np.int32) % 11
    return _CHECK_CHARACTERS.gather(remainders).alias(numbers.name)


def examine(frame: pl.DataFrame, number: str, kind: str | None, *, is_sample: bool) -> pl.DataFrame:
    """What is known of each delivered number.

    `frame` has the delivered text `number` and, if named, the stored document kind `kind`. Returns one row
    per row: `finding` ('valid', 'absent' or one of contract.IDENTITY_FINDINGS) and `canonical` (the text to
    be pseudonymised, null where the number is not usable).
    """
    rows = frame.select(
        delivered=pl.col(number),
        kind=(pl.col(kind) if kind else pl.lit(None, pl.String)).fill_null("resident_id"),
    ).with_row_index("place")
    # Nearly every number is written as it should be; only the others are worth the many looks below.
    is_plain = (pl.col("kind") != "passport") & pl.col("delivered").str.contains(_MAINLAND_FORM)
    plain, odd = rows.filter(is_plain), rows.filter(is_plain.fill_null(False).not_())
    plain = plain.with_columns(check=check_characters(plain["delivered"])).with_columns(
        fault=_fault(pl.col("delivered"), pl.lit(False), is_sample=is_sample)
    )
    plain = plain.select(
        "place",
        finding=pl.col("fault").fill_null("valid"),
        canonical=pl.when(pl.col("fault").is_null()).then(pl.col("delivered")),
    )
    examined = pl.concat([plain, _examine_odd(odd, is_sample=is_sample)])
    return examined.sort("place").select("finding", "canonical")


def _examine_odd(rows: pl.DataFrame, *, is_sample: bool) -> pl.DataFrame:
    """place, finding and canonical of numbers that are not written as 18 plain characters."""
    rows = rows.with_columns(pl.col("delivered").str.strip_chars()).with_columns(
        unquoted=pl.col("delivered").str.replace(_APOSTROPHE, "").str.normalize("NFKC").str.strip_chars()
    )
    rows = rows.with_columns(text=pl.col("unquoted").str.to_uppercase())
    rows = rows.with_columns(form=_form()).with_columns(long=_eighteen_digits())
    rows = rows.join(_numbered(rows, is_sample=is_sample), on="place", how="left", maintain_order="left")
    is_other = pl.col("form") == "other"
    is_usable = is_other | (pl.col("canonical").is_not_null() & pl.col("fault").is_null())
    fault = pl.when(is_usable).then(_repair()).otherwise(pl.coalesce("fault", "form"))
    return rows.select(
        "place",
        finding=fault,
        canonical=pl.when(is_other).then(pl.col("kind") + ":" + pl.col("text"))
        .when(is_usable).then(pl.col("canonical")),
    )


def _form() -> pl.Expr:
    """Which form a number has, or the finding that it has none."""
    text, kind = pl.col("text"), pl.col("kind")
    may_be_national = kind != "passport"
    return (
        pl.when(text.is_null() | (text == "")).then(pl.lit("absent"))
        .when(text.str.contains(_MANGLED_FORM)).then(pl.lit("float_mangled"))
        .when(may_be_national & text.str.contains(_MAINLAND_FORM)).then(pl.lit("mainland"))
        .when(may_be_national & text.str.contains(_OLD_FORM)).then(pl.lit("old"))
        .when((kind == "foreign_permanent") & text.str.contains(_OLD_FOREIGN_FORM)).then(pl.lit("other"))
        .when((kind == "passport") & text.str.contains(_PASSPORT_FORM)).then(pl.lit("other"))
        .when(text.str.contains(r"^[0-9]+X?$")).then(pl.lit("wrong_length"))
        .otherwise(pl.lit("bad_characters"))
    )  # fmt: skip


def _eighteen_digits() -> pl.Expr:
    """The number in its long form: a 15-digit one lacks the century (19) and the check character."""
    text = pl.col("text")
    return (
        pl.when(pl.col("form") == "old")
        .then(pl.concat_str(text.str.slice(0, 6), pl.lit("19"), text.str.slice(6)))
        .otherwise(text)
    )


def _numbered(rows: pl.DataFrame, *, is_sample: bool) -> pl.DataFrame:
    """For rows with a national number: `canonical` (18 characters) and `fault` (a finding or null)."""
    numbers = rows.filter(pl.col("form").is_in(["mainland", "old"])).select("place", "form", "long")
    numbers = numbers.with_columns(check=check_characters(numbers["long"]))
    long, is_old = pl.col("long"), pl.col("form") == "old"
    return numbers.select(
        "place",
        canonical=pl.when(is_old).then(long + pl.col("check")).otherwise(long),
        fault=_fault(long, is_old, is_sample=is_sample),
    )


def _fault(long: pl.Expr, is_old: pl.Expr, *, is_sample: bool) -> pl.Expr:
    """What is wrong with a national number of 18 characters, or of 17 where `is_old`, beside its `check`; or null."""
    born = long.str.slice(6, 8).str.to_date("%Y%m%d", strict=False)
    # No document of any kind begins like that: region 99 is allotted to nobody.
    is_composed = long.str.starts_with("999") & pl.lit(not is_sample)
    return (
        pl.when(~is_old & (long.str.slice(17) != pl.col("check"))).then(pl.lit("bad_check_digit"))
        .when(born.is_null()).then(pl.lit("bad_birth_date"))
        .when(is_composed).then(pl.lit("unallotted_prefix"))
    )  # fmt: skip


def _repair() -> pl.Expr:
    """What had to be repaired in a usable number, 'valid' where nothing."""
    delivered = pl.col("delivered")
    return (
        pl.when(delivered.str.contains(_APOSTROPHE)).then(pl.lit("apostrophe"))
        .when(delivered.str.contains(_FULL_WIDTH)).then(pl.lit("full_width"))
        .when(pl.col("unquoted") != pl.col("text")).then(pl.lit("lower_case_x"))
        .when(pl.col("form") == "old").then(pl.lit("converted_15_digit"))
        .otherwise(pl.lit("valid"))
    )  # fmt: skip
