"""The help: what states and marks mean, how a figure is read, and where the documents for analysts are.

Belongs here: the help and the documents under it that are shown as pages.
"""

from __future__ import annotations

from collections.abc import Sequence

from dash import dcc

from dashboards import html
from dashboards.address import Address, Lang
from dashboards.components import UNREAD, Node, chip, link
from dashboards.facts import Facts
from dashboards.history import home_of
from dashboards.html import Component
from dashboards.words import DELIVERY, MOVEMENT, MOVEMENT_ICONS, RELIABILITY, STATES, pick, say
from pipelines.questions import render
from pipelines.settings import REPO

CONNECTIONS = REPO / "docs" / "connect.md"
READING = ("ratio", "bounds", "chance", "place", "peers", "basis_expired", "comparability_word", "unit_basis")


def content(facts: Facts, address: Address) -> tuple[str, list[Component]]:
    """Title and content of the help."""
    lang = address.lang
    parts = [
        html.Section(
            [
                html.H1(say("help_title", lang), className="verdict none"),
                html.P(say("help_about", lang), className="about"),
            ],
            className="headline",
        ),
        _section("documents", _documents(facts, address), lang),
        _section("help_states", _states(lang), lang),
        _section("help_reading", _reading(lang), lang),
        _section("help_marks", _marks(lang), lang),
        _section("help_files", html.P(say("help_files_told", lang)), lang),
    ]
    return say("guide", lang), parts


def questions(facts: Facts, address: Address) -> tuple[str, list[Component]]:
    """The twenty questions with their answers over the edition that is shown."""
    text = render(facts.edition.path).replace("(connect.md)", f"({address.to('connect')})")
    return _document("questions", text, address)


def connections(_facts: Facts, address: Address) -> tuple[str, list[Component]]:
    """How other programs are connected to the editions."""
    text = CONNECTIONS.read_text(encoding="utf-8").replace("(questions.md)", f"({address.to('questions')})")
    return _document("connect", text, address)


def _document(name: str, text: str, address: Address) -> tuple[str, list[Component]]:
    """A document in both languages, under a way back."""
    lang = address.lang
    title, _, body = text.partition("\n")
    back = html.P(link(say("guide", lang), address.to("guide")), className="crumbs")
    head = html.H1(title.removeprefix("# "), className="verdict none")
    return say(name, lang), [back, html.Article([head, html.of_dash(dcc.Markdown(body, link_target="_self"))], className="document")]


def _section(title: str, body: Component, lang: Lang) -> Component:
    return html.Section([html.Div(html.H2(say(title, lang)), className="section-head"), body], id=title)


def _documents(facts: Facts, address: Address) -> Component:
    lang = address.lang
    models = home_of(facts.edition.path).docs / "dbt" / "index.html"
    items: list[tuple[list[Node], str]] = [
        ([_out(say("dictionary", lang), "/help/dictionary.html"), " · ", html.A("Excel", href="/help/dictionary.xlsx", download="")], "dictionary_help"),
        ([link(say("questions", lang), address.to("questions"))], "questions_help"),
        ([link(say("connect", lang), address.to("connect"))], "connect_help"),
        ([_out(say("models", lang), "/help/models/index.html")] if models.exists() else [html.Span(say("models", lang))],
         "models_help" if models.exists() else "models_missing"),
    ]  # fmt: skip
    return html.Ul([html.Li([html.B(told), " ", html.Span(say(about, lang), className="help")]) for told, about in items], className="listed")


def _out(text: str, href: str) -> Component:
    """A document that is not one of the pages: in a window of its own."""
    return html.A(text, href=href, target="_blank")


def _terms(rows: Sequence[tuple[Node | list[Node], str]]) -> Component:
    return html.Dl([html.Div([html.Dt(term), html.Dd(told)]) for term, told in rows], className="facts terms")


def _states(lang: Lang) -> Component:
    return _terms([(chip(state, lang), pick(look.meaning, lang)) for state, look in STATES.items()])


def _reading(lang: Lang) -> Component:
    return _terms([(say(name, lang), say(f"help_{name}", lang)) for name in READING])


def _marks(lang: Lang) -> Component:
    rows: list[tuple[Node | list[Node], str]] = [
        ([html.Span(MOVEMENT_ICONS[name], **UNREAD), f" {pick(words, lang)}"], say(f"help_{name}", lang))
        for name, words in MOVEMENT.items()
    ]
    rows += [(pick(words, lang), say(f"help_{name}", lang)) for name, words in RELIABILITY.items()]
    rows += [([html.Span(icon, **UNREAD), f" {pick(words, lang)}"], say(f"help_{name}", lang)) for name, (icon, words) in DELIVERY.items()]
    return _terms(rows)
