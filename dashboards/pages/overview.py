"""The overview: what is wrong, where, since when, and whether the figures hold.

Belongs here: what both kinds of overview share. All domains at once are drawn by `whole.py`, one by `domain.py`.
"""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboards.address import Address
from dashboards.choices import bar, domain_choice, level_choice, pack_choice, period_choices
from dashboards.components import Node, chip, link, options
from dashboards.facts import ALL, Facts
from dashboards.flag_list import flag_list
from dashboards.format import short_name
from dashboards.pages import domain, whole
from dashboards.pages.view import View, look
from dashboards.records import Unit
from dashboards.standing import LONG, Movements, movements
from dashboards.summary import Overall, overall
from dashboards.words import DOMAINS, LEVELS, day, name_of, pick, say

PROBLEMS = ("missed", "near", "undetermined", "no_data")
HEADLINES = {
    "bad": "headline_bad",
    "open": "headline_open",
    "good": "headline_good",
    "none": "headline_judged_none",
}


def content(facts: Facts, address: Address) -> tuple[str, list[Component]]:
    """Title and content of the overview of one period and level, over all domains or one."""
    view = look(facts, address)
    moves = movements(facts, view.period, address.level, view.scope)
    draw = whole.draw if view.scope.domain == ALL else domain.draw
    keys = [key for key, state in view.stand.units.items() if address.show == "all" or state in PROBLEMS]
    cards, title, heatmap = draw(view, keys)
    parts = [
        bar([*period_choices(facts, address, view.period), level_choice(address), pack_choice(facts, address)]),
        bar([domain_choice(facts, address)]),
        _headline(view, moves),
        *cards,
        _matrix(title, heatmap if keys or not view.stand.stands else [html.P(say("no_problems", address.lang))], address),
        _list(view, moves),
    ]
    return f"{facts.edition.info.county_name} · {pick(view.period.label, address.lang)}{_where(view)}", parts


def _where(view: View) -> str:
    """' · 设施' where one domain is looked at."""
    return "" if view.scope.domain == ALL else f" · {name_of(DOMAINS, view.scope.domain, view.lang)}"


def _headline(view: View, moves: Movements) -> Component:
    lang = view.lang
    level = overall(view.stand, view.units)
    sentence = _sentence(level, view.address)
    colon = "：" if lang == "zh" else ": "
    heading = html.H1(
        [
            html.Span(f"{pick(view.period.label, lang)}{_where(view)}{colon}", className="when"),
            html.Strong(sentence),
        ],
        className=f"verdict {level.tone}",
    )
    told = html.Ul([html.Li(item) for item in _details(view, level, moves)], className="details")
    return html.Section([heading, _also(level, view.address), told], className="headline")


def _sentence(level: Overall, address: Address) -> str:
    lang = address.lang
    if not level.total:
        return say("headline_no_level", lang, units=name_of(LEVELS, address.level, lang).lower())
    return say(
        HEADLINES[level.tone], lang, total=level.total, units=say(f"units_{address.level}", lang),
        bad=level.units["missed"] + level.units["near"],
    )  # fmt: skip


def _also(level: Overall, address: Address) -> Component:
    keys = {
        "near": "also_near",
        "undetermined": "also_undetermined",
        "no_data": "also_no_data",
        "met": "also_met",
    }
    return html.P(
        [
            chip(state, address.lang, say(key, address.lang, count=level.units[state]))
            for state, key in keys.items()
            if level.units[state]
        ],
        className="also",
    )


def _details(view: View, level: Overall, moves: Movements) -> list[Node]:
    lang, address = view.lang, view.address
    told: list[Node] = []
    if not view.period.is_closed:
        told.append(say("not_closed", lang, day=day(view.period.cutoff, lang)))
    if moves.missed or moves.near:
        told.append(say("items", lang, missed=moves.missed, near=moves.near))
    if level.most_missed:
        kpi_id, count = level.most_missed
        told.append(say("most_kpi", lang, kpi=pick(view.facts.kpis[kpi_id].name, lang), count=count))
    if level.worst_streets:
        told.append(html.Span([say("most_streets", lang), *_streets(level, address)]))
    if level.worst_units and level.worst_units[0][1] > 1:
        told.append(html.Span([say("most_units", lang), *_units(level, view.units, address)]))
    if moves.lasting:
        told.append(say("lasting", lang, count=moves.lasting, periods=LONG))
    if view.before is not None and level.tone != "none":
        told.append(
            say(
                "change", lang, period=pick(view.before.label, lang), new=moves.new, worse=moves.worsening,
                recovered=moves.recovered,
            )
        )  # fmt: skip
    return told


def _streets(level: Overall, address: Address) -> list[Node]:
    return [
        _counted(place.unit.name, place.unit.key, f"{place.missed}/{place.total}", address)
        for place in level.worst_streets
    ]


def _units(level: Overall, units: dict[str, Unit], address: Address) -> list[Node]:
    return [
        _counted(short_name(units[key].name), key, str(count), address)
        for key, count in level.worst_units
        if key in units
    ]


def _counted(name: str, unit_key: str, count: str, address: Address) -> Component:
    return html.Span([link(name, address.to("unit", unit_key=unit_key)), f" {count}"], className="street-count")


def _matrix(title: str, body: list[Component], address: Address) -> Component:
    lang = address.lang
    show = options(
        say("show", lang),
        [
            (say("show_all", lang), address.to(show="all"), address.show == "all"),
            (say("show_problems", lang), address.to(show="problems"), address.show == "problems"),
        ],
    )
    return html.Section(
        [html.Div([html.H2(title), show], className="section-head"), *body],
        id="matrix",
    )


def _list(view: View, moves: Movements) -> Component:
    lang, address, period = view.lang, view.address, view.period
    head: list[Component] = [html.H2(say("list", lang))]
    count = moves.missed + moves.near
    if not count:
        return html.Section([*head, html.P(say("list_empty", lang))], id="list")
    query = Address(
        lang=lang, period_type=period.period_type, period=period.first, level=address.level, domain=address.domain,
        pack=address.pack,
    ).query()  # fmt: skip
    save = html.A(
        say("download", lang, count=count), href=f"/export/flags.csv{query}", className="button", download=""
    )
    return html.Section(
        [
            html.Div(
                [*head, html.Span(say("list_help", lang), className="help"), save], className="section-head"
            ),
            # The rows come by a request of their own: of a large county they are more than the rest of the page.
            flag_list(count, f"/list/flags.json{query}", lang),
        ],
        id="list",
    )
