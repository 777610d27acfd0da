"""Pieces that several pages share: the frame of a page, chips, the heatmap of units × KPIs.

Belongs here: Dash components built from rows. No queries, no callbacks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from dash import dcc, html
from dash.development.base_component import Component

from dashboards import tell
from dashboards.address import Address, Lang
from dashboards.edition import EditionInfo
from dashboards.facts import Column, Judgement, Unit
from dashboards.format import short_name
from dashboards.words import SHORT, STATES, day, pick, say, state_word

# A text, or a piece of a page.
Node = str | Component
# Attributes whose names no argument can have, such as aria-label.
Attributes = dict[str, Any]

UNREAD: Attributes = {"aria-hidden": "true"}
CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"


def labelled(text: str) -> Attributes:
    """What a screen reader says of a piece that shows it in another way."""
    return {"aria-label": text}


def mark(place: int) -> str:
    """The sign by which a KPI's card and its column in the heatmap are matched: ①, ②, …"""
    return CIRCLED[place] if place < len(CIRCLED) else f"({place + 1})"


def link(
    text: Node | Sequence[Node], href: str, *, current: bool = False, class_name: str = "", **attributes: Any
) -> Component:
    """A link inside the pages (assets/pages.js follows it without loading the page anew)."""
    more: Attributes = {"aria-current": "true"} if current else {}
    classes = " ".join(part for part in (class_name, "on" if current else "") if part)
    return html.A(text, href=href, className=classes or None, **more, **attributes)


def chip(state: str, lang: Lang, text: str = "") -> Component:
    """A state as colour, icon and word."""
    return html.Span(
        [html.Span(STATES[state].icon, className="icon", **UNREAD), text or state_word(state, lang)],
        className=f"chip s-{state}",
    )


def page(
    info: EditionInfo, address: Address, content: Sequence[Component], *, is_stale: bool = False
) -> Component:
    """The frame that every page has: head, mark of sample data, content, foot."""
    lang = address.lang
    return html.Div(
        [
            html.A(say("skip", lang), href="#content", className="skip"),
            _head(info, address),
            sample_banner(lang) if info.is_sample else None,
            html.Div(say("stale", lang), className="banner stale", role="alert") if is_stale else None,
            html.Main(list(content), id="content", tabIndex=-1),
            _foot(info, lang),
        ],
        className=f"page {address.page}",
        lang="en" if lang == "en" else "zh-Hans",
    )


def sample_banner(lang: Lang) -> Component:
    return html.Div(
        [html.Strong(say("sample", lang)), html.Span(say("sample_note", lang))],
        className="banner sample",
        role="note",
    )


def options(label: str, choices: Sequence[tuple[str, str, bool]]) -> Component:
    """A row of links of which one is chosen: (text, href, is_chosen)."""
    return html.Div(
        [
            html.Span(label, className="label"),
            html.Div([link(text, href, current=on) for text, href, on in choices], className="options"),
        ],
        className="choice",
        role="group",
        **labelled(label),
    )


def chart(figure: go.Figure) -> Component:
    """A figure without tools: it is looked at and hovered over, nothing more."""
    height = f"{figure.layout.height}px"  # the style's, so that the page does not jump when the chart comes
    return dcc.Graph(
        figure=figure,
        className="graph",
        responsive=True,
        style={"height": height},
        config={"displayModeBar": False},
    )


def legend(states: Sequence[str], lang: Lang) -> Component:
    """What each colour and icon means, for the states given."""
    return html.Div(
        [
            html.Span(
                [html.Span(STATES[state].icon, className=f"swatch s-{state}", **UNREAD),
                 html.B(state_word(state, lang)), html.Span(pick(STATES[state].meaning, lang), className="meaning")],
                className="key",
            )
            for state in states
        ],
        className="legend",
    )  # fmt: skip


