"""Figures draw what the frame holds: values, targets, doubt, counts."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl
import pytest

from dashboards import figures

SCHEMA = {
    "label": pl.String, "tick": pl.String, "value": pl.Float64, "printed": pl.String, "hover": pl.String,
    "state": pl.String, "is_doubtful": pl.Boolean, "value_low": pl.Float64, "value_high": pl.Float64,
    "target_1": pl.Float64, "target_2": pl.Float64,
}  # fmt: skip


def frame(*rows: tuple[str, float | None, str, float | None, float | None]) -> pl.DataFrame:
    """label, value, state, low, high; the target is 95."""
    filled = [
        {
            "label": label, "tick": label, "value": value, "printed": str(value or ""), "hover": label, "state": state,
            "is_doubtful": low != high, "value_low": low, "value_high": high, "target_1": 95.0, "target_2": None,
        }
        for label, value, state, low, high in rows
    ]  # fmt: skip
    return pl.DataFrame(filled, schema=SCHEMA)


def trend(rows: pl.DataFrame, *, is_rate: bool = True) -> dict[str, dict[str, object]]:
    drawn = checked(figures.trend(rows, "zh", goal="≥ 95%", sign="%", is_rate=is_rate)).to_plotly_json()
    return {trace["name"]: trace for trace in drawn["data"]}


def checked(drawing: figures.Drawing) -> go.Figure:
    """The figure as Plotly's own objects, which refuse what Plotly cannot draw."""
    return go.Figure(drawing)


def test_the_trend_marks_each_period_by_its_state() -> None:
    drawn = trend(frame(("2026-01", 96.0, "met", 96.0, 96.0), ("2026-02", 90.0, "missed", 90.0, 90.0)))
    assert list(drawn["完成值"]["y"]) == [96.0, 90.0]  # type: ignore[call-overload]
    assert drawn["完成值"]["marker"]["symbol"] == ["circle", "x"]  # type: ignore[index]
    assert list(drawn["目标"]["y"]) == [95.0, 95.0]  # type: ignore[call-overload]
    assert "存疑范围" not in drawn


def test_doubt_is_drawn_from_the_lowest_to_the_highest_value() -> None:
    drawn = trend(frame(("2026-01", 95.5, "undetermined", 92.0, 96.0)))
    assert list(drawn["存疑范围"]["base"]) == [92.0]  # type: ignore[call-overload]
    assert list(drawn["存疑范围"]["y"]) == [4.0]  # type: ignore[call-overload]


def test_a_value_without_upper_limit_is_drawn_to_the_top() -> None:
    rows = frame(("2026-01", 40.0, "undetermined", 20.0, None))
    drawn = trend(rows, is_rate=False)
    top = checked(figures.trend(rows, "zh", goal="≥ 30", sign="", is_rate=False)).layout.yaxis.range[1]
    assert drawn["存疑范围"]["base"][0] + drawn["存疑范围"]["y"][0] == top  # type: ignore[index]


def test_a_period_without_data_leaves_a_gap() -> None:
    drawn = trend(frame(("2026-01", 96.0, "met", 96.0, 96.0), ("2026-02", None, "no_data", None, None)))
    assert list(drawn["完成值"]["y"]) == [96.0, None]  # type: ignore[call-overload]


def test_many_periods_keep_a_few_names_and_one_number() -> None:
    rows = frame(*((f"{month:02}", 96.0 + month / 100, "met", 96.0, 96.0) for month in range(36)))
    figure = checked(figures.trend(rows, "en", goal="≥ 95%", sign="%", is_rate=True))
    assert len(figure.layout.xaxis.ticktext) <= figures.MOST_TICKS
    assert [text for text in figure.data[-1].text if text] == ["96.35"]


def test_the_history_stacks_all_units_of_every_period() -> None:
    rows = pl.DataFrame(
        {
            "label": ["2026-01", "2026-01", "2026-02", "2026-02"],
            "tick": ["1", "1", "2", "2"],
            "state": ["missed", "met", "undetermined", "met"],
            "units": [2, 7, 1, 8],
        }
    )
    drawn = {trace.name: list(trace.y) for trace in checked(figures.history(rows, "en")).data}
    assert drawn == {"Missed": [2, 0], "Undetermined": [0, 1], "Met": [7, 8]}


def test_what_plotly_cannot_draw_is_refused_by_these_tests() -> None:
    drawing = figures.trend(frame(("2026-01", 96.0, "met", 96.0, 96.0)), "zh", goal="", sign="", is_rate=True)
    drawing["layout"]["no_such_thing"] = 1
    with pytest.raises(ValueError, match="no_such_thing"):
        checked(drawing)
