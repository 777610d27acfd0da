"""Every decision on rows, with who, when and why; those that wait for a second person first."""

from __future__ import annotations

from dashboards import html
from dashboards.address import StewardView
from dashboards.facts import Facts
from dashboards.html import Component
from dashboards.html_pages import field
from dashboards.pages.follow_up_forms import Filled, refusal
from dashboards.pages.steward_pieces import breadcrumb, choice, decision_item
from dashboards.steward_desk import StewardDesk
from dashboards.words import pick, say
from pipelines.stewardship.decisions import KINDS, Decision
from pipelines.stewardship.proposals import STATES

MOST_LISTED = 200


def content(_facts: Facts, desk: StewardDesk, filled: Filled) -> tuple[str, list[Component]]:
    """Title and content of the page of decisions."""
    lang, title = desk.address.lang, say("st_decisions", desk.address.lang)
    every = desk.decisions.all()
    waiting = sum(one.state == "proposed" for one in every)
    fitting = sorted((one for one in every if _is_asked(one, desk)), key=lambda one: (one.state != "proposed", -one.decision_id))
    shown = fitting[:MOST_LISTED]
    is_cut = len(fitting) > len(shown)
    help_ = say("st_decisions_cut" if is_cut else "st_decisions_help", lang, shown=len(shown), count=len(fitting))
    sentence = say("st_waits_head", lang, count=waiting) if waiting else say("st_waits_none", lang)
    items = [decision_item(one, desk, filled, shows_row=True) for one in shown]
    return title, [
        breadcrumb([], title, desk.address),
        *refusal(filled.error, lang),
        html.Section(html.H1(html.Strong(sentence), className=f"verdict {'open' if waiting else 'none'}"), className="headline"),
        _filters(desk),
        html.Section(
            [
                html.Div([html.H2(say("st_decisions_all", lang)), html.Span(help_, className="help")], className="section-head"),
                html.Ol(items, className="decisions") if items else html.P(say("st_decisions_none", lang), className="about"),
            ]
        ),
    ]


def _is_asked(one: Decision, desk: StewardDesk) -> bool:
    view = desk.address.steward
    return view.decided in ("all", one.state) and view.kind in ("", one.draft.kind)


def _filters(desk: StewardDesk) -> Component:
    lang, view = desk.address.lang, desk.address.steward
    every = say("st_all", lang)
    states = [("all", every), *((str(name), pick(words, lang)) for name, words in STATES.items())]
    kinds = [("", every), *((str(name), pick(words, lang)) for name, words in KINDS.items())]
    return html.Form(
        [
            field("hidden", "lang", value=lang),
            choice("decided", say("st_state", lang), states, view.decided),
            choice("kind", say("st_kind", lang), kinds, view.kind),
            html.Button(say("st_filter", lang), type="submit", className="button"),
        ],
        action=StewardView("decisions").path, method="get", className="filters",
    )  # fmt: skip
