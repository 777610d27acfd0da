"""The progress line: what is being done and how much of it, only where somebody watches."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from pipelines import cli_options
from pipelines.county import County
from pipelines.sample import generate
from pipelines.settings import Home
from pipelines.verify import verify
from tests.support.working import Working


def watched(monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool) -> StringIO:
    out = StringIO()
    monkeypatch.setattr(cli_options, "errors", Console(file=out, force_terminal=is_terminal, width=100))
    return out


def test_a_step_is_shown_with_the_share_that_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    out = watched(monkeypatch, is_terminal=True)
    with cli_options.progress() as tell:
        tell("收取 taking in · [grid] 2026-01", 0.25)
    assert "收取 taking in · [grid] 2026-01" in out.getvalue()
    assert "25%" in out.getvalue()


def test_a_step_whose_share_is_not_known_shows_none_even_after_one_that_had(monkeypatch: pytest.MonkeyPatch) -> None:
    out = watched(monkeypatch, is_terminal=True)
    with cli_options.progress() as tell:
        tell("收取 taking in", 1.0)
        out.seek(0)
        out.truncate()
        tell("计算 computing")
    last = out.getvalue()
    assert "计算 computing" in last and "%" not in last


def test_nothing_is_shown_where_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    out = watched(monkeypatch, is_terminal=False)
    with cli_options.progress() as tell:
        tell("收取 taking in", 0.5)
    assert out.getvalue() == ""


def test_generating_and_verifying_tell_how_far_they_are(home: Home, tmp_path: Path, county: County) -> None:
    shares: list[float] = []

    def tell(_: str, share: float | None = None, /) -> None:
        shares.extend([] if share is None else [share])

    generate(Home(tmp_path / "sample"), "610629", people=2_000, months=2, on_progress=tell, with_truth=False)
    assert shares == [0.0, 0.5]
    shares.clear()
    Working(home, county).publish()
    verify(home, tell)
    assert shares == [0.0]
