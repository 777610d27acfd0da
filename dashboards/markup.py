"""Pages as markup: a browser shows them before any library has come, and changes them in one step.

Belongs here: turning the plain values of a page into markup. What a page consists of stands in `pages/`.

A component of `dash.html` that no callback reads or writes never changes by itself. Such pieces are written out here, as
large as possible, and sent as one `Still` (assets/components.js) each; what is alive (charts, the grid, whatever a callback
names) stays a component. A heatmap of four thousand cells is then one piece instead of four thousand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from html import escape
from typing import Any, cast

from dash.development.base_component import Component
from plotly.io.json import to_json_plotly

HTML = "dash_html_components"
OWN = "warehouse"  # the namespace of assets/components.js
VOID = frozenset(("area", "br", "col", "hr", "img", "input", "wbr"))
RENAMED = {"className": "class", "htmlFor": "for"}
TAGS = {"MapEl": "map", "ObjectEl": "object"}
# What Dash keeps with a component that is no attribute of the element.
UNWRITTEN = frozenset(("children", "key", "n_clicks", "n_clicks_timestamp", "disable_n_clicks", "setProps"))


class Cell(dict[str, Any]):
    """A component as the plain values that the browser is sent: made without Dash, and not looked through again."""


ATOMS = (str, int, float, bool, Cell)  # nothing to be looked for inside

Plain = Any  # what JSON holds: texts, numbers, lists, components as {"type", "namespace", "props"}


def plain(piece: object) -> Plain:
    """A piece of a page as the JSON values that the browser is sent; cheaper to keep and to send again."""
    kind = type(piece)
    if piece is None or kind in ATOMS:
        return piece
    if kind is list or kind is tuple:
        return [plain(part) for part in cast(Sequence[object], piece)]
    if isinstance(piece, Component):
        piece = piece.to_plotly_json()  # type: ignore[no-untyped-call]
    if isinstance(piece, dict):
        return {name: plain(value) for name, value in piece.items()}
    return json.loads(to_json_plotly(piece))


def still(piece: Plain, alive: Collection[str]) -> Plain:
    """The piece with its largest parts that hold nothing alive written out. `alive`: the ids that callbacks name."""
    if isinstance(piece, list):
        return [still(part, alive) for part in piece]
    if not isinstance(piece, dict):
        return piece
    props = piece["props"]
    inside = still(props.get("children"), alive)
    if piece["namespace"] != HTML or _is_named(props.get("id"), alive) or _holds_alive(inside):
        return {**piece, "props": {**props, "children": inside}} if inside is not None else piece
    tag = _tag(piece)
    attributes = {name: value for name, value in props.items() if name not in UNWRITTEN and value is not None}
    content = None if tag in VOID else markup(inside)
    return {"type": "Still", "namespace": OWN, "props": {"tag": tag, "attributes": attributes, "html": content}}


def markup(piece: Plain) -> str:
    """All of a page as markup. In the place of what only a browser can draw stands an empty element of its size."""
    return "".join(_written(piece))


def _is_named(identity: object, alive: Collection[str]) -> bool:
    """Whether a callback names the id; one that is a pattern is made for that."""
    return isinstance(identity, dict) or identity in alive


def _holds_alive(inside: Plain) -> bool:
    listed: Sequence[Plain] = inside if isinstance(inside, list) else (inside,)
    return any(isinstance(part, dict) and part["type"] != "Still" for part in listed)


def _written(piece: Plain) -> Iterator[str]:
    if isinstance(piece, dict):
        yield from _element(piece)
    elif isinstance(piece, list):
        for part in piece:
            yield from _written(part)
    elif piece is not None and not isinstance(piece, bool):
        yield escape(str(piece), quote=False)


def _element(piece: Mapping[str, Plain]) -> Iterator[str]:
    props, tag = piece["props"], _tag(piece)
    if piece["type"] == "Still":
        yield f"<{tag}{_attributes(props['attributes'])}>"
        yield props["html"] or ""
    else:
        kept = props if piece["namespace"] == HTML else {name: props.get(name) for name in ("className", "style")}
        yield f"<{tag}{_attributes(kept)}>"
        yield from _written(props.get("children"))
    if tag not in VOID:
        yield f"</{tag}>"


def _tag(piece: Mapping[str, Plain]) -> str:
    if piece["namespace"] == HTML:
        return TAGS.get(piece["type"]) or str(piece["type"]).lower()
    return str(piece["props"].get("tag", "div"))


def _attributes(props: Mapping[str, Plain]) -> str:
    """' class="…" …': names as HTML has them, values escaped; true alone, false and none not at all."""
    return "".join(
        f" {RENAMED.get(name, name.lower())}" + ("" if value is True else f'="{escape(_text(value))}"')
        for name, value in props.items()
        if name not in UNWRITTEN and value is not None and value is not False
    )


def _text(value: Plain) -> str:
    """An attribute's value; a style is written as CSS."""
    if not isinstance(value, dict):
        return str(value)
    return ";".join(f"{_hyphened(name)}:{setting}" for name, setting in value.items() if setting is not None)


def _hyphened(name: str) -> str:
    """flexGrow → flex-grow; names of variables stay."""
    return name if name.startswith("--") else re.sub(r"[A-Z]", lambda letter: f"-{letter[0].lower()}", name)
