"""What codes are called in Chinese and English, the states with their icons and colours, and how a text is said.

Belongs here: the names of states, domains, units, agencies. The sentences of the pages stand in `texts.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from dashboards.address import Lang
from dashboards.texts import TEXTS
from expectations.contract import AGENCY_WORDS, SEVERITY_WORDS, load_contracts
from pipelines.errors import Words


@dataclass(frozen=True)
class State:
    """How a display state looks and reads. `ink` on `fill` has a contrast of at least 4.5 : 1."""

    icon: str
    words: Words
    meaning: Words
    ink: str
    fill: str


STATES: dict[str, State] = {
    "missed": State(
        "✕", Words("未达标", "Missed"),
        Words("已确认未达到目标", "confirmed not to meet the target"), "#ffffff", "#b3261e",
    ),
    "near": State(
        "≈", Words("接近", "Near"),
        Words("未达标，但差距在容差内", "not met, but within the tolerance"), "#3d2600", "#f6b94b",
    ),
    "undetermined": State(
        "?", Words("无法判定", "Undetermined"),
        Words("存疑数据可能改变结论", "rows in doubt could turn the verdict"), "#3f2a63", "#d9cdf0",
    ),
    "no_data": State(
        "∅", Words("缺数据", "No data"),
        Words("所需数据未报送", "a needed dataset did not arrive"), "#1f2933", "#ffffff",
    ),
    "met": State(
        "✓", Words("达标", "Met"),
        Words("已确认达到目标", "confirmed to meet the target"), "#14532d", "#dcefe2",
    ),
    "too_early": State(
        "◷", Words("未到期", "Too early"),
        Words("期间未截止或单位新设", "the period is not closed or the unit is new"), "#23415f", "#dce8f4",
    ),
    "no_target": State(
        "○", Words("无目标", "No target"),
        Words("没有适用的目标", "no target applies here"), "#3f4a55", "#f1f3f5",
    ),
    "not_applicable": State(
        "–", Words("不适用", "N/A"),
        Words("分母为零，无事可评", "the denominator is zero, nothing to judge"), "#3f4a55", "#e6e9ec",
    ),
}  # fmt: skip

# A word short enough for a cell of the heatmap.
SHORT: dict[str, Words] = {
    "no_data": Words("缺数据", "no data"),
    "too_early": Words("未到期", "early"),
    "no_target": Words("无目标", "no target"),
    "not_applicable": Words("不适用", "n/a"),
}

CERTAINTY = {
    "confirmed": Words("已确认", "Confirmed"),
    "undetermined": Words("存疑", "In doubt"),
}
MOVEMENT = {
    "new": Words("新出现", "New"),
    "continuing": Words("持续", "Unchanged"),
    "worsening": Words("恶化", "Worsening"),
    "improving": Words("好转", "Improving"),
    "recovered": Words("恢复", "Recovered"),
}
MOVEMENT_ICONS = {"new": "●", "continuing": "→", "worsening": "↘", "improving": "↗", "recovered": "✓"}
PERIOD_TYPES = {
    "month": Words("月", "Month"),
    "quarter": Words("季", "Quarter"),
    "year": Words("年", "Year"),
    "ytd": Words("本年累计", "Year to date"),
}
LEVELS = {
    "province": Words("省", "Province"),
    "city": Words("市", "City"),
    "county": Words("县", "County"),
    "street": Words("街道（镇）", "Streets and towns"),
    "community": Words("社区（村）", "Communities"),
    "grid": Words("网格", "Grids"),
    "department": Words("部门", "Departments"),
}
LEVEL = {
    "province": Words("省", "Province"),
    "city": Words("市", "City"),
    "county": Words("县", "County"),
    "street": Words("街道（镇）", "Street or town"),
    "community": Words("社区（村）", "Community"),
    "grid": Words("网格", "Grid"),
    "department": Words("部门", "Department"),
}
CLASSES = {
    "urban": Words("城镇", "urban"),
    "town": Words("镇区", "town"),
    "rural": Words("乡村", "rural"),
}
DOMAINS = {
    "population": Words("人口", "Population"),
    "safety": Words("平安与网格", "Safety and grid"),
    "facilities": Words("设施", "Facilities"),
    "organisation": Words("组织与人员", "Organisation"),
    "villages": Words("村庄建设", "Village works"),
    "programmes": Words("创建与考核", "Programmes"),
}
TREND = {
    "improving": Words("变好", "improving"),
    "worsening": Words("变差", "worsening"),
    "none": Words("无明显走势", "no clear trend"),
}
RELIABILITY = {
    "reliably_met": Words("稳定达标", "reliably met"),
    "hit_and_miss": Words("时好时坏", "hit and miss"),
    "reliably_missed": Words("持续未达标", "reliably missed"),
}
BINDING = {
    "lower": Words("下限须达到，上限供参考", "the lower end binds"),
    "upper": Words("上限不得超过，下限供参考", "the upper end binds"),
    "both": Words("两端均须符合", "both ends bind"),
}
STRENGTH = {
    "soft": Words("柔性要求", "soft wording"),
    "inferred": Words("推定目标", "inferred"),
}
# What follows a value: unit of the KPI → sign.
UNITS = {
    "cases": Words(" 件", " cases"),
    "channels": Words(" 种", " channels"),
    "cleaners_per_group": Words(" 人/组", " per group"),
    "communities": Words(" 个", " communities"),
    "hours": Words(" 小时", " hours"),
    "m2": Words(" m²", " m²"),
    "m2_per_100_households": Words(" m²/百户", " m²/100 households"),
    "organizations": Words(" 个", " organizations"),
    "people": Words(" 人", " people"),
    "per_person": Words(" 台/人", " per person"),
    "percent": Words("%", "%"),
    "points": Words(" 分", " points"),
    "projects": Words(" 个", " projects"),
    "rooms": Words(" 间", " rooms"),
    "sets": Words(" 套", " sets"),
    "stations": Words(" 个", " stations"),
    "toilets": Words(" 座", " toilets"),
    "yuan": Words(" 元", " yuan"),
}
ONE = {
    "cases": " case", "channels": " channel", "communities": " community", "hours": " hour",
    "organizations": " organization", "people": " person", "points": " point", "projects": " project",
    "rooms": " room", "sets": " set", "stations": " station", "toilets": " toilet",
}  # fmt: skip
# What a shortfall is counted in, where it is not the unit of the value: what an action adds to.
ACTIONS = {
    "cleaners_per_group": Words(" 人", " cleaners"),
    "m2_per_100_households": Words(" m²", " m²"),
    "per_person": Words(" 台", " computers"),
}
AGENCIES: dict[str, Words] = {name: Words(*words) for name, words in AGENCY_WORDS.items()}
UNIT_BASES = {
    "as_was": Words("按当时区划", "As it was"),
    "as_now": Words("按现行区划", "As it is now"),
}
COMPARABILITY = {
    "comparable": Words("可比", "comparable"),
    "rebased": Words("已归入现行区划", "re-based"),
    "break": Words("不可比", "break"),
}
KINDS = {
    "rate": Words("比率", "rate"),
    "ratio": Words("比值", "ratio"),
    "count": Words("数量", "count"),
}
BASES = {
    "stock": Words("期末时点", "at the end of the period"),
    "flow": Words("期内发生", "within the period"),
    "ytd": Words("本年累计", "since January"),
}
DIRECTIONS = {
    "higher": Words("越高越好", "higher is better"),
    "lower": Words("越低越好", "lower is better"),
}
# What a target may be limited to, in the order in which `Target.scopes` has them.
SCOPES = {
    "area_scope": Words("地区", "area"),
    "class_scope": Words("社区类别", "class of community"),
    "city_class_scope": Words("城市类别", "class of city"),
    "level_scope": Words("层级", "level"),
    "variant_scope": Words("方案", "variant"),
}
CITY_CLASSES = {
    "megacity_centre": Words("超大城市中心城区", "centre of a megacity"),
    "other": Words("其他", "other"),
}
VARIANTS = {
    "new_built": Words("新建", "newly built"),
    "pilot": Words("试点", "pilot"),
    "other": Words("其他", "other"),
}
SCOPE_WORDS = {
    "class_scope": CLASSES, "level_scope": LEVEL, "city_class_scope": CITY_CLASSES, "variant_scope": VARIANTS,
}  # fmt: skip
CHANGES = {
    "renamed": Words("更名", "renamed"),
    "recoded": Words("换码", "re-coded"),
    "split": Words("拆分", "split"),
    "merged": Words("合并", "merged"),
    "part_moved": Words("部分划转", "part moved"),
    "new": Words("新设", "new"),
    "closed": Words("撤销", "closed"),
}
DATASETS = {
    contract.dataset: Words(contract.title_zh, contract.title_en) for contract in load_contracts().values()
}
SEVERITIES: dict[str, Words] = {severity: Words(zh, en.capitalize()) for severity, (zh, en) in SEVERITY_WORDS.items()}
DELIVERY: dict[str, tuple[str, Words]] = {
    "on_time": ("✓", Words("按时", "On time")),
    "late": ("◷", Words("迟报", "Late")),
    "missing": ("∅", Words("未报", "Missing")),
    "refused": ("✕", Words("拒收", "Refused")),
    "not_due": ("–", Words("未到期", "Not due")),
}

GRID_WORDS = {
    "noRowsToShow": "没有数据", "filterOoo": "筛选…", "contains": "包含", "notContains": "不包含", "equals": "等于",
    "notEqual": "不等于", "startsWith": "开头是", "endsWith": "结尾是", "blank": "空", "notBlank": "非空",
    "lessThan": "小于", "greaterThan": "大于", "lessThanOrEqual": "小于等于", "greaterThanOrEqual": "大于等于",
    "inRange": "介于", "andCondition": "并且", "orCondition": "或者", "applyFilter": "应用", "resetFilter": "重置",
    "clearFilter": "清除", "sortAscending": "升序", "sortDescending": "降序", "sortUnSort": "取消排序",
    "page": "页", "of": "/", "to": "–", "loadingOoo": "正在读取…", "pinColumn": "固定列", "pinLeft": "固定在左",
    "pinRight": "固定在右", "noPin": "不固定", "autosizeThisColumn": "调整本列宽度", "autosizeAllColumns": "调整各列宽度",
    "resetColumns": "恢复各列", "inRangeStart": "从", "inRangeEnd": "到", "chooseColumns": "选择列",
    "ariaLabelColumnMenu": "列菜单", "ariaLabelColumnFilter": "列筛选", "ariaFilterValue": "筛选值",
    "ariaFilteringOperator": "筛选方式", "ariaSortableColumn": "按回车排序", "ariaMenuColumn": "按 ALT 下 打开列菜单",
    "ariaFilterColumn": "按 CTRL 回车筛选", "ariaFilterMenuOpen": "打开筛选", "columnMenu": "列菜单",
}  # fmt: skip


def pick(words: Words, lang: Lang) -> str:
    """The text in the reader's language."""
    return words.en if lang == "en" else words.zh


