"""What each row below the header is: data, or skipped as blank, note, totals or a repeated header.

Every row gets exactly one kind, by these rules, in this order:
- blank: no cell with more than white space;
- header: every cell as in the header row (exports repeat it on each page);
- totals: the first filled cell is 合计, 总计 or 小计;
- note: the first filled cell opens with a word such as 说明： or 填表人：; or, directly below the header, it opens
  with such a word without the colon, or it is the row's only filled cell;
- data: everything else, and then it must be as wide as the header.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from pipelines.reading.grid import Body, cell_names, empty_as_null
from pipelines.reading.header import Header
from pipelines.reading.refusals import at_row, refuse

_TOTALS = r"^[合总小]\s*计\s*[:：]?$"
_NOTE = (
    r"^(?:注|注意|备注|说明|填表说明|填报说明|填写说明)\s*[0-9一二三]?\s*[:：]"
    r"|^(?:填表|制表|填报|审核|复核|负责|单位负责|联系)[^:：]{0,6}[:：]"
)
_NOTE_BELOW_HEADER = r"^(?:备注|说明|填表说明|填报说明|填写说明|注意|注(?:$|[^\p{Han}]))"
# what no skipped row but a repeated header begins with; rows that do need no closer look
_PLAIN_START = r"^[^\s合总小注备说填制审复负单联]"
# notes below a header stand among so many rows, and are so many at most
_NEAR_HEADER = 20
_MOST_NOTES = 5


@dataclass(frozen=True)
class Classified:
    """The data rows (row_number, c0 …) and how many rows each skipped kind has."""

    data: pl.DataFrame
    header: int
    note: int
    totals: int
    blank: int


def classify(body: Body, header: Header) -> Classified:
    """The kind of every row below the header. Refusal for a data row that is not as wide as the header."""
    rows = _profile(body, header).with_columns(
        kind=pl.when(pl.col("filled") == 0)
        .then(pl.lit("blank"))
        .when(pl.col("is_header"))
        .then(pl.lit("header"))
        .when(pl.col("first").str.contains(_TOTALS))
        .then(pl.lit("totals"))
        .when(pl.col("first").str.contains(_NOTE))
        .then(pl.lit("note"))
        .otherwise(pl.lit("data"))
    )
    notes = pl.col("row_number").is_in(_notes_below_header(rows, body))
    rows = rows.with_columns(kind=pl.when(notes).then(pl.lit("note")).otherwise("kind"))
    _refuse_ragged(rows, header)
    skipped = rows.filter(pl.col("kind") != "data")
    counts = dict(skipped["kind"].value_counts().iter_rows())
    is_data = ~pl.col("row_number").is_in(skipped["row_number"].to_list())
    return Classified(
        data=body.regular.filter(is_data) if len(skipped) else body.regular,
        header=counts.get("header", 0),
        note=counts.get("note", 0),
        totals=counts.get("totals", 0),
        blank=counts.get("blank", 0) + body.trailing_blank,
    )


def _profile(body: Body, header: Header) -> pl.DataFrame:
    """One row per row that may not be data: row_number, width, filled (cells), first (filled cell), is_header."""
    names = cell_names(header.width)
    opening = pl.coalesce(names)
    is_plain = opening.str.contains(_PLAIN_START) & (opening != next(filter(None, header.row.cells)))
    is_near_header = pl.int_range(pl.len()) < _NEAR_HEADER
    trimmed = [empty_as_null(pl.col(name).str.strip_chars()) for name in names]
    matches = [pl.col(name).fill_null("") == text for name, text in zip(names, header.row.cells, strict=True)]
    regular = body.regular.filter(is_near_header | ~is_plain.fill_null(False)).select(
        "row_number",
        width=pl.lit(header.width, pl.Int64),
        filled=pl.sum_horizontal([cell.is_not_null().cast(pl.Int64) for cell in trimmed]),
        first=pl.coalesce(trimmed),
        is_header=pl.all_horizontal(matches),
    )
    odd = pl.DataFrame(
        [
            (row.number, len(row.cells), len(row.filled), next(iter(row.filled), None), False)
            for row in body.odd
        ],
        schema=regular.schema,
        orient="row",
    )
    return pl.concat([regular, odd]).sort("row_number")


def _notes_below_header(profile: pl.DataFrame, body: Body) -> list[int]:
    """The numbers of the note rows that stand between the header and the first data row."""
    rows = profile.filter(pl.col("kind") == "data")
    if body.regular.height > _NEAR_HEADER:
        # further down the profile has gaps, where data rows stand
        rows = rows.filter(pl.col("row_number") <= body.regular["row_number"][_NEAR_HEADER - 1])
    rows = rows.head(_MOST_NOTES)
    is_note = (rows["filled"] == 1) | rows["first"].str.contains(_NOTE_BELOW_HEADER)
    first_data = next(iter((~is_note).arg_true()), len(rows))
    return rows["row_number"].head(first_data).to_list()


def _refuse_ragged(profile: pl.DataFrame, header: Header) -> None:
    ragged = profile.filter((pl.col("kind") == "data") & (pl.col("width") != header.width))
    if len(ragged):
        number, width = ragged.select("row_number", "width").row(0)
        raise refuse(
            "ragged_row",
            at_row(number),
            f"{width} 列，表头 {header.width} 列（共 {len(ragged)} 行如此）",
            f"{width} cells, the header has {header.width} ({len(ragged)} such rows)",
        )
