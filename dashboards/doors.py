"""The doors: which permission every route and page asks for. What is not listed here is closed to everybody.

Belongs here: the tables, and turning away whoever lacks the permission. What roles are granted stands in
`pipelines/accounts.py`; nothing else asks who somebody is, but for follow-up and objections, whose cases
lie in areas.
"""

from __future__ import annotations

from typing import Literal, Protocol
from urllib.parse import quote

from flask import Flask, Request, Response, g, redirect, request
from werkzeug.wrappers import Response as Answer

from dashboards import html_pages
from dashboards.address import NoSuchPage, Page, language_of, parse
from dashboards.entrance import Entrance, NotFromHere
from dashboards.pages import problem
from dashboards.visitor import strip, visitor
from dashboards.words import pick
from pipelines import follow_up, objections
from pipelines.accounts import Account, Permission
from pipelines.audit_log import Action
from pipelines.errors import WarehouseError, Words

Door = Permission | Literal["anyone", "signed_in", "page", "closed"]

DOORS: dict[str, Door] = {
    # What a browser needs for any page; holds no figures
    "_dash_assets.static": "anyone",
    "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>": "anyone",
    "/_favicon.ico": "anyone",
    "healthz": "anyone",
    "sign_in": "anyone",
    "sign_in_sent": "anyone",
    "provider": "anyone",
    "provider_answer": "anyone",
    "welcome": "anyone",
    "welcome_sent": "anyone",
    "/_dash-layout": "signed_in",
    "/_dash-dependencies": "signed_in",
    "sign_out": "signed_in",
    "account": "signed_in",
    "account_sent": "signed_in",
    "alerts": "signed_in",  # which of them: pipelines/alert_audience.py
    "alerts_acknowledged": "signed_in",
    "/": "page",
    "/<path:path>": "page",
    "page_json": "page",
    "list_flags": "figures",
    "export_table": "downloads",
    "bulletin": "downloads",
    "dictionary": "help",
    "models": "help",
    "data_docs": "checks",
    "data_docs_newest": "checks",
    "follow_up": "follow_up",
    "follow_up_view": "follow_up",
    "follow_up_change": "follow_up",  # which steps: desk.py
    "objections": "contest",
    "objections_view": "contest",
    "objections_change": "contest",  # which steps: objection_desk.py
    "steward": "settle",
    "steward_decisions": "settle",
    "steward_ticket": "settle",
    "steward_ticket_sent": "settle",
    "steward_row": "settle",
    "steward_row_sent": "settle",
    "steward_decision_sent": "settle",
    "correction_sheet": "settle",
    "rules": "tune",
    "rules_change": "tune",
    "audit": "administer",
}
PAGE_DOORS: dict[Page, Permission] = {
    "overview": "figures", "unit": "unit", "kpi": "figures", "data": "figures", "checks": "checks",
    "steward": "settle", "follow_up": "follow_up", "objections": "contest", "guide": "help", "questions": "figures",
    "connect": "help",
}  # fmt: skip
# Decisions write their own entries (`pipelines/stewardship/proposal_store.py`).
RECORDED: dict[str, Action] = {
    "export_table": "download", "bulletin": "download", "correction_sheet": "download", "follow_up_change": "follow_up",
    "objections_change": "objection", "steward_row": "row_viewed",
}  # fmt: skip
# What forms of tasks and objections ask for; any other text that somebody sends as a step is kept nowhere.
_STEPS = frozenset((*follow_up.STATES, *objections.STATES))
SAFE = ("GET", "HEAD", "OPTIONS")
STYLE_SHEET = "/assets/pages.css"

class Units(Protocol):
    """What doors ask about units: an area is a code, and a page names its unit by the key."""

    def code_of(self, unit_key: str) -> str:
        """The code that a unit has now, or had last; '' where there is no such unit."""

    def page_of_area(self, account: Account) -> str | None:
        """Where an account that is limited to an area finds its unit."""


