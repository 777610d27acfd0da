"""Every question on the page has an answer, and the answers on the page are those of a run."""

from __future__ import annotations

import duckdb
import pytest

from pipelines.questions import Question, answer, load_questions, render, set_month
from pipelines.settings import Home
from tests.support.questions_page import DOCUMENT


def test_there_are_twenty_in_both_languages() -> None:
    questions = load_questions()
    assert len(questions) == 20
    assert all(one.words.zh != one.words.en and one.sql.endswith(";") for one in questions)


@pytest.mark.parametrize("question", load_questions(), ids=lambda one: one.words.en)
def test_it_is_answered(published: Home, question: Question) -> None:
    with duckdb.connect(str(published.pointer.resolve()), read_only=True) as connection:
        set_month(connection)
        assert answer(connection, question).rows


def test_the_page_shows_what_a_run_answers(published: Home) -> None:
    assert render(published.pointer.resolve()) == DOCUMENT.read_text("utf-8"), (
        "docs/questions.md is not what the sample says: python -m tests.support.questions_page, then read the difference"
    )
