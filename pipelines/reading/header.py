"""Finding the real header row by the contract, and saying what each of its cells means."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from expectations.contract import FORBIDDEN_ATTRIBUTES, Contract
from pipelines.errors import Refusal
from pipelines.reading.grid import Row
from pipelines.reading.refusals import WHOLE_FILE, at_row, refuse

SEARCHED_ROWS = 10
# Two columns that make a file a correction of rows: the batch that a row stands in, and its number there.
CORRECTED_BATCH, CORRECTED_ROW = "更正批次", "更正行号"
# fewer than this many recognised columns is a coincidence, not a header
_LEAST_RECOGNISED = 2
_INVISIBLE = dict.fromkeys((0xFEFF, 0x200B, 0x200C, 0x200D, 0x2060))
_OTHER_DELIMITERS = {"\t": ("制表符", "tabs"), ";": ("分号", "semicolons"), "；": ("全角分号", "full-width semicolons"),
                     "，": ("全角逗号", "full-width commas"), "|": ("竖线", "vertical bars")}  # fmt: skip


@dataclass(frozen=True)
class Header:
    """The header row and what its cells mean.

    `rows_before` are titles and blank rows; `positions` maps contract columns to cell indexes, in the contract's
    order; `unnamed` are cells without a header; `correction` are the cells that say which row is corrected.
    """

    row: Row
    rows_before: tuple[Row, ...]
    positions: dict[str, int]
    unnamed: list[int]
    dropped: list[str]
    extra: list[str]
    missing_optional: list[str]
    correction: tuple[int, int] | None = None

    @property
    def width(self) -> int:
        return len(self.row.cells)


def normalise_header(text: str) -> str:
    """A header for comparison: NFKC, without any white space or invisible characters."""
    return "".join(unicodedata.normalize("NFKC", text).translate(_INVISIBLE).split())


def meanings(contract: Contract) -> dict[str, str]:
    """Normalised header → column name."""
    return {normalise_header(text): column.name for column in contract.columns for text in column.headers}


def find_header(rows: Sequence[Row], contract: Contract) -> Header | None:
    """The row that names most of the contract's columns, the first of equals; None where no row names two."""
    known = meanings(contract)
    best, most = None, _LEAST_RECOGNISED - 1
    for row in rows:
        recognised = len({known[text] for text in map(normalise_header, row.cells) if text in known})
        if recognised > most:
            best, most = row, recognised
    return _read_header(best, rows, contract, known) if best is not None else None


def header_not_found(rows: Sequence[Row], contract: Contract, *, is_text: bool) -> Refusal:
    """The refusal for a table in which no row is the header, naming a wrong delimiter where that is why."""
    for delimiter, (zh, en) in _OTHER_DELIMITERS.items() if is_text else ():
        split = [Row(row.number, tuple(",".join(row.cells).split(delimiter))) for row in rows]
        known = meanings(contract)
        for row in split:
            if len({known[text] for text in map(normalise_header, row.cells) if text in known}) >= _LEAST_RECOGNISED:
                return refuse("delimiter_wrong", at_row(row.number), zh, en)
    titles = "、".join(column.title_zh for column in contract.columns)
    return refuse(
        "header_not_found",
        WHOLE_FILE,
        f"没有一行含“{contract.title_zh}”的两个以上表头（{titles}）",
        f"no row with two or more headers of '{contract.title_en}' ({titles})",
    )


def _read_header(row: Row, rows: Sequence[Row], contract: Contract, known: dict[str, str]) -> Header:
    texts = [normalise_header(cell) for cell in row.cells]
    where = at_row(row.number)
    _refuse_data_before(row, rows)
    repeated = [text for text, count in Counter(filter(None, texts)).items() if count > 1]
    if repeated:
        raise refuse("header_duplicate", where, _listed(repeated), _listed(repeated))
    found: dict[str, int] = {}
    for index, text in enumerate(texts):
        name = known.get(text)
        if name is None:
            continue
        if name in found:
            pair = _listed([texts[found[name]], text])
            raise refuse("header_ambiguous", where, pair, pair)
        found[name] = index
    other = [text for text in texts if text and text not in known and text not in (CORRECTED_BATCH, CORRECTED_ROW)]
    dropped = [text for text in other if is_forbidden(text)]
    extra = [text for text in other if text not in dropped]
    missing = [column for column in contract.columns if column.name not in found]
    required = [column.title_zh for column in missing if column.is_header_required]
    if required:
        hint_zh = f"；未识别的表头：{_listed(extra)}" if extra else ""
        hint_en = f"; headers not recognised: {_listed(extra)}" if extra else ""
        raise refuse("header_missing", where, f"缺少 {_listed(required)}{hint_zh}", f"missing {_listed(required)}{hint_en}")
    return Header(
        row=row,
        rows_before=tuple(other for other in rows if other.number < row.number),
        positions={column.name: found[column.name] for column in contract.columns if column.name in found},
        unnamed=[index for index, text in enumerate(texts) if not text],
        dropped=dropped,
        extra=extra,
        missing_optional=[column.name for column in missing],
        correction=_correction(texts, where),
    )


def _correction(texts: list[str], where: str) -> tuple[int, int] | None:
    """The cells that say which row of which batch is corrected; none in a file that is a delivery of its own."""
    found = [texts.index(name) for name in (CORRECTED_BATCH, CORRECTED_ROW) if name in texts]
    if len(found) == 1:
        raise refuse("correction_incomplete", where, _listed([texts[found[0]]]), _listed([texts[found[0]]]))
    return (found[0], found[1]) if found else None


def _refuse_data_before(header: Row, rows: Sequence[Row]) -> None:
    """Titles have few cells; a row before the header that is as full as the header is data out of place."""
    for row in rows:
        if row.number >= header.number:
            return
        if len(row.filled) >= len(header.filled):
            found = f"{len(row.filled)} 个非空单元格", f"{len(row.filled)} cells filled"
            raise refuse("data_before_header", at_row(row.number), *found)


def is_forbidden(header: str) -> bool:
    """Whether a header names an attribute that the warehouse never stores."""
    lower = header.lower()
    return any(word in lower for words in FORBIDDEN_ATTRIBUTES.values() for word in words)


def _listed(texts: Iterable[str], *, longest: int = 30, most: int = 12) -> str:
    """Header texts for a message: clipped, printable, not too many."""
    clipped = ["".join(c for c in text[:longest] if c.isprintable()) for text in texts]
    return "、".join(clipped[:most]) + ("…" if len(clipped) > most else "")