def guard(server: Flask, entrance: Entrance, units: Units) -> None:
    """Lets a request pass whose sender has the permission, and writes down what is to be provable later."""

    @server.before_request
    def admit() -> Answer | None:
        g.visitor = here = entrance.visitor(request)
        door, unit_key = _door_of(request)
        if not _is_open(door, unit_key, here.account, units):
            return _turned_away(entrance, units)
        if request.method not in SAFE:
            try:
                entrance.require_own(request, here, has_token=door != "anyone")
            except NotFromHere as error:
                if door != "anyone":  # the path of a one-time link is for nobody else to read
                    _note(entrance, "refused", request.full_path)
                return _told(error)
        return None

    @server.after_request
    def note(answer: Response) -> Response:
        action = RECORDED.get(request.endpoint or "")
        if action and answer.status_code in (200, 303):
            step = request.form.get("to", "")
            _note(entrance, action, answer.headers.get("Location") or request.full_path, step if step in _STEPS else "")
        return answer


def _is_open(door: Door, unit_key: str, account: Account | None, units: Units) -> bool:
    if door == "anyone":
        return True
    if account is None or door == "closed" or door == "page":
        return False
    if door == "signed_in":
        return True
    return account.may(door) and (door != "unit" or not account.area or account.covers(units.code_of(unit_key)))


def _door_of(asked: Request) -> tuple[Door, str]:
    """What a request asks for, and of the profile of a unit that unit's key.

    An address that names no page, or no route, shows nothing but that.
    """
    if asked.routing_exception is not None:
        return "signed_in", ""
    door = DOORS.get(asked.endpoint or "", "closed")
    if door != "page":
        return door, ""
    try:
        address = parse(*asked_page(asked))
    except NoSuchPage:
        return "signed_in", ""
    return PAGE_DOORS[address.page], address.unit_key


def asked_page(asked: Request) -> tuple[str, str]:
    """Path and query of a page exactly as they are looked up: in the address, or in what scripts ask of `/page.json`."""
    if asked.endpoint == "page_json":
        path, mark, query = asked.args.get("at", "").partition("?")
        return path, mark + query
    return asked.path, f"?{asked.query_string.decode('ascii', 'replace')}"


def _turned_away(entrance: Entrance, units: Units) -> Answer:
    account = visitor().account
    is_for_reading = request.method in SAFE and request.accept_mimetypes.accept_html
    if account is None:
        if not is_for_reading:
            return Response("请先登录 sign in first\n", 401, mimetype="text/plain")
        if not entrance.access.has_sign_in:
            return _told(_not_known())
        lang = "&lang=en" if language_of(_search()) == "en" else ""
        return redirect(f"/sign-in?next={quote(request.full_path.rstrip('?'), safe='')}{lang}", 303)
    own = units.page_of_area(account) if account.area and request.path == "/" else None
    if own:
        return redirect(own, 303)
    _note(entrance, "refused", request.full_path)
    return _told(_not_allowed())


def _note(entrance: Entrance, action: Action, subject: str, detail: str = "") -> None:
    """An entry of the audit log about somebody who is known; others would fill it."""
    here = visitor()
    if here.account is not None and not entrance.access.is_open:
        entrance.sessions.note(here.account, action, subject.rstrip("?"), detail=detail, address=here.address)


def _told(error: WarehouseError) -> Answer:
    lang = language_of(_search())
    _, content = problem.content(error, lang)
    page = html_pages.document(pick(error.what, lang), problem.alone(content, lang), lang, STYLE_SHEET, strip())
    return Response(page, 403, mimetype="text/html")


def _search() -> str:
    return request.query_string.decode("ascii", "replace")


def _not_known() -> WarehouseError:
    return WarehouseError(
        Words("没有您的账户", "There is no account for you"),
        where=request.path,
        expected=Words("登录后由代理指明的可用账户", "an account in use, named by the proxy that signed you in"),
        found=Words("没有指明，或没有这个账户", "none named, or none of that name"),
        advice=Words("请系统管理员新增或启用", "ask an administrator to add or enable it"),
    )


def _not_allowed() -> WarehouseError:
    return WarehouseError(
        Words("您的账户不能查看或办理此项", "Your account may not see or do this"),
        where=request.path,
        expected=Words("具有相应权限的账户", "an account with the permission"),
        found=Words("角色或所属区域不含此项", "a role or area that does not have it"),
        advice=Words("需要时请系统管理员调整", "ask an administrator where you need it"),
    )
