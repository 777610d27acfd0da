"""The address of a page: every choice a reader makes stands in the URL, so that it can be kept, sent and gone back to."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal
from urllib.parse import parse_qsl, quote, unquote, urlencode

from pipelines.errors import WarehouseError, Words
from pipelines.settings import month_name, month_start

Lang = Literal["zh", "en"]
Page = Literal["overview", "unit", "data", "checks"]
PATHS: dict[Page, str] = {"overview": "/", "data": "/data", "checks": "/checks"}

PERIOD_TYPES = ("month", "quarter", "year", "ytd")
LEVELS = ("community", "street")
# The units of the overview: all, those with anything that is not met, or those with anything in one state.
SHOWN = ("all", "problems", "missed", "near", "undetermined", "no_data", "met", "too_early", "no_target", "not_applicable")
VIEWS = ("heatmap", "kpis", "map")
SORTS = ("code", "shortfall", "persistence", "worsening")
BASES = ("as_was", "as_now")
# Domains and packs are the edition's; what may be the name of one is known before it is opened.
NAME = re.compile(r"\w[\w.-]{0,39}")
UNIT_KEY = re.compile(r"[\w.@-]{1,60}")
LONGEST = 2000


class NoSuchPage(WarehouseError):
    """The address names something that is not there."""


@dataclass(frozen=True)
class Address:
    """What is shown. `period` is the first day of the period; None means the latest closed one.

    `street` is the key of a unit, `view` and `sort` are how the units of the overview are shown; other pages have none.
    """

    page: Page = "overview"
    unit_key: str = ""
    lang: Lang = "zh"
    period_type: str = "month"
    period: date | None = None
    level: str = "community"
    show: str = "all"
    domain: str = "all"
    pack: str = "all"
    unit_basis: str = "as_was"
    street: str = "all"
    view: str = "heatmap"
    sort: str = "code"

    def to(
        self,
        page: Page | None = None,
        *,
        unit_key: str = "",
        lang: Lang | None = None,
        period_type: str | None = None,
        period: date | None = None,
        level: str | None = None,
        show: str | None = None,
        domain: str | None = None,
        pack: str | None = None,
        unit_basis: str | None = None,
        street: str | None = None,
        view: str | None = None,
        sort: str | None = None,
    ) -> str:
        """The URL of this address with something changed. Another period type starts at its latest period."""
        kept = self.period if period_type in (None, self.period_type) else None
        start = self if (page or self.page) == "overview" else replace(self, street="all", view="heatmap", sort="code")
        target = replace(
            start,
            page=page or self.page,
            unit_key=unit_key or (self.unit_key if page in (None, self.page) else ""),
            lang=lang or self.lang,
            period_type=period_type or self.period_type,
            period=period or kept,
            level=level or self.level,
            show=show or self.show,
            domain=domain or self.domain,
            pack=pack or self.pack,
            unit_basis=unit_basis or self.unit_basis,
            street=street or start.street,
            view=view or start.view,
            sort=sort or start.sort,
        )
        return target.href

    @property
    def href(self) -> str:
        """Path and query, leaving out what is the default."""
        return self.path + self.query()

    @property
    def path(self) -> str:
        return f"/unit/{quote(self.unit_key, safe='@')}" if self.page == "unit" else PATHS[self.page]

    def query(self) -> str:
        """'?lang=en&…', or nothing where everything is the default."""
        start = Address()
        chosen = {
            name: getattr(self, name)
            for name in ("lang", "period_type", "level", "show", "domain", "pack", "unit_basis", "street", "view", "sort")
            if getattr(self, name) != getattr(start, name)
        }
        if self.period is not None:
            chosen["period"] = month_name(self.period)
        return f"?{urlencode(chosen, safe='@')}" if chosen else ""



def language_of(search: object) -> Lang:
    """The language asked for in a query string, whatever else is wrong with it; Chinese by default."""
    if isinstance(search, str) and dict(parse_qsl(search.lstrip("?")[:LONGEST])).get("lang") == "en":
        return "en"
    return "zh"


def parse(pathname: object, search: object) -> Address:
    """The address that a URL names. NoSuchPage says what is wrong with it."""
    if not isinstance(pathname, str) or not isinstance(search, str) or len(pathname) + len(search) > LONGEST:
        raise _no_page("地址", Words("文字地址", "an address in text"))
    asked = dict(parse_qsl(search.lstrip("?")))
    lang = language_of(search)
    period_type = _one_of(asked, "period_type", PERIOD_TYPES)
    page, unit_key = _page_of(pathname)
    return Address(
        page=page,
        unit_key=unit_key,
        lang=lang,
        period_type=period_type,
        period=_period_of(asked.get("period")),
        level=_one_of(asked, "level", LEVELS),
        show=_one_of(asked, "show", SHOWN),
        domain=_name(asked, "domain"),
        pack=_name(asked, "pack"),
        unit_basis=_one_of(asked, "unit_basis", BASES),
        street=_street(asked),
        view=_one_of(asked, "view", VIEWS),
        sort=_one_of(asked, "sort", SORTS),
    )


def _page_of(pathname: str) -> tuple[Page, str]:
    """The page, and the unit's key where it is one's page."""
    path = pathname.rstrip("/")
    for page, known in PATHS.items():
        if path == known.rstrip("/"):
            return page, ""
    head, _, unit_key = path.removeprefix("/").partition("/")
    if head == "unit" and unit_key and "/" not in unit_key:
        return "unit", unquote(unit_key)
    raise _no_page("路径 / path", Words("/、/data、/checks 或 /unit/单位", "/, /data, /checks or /unit/UNIT"))


def _one_of(asked: dict[str, str], name: str, known: tuple[str, ...]) -> str:
    value = asked.get(name, known[0])
    if value not in known:
        raise _no_page(name, Words("、".join(known), ", ".join(known)))
    return value


def _name(asked: dict[str, str], name: str) -> str:
    value = asked.get(name, "all")
    if not NAME.fullmatch(value):
        raise _no_page(name, Words("字母、数字、下划线，最多 40 个", "letters, digits, underscores, 40 at most"))
    return value


def _street(asked: dict[str, str]) -> str:
    street = asked.get("street", "all")
    if not UNIT_KEY.fullmatch(street):
        raise _no_page("street", Words("单位，如 /unit/ 之后所写", "a unit as it stands after /unit/"))
    return street


def _period_of(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return month_start(text)
    except ValueError as error:
        raise _no_page("period", Words("YYYY-MM，如 2026-06", "YYYY-MM, such as 2026-06")) from error


def _no_page(where: str, expected: Words) -> NoSuchPage:
    return NoSuchPage(
        Words("没有这个页面", "There is no such page"),
        where=where,
        expected=expected,
        found=Words("无法识别的值", "a value that is not known"),
        advice=Words("返回总览重新选择", "go back to the overview and choose again"),
    )
