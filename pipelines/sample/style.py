"""How an agency's files look: form, headers, order of columns, spellings. Fixed per supplier and dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from expectations.contract import Column, Contract
from pipelines.sample.chance import stream

Form = Literal["gb18030", "utf-8", "utf-8-sig", "xlsx"]
FORMS: tuple[Form, ...] = ("gb18030", "xlsx", "utf-8", "utf-8-sig")
TEXT_FORMS: tuple[Form, ...] = ("gb18030", "utf-8", "utf-8-sig")
# Larger tables come as CSV.
MOST_WORKBOOK_ROWS = 10_000
DATE_FORMATS = ("%Y-%m-%d", "%Y/%-m/%-d", "%Y年%-m月%-d日", "%Y%m%d", "%Y.%-m.%-d")
# The last one says the second, too; the others stand for whole minutes only.
TIMESTAMP_FORMATS = (
    "%Y-%m-%d %H:%M", "%Y/%-m/%-d %H:%M", "%Y年%-m月%-d日 %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
)  # fmt: skip
TRUTH_WORDS = (("是", "否"), ("有", "无"), ("1", "0"), ("√", "×"), ("Y", "N"))
# The datasets whose forms go round together; all others do so among themselves, so that more of them change nothing.
_FIRST_DATASETS = frozenset({
    "civil_communities", "civil_facilities", "grid_disputes", "grid_grids", "grid_residents", "household_households",
    "household_persons", "police_residence_registrations",
})  # fmt: skip
# Columns that nobody asked for; the last two are never to be stored, whoever sends them.
EXTRA_HEADERS = ("序号", "备注", "更新日期")
FORBIDDEN_HEADERS = {"grid_residents": "民族", "household_persons": "政治面貌"}


@dataclass(frozen=True)
class Style:
    """How the files of one supplier and dataset look."""

    form: Form
    line_end: str
    quotes_all: bool
    headers: dict[str, str]
    column_names: tuple[str, ...]
    extra_headers: tuple[str, ...]
    has_title: bool
    has_note: bool
    has_totals: bool
    has_blank_end: bool
    usual_date_format: str
    other_date_format: str
    has_date_cells: bool
    truth_words: tuple[str, str]
    # which of a choice's spellings is used, by column; -1: they alternate
    spellings: dict[str, int]
    has_thousands: bool
    list_separator: str
    timestamp_format: str

    @property
    def suffix(self) -> str:
        return ".xlsx" if self.form == "xlsx" else ".csv"


class Styles:
    """Hands out the styles; the forms go round, so that all occur in every sample."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._known: dict[tuple[str, str], Style] = {}
        self._given: dict[tuple[bool, bool], int] = {}

    def style(self, supplier: str, contract: Contract, rows: int) -> Style:
        """The style of a supplier's dataset; `rows`, the size of the first file, decides whether a workbook fits."""
        key = (supplier, contract.dataset)
        if key not in self._known:
            fits_workbook = rows <= MOST_WORKBOOK_ROWS
            forms = FORMS if fits_workbook else TEXT_FORMS
            round_of = (contract.dataset in _FIRST_DATASETS, fits_workbook)
            given = self._given.get(round_of, 0)
            form = forms[(given + self.seed) % len(forms)]
            self._given[round_of] = given + 1
            self._known[key] = self._draw(supplier, contract, form)
        return self._known[key]

    def _draw(self, supplier: str, contract: Contract, form: Form) -> Style:
        chance = stream(self.seed, "style", supplier, contract.dataset)
        names = [column.name for column in contract.columns]
        if chance.random() < 0.5:
            names = [names[int(place)] for place in chance.permutation(len(names))]
        formats = [int(place) for place in chance.permutation(len(DATE_FORMATS))[:2]]
        extras = [header for header in EXTRA_HEADERS if chance.random() < 0.25]
        forbidden = FORBIDDEN_HEADERS.get(contract.dataset)
        if forbidden is not None and chance.random() < 0.3:
            extras.append(forbidden)
        return Style(
            form=form,
            line_end="\r\n" if chance.random() < 0.6 else "\n",
            quotes_all=bool(chance.random() < 0.15),
            headers={column.name: _header(column, chance.random()) for column in contract.columns},
            column_names=tuple(names),
            extra_headers=tuple(extras),
            has_title=bool(chance.random() < 0.5),
            has_note=bool(chance.random() < 0.35),
            has_totals=bool(chance.random() < 0.35),
            has_blank_end=bool(chance.random() < 0.2),
            usual_date_format=DATE_FORMATS[formats[0]],
            other_date_format=DATE_FORMATS[formats[1]],
            has_date_cells=bool(chance.random() < 0.5),
            truth_words=TRUTH_WORDS[int(chance.integers(0, len(TRUTH_WORDS)))],
            spellings={
                column.name: _spelling(column, chance.random())
                for column in contract.columns
                if column.values
            },
            has_thousands=bool(chance.random() < 0.4),
            list_separator="、；，"[int(chance.integers(0, 3))],
            timestamp_format=TIMESTAMP_FORMATS[int(chance.integers(0, len(TIMESTAMP_FORMATS)))],
        )


def _header(column: Column, draw: float) -> str:
    """The title in half of the files, one of the aliases in the others."""
    if draw < 0.5 or not column.aliases:
        return column.title_zh
    return column.aliases[int((draw - 0.5) * 2 * len(column.aliases))]


def _spelling(column: Column, draw: float) -> int:
    fewest = min(len(spellings) for spellings in column.values.values())
    return -1 if draw < 0.2 else int(draw * 97) % fewest
