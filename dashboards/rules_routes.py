"""The routes of rules: a page with forms as plain HTML, and the requests that these forms send.

Belongs here: requests and answers. What the page shows stands in `pages/rules.py`, what steps do in `rules_desk.py`.
"""

from __future__ import annotations

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as Answer

from dashboards import html_pages
from dashboards.address import language_of
from dashboards.doors import STYLE_SHEET
from dashboards.pages import problem, rules
from dashboards.pages.follow_up_forms import Filled
from dashboards.rules_desk import RulesDesk
from dashboards.visitor import strip, visitor
from dashboards.words import say
from expectations.contract import load_contracts
from pipelines.errors import WarehouseError
from pipelines.settings import Home
from pipelines.stewardship.rule_changes import NoSuchRuleChange, RuleChangeError


def add_rules(server: Flask, home: Home) -> None:
    """Adds the page /steward/rules and what its forms send."""

    def show() -> Response:
        return _shown(_desk(home), Filled(), 200)

    def change() -> Answer:
        desk, values = _desk(home), request.form.to_dict()
        try:
            desk.take(values)
        except RuleChangeError as error:
            return _shown(desk, Filled(values, error), 404 if isinstance(error, NoSuchRuleChange) else 400)
        return redirect(rules.path(_dataset(), language_of(_search())), 303)

    server.add_url_rule("/steward/rules", "rules", show, methods=["GET"])
    server.add_url_rule("/steward/rules", "rules_change", change, methods=["POST"])


def _desk(home: Home) -> RulesDesk:
    return RulesDesk(home, visitor().actor)


def _search() -> str:
    return request.query_string.decode("ascii", "replace")


def _dataset() -> str:
    """The dataset whose rules are shown; the first where the address names none that is known."""
    asked = request.args.get("dataset", "")
    return asked if asked in load_contracts() else next(iter(load_contracts()))


def _shown(desk: RulesDesk, filled: Filled, status: int) -> Response:
    lang = language_of(_search())
    try:
        title, content = say("rules", lang), rules.content(desk, _dataset(), visitor().form_token, filled, lang)
    except WarehouseError as error:
        title, told = problem.content(error, lang)
        content, status = problem.alone(told, lang), 503
    return Response(html_pages.document(title, content, lang, STYLE_SHEET, strip()), status, mimetype="text/html")
