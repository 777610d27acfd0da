"""Pieces of pages as HTML text: for pages that hold forms, which a browser sends by itself, without Dash.

Belongs here: writing components of plain HTML. What is on the pages stands with them.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any, cast

from dash.development.base_component import Component

from dashboards.address import Lang
from dashboards.components import Cell

NAMES = {"className": "class", "htmlFor": "for"}
WITHOUT_END = ("br", "img", "input")


def document(title: str, content: Component, lang: Lang, style_sheet: str) -> str:
    """A whole page: no script, one style sheet."""
    language = "en" if lang == "en" else "zh-Hans"
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="/assets/favicon.ico">'
        f'<link rel="stylesheet" href="{escape(style_sheet)}"></head>\n<body>{to_html(content)}</body>\n</html>\n'
    )


def element(tag: str, children: object = None, **attributes: Any) -> Component:
    """A piece as what a component becomes: for what Dash has no component for, and for what a page has thousands of."""
    props = attributes | {"children": children}
    return cast(Component, Cell(props=props, type=tag, namespace="dash_html_components"))


def field(kind: str, name: str, **attributes: Any) -> Component:
    """An input of a form; Dash has none that a browser sends."""
    return element("input", type=kind, name=name, **attributes)


def to_html(piece: object) -> str:
    """A text, a component of `dash.html`, or a list of them. TypeError for what is none of these, such as a chart."""
    if piece is None:
        return ""
    if isinstance(piece, str | int | float):
        return escape(str(piece))
    if isinstance(piece, list | tuple):
        return "".join(to_html(part) for part in piece)
    if isinstance(piece, Component):
        piece = piece.to_plotly_json()  # type: ignore[no-untyped-call]
    if not isinstance(piece, dict) or piece.get("namespace") != "dash_html_components":
        raise TypeError(f"{type(piece).__name__} cannot be written as HTML")
    tag = piece["type"].lower()
    props = dict(piece["props"])
    children = props.pop("children", None)
    start = f"<{tag}{''.join(_attribute(name, value) for name, value in props.items())}>"
    return start if tag in WITHOUT_END else f"{start}{to_html(children)}</{tag}>"


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    written = NAMES.get(name, name.lower())
    if value is True:
        return f" {written}"
    return f' {written}="{escape(_style(value) if isinstance(value, dict) else str(value))}"'


def _style(rules: dict[str, object]) -> str:
    return ";".join(f"{re.sub('[A-Z]', lambda sign: '-' + sign[0].lower(), name)}:{value}" for name, value in rules.items())
