"""Pages as markup: everything is escaped, and what is alive stays a component."""

from __future__ import annotations

from typing import Any

from dashboards.markup import markup, still


def piece(kind: str, children: Any = None, **props: Any) -> dict[str, Any]:
    return {"type": kind, "namespace": "dash_html_components", "props": {"children": children, **props}}


GRAPH = {"type": "Graph", "namespace": "dash_core_components", "props": {"id": "g", "style": {"height": "250px"}}}


def test_a_page_is_written_as_html_writes_it() -> None:
    table = piece("Table", [piece("Tr", [piece("Td", 5, colSpan=2, className="s-met"), piece("Td", None)])])
    assert markup(table) == '<table><tr><td colspan="2" class="s-met">5</td><td></td></tr></table>'
    assert markup([piece("Br"), "a", 0, None, False]) == "<br>a0"
    assert markup(piece("Div", style={"flexGrow": 3, "--share": "1%"})) == '<div style="flex-grow:3;--share:1%"></div>'
    assert markup(piece("Details", "x", open=True, hidden=False)) == "<details open>x</details>"


def test_texts_and_attributes_cannot_become_markup() -> None:
    hostile = '"><script>alert(1)</script>&'
    written = markup(piece("P", hostile, title=hostile))
    assert "<script" not in written
    assert written.count("<") == 2
    assert markup(still(piece("P", hostile, title=hostile), ())) == written


def test_what_holds_nothing_alive_is_one_piece() -> None:
    page = piece("Main", [piece("H1", "now"), piece("Section", [piece("P", "chart"), GRAPH]), "text"], id="content")
    sent = still(page, ())
    assert sent["type"] == "Main"
    head, section, text = sent["props"]["children"]
    assert head == {
        "type": "Still", "namespace": "warehouse", "props": {"tag": "h1", "attributes": {}, "html": "now"},
    }  # fmt: skip
    assert section["type"] == "Section"
    assert [part["type"] for part in section["props"]["children"]] == ["Still", "Graph"]
    assert text == "text"


def test_what_a_callback_names_stays_a_component() -> None:
    form = piece("Div", [piece("Button", "send", id="send"), piece("P", "help")])
    assert still(form, ())["type"] == "Still"
    assert still(form, {"send"})["props"]["children"][0]["type"] == "Button"
    assert still(piece("Button", "x", id={"kind": "send", "place": 1}), ())["type"] == "Button"


def test_the_place_of_what_only_a_browser_draws_is_kept() -> None:
    sent = still(piece("Div", [piece("P", "a & b"), GRAPH]), ())
    assert markup(sent) == '<div><p>a &amp; b</p><div style="height:250px"></div></div>'
