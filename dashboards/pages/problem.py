"""What is shown where nothing can be: no edition yet, no such page, a failure. Never a trace."""

from __future__ import annotations

from dashboards import html
from dashboards.address import Address, Lang, NoSuchPage
from dashboards.components import link
from dashboards.facts import Facts
from dashboards.html import Component
from dashboards.words import pick, say
from pipelines.errors import WarehouseError, Words


def content(error: WarehouseError, lang: Lang) -> tuple[str, list[Component]]:
    """An error that says what to do, as a page."""
    title = say("problem_page" if isinstance(error, NoSuchPage) else "problem_edition", lang)
    return title, [
        html.Section(
            [html.H1(pick(error.what, lang), className="verdict none"), _told(error, lang), _back(lang)],
            className="problem",
        )
    ]


def box(error: WarehouseError, lang: Lang) -> Component:
    """An error about a part of a page, in its place."""
    return html.Div([html.B(pick(error.what, lang)), _told(error, lang)], className="problem-box", role="alert")


def _told(error: WarehouseError, lang: Lang) -> Component:
    told = [
        (say("where", lang), error.where),
        (say("expected", lang), pick(error.expected, lang)),
        (say("found", lang), pick(error.found, lang)),
        (say("advice", lang), pick(error.advice, lang)),
    ]
    return html.Dl([html.Div([html.Dt(term), html.Dd(text)]) for term, text in told], className="facts")


def failure(lang: Lang) -> tuple[str, list[Component]]:
    """A failure of our own, told without any detail of it."""
    title = say("problem_inside", lang)
    return title, [
        html.Section(
            [
                html.H1(title, className="verdict none"),
                html.P(say("problem_inside_help", lang)),
                _back(lang),
            ],
            className="problem",
        )
    ]


def alone(content: list[Component], lang: Lang) -> Component:
    """A page without an edition: no county, no edition id, nothing to choose."""
    return html.Div(
        html.Main(content, id="content", tabIndex=-1),
        className="page",
        lang="en" if lang == "en" else "zh-Hans",
    )


def _back(lang: Lang) -> Component:
    return html.P(link(say("back", lang), Address(lang=lang).href, class_name="button"))


def only_as_document(_facts: Facts, address: Address) -> tuple[str, list[Component]]:
    """NoSuchPage: these pages hold forms, and are no part of the application that Dash runs in a browser."""
    raise NoSuchPage(
        Words("这个页面要单独打开", "This page opens by itself"),
        where=address.path,
        expected=Words("在浏览器中打开地址", "its address opened in a browser"),
        found=Words("在其他页面之中打开", "opened within another page"),
        advice=Words("重新载入本页", "load the page anew"),
    )
