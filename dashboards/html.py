"""Pieces of a page as the plain values that a browser is sent.

Belongs here: the elements of HTML that pages are built from, by the names and properties that Dash gives them (`className`), and
other libraries' components as such values. A page has thousands of elements: Dash's own classes take longer to make, to check and to turn
into values than all the rest of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dash.development.base_component import Component as DashComponent

HTML = "dash_html_components"


class Component(dict[str, Any]):
    """A piece of a page: {"type", "namespace", "props"}; the children are among its properties."""


def element(tag: str, children: object = None, **props: Any) -> Component:
    """An element by its tag: also those that Dash has no component for, such as those of SVG and of forms."""
    return Component(type=tag, namespace=HTML, props={"children": children, **props})


def of_dash(component: DashComponent) -> Component:
    """A component of a library of Dash (a chart, a grid)."""
    return Component(component.to_plotly_json())  # type: ignore[no-untyped-call]


def _element(tag: str) -> Callable[..., Component]:
    def make(children: object = None, **props: Any) -> Component:
        return element(tag, children, **props)

    return make


A, B, Button, Code, Img, Label, Span, Strong = map(_element, ("A", "B", "Button", "Code", "Img", "Label", "Span", "Strong"))
Article, Details, Div, Footer, Form, Header, Main, Nav, P, Section, Summary = map(
    _element, ("Article", "Details", "Div", "Footer", "Form", "Header", "Main", "Nav", "P", "Section", "Summary")
)
H1, H2, H3, Dd, Dl, Dt, Li, Ol, Ul = map(_element, ("H1", "H2", "H3", "Dd", "Dl", "Dt", "Li", "Ol", "Ul"))
Option, Select, Table, Tbody, Td, Textarea, Th, Thead, Tr = map(
    _element, ("Option", "Select", "Table", "Tbody", "Td", "Textarea", "Th", "Thead", "Tr")
)
