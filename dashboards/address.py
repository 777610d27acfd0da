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
Page = Literal[
    "overview", "unit", "kpi", "data", "checks", "steward", "follow_up", "objections", "guide", "questions", "connect"
]  # fmt: skip
PATHS: dict[Page, str] = {
    "overview": "/", "follow_up": "/follow-up", "objections": "/objections", "data": "/data", "checks": "/checks",
    "steward": "/steward", "guide": "/help",
}  # fmt: skip
# Lists of cases, each with its own page below and one to open another.
CASES: tuple[Page, ...] = ("follow_up", "objections")
# Pages below the help, not in the head of every page.
TOPICS: dict[Page, str] = {"questions": "/help/questions", "connect": "/help/connect"}

PERIOD_TYPES = ("month", "quarter", "year", "ytd")
LEVELS = ("community", "street", "grid")
# The units of the overview: all, those with anything that is not met, or those with anything in one state.
SHOWN = ("all", "problems", "missed", "near", "undetermined", "no_data", "met", "too_early", "no_target", "not_applicable")
VIEWS = ("heatmap", "kpis", "map")
SORTS = ("code", "shortfall", "persistence", "worsening")
BASES = ("as_was", "as_now")
# Domains and packs are the edition's; what may be the name of one is known before it is opened.
NAME = re.compile(r"\w[\w.-]{0,39}")
# Keys of units, KPIs and targets, which forms are asked for by.
KEY = re.compile(r"[\w@.-]{0,80}")
TASK = re.compile(r"new|[0-9]{1,9}")
# Below the steward's work list: the decisions, the rules, a ticket, a row of a batch.
STEWARD_PART = re.compile(r"|decisions|rules|ticket/[0-9]{1,9}|row/[0-9a-f]{8,64}/[0-9]{1,9}")
STEWARD_STATES = ("open", "closed", "all")
UNIT_KEY = re.compile(r"[\w.@-]{1,60}")
LONGEST = 2000


class NoSuchPage(WarehouseError):
    """The address names something that is not there."""


@dataclass(frozen=True)
class TaskView:
    """What of follow-up, or of objections, is shown: the list as it is filtered, a case by its number, or `new`: a form for
    the figure of a unit.
    """

    task: str = ""
    state: str = "open"
    agency: str = "all"
    area: str = "all"
    unit: str = ""
    kpi: str = ""
    target: str = ""

    @property
    def chosen(self) -> dict[str, str]:
        """What is not the default and no part of the path."""
        start = vars(TaskView())
        return {name: value for name, value in vars(self).items() if name != "task" and value != start[name]}


@dataclass(frozen=True)
class StewardView:
    """What of the steward's work is shown: the work list, or as `part` says what is below it, as it is filtered.

    `state`: of tickets, `decided`: of decisions; `unit`: the code of a unit, in which (and below which) verdicts are asked for.
    """

    part: str = ""
    state: str = STEWARD_STATES[0]
    supplier: str = ""
    dataset: str = ""
    rule: str = ""
    assignee: str = ""
    decided: str = "all"
    kind: str = ""
    unit: str = ""

    @property
    def path(self) -> str:
        return f"{PATHS['steward']}/{self.part}".rstrip("/")

    @property
    def chosen(self) -> dict[str, str]:
        """What is not the default and no part of the path."""
        start = vars(StewardView())
        return {name: value for name, value in vars(self).items() if name != "part" and value != start[name]}


