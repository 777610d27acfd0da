"""Whatever is asked or sent, by whoever: an answer below 500 that tells nothing of the inside.

Requests are drawn from a seed: 400, or as many as WAREHOUSE_FUZZ says.
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from dash import Dash
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from dashboards.security import CALLBACK_PATH
from dashboards.server import SHARED_PATHS
from pipelines.follow_up_store import FollowUp
from pipelines.objection_store import Objections
from pipelines.store import Store
from tests.support.answers import assert_tells_nothing
from tests.support.doors import (
    BROWSER,
    HERE,
    IDENTITIES,
    OTHER,
    OWN,
    SECRET,
    missed_units,
    open_objection,
    task_about,
    token_of,
)

REQUESTS = int(os.environ.get("WAREHOUSE_FUZZ", "400"))
NUMBER = "999629190102039014"  # what names a person, where nothing is to be told of it
MARK = "<fuzzed onload=x>"
STRANGE = (
    "", " ", "x", "0", "-1", "1", "99", "9" * 40, "1e9", "nan", "inf", "１２", "九", "null", "true", "[]", "{}", "%", "%00", "\x00", "\ud800",
    "\u202e", "\ufeff", "a\nb", "a\r\nX-Injected: 1", "x" * 5000, "😀" * 300, "' or 1=1 --", "'; drop table fct_kpi; --", "\\", "../../etc/passwd",
    "/etc/passwd", "file:///etc/passwd", "//evil.example", "{{7*7}}", "${7*7}", "=1+1", MARK, f"\"'>{MARK}", NUMBER, "2026-13", "2026-02-30",
    "0000-01", "9999-12", "10000-01", "2026-06-01T00:00", "-2026-06",
)  # fmt: skip
KNOWN = (
    "2026-06", "2026-01", "2026-06-30", "month", "quarter", "year", "ytd", "zh", "en", "all", "open", "closed", "new", "community", "street", "grid",
    "as_was", "as_now", "heatmap", "kpis", "map", "shortfall", "safety", "population", OWN, OTHER, "610629@2016-01-01", "610629", "610629001",
    "dispute_handling_rate", "grid_disputes", "grid_a", "deaths.range", "flags", "flags.csv", "profile", "changes", "docx", "xlsx", "pdf", "gb18030",
    "assigned", "answered", "withdrawn", "propose", "approve", "refuse", "withdraw", "reject", "accept", "correct", "merge", "send_back", "assign",
    "upheld", "error", "analyst", "steward", "index.html", "newest", "grid_grids", "a" * 24, "b1:12", "/data", f"/unit/{OWN}?period=2026-06",
)  # fmt: skip
ASKED = (
    "period", "period_type", "lang", "level", "show", "domain", "pack", "unit_basis", "street", "view", "sort", "unit", "unit_key", "kpi", "target",
    "state", "agency", "area", "supplier", "dataset", "rule", "assignee", "decided", "kind", "ticket", "page", "encoding", "ranking", "next", "at",
    "code", "error", "scope", "period[]", "__proto__", "",
)  # fmt: skip
SENT = (
    "to", "name", "full_name", "password", "present", "again", "number", "answer", "assignee", "change", "claim", "dataset", "decision", "document", "due",
    "first_month", "last_month", "instructions", "maximum", "minimum", "values", "note", "outcome", "pair", "reason", "rows", "rule", "severity",
    "seen", "next", "batch", "row_number", "into", "set", "to[]",
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A request, as it is drawn."""

    identity: str
    method: str
    path: str
    sent: dict[str, str] = field(default_factory=dict)
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def drawn(chance: Random, rules: list[Rule], tokens: dict[str, str]) -> Asked:
    """Any route, by any method, by anybody; half of what is filled in means something."""
    identity, rule = chance.choice(IDENTITIES), chance.choice(rules)
    if rule.rule == "/page.json" or chance.random() < 0.15:
        path = f"/page.json?{urlencode({'at': addressed(chance, chance.choice(rules))}, errors='replace')}"
        return Asked(identity, "GET", path, headers=BROWSER)
    methods = sorted((rule.methods or set()) & {"GET", "POST"}) or ["GET"]
    method = chance.choice(methods) if chance.random() < 0.95 else chance.choice(["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
    path = addressed(chance, rule)
    if method != "POST":
        return Asked(identity, method, path, headers=BROWSER if chance.random() < 0.7 else {})
    headers = {"Origin": chance.choice([HERE] * 8 + ["null", "http://evil.example"])}
    if rule.rule == CALLBACK_PATH or chance.random() < 0.05:
        return Asked(identity, method, path, body=callback(chance), headers=headers)
    sent = {name: value(chance) for name in chance.sample(SENT, chance.randint(0, 9))}
    token = chance.choice([tokens.get(identity, "")] * 6 + [tokens["steward"], value(chance)])
    if rule.endpoint != "sign_out":  # who signed out would ask for nothing more
        sent["token"] = token
    return Asked(identity, method, path, sent, headers=headers)


def addressed(chance: Random, rule: Rule) -> str:
    path = re.sub("<[^>]*>", lambda _: quote(value(chance), safe=chance.choice(["", "/"]), errors="replace"), rule.rule)
    asked = [(name, value(chance)) for name in chance.choices(ASKED, k=chance.randint(0, 6))]
    return f"{path}?{urlencode(asked, errors='replace')}" if asked else path


def value(chance: Random) -> str:
    return chance.choice(KNOWN if chance.random() < 0.6 else STRANGE)


def callback(chance: Random) -> Any:
    """What a browser, or somebody else, may send to a Dash application."""
    part = {"id": value(chance), "property": value(chance), "value": value(chance)}
    return chance.choice([
        {"output": "page.children", "outputs": part, "inputs": [part], "changedPropIds": [value(chance)]},
        {"output": value(chance)}, {}, [], None, [part], value(chance), {"output": [part], "inputs": value(chance), "state": None},
    ])  # fmt: skip


def ask(client: FlaskClient, asked: Asked) -> TestResponse:
    sent = {name: text.encode("utf-8", "replace").decode() for name, text in asked.sent.items()}
    content: dict[str, Any] = {"json": asked.body} if asked.method == "POST" and not sent else {"data": sent}
    return client.open(asked.path, method=asked.method, headers=asked.headers, **content)


def what_is_wrong(asked: Asked, answer: TestResponse, root: Path) -> str:
    """What an answer must not be, or tell; '' where it is as it should be."""
    if answer.status_code >= 500:
        return f"answers {answer.status_code}"
    if "X-Injected" in answer.headers:
        return "lets a header in"
    if asked.path.startswith(SHARED_PATHS) or not answer.mimetype.startswith(("text/", "application/json")):
        return ""
    text = answer.text
    if answer.mimetype == "text/html" and MARK in text:
        return "lets markup in"
    for inside in (str(root), "Traceback (most recent", SECRET, "页面出错了", "The page failed"):
        if inside in text:
            return f"tells {inside!r}"
    if answer.status_code >= 400 or "没有这个页面" in text:
        try:
            assert_tells_nothing(re.sub("(?s)<(script|style|head).*?</(script|style|head)>", "", text))
        except AssertionError as error:
            return f"tells of the inside: {error}"
    return ""


def test_no_request_makes_the_server_fail_or_tell_of_its_inside(
    app: Dash, clients: dict[str, FlaskClient], published: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    rules = sorted(app.server.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint))
    tokens = {name: token_of(client) for name, client in clients.items() if name != "none"}
    task_about(published, FollowUp(store), missed_units(published)[0])
    open_objection(published, Objections(store))
    caplog.set_level(logging.ERROR)
    found: list[str] = []
    answered: set[int] = set()
    for number in range(REQUESTS):
        asked = drawn(Random(number), rules, tokens)
        answer = ask(clients[asked.identity], asked)
        answered.add(answer.status_code)
        wrong = what_is_wrong(asked, answer, published.parent)
        logged = "; ".join(f"{one.getMessage()} {one.exc_info[1]!r}" if one.exc_info else one.getMessage() for one in caplog.records)
        caplog.clear()
        if wrong or logged:
            found.append(f"{number}: {wrong or 'fails inside'} {logged}: {asked}"[:1500])
        answer.close()
    assert not found, f"{len(found)} of {REQUESTS}:\n" + "\n".join(found[:20])
    assert answered >= {200, 303, 400, 401, 403, 404}
