"""The routes of rules: a page with forms as plain HTML, and the requests that these forms send.

Belongs here: requests and answers. What the page shows stands in `pages/rules.py`, what steps do in `rules_desk.py`.
"""

from __future__ import annotations

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as Answer

from dashboards import answers
from dashboards.address import Address, NoSuchPage, parse
from dashboards.components import page
from dashboards.edition import EditionReader
from dashboards.pages import rules
from dashboards.pages.follow_up_forms import Filled
from dashboards.rules_desk import RulesDesk
from dashboards.visitor import visitor
from pipelines.errors import WarehouseError
from pipelines.settings import Home
from pipelines.stewardship.rule_changes import NoSuchRuleChange, RuleChangeError


def add_rules(server: Flask, reader: EditionReader, home: Home) -> None:
    """Adds the page /steward/rules and what its forms send."""

    def answer() -> Answer:
        query = answers.search()
        try:
            address = parse(request.path, query)
            if request.method == "POST":
                return _changed(reader, home, address)
            return _shown(reader, home, address, Filled(), 200)
        except NoSuchPage as error:
            return answers.problem_told(error, query, 404)
        except WarehouseError as error:
            return answers.problem_told(error, query, 503)

    server.add_url_rule("/steward/rules", "rules", answer, methods=["GET"])
    server.add_url_rule("/steward/rules", "rules_change", answer, methods=["POST"])


def _changed(reader: EditionReader, home: Home, address: Address) -> Answer:
    """Takes the step that a form asks for; or shows the form again, with what is wrong with it."""
    values = request.form.to_dict()
    try:
        RulesDesk(home, visitor().actor).take(values)
    except RuleChangeError as error:
        return _shown(reader, home, address, Filled(values, error), 404 if isinstance(error, NoSuchRuleChange) else 400)
    return redirect(rules.address_of(rules.dataset_of(address), address.lang).href, 303)


def _shown(reader: EditionReader, home: Home, address: Address, filled: Filled, status: int) -> Response:
    edition, is_stale = reader.current_or_last()
    title, content = rules.content(RulesDesk(home, visitor().actor), address, visitor().form_token, filled)
    return answers.document(title, page(edition.info, address, content, is_stale=is_stale), address, status)
