"""The page of alerts: what the visitor is told of, by kind and the worst first, and the forms that take it up. Plain HTML.

What the forms send is taken in `dashboards/alert_routes.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from dashboards import html
from dashboards.address import Address, Lang
from dashboards.components import labelled, link, options, sample_banner
from dashboards.html import Component
from dashboards.html_pages import field
from dashboards.visitor import Visitor
from dashboards.words import pick, say
from pipelines.accounts import Account, Permission
from pipelines.alerts import KINDS, Alert, Kind
from pipelines.settings import local_time

PATH = "/alerts"
LISTED = 12  # alerts of a kind that are not folded away
# Where there is more about a cause, and what it takes to see that.
MORE: dict[Kind, tuple[Permission, str]] = {
    "delivery_missing": ("figures", "/data"), "delivery_refused": ("figures", "/data"), "rows_refused": ("checks", "/checks"),
    "new_flags": ("figures", "/"), "follow_up_overdue": ("follow_up", "/follow-up/{subject}"),
    "objection_overdue": ("contest", "/objections/{subject}"),
}  # fmt: skip


def href(lang: Lang, *, is_open: bool) -> str:
    chosen = [*([] if is_open else ["show=resolved"]), *(["lang=en"] if lang == "en" else [])]
    return PATH + ("?" + "&".join(chosen) if chosen else "")


def content(alerts: Sequence[Alert], here: Visitor, lang: Lang, *, is_open: bool, is_sample: bool) -> Component:
    """`alerts`: those that the visitor is told of, in the order in which they are shown."""
    shown = [(say(f"alerts_{name}", lang), href(lang, is_open=name == "open"), is_open == (name == "open")) for name in ("open", "resolved")]
    other: Lang = "zh" if lang == "en" else "en"
    untaken = sum(one.acknowledged_at is None for one in alerts)
    told = say("alerts_counts", lang, open=len(alerts), untaken=untaken) if is_open else say("alerts_ended", lang, count=len(alerts))
    nothing = html.P(say("alerts_none" if is_open else "alerts_none_ended", lang), className="about")
    main = [
        *([sample_banner(lang)] if is_sample else []),
        html.H1(say("alerts", lang), className="verdict none"),
        html.P(told, className="about"),
        html.Div(
            [
                options(say("alerts_show", lang), shown),
                link("中文" if lang == "en" else "English", href(other, is_open=is_open)),
                link(say("to_pages", lang), Address(lang=lang).href, class_name="button"),
            ],
            className="choices",
        ),
        html.P(say("alerts_help", lang), className="help"),
        *([_group(kind, own, here, lang) for kind in KINDS if (own := [one for one in alerts if one.cause.kind == kind])] or [nothing]),
    ]  # fmt: skip
    return html.Div(
        html.Main(main, id="content", tabIndex=-1), className="page alerts", lang="en" if lang == "en" else "zh-Hans"
    )


def _group(kind: Kind, alerts: list[Alert], here: Visitor, lang: Lang) -> Component:
    name = pick(KINDS[kind].words, lang)
    untaken = [one.number for one in alerts if one.is_open and one.acknowledged_at is None]
    take_up = [_form(untaken, say("alerts_take_up_all", lang, count=len(untaken)), here, lang)] if len(untaken) > 1 else []
    items = [_item(one, here, lang) for one in alerts]
    folded = items[LISTED:]
    more = [html.Details([html.Summary(say("alerts_more", lang, count=len(folded))), html.Ul(folded)])] if folded else []
    head = html.Div([html.H2(f"{name} {len(alerts)}"), *take_up], className="section-head")
    return html.Section([head, html.Ul(items[:LISTED]), *more], **labelled(name))


def _item(one: Alert, here: Visitor, lang: Lang) -> Component:
    facts = [f"№ {one.number}", say("alerts_since", lang, day=_day(one.cause.since))]
    if one.resolved_at:
        facts.append(say("alerts_resolved_at", lang, at=local_time(one.resolved_at)))
    if one.acknowledged_at and one.acknowledged_by:
        facts.append(say("alerts_taken_up", lang, who=one.acknowledged_by, at=local_time(one.acknowledged_at)))
    is_waiting = one.is_open and one.acknowledged_at is None
    form = [_form([one.number], say("alerts_take_up", lang), here, lang)] if is_waiting else []
    line = html.Div([html.Span(" · ".join(facts)), *_more(one, here.account, lang), *form], className="facts-line")
    return html.Li([html.P(pick(one.cause.said, lang)), line], className=f"{one.cause.kind} {'waiting' if is_waiting else 'quiet'}")


def _more(one: Alert, account: Account | None, lang: Lang) -> list[Component]:
    """The way to what there is about a cause, where it is open to the account."""
    permission, path = MORE.get(one.cause.kind, (None, ""))
    if permission is None or account is None or not account.may(permission):
        return []
    return [link(say("alerts_look", lang), path.format(subject=one.cause.subject) + ("?lang=en" if lang == "en" else ""))]


def _form(numbers: Sequence[int], text: str, here: Visitor, lang: Lang) -> Component:
    fields = [field("hidden", "token", value=here.form_token), *(field("hidden", "number", value=f"{one}") for one in numbers)]
    button = html.Button(text, type="submit", className="button")
    return html.Form([*fields, button], action=href(lang, is_open=True), method="post")


def _day(since: str) -> str:
    """The day of a date, or of a moment as it was here."""
    return local_time(since)[:10] if "T" in since else since
