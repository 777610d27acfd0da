"""What the pages of follow-up share: figures, chips, names and links of a task.

Belongs here: pieces built from a task and an edition. The pages stand in `follow_up.py`, forms in `follow_up_forms.py`.
"""

from __future__ import annotations

from decimal import Decimal

from dashboards import html, tell
from dashboards.address import Address, Lang
from dashboards.components import UNREAD, Attributes, Node, chip, link
from dashboards.facts import Facts
from dashboards.html import Component
from dashboards.records import Bound, Kpi, Target
from dashboards.records import Figure as Shown
from dashboards.words import period_short, pick, say
from pipelines.follow_up import LAMPS, STATES, Figure, Flag, Lamp, State, Task
from pipelines.follow_up_edition import figures_now

LAMP_ICONS: dict[Lamp, str] = {"overdue": "✕", "soon": "◷", "on_time": "✓", "none": ""}


def breadcrumb(title: str, address: Address) -> Component:
    here: Attributes = {"aria-current": "page"}
    items = [html.Li(link(say("follow_up", address.lang), address.to("follow_up"))), html.Li(html.Span(title, **here))]
    return html.Nav(html.Ol(items), className="crumbs")


def then_and_now(facts: Facts, flag: Flag, now: Figure | None, address: Address) -> Component:
    """What was found and what the current edition says, side by side; once where nothing has changed in between."""
    lang = address.lang
    is_same = now == flag.figure
    found = html.Div(
        [
            html.H3(say("fu_issued_and_now" if is_same else "fu_issued", lang)),
            *_figure(facts, flag, flag.figure, lang),
            html.P(say("fu_since", lang, since=period_short(flag.period_type, flag.since)), className="about"),
            html.P(link(say("fu_flag", lang), unit_href(facts, flag, address))),
        ]
    )
    said = _figure(facts, flag, now, lang) if now else [html.P(say("fu_now_none", lang))]
    since = [] if is_same else [html.Div([html.H3(say("fu_now", lang)), *said])]
    return html.Section([found, *since], className="then-and-now")


def _figure(facts: Facts, flag: Flag, figure: Figure, lang: Lang) -> list[Component]:
    shown = _shown(facts, flag, figure)
    period = period_short(flag.period_type, figure.period)
    told = [html.P(say("fu_figure_of", lang, period=period, edition=figure.edition_id), className="about")]
    if shown is None:  # the edition knows the KPI or its target no more
        return [html.P(bare_ratio(figure)), *told]
    terms = [
        (say("ratio", lang), "" if shown.kpi.kind == "count" else tell.ratio(shown)),
        (say("target", lang), tell.target(shown.target, shown.kpi, lang)),
        (say("clause", lang), tell.clause(shown.target, lang)),
        (say("shortfall", lang), tell.shortfall(shown, lang)),
    ]
    return [
        html.P([html.B(tell.value(shown, lang), className="big"), chip(shown.state, lang, tell.status(shown, lang))], className="now"),
        html.Dl([html.Div([html.Dt(term), html.Dd(text)]) for term, text in terms if text]),
        *told,
    ]


def figures_by_task(facts: Facts, tasks: list[Task]) -> dict[int, Figure]:
    """By task, what the edition says of the latest judged period."""
    figures = figures_now(facts.edition.frame, [task.flag.key for task in tasks])
    about = {task.task_id: (task.flag.key, task.flag.period_type) for task in tasks}
    return {task_id: figures[key] for task_id, key in about.items() if key in figures}


def latest_figure(facts: Facts, flag: Flag) -> Figure | None:
    return figures_now(facts.edition.frame, [flag.key]).get((flag.key, flag.period_type))


def _shown(facts: Facts, flag: Flag, figure: Figure) -> Shown | None:
    """A figure as every page prints it; None where the edition knows the KPI or its target no more."""
    kpi, target = facts.kpis.get(flag.key.kpi_id), facts.targets.get(flag.key.target_id)
    if kpi is None or target is None:
        return None
    return as_shown(
        kpi, target, figure.numerator, figure.denominator, status=figure.status, certainty=figure.certainty,
        is_withheld=figure.is_withheld, shortfall=figure.shortfall,
    )  # fmt: skip


def as_shown(
    kpi: Kpi, target: Target | None, numerator: Decimal | None, denominator: Decimal | None, *, status: str,
    certainty: str | None, is_withheld: bool, shortfall: Decimal | None = None,
) -> Shown:  # fmt: skip
    """What was kept of a figure, to be printed as every page prints figures: without bounds, which are not kept."""
    here = Bound(numerator, denominator)
    value = float(numerator * kpi.scale / denominator) if numerator is not None and denominator else None
    return Shown(
        kpi=kpi, target=target, numerator=numerator, denominator=denominator, value=value, low=here, high=here,
        value_low=value, value_high=value, status=status, certainty=certainty, shortfall=shortfall, chance_low=None,
        chance_high=None, failures_allowed=None, is_withheld=is_withheld, is_basis_expired=False, reporting=0, expected=0,
    )  # fmt: skip


def ratio(facts: Facts, flag: Flag, figure: Figure, lang: Lang) -> str:
    """'88.4% (510 / 577)'; of a count the number alone."""
    shown = _shown(facts, flag, figure)
    if shown is None:
        return bare_ratio(figure)
    return tell.value_of_cases(shown, lang)


def bare_ratio(figure: Figure) -> str:
    return "–" if figure.numerator is None else f"{figure.numerator} / {figure.denominator}"


def figure_state(facts: Facts, flag: Flag, figure: Figure | None, lang: Lang) -> list[Node]:
    if figure is None:
        return ["–"]
    shown = _shown(facts, flag, figure)
    marked: list[Node] = [chip(shown.state, lang), " "] if shown else []
    return [*marked, f"{ratio(facts, flag, figure, lang)} {period_short(flag.period_type, figure.period)}"]


def lamp_chip(lamp: Lamp, lang: Lang) -> Component:
    """A lamp as colour, icon and word."""
    return html.Span([html.Span(LAMP_ICONS[lamp], className="icon", **UNREAD), pick(LAMPS[lamp], lang)], className=f"chip l-{lamp}")


def state_chip(state: State, lang: Lang) -> Component:
    return html.Span(pick(STATES[state], lang), className=f"chip t-{state}")


def kpi_name(facts: Facts, flag: Flag, lang: Lang) -> str:
    kpi = facts.kpis.get(flag.key.kpi_id)
    return pick(kpi.name, lang) if kpi else flag.key.kpi_id


def target_of(facts: Facts, flag: Flag, lang: Lang) -> str:
    kpi, target = facts.kpis.get(flag.key.kpi_id), facts.targets.get(flag.key.target_id)
    return tell.target(target, kpi, lang) if kpi and target else flag.key.target_id


def unit_href(facts: Facts, flag: Flag, address: Address) -> str:
    """The unit's page in the period of the flag, at the domain of the KPI."""
    kpi = facts.kpis.get(flag.key.kpi_id)
    return address.to(
        "unit", unit_key=flag.key.unit_key, period_type=flag.period_type, period=flag.figure.period,
        domain=kpi.domain if kpi else None,
    )  # fmt: skip


def data(**values: str) -> Attributes:
    return {f"data-{name}": value for name, value in values.items()}
