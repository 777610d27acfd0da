"""The routes of signing in and out, one-time links, one's own account and the audit log, and what their forms send.

Belongs here: requests and answers. Who may use a route stands in `doors.py`, what pages show in `pages/account.py`.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as Answer

from dashboards import html_pages
from dashboards.address import Lang, language_of
from dashboards.doors import STYLE_SHEET
from dashboards.entrance import Entrance
from dashboards.html import Component
from dashboards.pages import account as pages
from dashboards.pages import audit_log as audit_page
from dashboards.visitor import strip, visitor
from dashboards.words import say
from pipelines.account_store import SETUP, void_link
from pipelines.accounts import AccessError, Account, checked_password
from pipelines.audit_log import entries, verify_audit_log
from pipelines.errors import WarehouseError, Words


def add_audit(server: Flask, entrance: Entrance) -> None:
    """Adds the page of the audit log."""

    def audit() -> Answer:
        store, lang = entrance.store, _lang()
        shown = audit_page.content(entries(store, last=audit_page.SHOWN), verify_audit_log(store), lang)
        return _html(say("audit", lang), shown, 200)

    server.add_url_rule("/audit", "audit", audit, methods=["GET"])


def add_sign_in(server: Flask, entrance: Entrance) -> None:
    """Adds the routes of signing in and out, of one-time links and of one's own account."""

    def sign_in() -> Answer:
        to = _own_path(request.args.get("next", ""))
        return redirect(to, 303) if visitor().account else _sign_in_page(entrance, to, "", None, 200)

    def sign_in_sent() -> Answer:
        to, name = _own_path(request.form.get("next", "")), request.form.get("name", "")
        before = request.cookies.get(entrance.cookie)
        try:
            signed_in = entrance.sessions.sign_in(name, request.form.get("password", ""), visitor().address, before)
        except AccessError as error:
            return _sign_in_page(entrance, to, name, error, 403)
        return entrance.keep(redirect(to, 303), signed_in.token)

    def provider() -> Answer:
        to = _own_path(request.args.get("next", ""))
        if entrance.provider is None:
            return redirect("/sign-in", 303)
        try:
            url, journey = entrance.provider.start(_answer_at(entrance), to)
        except AccessError as error:
            return _sign_in_page(entrance, to, "", error, 503)
        return entrance.keep_journey(redirect(url, 303), journey)

    def provider_answer() -> Answer:
        if entrance.provider is None:
            return redirect("/sign-in", 303)
        here, answer_at = visitor(), _answer_at(entrance)
        try:
            journey = entrance.journey(request)
            url = f"{answer_at}?{request.query_string.decode('ascii', 'replace')}"
            name = entrance.provider.finish(journey, url, request.args.get("state", ""), answer_at)
            signed_in = entrance.sessions.start_named(name, here.address, request.cookies.get(entrance.cookie))
        except AccessError as error:
            return entrance.end_journey(_sign_in_page(entrance, "/", "", error, 403))
        return entrance.end_journey(entrance.keep(redirect(_own_path(journey.to), 303), signed_in.token))

    def sign_out() -> Answer:
        here = visitor()
        if here.account is not None:
            entrance.sessions.sign_out(here.session, here.account, here.address)
        return entrance.forget(redirect("/sign-in", 303))

    def welcome(token: str) -> Answer:
        return _welcome_page(entrance, token, None, 200)

    def welcome_sent(token: str) -> Answer:
        form, here = request.form, visitor()
        is_first = entrance.accounts.link_of(token) == SETUP
        first = Account(form.get("name", "").strip(), form.get("full_name", ""), "administrator") if is_first else None
        try:
            owner = entrance.accounts.use_link(token, _twice(), first)
        except AccessError as error:
            return _welcome_page(entrance, token, error, 400)
        signed_in = entrance.sessions.start(owner, here.address, request.cookies.get(entrance.cookie))
        return entrance.keep(redirect("/", 303), signed_in.token)

    def account() -> Answer:
        return _account_page(None, 200)

    def account_sent() -> Answer:
        here = visitor()
        assert here.account is not None  # the door is for those who have signed in
        try:
            password = checked_password(here.account.name, _twice())
            entrance.sessions.sign_in(here.account.name, request.form.get("present", ""), here.address, here.session)
        except AccessError as error:
            return _account_page(error, 400)
        entrance.accounts.set_password(here.account.name, password, here.actor)
        signed_in = entrance.sessions.start(here.account, here.address)
        return entrance.keep(redirect(f"/account?changed=1&lang={_lang()}", 303), signed_in.token)

    for path, name, show, take in (
        ("/sign-in", "sign_in", sign_in, sign_in_sent),
        ("/welcome/<token>", "welcome", welcome, welcome_sent),
        ("/account", "account", account, account_sent),
    ):
        server.add_url_rule(path, name, show, methods=["GET"])
        server.add_url_rule(path, f"{name}_sent", take, methods=["POST"])
    server.add_url_rule("/sign-in/provider", "provider", provider, methods=["GET"])
    server.add_url_rule("/sign-in/answer", "provider_answer", provider_answer, methods=["GET"])
    server.add_url_rule("/sign-out", "sign_out", sign_out, methods=["POST"])


def _answer_at(entrance: Entrance) -> str:
    """The address at which the identity provider sends people back; it has to be known to it."""
    return f"{entrance.origin(request)}/sign-in/answer"


def _sign_in_page(entrance: Entrance, to: str, name: str, error: WarehouseError | None, status: int) -> Response:
    lang = _lang()
    shown = pages.sign_in(
        lang, to, name, error, has_administrator=entrance.accounts.has_administrator(), has_provider=entrance.provider is not None
    )
    return _html(say("sign_in", lang), shown, status)


def _welcome_page(entrance: Entrance, token: str, error: WarehouseError | None, status: int) -> Answer:
    lang, name = _lang(), entrance.accounts.link_of(token)
    if name is None:  # used or too old: the page to sign in at says so
        return _sign_in_page(entrance, "/", "", error or void_link(), 403)
    shown = pages.welcome(lang, f"/welcome/{token}", name, request.form.to_dict(), error)
    return _html(say("welcome_submit", lang), shown, status)


def _account_page(error: WarehouseError | None, status: int) -> Response:
    here, lang = visitor(), _lang()
    assert here.account is not None
    shown = pages.account(lang, here.account, here.form_token, error, is_changed="changed" in request.args)
    return _html(here.account.full_name, shown, status)


def _html(title: str, content: Component, status: int) -> Response:
    return Response(html_pages.document(title, content, _lang(), STYLE_SHEET, strip()), status, mimetype="text/html")


def _lang() -> Lang:
    return language_of(request.query_string.decode("ascii", "replace"))


def _twice() -> str:
    """The new password of a form. AccessError where it was typed in two ways."""
    password = request.form.get("password", "")
    if password != request.form.get("again", ""):
        raise AccessError(
            Words("两次输入的密码不同", "The passwords differ"),
            where="password",
            expected=Words("两次相同", "the same twice"),
            found=Words("不同", "two different ones"),
            advice=Words("重新输入", "type it again"),
        )
    return password


def _own_path(text: str) -> str:
    """A path of these pages to go on to; the start where it is anything else, such as the address of another site."""
    parts = urlsplit(text)
    is_own = text.startswith("/") and not text.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return text if is_own and text.isprintable() and not text.startswith("/sign-") else "/"

