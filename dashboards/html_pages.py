"""Pieces of pages as HTML text: for pages that hold forms, which a browser sends by itself, without Dash.

Belongs here: writing components of plain HTML. What is on the pages stands with them.
"""

from __future__ import annotations

from html import escape
from typing import Any

from dashboards.address import Lang
from dashboards.html import Component, element
from dashboards.markup import markup


def document(title: str, content: Component, lang: Lang, style_sheet: str, above: str = "") -> str:
    """A whole page: no script, one style sheet. `above`: markup that stands before the content."""
    language = "en" if lang == "en" else "zh-Hans"
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="/assets/favicon.ico">'
        f'<link rel="stylesheet" href="{escape(style_sheet)}"></head>\n<body>{above}{markup(content)}</body>\n</html>\n'
    )


def field(kind: str, name: str, **attributes: Any) -> Component:
    """An input of a form; Dash has none that a browser sends."""
    return element("input", type=kind, name=name, **attributes)
