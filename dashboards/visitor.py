"""Who sends a request: the account, from where, and what forms made for it carry; and the line about that above every page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import g

from dashboards import html
from dashboards.components import Attributes, labelled
from dashboards.html_pages import field
from dashboards.markup import markup
from dashboards.words import AGENCIES, both
from pipelines.accounts import ROLES, Account, Permission
from pipelines.actor import NOBODY, Actor

# Permissions that some accounts lack, and that links of any page ask for.
CLOSED_TO_SOME: tuple[Permission, ...] = ("figures", "checks", "downloads", "settle")
# Whoever is at this machine where there is no sign-in: sees and does everything but what needs accounts.
ANYONE_HERE = Account("", "", "steward")


@dataclass(frozen=True)
class Visitor:
    """`account` is None for somebody who is not known. `session`: the token of the session, '' without one, as where a proxy
    names people. `alerts` tells how many the visitor has to hear of that nobody has taken up; asked by what shows it alone.
    """

    account: Account | None = None
    actor: Actor = NOBODY
    address: str = ""
    session: str = ""
    form_token: str = ""
    alerts: Callable[[], int] = lambda: 0


def visitor() -> Visitor:
    """Of the request that is being answered; nobody known while none is."""
    found: Visitor = g.get("visitor", Visitor())
    return found


def strip() -> str:
    """The line above a page, as markup: who is signed in and the way out, or that nobody has to sign in.

    In both languages, since a page changes its language without being loaded anew.
    """
    here = visitor()
    if here.account is None:
        return ""
    label: Attributes = labelled(both("account"))
    skip = html.A(both("skip"), href="#content", className="skip")  # by keyboard the first thing, before the links of this line
    open_alerts = here.alerts()
    count = [html.Strong(f"{open_alerts}", className="count")] if open_alerts else []
    alerts = html.A([html.Span(both("alerts")), *count], href="/alerts", className="bell")
    if here.account is ANYONE_HERE:
        return markup(html.Nav([skip, html.Span(both("access_open")), alerts], className="account open", **label))
    name = html.A(here.account.full_name, href="/account") if here.session else html.Span(here.account.full_name)
    told = [ROLES[here.account.role], *([AGENCIES[here.account.agency]] if here.account.agency else [])]
    role = html.Span(" ".join([*(f"{words.zh} {words.en}" for words in told), here.account.area]))
    audit = [html.A(both("audit"), href="/audit")] if here.account.may("administer") else []
    rules = [html.A(both("rules"), href="/steward/rules")] if here.account.may("tune") else []
    out = [field("hidden", "token", value=here.form_token), html.Button(both("sign_out"), type="submit")]
    leave = [html.Form(out, action="/sign-out", method="post")] if here.session else []
    # Pages are the same for everybody: what leads to closed doors is put out of sight by the style sheet.
    closed = [f"no-{permission}" for permission in CLOSED_TO_SOME if not here.account.may(permission)]
    return markup(html.Nav([skip, name, role, alerts, *rules, *audit, *leave], className=" ".join(["account", *closed]), **label))


