"""Requests drawn at random over every route of the application, by every role, and what their answers must not be.

Some requests mean something (what is known of routes, forms and the county), some are strange; as many are drawn as
WAREHOUSE_FUZZ says, 400 by default, each from its number as seed.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
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

from dashboards.security import CALLBACK_PATH, SHARED_PATHS
from tests.support.answers import assert_tells_nothing
from tests.support.doors import BROWSER, HERE, IDENTITIES, OTHER, OWN, SECRET, token_of

REQUESTS = int(os.environ.get("WAREHOUSE_FUZZ", "400"))
NUMBER = "999629190102039014"  # what names a person, where nothing is to be told of it
IDENTITY = re.compile(r"[0-9]{17}[0-9Xx]")
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
    "upheld", "error", "analyst", "steward", "index.html", "newest", "grid_grids", "a" * 24, "b1:12", "/data", f"/unit/{OWN}?period=2026-06",
)  # fmt: skip
STEPS = (
    "open", "assigned", "rectifying", "answered", "closed", "withdrawn", "propose", "approve", "refuse", "withdraw", "reject", "accept", "correct",
    "merge", "send_back", "send_all", "assign", "same_person", "other_person",
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


@dataclass(frozen=True)
class Fuzz:
    """Draws requests.

    `known`: values that mean something in the county; `forms`: addresses of forms there; `tokens`: of the forms of each identity.
    """

    rules: Sequence[Rule]
    tokens: dict[str, str]
    known: Sequence[str]
    forms: Sequence[str]

    def drawn(self, chance: Random) -> Asked:
        """Any route, by any method, by anybody; more than half of what is filled in means something."""
        if chance.random() < 0.3:
            return self._form(chance, chance.choice((*IDENTITIES, *["steward"] * 6)), chance.choice(self.forms))
        identity, rule = chance.choice(IDENTITIES), chance.choice(self.rules)
        if rule.endpoint == "page_json" or chance.random() < 0.15:
            return Asked(identity, "GET", f"/page.json?{_query([('at', self._address(chance, chance.choice(self.rules)))])}", headers=BROWSER)
        usual = sorted((rule.methods or set()) & {"GET", "POST"}) or ["GET"]
        method = chance.choice(usual if chance.random() < 0.95 else ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
        path = self._address(chance, rule)
        if method != "POST":
            return Asked(identity, method, path, headers=BROWSER if chance.random() < 0.7 else {})
        if rule.rule == CALLBACK_PATH or chance.random() < 0.05:
            return Asked(identity, method, path, body=self._callback(chance), headers={"Origin": HERE})
        return self._form(chance, identity, path)

    def _form(self, chance: Random, identity: str, path: str) -> Asked:
        """What is sent by a form, with the token of the sender, of somebody else or none that is one."""
        sent = {name: self._value(chance) for name in chance.sample(SENT, chance.randint(0, len(SENT)))}
        if chance.random() < 0.8:
            sent |= {"to": chance.choice(STEPS), "seen": chance.choice("0123"), "note": "x", "reason": "x"}
        if not path.startswith("/sign-out"):  # who signed out would ask for nothing more
            sent["token"] = chance.choice([self.tokens.get(identity, "")] * 8 + [self.tokens["steward"], self._value(chance)])
        origin = chance.choice([HERE] * 9 + ["http://evil.example"])
        return Asked(identity, "POST", path, sent, headers={"Origin": origin})

    def _address(self, chance: Random, rule: Rule) -> str:
        path = re.sub("<[^>]*>", lambda _: quote(self._value(chance), safe=chance.choice(["", "/"]), errors="replace"), rule.rule)
        asked = [(name, self._value(chance)) for name in chance.choices(ASKED, k=chance.randint(0, 6))]
        return f"{path}?{_query(asked)}" if asked else path

    def _value(self, chance: Random) -> str:
        return chance.choice(self.known if chance.random() < 0.6 else STRANGE)

    def _callback(self, chance: Random) -> Any:
        """What a browser, or somebody else, may send to a Dash application."""
        part = {name: self._value(chance) for name in ("id", "property", "value")}
        return chance.choice([
            {"output": "page.children", "outputs": part, "inputs": [part], "changedPropIds": [self._value(chance)]},
            {"output": self._value(chance)}, {}, [], None, [part], self._value(chance), {"output": [part], "inputs": "x", "state": None},
        ])  # fmt: skip


def _query(asked: Sequence[tuple[str, str]]) -> str:
    return urlencode(asked, errors="replace")


def ask(client: FlaskClient, asked: Asked) -> TestResponse:
    sent = {name: text.encode("utf-8", "replace").decode() for name, text in asked.sent.items()}
    content: dict[str, Any] = {"json": asked.body} if asked.method == "POST" and not sent else {"data": sent}
    return client.open(asked.path, method=asked.method, headers=asked.headers, **content)


def what_is_wrong(asked: Asked, answer: TestResponse, root: Path, untold: frozenset[str]) -> str:
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
    if not untold.isdisjoint(IDENTITY.findall(text)):
        return "tells who somebody is"
    if answer.status_code >= 400 or "没有这个页面" in text:
        try:
            assert_tells_nothing(re.sub("(?s)<(script|style|head).*?</(script|style|head)>", "", text))
        except AssertionError as error:
            return f"tells of the inside: {error}"
    return ""


def assert_nothing_fails(
    app: Dash, clients: dict[str, FlaskClient], root: Path, caplog: pytest.LogCaptureFixture, *,
    forms: Sequence[str], known: Sequence[str] = (), untold: frozenset[str] = frozenset(),
) -> None:  # fmt: skip
    """Sends them all: no answer from 500 on, none that tells of the inside or one of the identity numbers `untold`, nothing logged as an error.

    `forms`: addresses of forms of this county; `known`: values of it beside the usual ones.
    """
    rules = sorted(app.server.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint))
    tokens = {name: token_of(client) for name, client in clients.items() if name != "none"}
    fuzz = Fuzz(rules, tokens, (*KNOWN, *known), forms)
    caplog.set_level(logging.ERROR)
    found: list[str] = []
    answered: dict[int, int] = {}
    for number in range(REQUESTS):
        asked = fuzz.drawn(Random(number))
        answer = ask(clients[asked.identity], asked)
        answered[answer.status_code] = answered.get(answer.status_code, 0) + 1
        wrong = what_is_wrong(asked, answer, root, untold)
        logged = "; ".join(f"{one.getMessage()} {one.exc_info[1]!r}" if one.exc_info else one.getMessage() for one in caplog.records)
        caplog.clear()
        if wrong or logged:
            found.append(f"{number}: {wrong or 'fails inside'} {logged}: {asked}"[:1500])
        answer.close()
    assert not found, f"{len(found)} of {REQUESTS}:\n" + "\n".join(found[:20])
    assert set(answered) >= {200, 303, 400, 401, 403, 404}, answered
