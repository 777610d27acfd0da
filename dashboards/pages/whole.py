"""The overview of all domains: a card for each, and communities × domains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from dashboards.address import Lang
from dashboards.components import (
    EMPTY,
    Attributes,
    Cell,
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
from dashboards.pages.view import View
from dashboards.records import STATES, Kpi, Unit
from dashboards.standing import Stand, Standing, standing
from dashboards.summary import by_street, most_missed
from dashboards.words import DOMAINS, name_of, pick, say, state_word

NAMED = 8  # KPIs that hovering over a cell names
TOLD = ("missed", "near", "undetermined", "no_data", "met")


def draw(view: View, keys: Sequence[str]) -> tuple[list[Component], str, list[Component]]:
    """The cards, and the heatmap of the units given with its title."""
    cards = html.Section(_cards(view), className="cards", **labelled(say("cards", view.lang)))
    return [cards], say("domain_matrix", view.lang), heatmap(view, keys)


def _cards(view: View) -> list[Component]:
    """One per domain: how many units are in which worst state, and what is missed most."""
    level = view.address.level
    earlier = standing(view.facts, view.before, level, view.scope) if view.before else None
    county = standing(view.facts, view.period, "county", view.scope)
    return [
        _card(view, domain, earlier, county)
        for domain in view.facts.domains
        if view.stand.counts(domain) or county.counts(domain)
    ]


def _card(view: View, domain: str, earlier: Standing | None, county: Standing) -> Component:
    lang, stand, kpis = view.lang, view.stand, view.kpis(domain)
    counts = stand.counts(domain)
    judged = sum(1 for kpi in kpis if kpi.kpi_id in stand.kpis and stand.is_judged(kpi.kpi_id))
    return html.Article(
        [
            html.H2(link(name_of(DOMAINS, domain, lang), view.address.to(domain=domain))),
            html.P(say("domain_kpis", lang, count=len(kpis), judged=judged), className="goal"),
            *_counted(counts, earlier.counts(domain) if earlier else None, _most(stand, kpis, lang), lang),
            _county_line(county, kpis, lang),
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


def _most(stand: Standing, kpis: Sequence[Kpi], lang: Lang) -> list[Node]:
    most = most_missed(stand, kpis)
    if most is None:
        return [say("domain_none_missed", lang)]
    kpi, count = most
    return [say("domain_most", lang), html.B(pick(kpi.name, lang)), html.Span(f" {count}", className="missed")]


def _county_line(county: Standing, kpis: Sequence[Kpi], lang: Lang) -> Component | None:
    """How many of the domain's KPIs the county as a whole meets and misses."""
    states: Counter[str] = Counter()
    for kpi in kpis:
        states.update(county.kpis.get(kpi.kpi_id, {}))
    told = [chip(state, lang, f"{state_word(state, lang)} {states[state]}") for state in TOLD if states[state]]
    if not told:
        return None
    return html.P([html.Span(say("whole", lang)), html.Span(told, className="chips")], className="whole")


def heatmap(view: View, keys: Sequence[str]) -> list[Component]:
    """Units × domains: the worst state and how many KPIs are in it."""
    lang, stand = view.lang, view.stand
    domains = [domain for domain in view.facts.domains if stand.counts(domain)]
    names = {kpi.kpi_id: pick(kpi.name, lang) for kpi in view.facts.kpis.values()}
    heads = [
        Head(text=name_of(DOMAINS, domain, lang), href=view.address.to(domain=domain)) for domain in domains
    ]

    def cells(unit: Unit) -> list[Cell]:
        row = stand.stands[unit.key]
        return [_cell(unit, domain, row.get(domain), names, lang) for domain in domains]

    def is_missed(unit: Unit) -> bool:
        return any(one.state == "missed" for one in stand.stands[unit.key].values())

    present = {one.state for row in stand.stands.values() for one in row.values()}
    return [
        legend([state for state in STATES if state in present], lang),
        matrix(by_street(keys, view.units), heads, cells, is_missed, view.address),
        html.P(say("domain_matrix_help", lang), className="help"),
    ]


def _cell(unit: Unit, domain: str, one: Stand | None, names: dict[str, str], lang: Lang) -> Cell:
    if one is None:
        return EMPTY
    comma, colon = ("、", "：") if lang == "zh" else (", ", ": ")
    named = comma.join(names[kpi_id] for kpi_id in one.kpi_ids[:NAMED])
    more = "…" if len(one.kpi_ids) > NAMED else ""
    tip = (
        f"{unit.name}\n{name_of(DOMAINS, domain, lang)}{colon}{state_word(one.state, lang)} {len(one.kpi_ids)}\n"
        f"{named}{more}"
    )
    return cell(one.state, str(len(one.kpi_ids)), tip, lang, **{"data-domain": domain})
