"""Pages as markup: a browser shows them before any library has come, and changes them in one step.

Belongs here: turning the pieces of a page into markup. What a page consists of stands in `pages/`.

An element that no callback reads or writes never changes by itself. Such pieces are written out here, as
large as possible, and sent as one `Still` (assets/components.js) each; what is alive (charts, the grid, whatever a callback
names) stays a component. A heatmap of four thousand cells is then one piece instead of four thousand.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from markupsafe import Markup, escape

from dashboards.html import HTML, Component

OWN = "warehouse"  # the namespace of assets/components.js
VOID = frozenset(("area", "br", "col", "hr", "img", "input", "wbr"))
RENAMED = {"className": "class", "htmlFor": "for"}
TAGS = {"MapEl": "map", "ObjectEl": "object"}
# What Dash keeps with a component that is no attribute of the element.
UNWRITTEN = frozenset(("children", "key", "n_clicks", "n_clicks_timestamp", "disable_n_clicks", "setProps"))

Plain = Any  # what JSON holds: texts, numbers, lists, components as {"type", "namespace", "props"}


def still(piece: Plain, alive: Collection[str]) -> Plain:
    """The piece with its largest parts that hold nothing alive written out. `alive`: the ids that callbacks name."""
    if isinstance(piece, list | tuple):
        return [still(part, alive) for part in piece]
    if isinstance(piece, Markup):
        raise TypeError("text that is written out already must stand in an element")
    if not isinstance(piece, dict):
        return piece
    props = piece["props"]
    if not _is_alive(piece, alive):
        tag = _tag(piece)
        attributes = {name: value for name, value in props.items() if name not in UNWRITTEN and value is not None}
        content = None if tag in VOID else markup(props.get("children"))
        return Component(type="Still", namespace=OWN, props={"tag": tag, "attributes": attributes, "html": content})
    if props.get("children") is None:
        return piece
    return Component(piece, props={**props, "children": still(props["children"], alive)})


def markup(piece: Plain) -> str:
    """All of a page as markup. In the place of what only a browser can draw stands an empty element of its size."""
    if piece is None or isinstance(piece, bool):
        return ""
    if isinstance(piece, dict):
        return _element(piece)
    if isinstance(piece, list | tuple):
        return "".join(map(markup, piece))
    return str(escape(piece))


def _is_alive(piece: Plain, alive: Collection[str]) -> bool:
    """Whether a piece is no element of HTML, is named by a callback (an id that is a pattern is made for that), or holds such."""
    if isinstance(piece, dict):
        props = piece["props"]
        identity = props.get("id")
        is_named = identity is not None and (isinstance(identity, dict) or identity in alive)
        return piece["namespace"] != HTML or is_named or _is_alive(props.get("children"), alive)
    return isinstance(piece, list | tuple) and any(_is_alive(part, alive) for part in piece)


def _element(piece: Mapping[str, Plain]) -> str:
    props, tag = piece["props"], _tag(piece)
    if piece["type"] == "Still":
        return f"<{tag}{_attributes(props['attributes'])}>" + (props["html"] or "") + ("" if tag in VOID else f"</{tag}>")
    kept = props if piece["namespace"] == HTML else {name: props.get(name) for name in ("className", "style")}
    start = f"<{tag}{_attributes(kept)}>"
    return start if tag in VOID else f"{start}{markup(props.get('children'))}</{tag}>"


def _tag(piece: Mapping[str, Plain]) -> str:
    if piece["namespace"] == HTML:
        return TAGS.get(piece["type"]) or str(piece["type"]).lower()
    return str(piece["props"].get("tag", "div"))


def _attributes(props: Mapping[str, Plain]) -> str:
    """' class="…" …': names as HTML has them, values escaped; true alone, false and none not at all."""
    return "".join(
        f" {RENAMED.get(name) or name.lower()}" + ("" if value is True else f'="{escape(_text(value))}"')
        for name, value in props.items()
        if value is not None and value is not False and name not in UNWRITTEN
    )


def _text(value: Plain) -> str:
    """An attribute's value; a style is written as CSS."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return str(value)
    return ";".join(f"{_hyphened(name)}:{setting}" for name, setting in value.items() if setting is not None)


def _hyphened(name: str) -> str:
    """flexGrow → flex-grow; names of variables stay."""
    return name if name.startswith("--") else re.sub(r"[A-Z]", lambda letter: f"-{letter[0].lower()}", name)
