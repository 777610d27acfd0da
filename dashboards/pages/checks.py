"""The page of checks: signals, links that wait and estimates, for the data steward. Nothing here is red, and nothing ranks."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards import html, tell
from dashboards.address import Address, Lang
from dashboards.checks import REGISTRATION, Estimate, Signal, estimates, rows_for_review, signals
from dashboards.choices import bar, period_choices
from dashboards.components import Node, downloads, link
from dashboards.data_docs import data_docs_href
from dashboards.facts import Facts
from dashboards.html import Component
from dashboards.records import Period, Unit
from dashboards.words import DATASETS, name_of, pick, say
from pipelines.steward import SIGNALS


def content(facts: Facts, address: Address) -> tuple[str, list[Component]]:
    """Title and content of the page for the months of one period."""
    lang = address.lang
    period = facts.period(address)
    units = facts.units(period.end)
    found, waiting, estimated = signals(facts, period), rows_for_review(facts, period), estimates(facts, period)
    rates = _rates(facts, estimated, lang)
    suppliers = [[f"{month:%Y-%m}", name, f"{rows:,}"] for (month, name), rows in waiting.items()]
    parts = [
        bar(period_choices(facts, address, period)),
        _headline(period, len(found), sum(waiting.values()), lang),
        _section("signals", [_signal(one, units, address) for one in found], SIGNAL_HEAD, address),
        _section("links_waiting", suppliers, ("month", "supplier", "rows_waiting"), address, help_key="links_help"),
        _section("estimates", [_estimate(one, units, rates, address) for one in estimated], ESTIMATE_HEAD, address),
    ]
    return f"{say('checks', lang)} · {pick(period.label, lang)}", parts


SIGNAL_HEAD = ("signal", "explanation", "observed", "usual")
ESTIMATE_HEAD = (
    "unit", "registration_rate", "found_by_grid", "registered_by_police", "on_both", "estimated", "unseen",
)  # fmt: skip
FIGURES = {*ESTIMATE_HEAD[1:], "observed", "usual", "rows_waiting"}


def _headline(period: Period, count: int, rows: int, lang: Lang) -> Component:
    colon = "：" if lang == "zh" else ": "
    sentence = say("checks_found", lang, signals=count, rows=f"{rows:,}") if count or rows else say("checks_none", lang)
    return html.Section(
        [
            html.H1(
                [html.Span(f"{pick(period.label, lang)}{colon}", className="when"), html.Strong(sentence)],
                className="verdict none",
            ),
            html.P(say("not_for_ranking", lang), className="about"),
            html.P(
                [
                    html.A(say("data_docs", lang), href=data_docs_href(), target="_blank"), " ",
                    html.Span(say("data_docs_help", lang), className="help"),
                ],
                className="about",
            ),
        ],
        className="headline",
    )


def _section(
    key: str, rows: Sequence[Sequence[Node]], head: Sequence[str], address: Address, *, help_key: str = ""
) -> Component:
    """A heading, what it is about, and a table that can be taken away, or the sentence that there is nothing."""
    lang = address.lang
    titles = [html.H2(say(key, lang)), html.Span(say(help_key or f"{key}_help", lang), className="help")]
    titles += [downloads(key, address)] if rows else []
    none = {"links_waiting": "links_none"}.get(key, f"{key}_none")
    body = _table(rows, head, lang) if rows else html.P(say(none, lang))
    return html.Section([html.Div(titles, className="section-head"), body], id=key)


def _table(rows: Sequence[Sequence[Node]], head: Sequence[str], lang: Lang) -> Component:
    classes = ["number" if name in FIGURES else None for name in head]
    body = [
        html.Tr([html.Td(cell, className=name) for cell, name in zip(row, classes, strict=True)]) for row in rows
    ]
    heads = html.Tr(
        [html.Th(say(text, lang), scope="col", className=name) for text, name in zip(head, classes, strict=True)]
    )
    return html.Div(
        html.Table([html.Thead(heads), html.Tbody(body)], className="plain"), className="scroll", tabIndex=0
    )


def _signal(one: Signal, units: dict[str, Unit], address: Address) -> list[Node]:
    lang = address.lang
    source = " · ".join(
        part for part in (name_of(DATASETS, one.dataset, lang) if one.dataset else "", one.supplier_id or "") if part
    )
    told: list[Node] = [html.Span(pick(one.explanation, lang), className="told-why")]
    told += [html.Span(source, className="remark")] if source else []
    about = [
        _unit(one.unit_key, one.unit_code, units, address),
        html.Div(name_of(SIGNALS, one.signal, lang)),
        html.Div(f"{one.month:%Y-%m}", className="help"),
    ]
    return [html.Div(about), html.Div(told), _figure(one.observed), _figure(one.expected)]


def _rates(facts: Facts, estimated: Sequence[Estimate], lang: Lang) -> dict[str, str]:
    """The registration rate of each unit with an estimate, printed as everywhere: never across its target."""
    months = {one.month for one in estimated}
    return {
        one.unit_key: tell.value(one, lang)
        for month in facts.periods("month")
        if month.first in months
        for level in ("county", "street")
        for one in facts.judgements(month, level)
        if one.kpi.kpi_id == REGISTRATION
    }


def _estimate(one: Estimate, units: dict[str, Unit], rates: dict[str, str], address: Address) -> list[Node]:
    known = one.estimate is not None
    return [
        _unit(one.unit_key, one.unit_key.partition("@")[0], units, address),
        rates.get(one.unit_key) or "–",
        f"{one.n1:,}", f"{one.n2:,}", f"{one.m:,}",
        f"{one.estimate:,.0f} ({one.low:,.0f}–{one.high:,.0f})" if known else "–",
        f"{one.unseen:,.0f}" if known else "–",
    ]  # fmt: skip


def _unit(unit_key: str, unit_code: str, units: dict[str, Unit], address: Address) -> Node:
    """A link to the unit where it is in force at the period's end, else its code."""
    unit = units.get(unit_key)
    return link(unit.name, address.to("unit", unit_key=unit_key)) if unit else unit_code


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def estimate_note(facts: Facts, unit: Unit, period: Period, address: Address) -> Component | None:
    """What the two lists say beside the registration rate of a county or street; nothing where there is no estimate."""
    one = next((one for one in estimates(facts, period) if one.unit_key == unit.key), None)
    if one is None or one.estimate is None:
        return None
    text = say(
        "estimate_beside", address.lang, month=f"{one.month:%Y-%m}", estimate=f"{one.estimate:,.0f}",
        low=f"{one.low:,.0f}", high=f"{one.high:,.0f}", unseen=f"{one.unseen:,.0f}",
    )  # fmt: skip
    return html.P([text, " ", link(say("checks", address.lang), address.to("checks"))], className="estimate")
