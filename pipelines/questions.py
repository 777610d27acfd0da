"""The questions that analysts ask, answered: `docs/questions.sql` run over an edition and written out as Markdown.

Belongs here: reading the questions, running them, and how question, query and answer stand on the page. The answers
always come from a run, so that the page cannot say what the tables do not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipelines.dictionary import in_both
from pipelines.errors import Words
from pipelines.settings import REPO

QUESTIONS = REPO / "docs" / "questions.sql"
PAGE = "questions.md"
_NEWEST = "(select max(period) from dim_period where period_type = 'month' and is_closed)"
_START = re.compile(r"^-- \? ", re.MULTILINE)
_INTRODUCTION = """# 二十个问题 · Twenty questions

每个问题一条查询，可直接在 DuckDB 中运行；答案由 `warehouse questions` 在一个版本上运行得出，不是手写的。达标与否按精确值判定，
这里显示的数可能已经修约。

One query for each question, to be run in DuckDB as it stands; the answers come from `warehouse questions` run over an
edition and are not typed. Targets are judged on exact values; what is shown here may be rounded. How to connect:
[connect.md](connect.md).
"""


@dataclass(frozen=True)
class Question:
    """A question in both languages, how to read its answer, and its query."""

    words: Words
    notes: tuple[Words, ...]
    sql: str


@dataclass(frozen=True)
class Answer:
    """Names of the columns, and the rows as text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def load_questions(path: Path = QUESTIONS) -> list[Question]:
    """The questions of the file, in its order."""
    _, *blocks = _START.split(path.read_text(encoding="utf-8"))
    return [_question(block) for block in blocks]


def _question(block: str) -> Question:
    title, *rest = block.strip().splitlines()
    notes = [line.removeprefix("-- ") for line in rest if line.startswith("-- ")]
    return Question(
        in_both(title),
        tuple(in_both(note) for note in notes),
        "\n".join(line for line in rest if not line.startswith("-- ")).strip(),
    )


def answer(connection: duckdb.DuckDBPyConnection, question: Question) -> Answer:
    """The answer over an edition whose variable `month` is set."""
    cursor = connection.execute(question.sql)
    columns = tuple(column[0] for column in cursor.description or ())
    return Answer(columns, tuple(tuple(_text(cell) for cell in row) for row in cursor.fetchall()))


def set_month(connection: duckdb.DuckDBPyConnection) -> str:
    """Asks about the newest closed month; returns the statement that does."""
    (month,) = connection.execute(f"select {_NEWEST}").fetchone() or (None,)
    statement = f"set variable month = date '{month}';"
    connection.execute(statement)
    return statement


def render(database: Path) -> str:
    """The page: every question with its query and its answer."""
    with duckdb.connect(str(database), read_only=True) as connection:
        statement = set_month(connection)
        (is_sample, county) = connection.execute("select is_sample, county_name from edition").fetchone() or (False, "")
        mark = "**示例数据 sample data** · " if is_sample else ""
        parts = [_INTRODUCTION, f"{mark}{county}\n", f"```sql\n{statement}\n```\n"]
        for number, question in enumerate(load_questions(), start=1):
            parts.append(_section(number, question, answer(connection, question)))
    return "\n".join(parts)


def _section(number: int, question: Question, found: Answer) -> str:
    notes = "".join(f"\n{note.zh}\n{note.en}\n" for note in question.notes)
    return (
        f"## {number}. {question.words.zh}\n\n{question.words.en}\n{notes}\n```sql\n{question.sql}\n```\n\n{_table(found)}\n"
    )


def _table(found: Answer) -> str:
    if not found.rows:
        return "（没有行 no rows）"
    lines: list[Sequence[str]] = [found.columns, ["---"] * len(found.columns), *found.rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).replace("|", "\\|")