def say(key: str, lang: Lang, **values: object) -> str:
    """A text of the pages with its values filled in."""
    return pick(TEXTS[key], lang).format(**values)


def both(key: str) -> str:
    """A short text of the pages in both languages, for what does not change with the page's."""
    return f"{TEXTS[key].zh} {TEXTS[key].en}"


def name_of(table: dict[str, Words], code: str | None, lang: Lang) -> str:
    """What a code is called; the code itself where it has no name yet."""
    if code is None:
        return "–"
    return pick(table[code], lang) if code in table else code


def state_word(state: str, lang: Lang) -> str:
    return pick(STATES[state].words, lang)


def day(value: date | None, lang: Lang) -> str:
    """2026年7月10日 or 10 July 2026."""
    if value is None:
        return "–"
    return f"{value.day} {value:%B %Y}" if lang == "en" else f"{value.year}年{value.month}月{value.day}日"


def period_short(period_type: str, first: date) -> str:
    """A period where there is little room: 2026-06, 2026-Q2, 2026, 2026-01–06. The same in both languages."""
    if period_type == "quarter":
        return f"{first.year}-Q{(first.month + 2) // 3}"
    if period_type == "year":
        return f"{first.year}"
    return f"{first:%Y}-01–{first:%m}" if period_type == "ytd" else f"{first:%Y-%m}"


def period_ticks(period_type: str, firsts: Sequence[date], lang: Lang) -> list[str]:
    """Names of periods under a chart: a month, quarter or stretch, with the year where it begins."""
    ticks, year = [], 0
    for first in firsts:
        name = _tick(period_type, first, lang)
        ticks.append(name if first.year == year or period_type == "year" else f"{name}<br>{first.year}")
        year = first.year
    return ticks


def _tick(period_type: str, first: date, lang: Lang) -> str:
    if period_type == "year":
        return f"{first.year}"
    if period_type == "quarter":
        return f"Q{(first.month + 2) // 3}"
    month = f"{first:%b}" if lang == "en" else f"{first.month}月"
    if period_type == "month" or first.month == 1:
        return month
    return f"Jan–{month}" if lang == "en" else f"1–{month}"
