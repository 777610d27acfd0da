"""The overview of all domains: a card for each, and communities × domains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from markupsafe import Markup

from dashboards import html
from dashboards.address import Lang
from dashboards.components import (
    EMPTY,
    Attributes,
    Head,
    Node,
    cell,
    chip,
    labelled,
    legend,
    link,
    matrix,
    state_bar,
    tally,
)
from dashboards.html import Component
from dashboards.pages import domain as one_domain
from dashboards.pages.view import View
from dashboards.records import STATES, Kpi, Unit
from dashboards.standing import Stand, Standing, standing
from dashboards.summary import most_missed
from dashboards.words import DOMAINS, name_of, pick, say, state_word

NAMED = 8  # KPIs that hovering over a cell names
TOLD = ("missed", "near", "undetermined", "no_data", "met")


def draw(view: View, keys: Sequence[str]) -> tuple[list[Component], str, Callable[[], list[Component]]]:
    """The cards, and the heatmap of the units given with its title; drawn where it is asked for."""
    cards = html.Section(_cards(view), className="cards", **labelled(say("cards", view.lang)))
    if view.address.view == "kpis":
        return [cards], say("matrix", view.lang), lambda: one_domain.every_kpi(view, keys)
    return [cards], say("domain_matrix", view.lang), lambda: heatmap(view, keys)


def _cards(view: View) -> list[Component]:
    """One per domain: how many units are in which worst state, and what is missed most."""
    above = standing(view.facts, view.period, "street" if view.scope.street else "county", view.scope)
    return [
        _card(view, domain, above)
        for domain in view.facts.domains
        if view.stand.counts(domain) or above.counts(domain)
    ]


def _card(view: View, domain: str, above: Standing) -> Component:
    lang, stand, kpis = view.lang, view.stand, view.kpis(domain)
    counts = stand.counts(domain)
    judged = sum(1 for kpi in kpis if kpi.kpi_id in stand.kpis and stand.is_judged(kpi.kpi_id))
    return html.Article(
        [
            html.H2(link(name_of(DOMAINS, domain, lang), view.address.to(domain=domain))),
            html.P(say("domain_kpis", lang, count=len(kpis), judged=judged), className="goal"),
            *_counted(counts, view.earlier.counts(domain) if view.earlier else None, _most(view, kpis), lang),
            _line_above(view, above, kpis),
        ],
        className="card",
        **_of_domain(domain),
    )


def _counted(
    counts: Counter[str], before: Counter[str] | None, most: list[Node], lang: Lang
) -> list[Component]:
    """What there is to say of the units of the level; nothing where only higher levels have figures."""
    if not counts:
        return []
    return [state_bar(counts), tally(counts, before, lang), html.P(most, className="most")]


def _of_domain(domain: str) -> Attributes:
    return {"data-domain": domain}


def _most(view: View, kpis: Sequence[Kpi]) -> list[Node]:
    lang = view.lang
    most = most_missed(view.stand, kpis)
    if most is None:
        return [say("domain_none_missed", lang)]
    kpi, count = most
    return [say("domain_most", lang), link(pick(kpi.name, lang), view.address.to("kpi", kpi_id=kpi.kpi_id)), html.Span(f" {count}", className="missed")]


def _line_above(view: View, above: Standing, kpis: Sequence[Kpi]) -> Component | None:
    """How many of the domain's KPIs the county as a whole, or the street looked at, meets and misses."""
    lang = view.lang
    states: Counter[str] = Counter()
    for kpi in kpis:
        states.update(above.kpis.get(kpi.kpi_id, {}))
    told = [chip(state, lang, f"{state_word(state, lang)} {states[state]}") for state in TOLD if states[state]]
    if not told:
        return None
    name = view.scope.street.name if view.scope.street else say("whole", lang)
    return html.P([html.Span(name), html.Span(told, className="chips")], className="whole")


def heatmap(view: View, keys: Sequence[str]) -> list[Component]:
    """Units × domains: the worst state and how many KPIs are in it."""
    lang, stand = view.lang, view.stand
    domains = [domain for domain in view.facts.domains if stand.counts(domain)]
    names = {kpi.kpi_id: pick(kpi.name, lang) for kpi in view.facts.kpis.values()}
    heads = [
        Head(text=name_of(DOMAINS, domain, lang), href=view.address.to(domain=domain)) for domain in domains
    ]

    def cells(unit: Unit) -> list[Markup]:
        row = stand.stands[unit.key]
        return [_cell(unit, domain, row.get(domain), names, lang) for domain in domains]

    def is_missed(unit: Unit) -> bool:
        return any(one.state == "missed" for one in stand.stands[unit.key].values())

    rows = view.rows(keys)
    present = {one.state for row in stand.stands.values() for one in row.values()}
    return [
        legend([state for state in STATES if state in present], lang),
        matrix(rows.groups, heads, cells, is_missed, view.address, rows.beside),
        html.P(say("domain_matrix_help", lang), className="help"),
    ]


def _cell(unit: Unit, domain: str, one: Stand | None, names: dict[str, str], lang: Lang) -> Markup:
    if one is None:
        return EMPTY
    comma, colon = ("、", "：") if lang == "zh" else (", ", ": ")
    named = comma.join(names[kpi_id] for kpi_id in one.kpi_ids[:NAMED])
    more = "…" if len(one.kpi_ids) > NAMED else ""
    tip = (
        f"{unit.name}\n{name_of(DOMAINS, domain, lang)}{colon}{state_word(one.state, lang)} {len(one.kpi_ids)}\n"
        f"{named}{more}"
    )
    return cell(one.state, str(len(one.kpi_ids)), tip, lang, domain=domain)
