"""The overview: what is wrong, where, since when, and whether the figures hold.

Belongs here: what both kinds of overview share. All domains at once are drawn by `whole.py`, one by `domain.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from dashboards import html, tell
from dashboards.address import Address, Lang
from dashboards.choices import (
    bar,
    domain_choice,
    level_choice,
    pack_choice,
    period_choices,
    sort_choice,
    state_choice,
    street_choice,
    view_choice,
)
from dashboards.components import Attributes, Node, bulletin_menu, chip, delta, downloads, link
from dashboards.facts import Facts
from dashboards.flag_list import MOST as LISTED
from dashboards.flag_list import flag_list, how_many, listed
from dashboards.follow_up_links import follow_up_link
from dashboards.format import short_name
from dashboards.html import Component
from dashboards.pages import county_map, domain, folded, whole
from dashboards.pages.view import View, look
from dashboards.records import STATES, Flag, Unit, listed_under
from dashboards.scope import ALL
from dashboards.standing import LONG, Movements, movements
from dashboards.summary import Overall, overall
from dashboards.unit_rows import MOST, chosen
from dashboards.words import DOMAINS, LEVELS, MOVEMENT, MOVEMENT_ICONS, day, name_of, period_short, pick, say

HEADLINES = {
    "bad": "headline_bad",
    "open": "headline_open",
    "good": "headline_good",
    "none": "headline_judged_none",
}
FIRST = 6  # flags that are shown before everything else


def content(facts: Facts, address: Address) -> tuple[str, list[Component]]:
    """Title and content of the overview of one period and level, over all domains or one, of all units or a street's."""
    view = look(facts, address)
    moves = movements(facts, view.period, address.level, view.scope)
    draw = whole.draw if view.scope.domain == ALL else domain.draw
    keys = [key for key in chosen(view.stand, address.show) if key in view.units]
    cards, title, heatmap = draw(view, keys)
    filters = [*period_choices(facts, address, view.period), level_choice(address), street_choice(view.units, address)]
    parts = [
        bar([*filters, pack_choice(facts, address), bulletin_menu(address)]),
        bar([domain_choice(facts, address)]),
        _headline(view, moves),
        *_first(view),
        *cards,
        _units(view, title, heatmap, keys),
        _list(view),
    ]
    return f"{facts.edition.info.county_name} · {pick(view.period.label, address.lang)}{_where(view)}", parts


def _where(view: View) -> str:
    """' · 设施 · 凤栖街道' where one domain or street is looked at."""
    chosen = [] if view.scope.domain == ALL else [name_of(DOMAINS, view.scope.domain, view.lang)]
    chosen += [view.scope.street.name] if view.scope.street else []
    return "".join(f" · {name}" for name in chosen)


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
    answers = html.Dl(
        [
            html.Div([html.Dt(say(f"asked_{question}", lang)), html.Dd([html.Span(item, className="item") for item in told])])
            for question, told in _answers(view, level, moves).items()
            if told
        ],
        className="details",
    )
    return html.Section([heading, _also(level, view), answers], className="headline")


def _sentence(level: Overall, address: Address) -> str:
    lang = address.lang
    if not level.total:
        return say("headline_no_level", lang, units=name_of(LEVELS, address.level, lang).lower())
    return say(
        HEADLINES[level.tone], lang, total=level.total, units=say(f"units_{address.level}", lang),
        bad=level.units["missed"] + level.units["near"],
    )  # fmt: skip


def _also(level: Overall, view: View) -> Component:
    """The other states that units are in, each with what has changed since the period before."""
    keys = {
        "near": "also_near",
        "undetermined": "also_undetermined",
        "no_data": "also_no_data",
        "met": "also_met",
    }
    lang = view.lang
    before = Counter(view.earlier.units.values()) if view.earlier else None
    return html.P(
        [
            html.Span([chip(state, lang, say(key, lang, count=level.units[state])), delta(state, level.units, before, lang)])
            for state, key in keys.items()
            if level.units[state]
        ],
        className="also",
    )