def matrix(
    groups: Sequence[tuple[Unit | None, Sequence[Unit]]],
    table: dict[str, dict[Column, Judgement]],
    columns: Sequence[Column],
    address: Address,
) -> Component:
    """The heatmap: one block per street, one row per unit, one cell per KPI with value and (by its style) icon.

    A table of text rather than a picture: it can be read aloud, searched, printed and followed by keyboard,
    and needs no drawing library before it shows. Its cells are most of what a page holds, so each is one element.
    """
    return html.Div(
        [_block(parent, members, table, columns, address) for parent, members in groups], className="matrix"
    )


def _block(
    parent: Unit | None,
    members: Sequence[Unit],
    table: dict[str, dict[Column, Judgement]],
    columns: Sequence[Column],
    address: Address,
) -> Component:
    lang = address.lang
    missed = sum(1 for unit in members if any(one.state == "missed" for one in table[unit.key].values()))
    title: list[Node] = []
    if parent is not None:
        title = [link(parent.name, address.to("unit", unit_key=parent.key))]
        count: list[Node] = (
            [html.Span(f"{STATES['missed'].icon} {missed}", className="missed")] if missed else []
        )
        title.append(html.Span([*count, f" / {len(members)}"], className="count"))
    head = [html.Th(html.Div(title), scope="col", className="street")]
    head += [
        html.Th(
            [html.Span(mark(place), className="mark"), html.Span(_heading(column, columns, lang))],
            scope="col", title=pick(column.kpi.name, lang),
        )
        for place, column in enumerate(columns)
    ]  # fmt: skip
    rows = [_row(unit, table[unit.key], columns, address) for unit in members]
    return html.Table([html.Thead(html.Tr(head)), html.Tbody(rows)], className="block")


def _row(unit: Unit, row: dict[Column, Judgement], columns: Sequence[Column], address: Address) -> Component:
    name = html.Th(
        link(short_name(unit.name), address.to("unit", unit_key=unit.key)), scope="row", title=unit.name
    )
    return html.Tr([name, *(_cell(unit, row.get(column), address.lang) for column in columns)])


def _cell(unit: Unit, one: Judgement | None, lang: Lang) -> Component:
    if one is None:
        return html.Td("")
    state = one.state
    text = pick(SHORT[state], lang) if state in SHORT else tell.bare_value(one)
    return html.Td(
        text,
        className=f"s-{state}",
        **_read(f"{state_word(state, lang)} {text}", tip=tell.card(one, unit.name, lang)),
    )


def _read(text: str, *, tip: str) -> Attributes:
    return {"aria-label": text, "data-tip": tip}


def _heading(column: Column, columns: Sequence[Column], lang: Lang) -> str:
    name = pick(column.kpi.name, lang)
    twice = sum(1 for other in columns if other.kpi == column.kpi) > 1
    return f"{name} ({column.pack})" if twice else name


def _head(info: EditionInfo, address: Address) -> Component:
    lang = address.lang
    pages = html.Nav(
        [
            link(say("overview", lang), address.to("overview"), current=address.page == "overview"),
            link(say("data", lang), address.to("data"), current=address.page == "data"),
        ],
        **labelled(say("site", lang)),
    )
    languages = html.Div(
        [
            link("中文", address.to(lang="zh"), current=lang == "zh", lang="zh-Hans"),
            link("English", address.to(lang="en"), current=lang == "en", lang="en"),
        ],
        className="languages", role="group", **labelled(say("language", lang)),
    )  # fmt: skip
    brand = link(
        [html.B(info.county_name), html.Span(say("site", lang))], address.to("overview"), class_name="brand"
    )
    edition = html.P(_edition_line(info, lang), className="edition-line")
    return html.Header([brand, pages, edition, languages], className="top")


def _foot(info: EditionInfo, lang: Lang) -> Component:
    mark_of_sample = [html.Span(say("sample", lang))] if info.is_sample else []
    return html.Footer([html.Span(_edition_line(info, lang)), *mark_of_sample])


def _edition_line(info: EditionInfo, lang: Lang) -> str:
    return f"{say('edition', lang)} {info.edition_id} · {say('as_of', lang)} {day(info.as_of_date, lang)}"
