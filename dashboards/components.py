"""Pieces that several pages share: the frame of a page, chips, the heatmap of units × KPIs.

Belongs here: Dash components built from rows. No queries, no callbacks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dash import dcc
from markupsafe import Markup, escape

from dashboards import html, tell
from dashboards.address import PATHS, Address, Lang
from dashboards.edition import EditionInfo
from dashboards.figures import Drawing
from dashboards.format import short_name
from dashboards.html import Component
from dashboards.markup import OWN
from dashboards.office import converter
from dashboards.records import STATES as ORDER
from dashboards.records import Column, Figure, Unit
from dashboards.words import SHORT, STATES, day, pick, say, state_word
from pipelines.errors import Words

# A text, or a piece of a page.
Node = str | Component
# Attributes whose names no argument can have, such as aria-label.
Attributes = dict[str, Any]


EMPTY = Markup("<td></td>")
SIDE_BY_SIDE = 6  # columns of a heatmap whose streets still fit beside each other
PLACE = "\N{OBJECT REPLACEMENT CHARACTER}"  # of a unit's name, in what is said of all that have the same figure
DENSE = 24  # columns above which cells hold an icon alone
UNREAD: Attributes = {"aria-hidden": "true"}
DOWNLOADS: tuple[tuple[str, dict[str, str], Words], ...] = (
    ("xlsx", {}, Words("Excel", "Excel")),
    ("csv", {}, Words("CSV（UTF-8）", "CSV (UTF-8)")),
    ("csv", {"encoding": "gb18030"}, Words("CSV（GB18030）", "CSV (GB18030)")),
    ("parquet", {}, Words("Parquet", "Parquet")),
)
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


def menu(label: str, chosen: Node, links: Sequence[Component], class_name: str) -> Component:
    """A choice among many, folded away: what is chosen, and below it the links."""
    return html.Div(
        [
            html.Span(label, className="label"),
            html.Div(
                html.Details([html.Summary(chosen), html.Div(list(links), className="menu")]),
                className=f"stepper {class_name}",
            ),
        ],
        className="choice",
        role="group",
        **labelled(label),
    )


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


def options(label: str, choices: Sequence[tuple[str, str, bool]], *, class_name: str = "") -> Component:
    """A row of links of which one is chosen: (text, href, is_chosen)."""
    return html.Div(
        [
            html.Span(label, className="label"),
            html.Div([link(text, href, current=on) for text, href, on in choices], className="options"),
        ],
        className=f"choice {class_name}".strip(),
        role="group",
        **labelled(label),
    )


def downloads(table: str, address: Address) -> Component:
    """A menu of the files that a table of the page can be taken away as."""
    lang = address.lang
    files = [
        html.A(pick(words, lang), href=address.file(f"/export/{table}.{kind}", **more), download="")
        for kind, more, words in DOWNLOADS
    ]
    return _menu(say("take_away", lang), files)


def bulletin_menu(address: Address) -> Component:
    """The bulletin of the unit and period that are looked at, as it is signed (in Chinese only)."""
    lang, can_convert = address.lang, converter() is not None
    papers = [("docx", "Word"), ("xlsx", "Excel"), *([("pdf", "PDF")] if can_convert else [])]
    files = [
        html.A(
            f"{name} · {say('bulletin_ranked' if ranking == 'yes' else 'bulletin_unranked', lang)}",
            href=address.file(f"/bulletin.{kind}", ranking=ranking), download="",
        )
        for kind, name in papers
        for ranking in ("yes", "no")
    ]  # fmt: skip
    without = [] if can_convert else [html.Span(say("bulletin_no_pdf", lang), className="help")]
    return _menu(say("bulletin", lang), [*files, *without])


def _menu(title: str, files: Sequence[Component]) -> Component:
    return html.Div(
        html.Details([html.Summary(title), html.Div(list(files), className="menu")]), className="stepper take"
    )
def later(piece: Component, height: str, **props: str) -> Component:
    """A piece that is drawn once it is nearly in sight or the browser is idle (assets/components.js); its place is kept."""
    return Component(type="Later", namespace=OWN, props={"children": piece, "style": {"minHeight": height}, **props})


def chart(figure: Drawing) -> Component:
    """A figure without tools: it is looked at and hovered over, nothing more."""
    height = f"{figure['layout']['height']}px"  # the style's, so that the page does not jump when the chart comes
    graph = dcc.Graph(
        figure=figure,
        className="graph",
        responsive=True,
        style={"height": height},
        config={"displayModeBar": False},
    )
    return later(html.of_dash(graph), height)


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


def state_bar(counts: Counter[str]) -> Component:
    """How many of a whole are in each state, as lengths."""
    parts = [
        html.Span(className=f"part s-{state}", style={"flexGrow": counts[state]})
        for state in ORDER
        if counts[state]
    ]
    return html.Div(parts, className="bar", role="img", **labelled(f"{counts['missed']} / {counts.total()}"))


def tally(counts: Counter[str], before: Counter[str] | None, lang: Lang) -> Component:
    """How many are in each state, as numbers, with the change against the period before."""
    return html.Ul(
        [
            html.Li(
                [html.Span(STATES[state].icon, className=f"swatch s-{state}", **UNREAD),
                 html.Span(state_word(state, lang), className="word"),
                 html.B(str(counts[state]), **_of_state(state)), delta(state, counts, before, lang)],
            )
            for state in ORDER
            if counts[state] or state == "missed"
        ],
        className="tally",
    )  # fmt: skip


def _of_state(state: str) -> Attributes:
    return {"data-state": state}


def delta(state: str, counts: Counter[str], before: Counter[str] | None, lang: Lang) -> Component:
    """'▲3': what has changed against the period before; nothing where it is not known."""
    if before is None:
        return html.Span("", className="delta")
    change = counts[state] - before[state]
    arrow = "▲" if change > 0 else "▼"
    text = f"{arrow}{abs(change)}" if change else say("unchanged", lang) if state == "missed" else ""
    tone = "" if change == 0 or state != "missed" else " worse" if change > 0 else " better"
    return html.Span(text, className=f"delta{tone}", title=f"{say('before', lang)} {before[state]}")


@dataclass(frozen=True)
class Head:
    """The head of a column of the heatmap: its mark, its name, and where it leads."""

    text: str
    mark: str = ""
    href: str = ""
    title: str = ""


def matrix(
    groups: Sequence[tuple[Unit | None, Sequence[Unit]]],
    heads: Sequence[Head],
    cells: Callable[[Unit], Sequence[Markup]],
    is_missed: Callable[[Unit], bool],
    address: Address,
    beside: Mapping[str, str] | None = None,
) -> Component:
    """The heatmap: streets in blocks, one row per unit, one cell per column with text and (by its style) icon.

    A table of text rather than a picture: it can be read aloud, searched, printed and followed by keyboard,
    and needs no drawing library before it shows. Few columns stand in blocks side by side, many in one table, and so do
    units in one list, with what stands `beside` their names, by key.
    """
    is_listed = bool(beside)
    blocks = [
        (_street(parent, members, is_missed, address), [_row(unit, cells(unit), address, beside) for unit in members])
        for parent, members in groups
    ]
    names = [_column_head(head) for head in heads]
    if len(heads) <= SIDE_BY_SIDE and not is_listed:
        room = 56 if address.lang == "en" else 44
        tables = [
            html.Table(
                [html.Thead(html.Tr([html.Th(street, scope="col", className="street"), *names])), html.Tbody(rows)],
                className="block",
            )
            for street, rows in blocks
        ]
        return _with_words(tables, className="matrix", style={"columnWidth": f"{150 + room * len(heads)}px"})
    bodies = [html.Tbody([*_street_row(street, len(heads) + 1, is_listed), *rows]) for street, rows in blocks]
    corner = html.Th(say("unit", address.lang), scope="col", className="corner")
    classes = " ".join(["block wide", *(["dense"] if len(heads) > DENSE else []), *(["listed"] if is_listed else [])])
    table = html.Table([html.Thead(html.Tr([corner, *names])), *bodies], className=classes)
    return _with_words(table, className="matrix one", tabIndex=0)


def _with_words(tables: Component | Sequence[Component], **props: Any) -> Component:
    """With a line in which what a cell says on hovering is shown to who comes to it by keyboard or touch (assets/pages.js)."""
    return html.Div([html.Div(tables, **props), html.P(role="status", className="cell-told")], className="worded")


def _street_row(street: Component, width: int, is_listed: bool) -> list[Component]:
    """The line above the units of a street; a list of units from anywhere has none."""
    return [] if is_listed else [html.Tr(html.Th(street, colSpan=width, scope="rowgroup", className="street"))]


def cell(state: str, text: str, tip: str, lang: Lang, *, shown: str | None = None, domain: str = "") -> Markup:
    """A cell of the heatmap, written out at once: a page has thousands. `shown`: what stands in it, if not its text."""
    inside = text if shown is None else shown
    leads_to = Markup(f' data-domain="{escape(domain)}"') if domain else ""
    return Markup(
        f'<td class="s-{state}" aria-label="{escape(state_word(state, lang))} {escape(text)}" data-tip="{escape(tip)}"{leads_to}>'
        f"{escape(inside)}</td>"
    )


def kpi_heads(columns: Sequence[Column], address: Address) -> list[Head]:
    """One head per KPI and what is asked of it, leading to its page; the packs are named where a KPI stands twice."""
    lang = address.lang
    return [
        Head(
            column_name(column, columns, lang), mark(place),
            address.to("kpi", kpi_id=column.kpi.kpi_id, unit_key=address.unit_key), pick(column.kpi.name, lang),
        )
        for place, column in enumerate(columns)
    ]  # fmt: skip


def column_name(column: Column, columns: Sequence[Column], lang: Lang) -> str:
    name = pick(column.kpi.name, lang)
    twice = sum(1 for other in columns if other.kpi is column.kpi) > 1
    return f"{name} ({'/'.join(column.packs)})" if twice else name


class KpiCells:
    """The cells of units × KPIs; what is said of a figure is composed once, however many units have it."""

    def __init__(self, table: dict[str, dict[Column, Figure]], columns: Sequence[Column], lang: Lang) -> None:
        self.table, self.columns, self.lang = table, columns, lang
        self.is_dense = len(columns) > DENSE
        self._said: dict[int, tuple[str, str]] = {}

    def __call__(self, unit: Unit) -> list[Markup]:
        row = self.table[unit.key]
        return [self._cell(unit, row.get(column)) for column in self.columns]

    def is_missed(self, unit: Unit) -> bool:
        return any(one.state == "missed" for one in self.table[unit.key].values())

    def _cell(self, unit: Unit, one: Figure | None) -> Markup:
        if one is None:
            return EMPTY
        start, end = self._said.get(id(one)) or self._say(one)
        return Markup(f"{start}{escape(unit.name)}{end}")

    def _say(self, one: Figure) -> tuple[str, str]:
        """The cell of a figure before and after the name of the unit."""
        state = one.state
        text = pick(SHORT[state], self.lang) if state in SHORT else tell.bare_value(one)
        told = tell.line(one, self.lang) if self.is_dense else tell.card(one, self.lang)
        shown = "" if self.is_dense else None  # the icon stands for it
        start, _, end = cell(state, text, f"{PLACE}\n{told}", self.lang, shown=shown).partition(PLACE)
        said = self._said[id(one)] = (start, end)
        return said


def _street(
    parent: Unit | None, members: Sequence[Unit], is_missed: Callable[[Unit], bool], address: Address
) -> Component:
    if parent is None:
        return html.Div()
    missed = sum(1 for unit in members if is_missed(unit))
    count: list[Node] = [html.Span(f"{STATES['missed'].icon} {missed}", className="missed")] if missed else []
    return html.Div(
        [
            link(parent.name, address.to("unit", unit_key=parent.key)),
            html.Span([*count, f" / {len(members)}"], className="count"),
        ]
    )


def _column_head(head: Head) -> Component:
    name: Node = link(head.text, head.href) if head.href else html.Span(head.text)
    marked = [html.Span(head.mark, className="mark")] if head.mark else []
    return html.Th([*marked, name], scope="col", title=head.title or head.text)


def _row(unit: Unit, cells: Sequence[Markup], address: Address, beside: Mapping[str, str] | None) -> Component:
    told = (beside or {}).get(unit.key, "")
    measure = [html.Span(told, className="measure")] if told else []
    name = html.Th(
        [link(short_name(unit.name), address.to("unit", unit_key=unit.key)), *measure], scope="row", title=unit.name
    )
    return html.Tr([name, *cells])


def _head(info: EditionInfo, address: Address) -> Component:
    lang = address.lang
    pages = html.Nav(
        [link(say(name, lang), address.to(name), current=address.page == name) for name in PATHS],
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