def _answers(view: View, level: Overall, moves: Movements) -> dict[str, list[Node]]:
    """What is wrong, where, since when, and whether it holds: what a leader asks, in this order."""
    return {
        "what": _what(view, level, moves), "where": _places(view, level), "since": _since(view, level, moves),
        "sure": _sure(view, moves),
    }  # fmt: skip


def _what(view: View, level: Overall, moves: Movements) -> list[Node]:
    lang = view.lang
    told: list[Node] = []
    if moves.missed or moves.near:
        told.append(say("items", lang, missed=moves.missed, near=moves.near))
    if level.most_missed:
        kpi_id, count = level.most_missed
        named = link(pick(view.facts.kpis[kpi_id].name, lang), view.address.to("kpi", kpi_id=kpi_id))
        told.append(html.Span([say("most_kpi", lang), named, f" {count}"]))
    return told


def _places(view: View, level: Overall) -> list[Node]:
    told: list[Node] = []
    if level.worst_streets and view.scope.street is None:
        told.append(html.Span([say("most_streets", view.lang), *_streets(level, view.address)]))
    if level.worst_units and level.worst_units[0][1] > 1:
        told.append(html.Span([say("most_units", view.lang), *_named(level, view.units, view.address)]))
    return told


def _since(view: View, level: Overall, moves: Movements) -> list[Node]:
    lang = view.lang
    told: list[Node] = []
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


def _sure(view: View, moves: Movements) -> list[Node]:
    """Whether the figures hold: what rows in doubt or absent cannot turn, and what they can."""
    lang, stand = view.lang, view.stand
    told: list[Node] = []
    if not view.period.is_closed:
        told.append(say("not_closed", lang, day=day(view.period.cutoff, lang)))
    if moves.missed or moves.near:
        told.append(say("sure_confirmed", lang, confirmed=moves.confirmed, total=moves.missed + moves.near))
    open_ones = [
        say(f"sure_{state}", lang, count=stand.figures(state)) for state in ("undetermined", "no_data") if stand.figures(state)
    ]
    if open_ones:
        comma = "，" if lang == "zh" else ", "
        ways = [link(say("sure_why", lang), view.address.to("data"))]
        ways += [link(say("st_behind_short", lang), view.address.to("steward", period=view.period.first))] if stand.figures("undetermined") else []
        told.append(html.Span([comma.join(open_ones), *(node for way in ways for node in (" ", way))]))
    return told


def _first(view: View) -> list[Component]:
    """The most urgent flags: confirmed and getting worse before all others."""
    flags = _most_urgent(view)
    if not flags:
        return []
    lang = view.lang
    names = ("unit", "kpi", "status", "value", "ratio", "target", "shortfall", "since", "movement", "certainty", "follow_up")
    head = html.Tr([html.Th(say(name, lang), scope="col", className=f"f-{name}") for name in names])
    table = html.Table([html.Thead(head), html.Tbody([_first_row(flag, view) for flag in flags])], className="plain first")
    return [
        html.Section(
            [
                html.Div(
                    [html.H2(say("first", lang)), html.Span(say("first_help", lang), className="help"),
                     html.A(say("first_all", lang), href="#list", className="help")],
                    className="section-head",
                ),
                html.Div(table, className="scroll"),
            ],
            id="urgent",
        )
    ]  # fmt: skip


def _most_urgent(view: View) -> list[Flag]:
    """The first flags of the list; what several documents ask alike stands there once."""
    found: dict[tuple[object, ...], Flag] = {}
    for flag in listed(view.facts, view.address, FIRST * max(1, len(view.facts.packs))):
        one = flag.judgement
        found.setdefault((one.unit_key, one.kpi.kpi_id, one.target.line if one.target else None), flag)
    return list(found.values())[:FIRST]


