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
    profile = _profile(body, header)
    kind = (
        pl.when(pl.col("filled") == 0)
        .then(pl.lit("blank"))
        .when(pl.col("is_header"))
        .then(pl.lit("header"))
        .when(pl.col("first").str.contains(_TOTALS))
        .then(pl.lit("totals"))
        .when(pl.col("first").str.contains(_NOTE))
        .then(pl.lit("note"))
        .otherwise(pl.lit("data"))
    )
    profile = profile.with_columns(kind=kind)
    notes = _notes_below_header(profile)
    profile = profile.with_columns(
        kind=pl.when(pl.col("row_number").is_in(notes)).then(pl.lit("note")).otherwise("kind")
    )
    _refuse_ragged(profile, header)
    counts = dict(profile["kind"].value_counts().iter_rows())
    is_data = profile.filter(pl.col("width") == header.width)["kind"] == "data"
    return Classified(
        data=body.regular.filter(is_data),
        header=counts.get("header", 0),
        note=counts.get("note", 0),
        totals=counts.get("totals", 0),
        blank=counts.get("blank", 0) + body.trailing_blank,
    )


def _profile(body: Body, header: Header) -> pl.DataFrame:
    """One row per row below the header: row_number, width, filled (cells), first (filled cell), is_header."""
    names = cell_names(header.width)
    trimmed = [empty_as_null(pl.col(name).str.strip_chars()) for name in names]
    matches = [pl.col(name).fill_null("") == text for name, text in zip(names, header.row.cells, strict=True)]
    regular = body.regular.select(
        "row_number",
        width=pl.lit(header.width, pl.Int64),
        filled=pl.sum_horizontal([cell.is_not_null().cast(pl.Int64) for cell in trimmed]),
        first=pl.coalesce(trimmed),
        is_header=pl.all_horizontal(matches),
    )
    if not body.odd:
        return regular
    odd = pl.DataFrame(
        [(row.number, len(row.cells), len(row.filled), next(iter(row.filled), None), False) for row in body.odd],
        schema=regular.schema,
        orient="row",
    )
    return pl.concat([regular, odd]).sort("row_number")


def _notes_below_header(profile: pl.DataFrame) -> list[int]:
    """The numbers of the note rows that stand between the header and the first data row."""
    rows = profile.filter(pl.col("kind") == "data").head(_MOST_NOTES)
    is_note = (rows["filled"] == 1) | rows["first"].str.contains(_NOTE_BELOW_HEADER)
    first_data = next(iter((~is_note).arg_true()), len(rows))
    return rows["row_number"].head(first_data).to_list()


# more one-cell rows than this below a header are not notes
_MOST_NOTES = 5


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
