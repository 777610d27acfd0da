"""What a refused row still says: its cells without those that are in doubt.

A cell of a quarantined row is not known where it is empty, not of its type (both are null in a sheet), a choice or a
number outside the contract, or named by a failing rule of severity error. Every other cell is what it says.
"""

from __future__ import annotations

from functools import cache

import polars as pl

from expectations.contract import Column, load_contract
from expectations.rules import rule_catalogue
from pipelines.sample.sheets import STATE, Sheet

_HUNDRED = 100


def known_cells(sheet: Sheet) -> pl.DataFrame:
    """The rows of a settled sheet, with null instead of every cell in doubt."""
    doubted = _named_by_rules(sheet)
    is_quarantined = pl.col(STATE) == "quarantined"
    changed = []
    for column in load_contract(sheet.dataset).columns:
        if column.name not in sheet.rows.columns:
            continue
        cell = pl.col(column.name)
        is_doubted = is_quarantined & ~_is_allowed(column)
        if column.name in doubted:
            marks = pl.Series([False]).new_from_index(0, sheet.rows.height)
            is_doubted |= pl.lit(marks.scatter(doubted[column.name], True))
        changed.append(pl.when(~is_doubted.fill_null(False)).then(cell).alias(column.name))
    return sheet.rows.with_columns(changed)


def _named_by_rules(sheet: Sheet) -> dict[str, list[int]]:
    """Column → the quarantined rows in which a failing rule names it."""
    rules = _columns_of_errors(sheet.dataset)
    states = sheet.rows.get_column(STATE)
    named: dict[str, list[int]] = {}
    for row, planted in sheet.planted.items():
        if states[row] == "quarantined":
            for column in {column for rule in planted.rules for column in rules.get(rule, ())}:
                named.setdefault(column, []).append(row)
    return named


@cache
def _columns_of_errors(dataset: str) -> dict[str, tuple[str, ...]]:
    catalogue = rule_catalogue(load_contract(dataset), sample=True)
    return {rule.id: rule.columns for rule in catalogue if rule.severity == "error"}


def _is_allowed(column: Column) -> pl.Expr:
    """Whether a cell is one of the contract's values and within its range; decimals are hundredths."""
    cell, scale = pl.col(column.name), _HUNDRED if column.type == "decimal" else 1
    allowed = pl.lit(True)
    if column.values:
        allowed &= cell.is_in(list(column.values))
    if column.minimum is not None:
        allowed &= cell >= column.minimum * scale
    if column.maximum is not None:
        allowed &= cell <= column.maximum * scale
    return allowed
