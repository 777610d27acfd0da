"""From what a steward asks for to a decision that can be made: one function for each kind, each with what it requires of the row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from pipelines.errors import Words
from pipelines.protection import store_cells
from pipelines.stewardship.decisions import DecisionError, Draft, cells_to_correct, rules_to_accept
from pipelines.stewardship.row_view import RowView
from pipelines.template import expected_of


def accept(view: RowView, reason: str, *, is_sample: bool) -> Draft:
    """Lets the row count although it breaks rules. DecisionError where one of these is not to be overruled."""
    broken = {one.rule.id: one.rule.version for one in view.broken}
    return Draft("accept", view.row, reason, {"rules": rules_to_accept(view.contract, broken, is_sample=is_sample)})


def reject(view: RowView, reason: str) -> Draft:
    """Leaves the row out: it does not belong into these data."""
    return Draft("reject", view.row, reason)


def merge(view: RowView, into: int, reason: str) -> Draft:
    """Leaves the row out, since another row of the file with the same key stands for it. DecisionError where none does."""
    if into not in view.rows_of_key:
        listed = "、".join(map(str, view.rows_of_key))
        raise DecisionError(
            Words("只能并入主键相同的行", "A row is merged into one with the same key"),
            where=f"{view.row.row_number}",
            expected=Words(f"第 {listed or '（无）'} 行", f"row {listed or '(none)'}"),
            found=Words(f"第 {into} 行", f"row {into}"),
            advice=Words("选择主键相同的行，或剔除", "choose a row with the same key, or reject this one"),
        )
    return Draft("merge", view.row, reason, {"into": into})


def correct(view: RowView, cells: Mapping[str, str], reason: str) -> Draft:
    """Puts other texts into cells that identify nobody. DecisionError where one cannot be read, or nothing changes."""
    checked = cells_to_correct(view.contract, cells)
    stored = store_cells(checked, view.contract)
    shown = {cell.column.name: cell for cell in view.cells}
    for name in checked:
        column = view.contract.column(name)
        unreadable = column.keeps_text and checked[name].strip() and stored[column.stored_name].item() is None
        if unreadable or (column.type == "choice" and stored[column.stored_name].item() not in (None, *column.values)):
            raise DecisionError(
                Words(f"“{column.title_zh}”无法识别", f"{column.title_en} cannot be read"),
                where=name,
                expected=Words(*expected_of(column)),
                found=Words("不是这样的值", "no such value"),
                advice=Words("按模板的写法填写", "write it as in the template"),
            )  # fmt: skip
    if all(checked[name].strip() == shown[name].shown for name in checked):
        raise DecisionError(
            Words("没有改动", "Nothing is changed"), where=", ".join(checked),
            expected=Words("与原值不同", "another value"), found=Words("相同", "the same"),
            advice=Words("填写更正后的值", "give the corrected value"),
        )  # fmt: skip
    return Draft("correct", view.row, reason, {"cells": checked})


def send_back(view: RowView, due: date, today: date, reason: str) -> Draft:
    """Asks the supplier for the whole row again, until a day. DecisionError where that has passed."""
    if due < today:
        raise DecisionError(
            Words("退回期限无效", "The day cannot be taken"), where="due",
            expected=Words(f"{today} 或之后", f"a day from {today} on"), found=Words(f"{due}", f"{due}"),
            advice=Words("填写以后的日期", "give a later day"),
        )  # fmt: skip
    return Draft("send_back", view.row, reason, {"due": due.isoformat()})