@dataclass(frozen=True)
class Address:
    """What is shown. `period` is the first day of the period; None means the latest closed one.

    `unit_key`: the unit of its page; on the page of a KPI the unit whose parts are compared, '' for the county. `street`
    is the key of a unit, `view` and `sort` are how the units of the overview are shown; other pages have none.
    """

    page: Page = "overview"
    unit_key: str = ""
    kpi_id: str = ""
    lang: Lang = "zh"
    period_type: str = "month"
    period: date | None = None
    level: str = "community"
    show: str = "all"
    domain: str = "all"
    pack: str = "all"
    unit_basis: str = "as_was"
    tasks: TaskView = TaskView()
    steward: StewardView = StewardView()
    street: str = "all"
    view: str = "heatmap"
    sort: str = "code"

    def to(
        self,
        page: Page | None = None,
        *,
        unit_key: str = "",
        kpi_id: str = "",
        lang: Lang | None = None,
        period_type: str | None = None,
        period: date | None = None,
        level: str | None = None,
        show: str | None = None,
        domain: str | None = None,
        pack: str | None = None,
        unit_basis: str | None = None,
        tasks: TaskView | None = None,
        steward: StewardView | None = None,
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
            kpi_id=kpi_id or (self.kpi_id if page in (None, self.page) else ""),
            lang=lang or self.lang,
            period_type=period_type or self.period_type,
            period=period or kept,
            level=level or self.level,
            show=show or self.show,
            domain=domain or self.domain,
            pack=pack or self.pack,
            unit_basis=unit_basis or self.unit_basis,
            tasks=tasks or (self.tasks if page is None else TaskView()),
            steward=steward or (self.steward if page is None else StewardView()),
            street=street or start.street,
            view=view or start.view,
            sort=sort or start.sort,
        )
        return target.href

    @property
    def href(self) -> str:
        """Path and query, leaving out what is the default."""
        return self.path + self.query()

    def file(self, path: str, **more: str) -> str:
        """The URL of a file about what is shown here: `path` with this address's choices, page, unit and KPI."""
        named = {"page": self.page, "unit": self.unit_key, "kpi": self.kpi_id}
        kept = dict(parse_qsl(self.query().lstrip("?")))
        return f"{path}?{urlencode({name: value for name, value in {**kept, **named, **more}.items() if value})}"

    @property
    def path(self) -> str:
        if self.page in CASES and self.tasks.task:
            return f"{PATHS[self.page]}/{self.tasks.task}"
        if self.page == "steward":
            return self.steward.path
        if self.page == "unit":
            return f"/unit/{quote(self.unit_key, safe='@')}"
        return f"/kpi/{self.kpi_id}" if self.page == "kpi" else {**PATHS, **TOPICS}[self.page]

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
        if self.page in CASES:
            chosen |= self.tasks.chosen
        if self.page == "steward":
            chosen |= self.steward.chosen
        if self.page == "kpi" and self.unit_key:
            chosen["unit"] = self.unit_key
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
    page, subject = _page_of(pathname)
    return Address(
        page=page,
        unit_key=subject if page == "unit" else asked.get("unit", "") if page == "kpi" else "",
        kpi_id=subject if page == "kpi" else "",
        lang=lang,
        period_type=period_type,
        period=_period_of(asked.get("period")),
        level=_one_of(asked, "level", LEVELS),
        show=_one_of(asked, "show", SHOWN),
        domain=_name(asked, "domain"),
        pack=_name(asked, "pack"),
        unit_basis=_one_of(asked, "unit_basis", BASES),
        tasks=_tasks_of(pathname, asked) if page in CASES else TaskView(),
        steward=_steward_of(pathname, asked) if page == "steward" else StewardView(),
        street=_street(asked),
        view=_one_of(asked, "view", VIEWS),
        sort=_one_of(asked, "sort", SORTS),
    )


def parse_file(search: object) -> Address:
    """The address that a file is about, from the query that `Address.file` wrote. NoSuchPage as in `parse`."""
    asked = dict(parse_qsl(search.lstrip("?")[:LONGEST])) if isinstance(search, str) else {}
    page, unit, kpi = (asked.get(name, "") for name in ("page", "unit", "kpi"))
    paths = {"unit": f"/unit/{quote(unit, safe='@')}", "kpi": f"/kpi/{kpi}"}
    return parse(paths.get(page, "/" if page in ("", "overview") else f"/{page}"), search)


def _page_of(pathname: str) -> tuple[Page, str]:
    """The page, and the key of the unit or the id of the KPI where it is one's page."""
    path = pathname.rstrip("/")
    for page, known in {**PATHS, **TOPICS}.items():
        if path == known.rstrip("/"):
            return page, ""
    head, _, subject = path.removeprefix("/").partition("/")
    if head == "unit" and subject and "/" not in subject:
        return "unit", unquote(subject)
    if head == "kpi" and NAME.fullmatch(subject):
        return "kpi", subject
    if head == "steward" and STEWARD_PART.fullmatch(subject):
        return "steward", ""
    for page in CASES:
        if PATHS[page] == f"/{head}" and TASK.fullmatch(subject):
            return page, ""
    raise _no_page(
        "路径 / path",
        Words(
            "/、/data、/checks、/steward、/follow-up、/objections、/help、/unit/单位 或 /kpi/指标",
            "/, /data, /checks, /steward, /follow-up, /objections, /help, /unit/UNIT or /kpi/KPI",
        ),
    )


def _tasks_of(pathname: str, asked: dict[str, str]) -> TaskView:
    start = TaskView(task=pathname.strip("/").partition("/")[2])
    chosen = {name: asked[name] for name in vars(start) if name in asked and name != "task"}
    return replace(start, **{name: _key(name, value) for name, value in chosen.items()})


def _steward_of(pathname: str, asked: dict[str, str]) -> StewardView:
    named = {name: _key(name, asked[name]) for name in ("supplier", "dataset", "rule", "decided", "kind", "unit") if name in asked}
    return StewardView(
        part=pathname.strip("/").partition("/")[2], state=_one_of(asked, "state", STEWARD_STATES),
        assignee=asked.get("assignee", ""), **named,
    )  # fmt: skip


def _key(name: str, value: str) -> str:
    if not KEY.fullmatch(value):
        raise _no_page(name, Words("字母、数字和 @ . -", "letters, digits and @ . -"))
    return value


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
