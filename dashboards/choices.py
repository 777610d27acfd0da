"""The controls above a page: period, level, domain, document. All are links; the choice is the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards import html, tell
from dashboards.address import LEVELS, PERIOD_TYPES, SORTS, VIEWS, Address
from dashboards.components import UNREAD, labelled, link, menu, options
from dashboards.facts import Facts
from dashboards.html import Component
from dashboards.records import Period, Unit
from dashboards.scope import ALL
from dashboards.words import DOMAINS, UNIT_BASES, name_of, pick, say, state_word
from dashboards.words import LEVELS as LEVEL_WORDS
from dashboards.words import PERIOD_TYPES as PERIOD_WORDS
from dashboards.words import STATES as LOOKS


def period_choices(facts: Facts, address: Address, period: Period) -> list[Component]:
    """Kind of period, and the period with its neighbours."""
    lang = address.lang
    present = [kind for kind in PERIOD_TYPES if facts.periods(kind)]
    kinds = options(
        say("period_type", lang),
        [
            (name_of(PERIOD_WORDS, kind, lang), address.to(period_type=kind), kind == address.period_type)
            for kind in present
        ],
    )
    return [kinds, _period_picker(facts.periods(period.period_type), address, period)]


def level_choice(address: Address) -> Component:
    lang = address.lang
    return options(
        say("level", lang),
        [
            (name_of(LEVEL_WORDS, level, lang), address.to(level=level), level == address.level)
            for level in LEVELS
        ],
    )


def domain_choice(facts: Facts, address: Address) -> Component:
    lang = address.lang
    choices = [(say("all_domains", lang), address.to(domain=ALL), address.domain == ALL)]
    choices += [
        (name_of(DOMAINS, domain, lang), address.to(domain=domain), domain == address.domain)
        for domain in facts.domains
    ]
    return options(say("domain", lang), choices, class_name="domains")


def pack_choice(facts: Facts, address: Address) -> Component | None:
    """Whose targets are looked at, where several documents set some; folded away, since most readers look at all."""
    if len(facts.packs) < 2:
        return None
    lang = address.lang
    names = {target.pack: tell.document(target, lang) for target in facts.targets.values()}
    links = [link(say("all_packs", lang), address.to(pack=ALL), current=address.pack == ALL)]
    links += [
        link(f"{pack} · {names[pack]}", address.to(pack=pack), current=address.pack == pack) for pack in facts.packs
    ]
    chosen = say("all_packs", lang) if address.pack == ALL else address.pack
    return menu(say("pack", lang), chosen, links, "packs")


def street_choice(units: Mapping[str, Unit], address: Address) -> Component | None:
    """One street with its communities, or all of them."""
    streets = [unit for unit in units.values() if unit.level == "street"]
    if len(streets) < 2:
        return None
    lang, every = address.lang, say("all_streets", address.lang)
    links = [link(every, address.to(street=ALL), current=address.street == ALL)]
    links += [link(one.name, address.to(street=one.key), current=address.street == one.key) for one in streets]
    chosen = every if address.street == ALL else units[address.street].name
    return menu(say("street", lang), chosen, links, "streets")


def state_choice(states: Sequence[str], address: Address) -> Component:
    """Units by their state: all, with any problem, or with anything in one of the states that there are."""
    lang, show = address.lang, address.show
    words = {"all": say("show_all", lang), "problems": say("show_problems", lang)}
    links = [link(text, address.to(show=name), current=show == name) for name, text in words.items()]
    links += [
        link([html.Span(LOOKS[state].icon, className=f"swatch s-{state}", **UNREAD), state_word(state, lang)],
             address.to(show=state), current=show == state)
        for state in states
    ]  # fmt: skip
    return menu(say("show", lang), words.get(show) or state_word(show, lang), links, "states")


def sort_choice(address: Address) -> Component:
    return options(
        say("sort", address.lang),
        [(say(f"sort_{sort}", address.lang), address.to(sort=sort), sort == address.sort) for sort in SORTS],
        class_name="sorts",
    )


def view_choice(address: Address) -> Component:
    """Heatmap or map; over all domains also every KPI at once."""
    views = [view for view in VIEWS if view != "kpis" or address.domain == ALL]
    shown = address.view if address.view in views else VIEWS[0]
    return options(
        say("view", address.lang),
        [(say(f"view_{view}", address.lang), address.to(view=view), view == shown) for view in views],
        class_name="views",
    )


def basis_choice(facts: Facts, address: Address) -> Component | None:
    """Units as they were in each period, or as they are now; only where the unit is not what it was."""
    return _bases(address) if address.unit_key in facts.moved_units else None


def basis_switch(facts: Facts, address: Address) -> Component:
    """The same over all units; where none of them was another, that both are equal."""
    if facts.moved_units:
        return _bases(address)
    return html.Span(say("bases_equal", address.lang), className="help", id="bases-equal")


def _bases(address: Address) -> Component:
    return options(
        say("unit_basis", address.lang),
        [
            (pick(words, address.lang), address.to(unit_basis=basis), basis == address.unit_basis)
            for basis, words in UNIT_BASES.items()
        ],
    )


def bar(parts: Sequence[Component | None]) -> Component:
    return html.Div([part for part in parts if part is not None], className="choices")


def _period_picker(periods: list[Period], address: Address, period: Period) -> Component:
    lang = address.lang
    place = next(index for index, other in enumerate(periods) if other.first == period.first)
    earlier = periods[place - 1] if place else None
    later = periods[place + 1] if place + 1 < len(periods) else None
    every = [
        link(pick(other.label, lang), address.to(period=other.first), current=other.first == period.first)
        for other in reversed(periods)
    ]
    return html.Div(
        [
            html.Span(say("period", lang), className="label"),
            html.Div(
                [
                    _step("‹", say("earlier", lang), earlier, address),
                    html.Details([html.Summary(pick(period.label, lang)), html.Div(every, className="menu")]),
                    _step("›", say("later", lang), later, address),
                ],
                className="stepper periods",
            ),
        ],
        className="choice",
        role="group",
        **labelled(say("period", lang)),
    )


def _step(text: str, label: str, period: Period | None, address: Address) -> Component:
    if period is None:
        return html.Span(text, className="step off", **UNREAD)
    return link(text, address.to(period=period.first), class_name="step", **labelled(label))