def _first_row(flag: Flag, view: View) -> Component:
    one, lang = flag.judgement, view.lang
    unit = view.units.get(one.unit_key)
    street = listed_under(unit, view.units) if unit and unit.level != "street" else None
    place = [html.Span(street.name, className="remark")] if street else []
    name = link(short_name(unit.name) if unit else one.unit_code, view.address.to("unit", unit_key=one.unit_key))
    lasted = say("periods_long", lang, count=flag.in_a_row)
    cells: list[tuple[str, Node | list[Node]]] = [
        ("kpi", link(pick(one.kpi.name, lang), view.address.to("kpi", kpi_id=one.kpi.kpi_id, unit_key=one.unit_key))),
        ("status", chip(one.state, lang)), ("value", html.B(tell.value(one, lang))),
        ("ratio", tell.ratio(one)), ("target", tell.target(one.target, one.kpi, lang)),
        ("shortfall", tell.shortfall_brief(one, lang)),
        ("since", [period_short(view.address.period_type, flag.since), html.Span(lasted, className="remark")]),
        ("movement", f"{MOVEMENT_ICONS.get(flag.movement, '')} {name_of(MOVEMENT, flag.movement, lang)}"),
        ("certainty", tell.certainty_brief(one, lang)),
        ("follow_up", follow_up_link(one, view.facts.task_about(one), view.address)),
    ]  # fmt: skip
    return html.Tr(
        [html.Th([name, *place], scope="row"), *(html.Td(text, className=f"f-{field}", **_label(field, lang)) for field, text in cells)],
        className=f"movement-{flag.movement}",
    )


def _label(field: str, lang: Lang) -> Attributes:
    """What a cell is, where a small screen shows no heads."""
    return {"data-label": say(field, lang)}


def _streets(level: Overall, address: Address) -> list[Node]:
    return [
        _counted(place.unit.name, place.unit.key, f"{place.missed}/{place.total}", address)
        for place in level.worst_streets
    ]


def _named(level: Overall, units: dict[str, Unit], address: Address) -> list[Node]:
    return [
        _counted(short_name(units[key].name), key, str(count), address)
        for key, count in level.worst_units
        if key in units
    ]


def _counted(name: str, unit_key: str, count: str, address: Address) -> Component:
    return html.Span([link(name, address.to("unit", unit_key=unit_key)), f" {count}"], className="street-count")


def _units(view: View, title: str, heatmap: Callable[[], list[Component]], keys: list[str]) -> Component:
    """The units: as a heatmap or as a map, filtered and sorted as the reader asked."""
    address, lang = view.address, view.lang
    is_map = address.view == "map"
    states = [state for state in STATES if view.stand.figures(state)]
    tools = [view_choice(address), state_choice(states, address), *([] if is_map else [sort_choice(address)])]
    if not keys and view.stand.stands:
        body: list[Component] = [html.P(say("no_problems" if address.show == "problems" else "no_units", lang))]
    elif is_map:
        body = county_map.draw(view, keys)
    elif _is_folded(view, keys):
        body = folded.streets(view, keys)
    else:
        body = [*_cut(keys, lang), *heatmap()]
    return html.Section(
        [
            html.Div(
                [html.H2(say("view_map", lang) if is_map else title), *tools, downloads("figures", address)],
                className="section-head",
            ),
            *body,
        ],
        id="matrix",
    )


def _is_folded(view: View, keys: list[str]) -> bool:
    """Whether the units are more than a page can hold and stand under streets."""
    return len(keys) > MOST and view.address.sort == "code" and view.address.level == "community" and not view.scope.street


def _cut(keys: list[str], lang: Lang) -> list[Component]:
    return [html.P(say("first_units", lang, shown=MOST, total=len(keys)), className="note")] if len(keys) > MOST else []


def _list(view: View) -> Component:
    lang, address, period = view.lang, view.address, view.period
    head: list[Component] = [html.H2(say("list", lang))]
    count = how_many(view.facts, address)
    if not count:
        return html.Section([*head, html.P(say("list_empty", lang))], id="list")
    query = Address(
        lang=lang, period_type=period.period_type, period=period.first, level=address.level, domain=address.domain,
        pack=address.pack, street=address.street, show=address.show,
    ).query()  # fmt: skip
    helped = say("list_help", lang) if count <= LISTED else say("list_cut", lang, shown=LISTED, count=count)
    return html.Section(
        [
            html.Div(
                [*head, html.Span(helped, className="help"), downloads("flags", address)], className="section-head"
            ),
            # The rows come by a request of their own: of a large county they are more than the rest of the page.
            flag_list(count, f"/list/flags.json{query}", lang),
        ],
        id="list",
    )
