"""Figures that a decision or a change of a rule would change, as they are and as they would be, with their bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from dashboards import html
from dashboards.address import Lang
from dashboards.html import Component, element
from dashboards.pages.follow_up_pieces import data
from dashboards.words import period_short, say, state_word

SHOWN = 20
_HEADS = ("rules_unit", "rules_kpi", "rules_month", "rules_before", "rules_after")


def figures_changed(
    figures: pl.DataFrame, lang: Lang, *, units: Mapping[str, str] | None = None, kpis: Mapping[str, str] | None = None
) -> list[Component]:
    """The first of these figures as a table, those with another verdict before the others. `figures`: what `preview` gives;
    `units`, `kpis`: what codes are called."""
    if figures.is_empty():
        return []
    is_other = pl.col("certainty").ne_missing(pl.col("certainty_after")) | pl.col("status").ne_missing(pl.col("status_after"))
    shown = [
        (
            (units or {}).get(row["unit_code"], row["unit_code"]),
            " · ".join(filter(None, ((kpis or {}).get(row["kpi_id"], row["kpi_id"]), row["target_id"]))),
            period_short(row["period_type"], row["period"]), _figure(row, "", lang), _figure(row, "_after", lang),
        )
        for row in figures.sort(~is_other, maintain_order=True).head(SHOWN).iter_rows(named=True)
    ]  # fmt: skip
    return [html.P(say("rules_first_figures", lang, shown=len(shown)), className="about"), table(_HEADS, shown, lang)]


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], lang: Lang) -> Component:
    """Rows of texts under heads; on a phone each cell with its head."""
    head = html.Thead(html.Tr([html.Th(say(name, lang), scope="col") for name in columns]))
    body = [
        element("tr", [element("td", cell, **data(label=say(name, lang))) for name, cell in zip(columns, row, strict=True)]) for row in rows
    ]
    return html.Div(html.Table([head, html.Tbody(body)], className="plain tasks"), className="scroll", tabIndex=0)


def _figure(row: Mapping[str, Any], which: str, lang: Lang) -> str:
    value, low, high = ("–" if (one := row[name + which]) is None else f"{one:.2f}" for name in ("value", "value_low", "value_high"))
    state = "undetermined" if row["certainty" + which] == "undetermined" else row["status" + which]
    word = state_word(state, lang) if state else ""
    return f"{value}（{low}–{high}）{word}" if lang == "zh" else f"{value} ({low}–{high}) {word}"
