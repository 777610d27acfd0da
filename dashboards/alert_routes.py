"""The routes of alerts: the page, and what its forms send.

Belongs here: requests and answers. What the page shows stands in `pages/alerts.py`; who is told of what is the desk's.
"""

from __future__ import annotations

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as Answer

from dashboards import html_pages
from dashboards.address import Lang, language_of
from dashboards.doors import STYLE_SHEET
from dashboards.entrance import Entrance
from dashboards.pages import alerts as pages
from dashboards.pages import problem
from dashboards.visitor import strip, visitor
from dashboards.words import pick, say
from pipelines.county import load_county
from pipelines.errors import WarehouseError
from pipelines.store import NoStore


def add_alerts(server: Flask, entrance: Entrance) -> None:
    """Adds the page of alerts, and taking them up."""
    desk = entrance.alerts

    def alerts() -> Answer:
        here, lang, is_open = visitor(), _lang(), request.args.get("show") != "resolved"
        assert here.account is not None  # the door is for those who are known
        try:
            is_sample = load_county(entrance.home.county_file).sample
            found = desk.alerts(here.account, is_open=is_open)
        except NoStore:
            found = []
        except WarehouseError as error:
            _, told = problem.content(error, lang)
            page = html_pages.document(pick(error.what, lang), problem.alone(told, lang), lang, STYLE_SHEET, strip())
            return Response(page, 503, mimetype="text/html")
        shown = pages.content(found, here, lang, is_open=is_open, is_sample=is_sample)
        return Response(html_pages.document(say("alerts", lang), shown, lang, STYLE_SHEET, strip()), mimetype="text/html")

    def acknowledged() -> Answer:
        here = visitor()
        assert here.account is not None
        numbers = [int(text) for text in request.form.getlist("number") if text.isascii() and text.isdigit() and len(text) <= 9]
        desk.acknowledge(here.account, numbers, here.actor, here.address)
        return redirect(pages.href(_lang(), is_open=True), 303)

    server.add_url_rule(pages.PATH, "alerts", alerts, methods=["GET"])
    server.add_url_rule(pages.PATH, "alerts_acknowledged", acknowledged, methods=["POST"])


def _lang() -> Lang:
    return language_of(request.query_string.decode("ascii", "replace"))
