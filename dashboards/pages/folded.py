"""The heatmap of a county with more units than a page can hold: a row per street, which leads to its units.

A cell holds how many units of the street miss anything there, of how many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from dashboards import html
from dashboards.address import Address
from dashboards.components import EMPTY, Attributes, Head, cell, link
from dashboards.html import Component
from dashboards.pages.view import View
from dashboards.records import Unit
from dashboards.scope import ALL
from dashboards.summary import by_street, shown_kpis
from dashboards.words import DOMAINS, name_of, pick, say

Counts = dict[str, Counter[str]]


def streets(view: View, keys: Sequence[str]) -> list[Component]:
    """Streets × domains or, in one domain, × the KPIs that anybody is judged by."""
    lang = view.lang
    groups = [(street, members) for street, members in by_street(keys, view.units) if street is not None]
    missed, present = _counts(view, groups)
    heads = _heads(view)
    rows = [
        html.Tr([_name(street, len(members), view.address), *_cells(street, heads, missed, present, view)])
        for street, members in groups
    ]  # fmt: skip
    names = [html.Th(link(head.text, head.href) if head.href else head.text, scope="col") for head in heads.values()]
    corner = html.Th(say("street", lang), scope="col", className="corner")
    table = html.Table([html.Thead(html.Tr([corner, *names])), html.Tbody(rows)], className="block wide folded")
    return [
        html.P(say("folded", lang, count=len(keys)), className="note"),
        html.Div(table, className="matrix one", **_focusable()),
    ]


def _focusable() -> Attributes:
    """So that it can be scrolled by keyboard."""
    return {"tabIndex": 0}


def _heads(view: View) -> dict[str, Head]:
    """By domain or, in one, by KPI."""
    lang = view.lang
    if view.scope.domain == ALL:
        return {
            domain: Head(name_of(DOMAINS, domain, lang), href=view.address.to(domain=domain))
            for domain in view.facts.domains
            if view.stand.counts(domain)
        }
    shown, _ = shown_kpis(view.stand, view.kpis(view.scope.domain), is_closed=view.period.is_closed)
    return {kpi.kpi_id: Head(pick(kpi.name, lang)) for kpi in shown}


def _counts(view: View, groups: Sequence[tuple[Unit, Sequence[Unit]]]) -> tuple[Counts, Counts]:
    """By street: how many units miss anything in each domain and each KPI, and how many have any figure there."""
    missed: Counts = {}
    present: Counts = {}
    for street, members in groups:
        misses, counted = missed.setdefault(street.key, Counter()), present.setdefault(street.key, Counter())
        for unit in members:
            for domain, stand in view.stand.stands[unit.key].items():
                counted[domain] += 1
                if stand.state == "missed":
                    misses.update((domain, *stand.kpi_ids))
    return missed, present


def _cells(
    street: Unit, heads: dict[str, Head], missed: Counts, present: Counts, view: View
) -> list[Markup]:
    return [
        _cell(missed[street.key][name], present[street.key][name if view.scope.domain == ALL else view.scope.domain], street, head, view)
        for name, head in heads.items()
    ]  # fmt: skip


def _cell(missed: int, total: int, street: Unit, head: Head, view: View) -> Markup:
    if not total:
        return EMPTY
    text = f"{missed} / {total}"
    if not missed:
        return Markup(f'<td class="none-missed">{text}</td>')
    return cell("missed", text, f"{street.name}\n{head.text}", view.lang)


def _name(street: Unit, total: int, address: Address) -> Component:
    return html.Th(
        [link(street.name, address.to(street=street.key)), html.Span(str(total), className="measure")], scope="row"
    )
