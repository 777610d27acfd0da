"""Plotly figures: pure functions from a frame to a figure. No queries, no components.

A figure is the plain values that Plotly draws: its Python objects check every value, which a page of forty figures
would wait two seconds for. The tests let them check instead. Colours are those of `words.STATES`, and each state also has a marker symbol of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from dashboards.address import Lang
from dashboards.records import STATES
from dashboards.words import STATES as LOOKS
from dashboards.words import say, state_word

Drawing = dict[str, Any]

FONT = (
    'system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", '
    '"Source Han Sans SC", sans-serif'
)
INK, QUIET, LINE = "#1f2933", "#52606d", "#d5dbe1"
GOAL, DOUBT = "#1d4e89", "#8f7bc0"
SYMBOLS = {
    "met": "circle", "missed": "x", "near": "diamond", "undetermined": "circle-open", "too_early": "triangle-up-open",
    "no_target": "circle-open-dot", "not_applicable": "line-ew-open", "no_data": "line-ew-open",
}  # fmt: skip


# What colour alone would not tell apart: data in doubt, and data that is absent.
PATTERNS = {
    "undetermined": {"shape": "/", "fgcolor": DOUBT, "bgcolor": LOOKS["undetermined"].fill, "size": 5},
    "no_data": {"shape": ".", "fgcolor": QUIET, "bgcolor": LOOKS["no_data"].fill, "size": 6, "solidity": 0.2},
}
MOST_TICKS = 8
DOUBT_REACH = 3  # times the span of values and targets


def trend(frame: pl.DataFrame, lang: Lang, *, goal: str, sign: str, is_rate: bool) -> Drawing:
    """A KPI of one unit over periods: its values with a mark per state, targets as steps, doubt as bars.

    One row per period, oldest first: label, tick, value, printed, hover (texts), state, value_low, value_high (null
    high = no upper limit), and target_1, target_2 (null where none).
    """
    bottom, top = _range(frame, is_rate=is_rate)
    labels = frame["label"].to_list()
    known = frame.filter(pl.col("value").is_not_null() & pl.col("is_doubtful"))
    data = [_doubt(known, bottom, top, lang)] if known.height else []
    data += [
        {
            "type": "scatter", "x": labels, "y": frame[column].to_list(), "mode": "lines", "name": say("target", lang),
            "hoverinfo": "skip", "line": {"color": GOAL, "width": 1.6, "dash": "dash", "shape": "hvh"},
            "showlegend": column == "target_1",
        }
        for column in ("target_1", "target_2")
        if frame[column].is_not_null().any()
    ]  # fmt: skip
    colours = [_marker_colour(state) for state in frame["state"]]
    data.append(
        {
            "type": "scatter", "x": labels, "y": frame["value"].to_list(), "mode": "lines+markers+text",
            "name": say("value", lang), "text": _few(frame["printed"].to_list()), "textposition": "top center",
            "textfont": {"size": 11, "color": INK}, "cliponaxis": False, "hovertext": frame["hover"].to_list(),
            "hoverinfo": "text", "line": {"color": QUIET, "width": 1.6},
            "marker": {"size": 10, "symbol": [SYMBOLS[state] for state in frame["state"]], "color": colours,
                       "line": {"width": 1.5, "color": colours}},
        }
    )  # fmt: skip
    layout = _layout(height=250, labels=labels, ticks=frame["tick"].to_list())
    layout["yaxis"] |= {"range": [bottom, top], "ticksuffix": sign if sign == "%" else "", "nticks": 5}
    layout["annotations"] = [
        {
            "text": _key(goal, lang, has_doubt=bool(known.height)), "x": 1, "y": 1.04, "xref": "paper", "yref": "paper",
            "xanchor": "right", "yanchor": "bottom", "showarrow": False, "font": {"size": 11, "color": QUIET},
        }
    ]  # fmt: skip
    return {"data": data, "layout": layout}


def _doubt(known: pl.DataFrame, bottom: float, top: float, lang: Lang) -> dict[str, Any]:
    """Bars from the lowest to the highest possible value; to the top where there is no upper limit."""
    lows = [max(bottom, low or 0.0) for low in known["value_low"]]
    heights = [
        (top if high is None else min(top, high)) - low
        for low, high in zip(lows, known["value_high"], strict=True)
    ]
    return {
        "type": "bar", "x": known["label"].to_list(), "y": heights, "base": lows, "name": say("doubt", lang),
        "hoverinfo": "skip", "width": 0.42,
        "marker": {"color": "#e9e3f6", "line": {"color": DOUBT, "width": 1},
                   "pattern": {"shape": "/", "fgcolor": DOUBT, "size": 5, "solidity": 0.2}},
    }  # fmt: skip


def history(frame: pl.DataFrame, lang: Lang) -> Drawing:
    """How many units are in each state of one KPI or domain, period by period; bars stacked from the worst up.

    One row per period × state: label, tick, state, units; periods oldest first.
    """
    data = []
    named = frame.unique(subset="label", keep="first", maintain_order=True)
    labels = named["label"].to_list()
    for state in STATES:
        units = dict(frame.filter(pl.col("state") == state).select("label", "units").iter_rows())
        if units:
            data.append(
                {
                    "type": "bar", "x": labels, "y": [units.get(label, 0) for label in labels],
                    "name": state_word(state, lang),
                    "marker": {"color": LOOKS[state].fill, "line": {"color": QUIET, "width": 0.6},
                               "pattern": PATTERNS.get(state, {})},
                    "hovertemplate": "%{x}<br>%{y} " + state_word(state, lang) + "<extra></extra>",
                }
            )  # fmt: skip
    layout = _layout(height=180, labels=labels, ticks=named["tick"].to_list())
    return {"data": data, "layout": layout | {"barmode": "stack", "bargap": 0.3}}


def distribution(frame: pl.DataFrame, lang: Lang, *, goals: Sequence[float], sign: str) -> Drawing:
    """How many units have which value, stacked by state; what is asked stands as dashed lines.

    One row per bar × state: left, right (the values it stands for, equal for a single value), state, units.
    """
    data = []
    for state in STATES:
        bars = frame.filter(pl.col("state") == state)
        if bars.height:
            data.append(
                {
                    "type": "bar", "x": ((bars["left"] + bars["right"]) / 2).to_list(), "y": bars["units"].to_list(),
                    "name": state_word(state, lang), "width": bars["width"].to_list(),
                    "hovertext": [
                        f"{left:g}{sign}" if left == right else f"{left:g}–{right:g}{sign}"
                        for left, right in bars.select("left", "right").iter_rows()
                    ],
                    "hovertemplate": "%{hovertext}<br>%{y} " + state_word(state, lang) + "<extra></extra>",
                    "marker": {"color": LOOKS[state].fill, "line": {"color": QUIET, "width": 0.6},
                               "pattern": PATTERNS.get(state, {})},
                }
            )  # fmt: skip
    layout = _plot(height=240) | {"barmode": "stack", "shapes": [_upright(goal) for goal in goals]}
    layout["xaxis"] |= {"ticksuffix": sign if sign == "%" else ""}
    return {"data": data, "layout": layout}


def funnel(frame: pl.DataFrame, limits: pl.DataFrame, lang: Lang, *, goal: float) -> Drawing:
    """Rates against how many cases they rest on, with the limits that chance alone keeps to if the target were met.

    frame, one row per unit: name, state, denominator, value, hover. limits, one row per number of cases: denominator,
    and low_95, high_95, low_998, high_998.
    """
    cases = limits["denominator"].to_list()
    data: list[dict[str, Any]] = [
        {
            "type": "scatter", "x": cases, "y": limits[column].to_list(), "mode": "lines", "hoverinfo": "skip",
            "line": {"color": GOAL, "width": 1.2, "dash": dash}, "name": column, "showlegend": False,
        }
        for column, dash in (("low_95", "dash"), ("high_95", "dash"), ("low_998", "dot"), ("high_998", "dot"))
    ]  # fmt: skip
    data.append(
        {"type": "scatter", "x": cases, "y": [goal] * len(cases), "mode": "lines", "hoverinfo": "skip",
         "line": {"color": GOAL, "width": 1.6}, "name": say("target", lang)}
    )  # fmt: skip
    for state in STATES:
        units = frame.filter(pl.col("state") == state)
        if units.height:
            colour = _marker_colour(state)
            data.append(
                {
                    "type": "scatter", "x": units["denominator"].to_list(), "y": units["value"].to_list(), "mode": "markers",
                    "name": state_word(state, lang), "hovertext": units["hover"].to_list(), "hoverinfo": "text",
                    "marker": {"size": 8, "symbol": SYMBOLS[state], "color": colour, "line": {"width": 1.2, "color": colour}},
                }
            )  # fmt: skip
    layout = _plot(height=320)
    bottom = min([*frame["value"].to_list(), *limits["low_95"].to_list()], default=0.0)
    layout["xaxis"] |= {"type": "log", "dtick": "D2", "title": {"text": say("funnel_cases", lang)}}
    layout["yaxis"] |= {"ticksuffix": "%", "range": [max(-2.0, bottom - 3.0), 102.0]}
    return {"data": data, "layout": layout}


def _upright(value: float) -> dict[str, Any]:
    return {
        "type": "line", "x0": value, "x1": value, "y0": 0, "y1": 1, "yref": "paper",
        "line": {"color": GOAL, "width": 1.6, "dash": "dash"},
    }  # fmt: skip


def _plot(*, height: int) -> dict[str, Any]:
    """What charts over values have, whose axis is numbers and not periods."""
    layout = _layout(height=height, labels=[], ticks=[])
    layout["xaxis"] = {"showgrid": False, "fixedrange": True, "linecolor": LINE, "ticks": "outside", "zeroline": False}
    return layout


def _layout(*, height: int, labels: Sequence[str], ticks: Sequence[str]) -> dict[str, Any]:
    """What all figures have; the names of periods under the axis, some left out where there are many."""
    step = -(-len(labels) // MOST_TICKS) or 1
    return {
        "template": {}, "height": height, "showlegend": False, "hovermode": "closest", "dragmode": False,
        "margin": {"l": 42, "r": 14, "t": 26, "b": 44}, "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)", "font": {"family": FONT, "size": 12, "color": INK},
        "hoverlabel": {"align": "left", "bgcolor": "#ffffff"},
        "yaxis": {"gridcolor": LINE, "zeroline": False, "fixedrange": True},
        "xaxis": {
            "showgrid": False, "fixedrange": True, "linecolor": LINE, "ticks": "outside", "tickcolor": LINE,
            "type": "category", "categoryorder": "array", "categoryarray": list(labels), "tickmode": "array",
            "tickvals": list(labels)[::step], "ticktext": list(ticks)[::step], "tickangle": 0,
        },
    }  # fmt: skip


def _key(goal: str, lang: Lang, *, has_doubt: bool) -> str:
    """What the dashed line (if any) and the hatched bars are, above the plot where no point is."""
    doubt = f'   <span style="color:{DOUBT}">▨</span> {say("doubt", lang)}' if has_doubt else ""
    asked = f'<span style="color:{GOAL}">- - -</span> {say("target", lang)} {goal}' if goal else ""
    return f"{asked}{doubt}"


def _few(texts: list[str]) -> list[str]:
    """Every text where there is room, else only the last."""
    return texts if len(texts) <= MOST_TICKS else [*([""] * (len(texts) - 1)), texts[-1]]


def _marker_colour(state: str) -> str:
    return {
        "met": "#1b7a43",
        "missed": LOOKS["missed"].fill,
        "near": "#b26a00",
        "undetermined": "#5b3f99",
    }.get(state, QUIET)


def _range(frame: pl.DataFrame, *, is_rate: bool) -> tuple[float, float]:
    """The least and the greatest of what is drawn, with room for labels; rates never leave 0–100 by much.

    Doubt that reaches far beyond values and targets is cut off at the edge: it would flatten everything else.
    """
    points = _known(frame, "value", "target_1", "target_2")
    if not points:
        return 0.0, 1.0
    low, high = min(points), max(points)
    reach = DOUBT_REACH * max(high - low, 1.0)
    doubtful = _known(frame, "value_low", "value_high")
    low, high = max(min([low, *doubtful]), low - reach), min(max([high, *doubtful]), high + reach)
    room = max((high - low) * 0.25, 1.0)
    bottom = max(0.0, low - room)
    return bottom, min(high + room, 100.0 + (100.0 - bottom) * 0.22) if is_rate else high + room


def _known(frame: pl.DataFrame, *columns: str) -> list[float]:
    return [point for column in columns for point in frame[column].drop_nulls().to_list()]
