"""The pages of signing in: name and password, a one-time link, one's own account. Plain HTML with forms.

What the forms send is taken in `dashboards/sign_in_routes.py`.
"""

from __future__ import annotations

from urllib.parse import urlencode

from dashboards import html
from dashboards.address import Address, Lang
from dashboards.components import link
from dashboards.html import Component
from dashboards.html_pages import field
from dashboards.pages.follow_up_forms import refusal
from dashboards.words import AGENCIES, name_of, pick, say
from pipelines.accounts import LONGEST_FULL_NAME, LONGEST_PASSWORD, ROLES, SHORTEST_PASSWORD, Account
from pipelines.errors import WarehouseError


def sign_in(
    lang: Lang, to: str, name: str, error: WarehouseError | None, *, has_administrator: bool, has_provider: bool
) -> Component:
    """`to`: where it goes on afterwards. What was typed as the name stands there again, the password does not."""
    fields = [
        field("hidden", "next", value=to),
        _line("user_name", lang, field("text", "name", value=name, autoComplete="username", required=True, maxLength=100, autoFocus=not name)),
        _line("password", lang, _password("password", "current-password")),
    ]  # fmt: skip
    first = [] if has_administrator else [html.P(say("sign_in_first", lang), className="about")]
    form = _form("/sign-in", lang, fields, say("sign_in", lang))
    # A link, not a form: what a form leads to must lie here (form-action), and asking changes nothing.
    there = f"/sign-in/provider?{urlencode({'next': to})}"
    other_way = [html.P(link(say("sign_in_provider", lang), there, class_name="button"))] if has_provider else []
    return _box(lang, say("sign_in", lang), error, [*first, *other_way, form, _other_language(lang, "/sign-in", next=to)])


def welcome(lang: Lang, path: str, name: str, typed: dict[str, str], error: WarehouseError | None) -> Component:
    """The page behind a one-time link. `name`: the account whose password is set, '' for the first administrator's."""
    asked = [] if name else [
        _line("user_name", lang, field("text", "name", value=typed.get("name", "admin"), autoComplete="username", required=True, maxLength=40), say("user_name_help", lang)),
        _line("full_name", lang, field("text", "full_name", value=typed.get("full_name", ""), autoComplete="name", required=True, maxLength=LONGEST_FULL_NAME)),
    ]  # fmt: skip
    title = say("welcome_own", lang, name=name) if name else say("welcome_first", lang)
    form = _form(path, lang, [*asked, *_new_password(lang)], say("welcome_submit", lang))
    return _box(lang, title, error, [form, _other_language(lang, path)])


def account(lang: Lang, own: Account, form_token: str, error: WarehouseError | None, *, is_changed: bool) -> Component:
    """One's own account: what it may see, and another password."""
    about = [
        ("user_name", own.name), ("role", pick(ROLES[own.role], lang)), ("area", own.area or say("area_all", lang)),
        ("agency", name_of(AGENCIES, own.agency or None, lang)),
    ]  # fmt: skip
    fields = [
        field("hidden", "token", value=form_token),
        _line("password_now", lang, _password("present", "current-password")),
        *_new_password(lang),
    ]
    done = [html.Div(say("password_changed", lang), className="banner sample", role="status")] if is_changed else []
    return _box(
        lang, own.full_name, error,
        [
            *done,
            html.Dl([html.Div([html.Dt(say(key, lang)), html.Dd(text)]) for key, text in about], className="facts"),
            html.P(link(say("to_pages", lang), Address(lang=lang).href, class_name="button")),
            html.H2(say("password_change", lang)),
            _form("/account", lang, fields, say("password_change", lang)),
        ],
    )  # fmt: skip


def _other_language(lang: Lang, path: str, **kept: str) -> Component:
    other = {} if lang == "en" else {"lang": "en"}
    query = urlencode({name: value for name, value in {**kept, **other}.items() if value})
    return html.P(link("中文" if lang == "en" else "English", f"{path}?{query}" if query else path), className="about")


def _box(lang: Lang, title: str, error: WarehouseError | None, content: list[Component]) -> Component:
    heading = html.H1(title, className="verdict none")
    main = html.Main([heading, *refusal(error, lang), *content], id="content", tabIndex=-1)
    return html.Div(main, className="page sign-in", lang="en" if lang == "en" else "zh-Hans")


def _form(path: str, lang: Lang, fields: list[Component], submit: str) -> Component:
    button = html.P(html.Button(submit, type="submit", className="button main"))
    return html.Form([*fields, button], action=f"{path}?lang=en" if lang == "en" else path, method="post", className="step-form")


def _new_password(lang: Lang) -> list[Component]:
    help_text = say("password_help", lang, least=SHORTEST_PASSWORD)
    return [
        _line("password_new", lang, _password("password", "new-password", SHORTEST_PASSWORD), help_text),
        _line("password_again", lang, _password("again", "new-password", SHORTEST_PASSWORD)),
    ]


def _password(name: str, use: str, least: int = 1) -> Component:
    return field("password", name, autoComplete=use, required=True, minLength=least, maxLength=LONGEST_PASSWORD)


def _line(name: str, lang: Lang, control: Component, help_text: str = "") -> Component:
    told = [html.Span(help_text, className="help")] if help_text else []
    return html.Label([html.Span(say(name, lang)), control, *told])
