"""The scan of a sheet written the usual way, without calling Python for each of a million cells.

It applies where every row and cell fits a narrow grammar, checked over the whole text: addresses on every cell,
values only, no formulas, errors, comments or CDATA. All else is left to the XML parser in `scan`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

_OPEN, _CLOSE, _ROW_END = b"<sheetData>", b"</sheetData>", b"</row>"
# a piece of this many bytes at a time keeps the scan within the child's memory
_PIECE = 4 * 1024 * 1024

_ATTRIBUTES = r'(?: [A-Za-z0-9:]+="[^"<>&]*")*'
_VALUE = r'<v>[^<>]*</v>|<is><t(?: xml:space="preserve")?>[^<>]*</t></is>'
_CELL = rf'<c r="[A-Z]{{1,3}}[1-9][0-9]{{0,6}}"(?: s="[0-9]+")?(?: t="(?:s|n|b|str|inlineStr)")?(?:/>|>(?:{_VALUE})?</c>)'
_ROWS = rf"^(?:<row{_ATTRIBUTES}(?:/>|>(?:{_CELL})*</row>))*$"
# a cell with content, up to its value
_FILLED = r"<c [^<>]*[^/<>]><[vi]"
_PLACE = r'^<c r="([A-Z]+)([0-9]+)"'


@dataclass(frozen=True)
class PlainCells:
    """The cells with content, in the order of the file: row (1-based), letters (of the column), is_number."""

    cells: pl.DataFrame
    # the sheet's XML with its cells taken out
    skeleton: bytes


def plain_cells(xml: bytes) -> PlainCells | None:
    """The cells of a sheet in the narrow grammar; None for any other sheet."""
    if xml.count(_OPEN) != 1 or xml.count(_CLOSE) != 1:
        return None
    start, end = xml.index(_OPEN) + len(_OPEN), xml.index(_CLOSE)
    found = []
    for piece in _pieces(xml, start, end):
        cells = _cells_of(piece)
        if cells is None:
            return None
        found.append(cells)
    return PlainCells(pl.concat(found), xml[:start] + xml[end:]) if found else None


def _pieces(xml: bytes, start: int, end: int) -> Iterator[bytes]:
    """The rows in pieces that end with a row; a row longer than a piece goes out cut, and fits no grammar."""
    while start < end:
        stop = end
        if end - start > _PIECE:
            stop = xml.rfind(_ROW_END, start, start + _PIECE) + len(_ROW_END)
            if stop < start:
                stop = start + _PIECE
        yield xml[start:stop]
        start = stop


def _cells_of(piece: bytes) -> pl.DataFrame | None:
    try:
        rows = pl.Series([piece.decode("utf-8")])
    except UnicodeDecodeError:
        return None
    if not rows.str.contains(_ROWS).item():
        return None
    filled = rows.str.extract_all(_FILLED).explode(empty_as_null=False)
    places = filled.str.extract_groups(_PLACE).struct.unnest()
    return pl.DataFrame(
        {
            "row": places.to_series(1).cast(pl.Int32),
            "letters": places.to_series(0).cast(pl.Categorical),
            "is_number": ~filled.str.contains(' t="[^n]'),
        }
    )
