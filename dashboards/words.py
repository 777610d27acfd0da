"""Every text of the pages, once, in Chinese and English; the states with their icons and colours.

Belongs here: wording, and what a code is called. Texts about a single number are composed in `tell.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from dashboards.address import Lang
from expectations.contract import load_contracts
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
}
LEVEL = {
    "province": Words("省", "Province"),
    "city": Words("市", "City"),
    "county": Words("县", "County"),
    "street": Words("街道（镇）", "Street or town"),
    "community": Words("社区（村）", "Community"),
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
AGENCIES = {
    "civil_affairs": Words("民政", "Civil affairs"),
    "grid_management": Words("网格管理", "Grid management"),
    "household_registration": Words("户籍", "Household registration"),
    "police": Words("公安", "Police"),
}
DATASETS = {
    contract.dataset: Words(contract.title_zh, contract.title_en) for contract in load_contracts().values()
}
SEVERITIES = {
    "error": Words("隔离", "Quarantined"),
    "duplicate": Words("重复", "Duplicate"),
    "warning": Words("提示", "Warning"),
}
DELIVERY: dict[str, tuple[str, Words]] = {
    "on_time": ("✓", Words("按时", "On time")),
    "late": ("◷", Words("迟报", "Late")),
    "missing": ("∅", Words("未报", "Missing")),
    "refused": ("✕", Words("拒收", "Refused")),
    "not_due": ("–", Words("未到期", "Not due")),
}

TEXTS: dict[str, Words] = {
    "site": Words("社区治理指标", "Community governance indicators"),
    "sample": Words("示例数据", "示例数据 Sample data"),
    "sample_note": Words("本页数字由程序生成，不反映任何真实单位", "generated figures, about no real place"),
    "stale": Words("当前版次无法打开，现显示上一个可用版次", "The current edition cannot be opened; this is the last good one"),
    "edition": Words("版次", "Edition"),
    "as_of": Words("判定日", "As of"),
    "published": Words("发布", "Published"),
    "overview": Words("总览", "Overview"),
    "data": Words("数据情况", "Data state"),
    "language": Words("语言", "Language"),
    "skip": Words("跳到正文", "Skip to content"),
    "loading": Words("正在读取…", "Loading…"),
    "period_type": Words("期间类型", "Kind of period"),
    "period": Words("期间", "Period"),
    "level": Words("单位层级", "Level of units"),
    "earlier": Words("上一期", "Earlier"),
    "later": Words("下一期", "Later"),
    "not_closed": Words("本期尚未截止（截止日 {day}），结果只供参考", "Not closed yet (cut-off {day}): not judged"),
    "units_community": Words("个社区（村）", "communities"),
    "units_street": Words("个街道（镇）", "streets and towns"),
    "headline_bad": Words("{total} {units}中，{bad} 个有指标未达标", "{bad} of {total} {units} miss a target"),
    "headline_open": Words("{total} {units}没有已确认的未达标，但不能认定全部达标", "None of {total} {units} is confirmed to miss a target, but not all is known"),
    "headline_good": Words("{total} {units}全部达标", "All {total} {units} meet their targets"),
    "headline_no_level": Words("这里没有{units}一级的数据，见上级数据", "There are no figures of {units} here, only of higher levels"),
    "headline_judged_none": Words("{total} {units}本期均不能评价", "None of {total} {units} can be judged"),
    "also_near": Words("其中 {count} 个接近", "{count} of them near"),
    "also_undetermined": Words("{count} 个无法判定", "{count} undetermined"),
    "also_no_data": Words("{count} 个缺数据", "{count} without data"),
    "also_met": Words("{count} 个全部达标", "{count} meet all"),
    "most_kpi": Words("未达标最多的指标：{kpi}（{count} 个）", "Missed most: {kpi} ({count})"),
    "most_streets": Words("未达标最集中：", "Most units missing a target: "),
    "lasting": Words("{count} 项未达标已连续 {periods} 期以上", "{count} misses have lasted {periods} periods or more"),
    "change": Words("较{period}：新出现 {new}，恶化 {worse}，恢复 {recovered}", "Since {period}: {new} new, {worse} worse, {recovered} recovered"),
    "whole": Words("全县", "County"),
    "target": Words("目标", "Target"),
    "no_target": Words("无目标", "no target"),
    "before": Words("上期", "before"),
    "unchanged": Words("持平", "same"),
    "cards": Words("各指标达标情况", "How each indicator stands"),
    "matrix": Words("各单位 × 各指标", "Units × indicators"),
    "matrix_help": Words("点击一行看该单位；悬停看分子、分母、目标和存疑范围", "Click a row for the unit; hover for numerator, denominator, target and doubt"),
    "legend": Words("图例", "Key"),
    "show_all": Words("全部", "All"),
    "show_problems": Words("只看有问题的", "Only with problems"),
    "show": Words("显示", "Show"),
    "no_problems": Words("没有未达标、无法判定或缺数据的单位。", "No unit misses a target, is undetermined or lacks data."),
    "list": Words("未达标清单", "Missed targets"),
    "list_help": Words("已确认的在前，其次恶化、新出现、连续时间长的", "Confirmed first, then worsening, new, longest"),
    "list_empty": Words("本期没有未达标或接近的指标。", "No target is missed or near in this period."),
    "download": Words("下载 CSV（{count} 行）", "Download CSV ({count} rows)"),
    "history": Words("各期状态", "States by period"),
    "history_help": Words("每期各状态的单位数", "how many units are in each state"),
    "all_deliveries": Words("全部报送情况", "All deliveries"),
    "unit": Words("单位", "Unit"),
    "street": Words("街道（镇）", "Street or town"),
    "kpi": Words("指标", "Indicator"),
    "status": Words("状态", "Status"),
    "value": Words("完成值", "Value"),
    "ratio": Words("分子 / 分母", "Numerator / denominator"),
    "numerator": Words("分子", "Numerator"),
    "denominator": Words("分母", "Denominator"),
    "clause": Words("依据", "Clause"),
    "document": Words("文件", "Document"),
    "shortfall": Words("差额", "Shortfall"),
    "since": Words("自何期", "Since"),
    "in_a_row": Words("连续期数", "In a row"),
    "certainty": Words("可信度", "Certainty"),
    "bounds": Words("可能范围", "Possible range"),
    "low": Words("可能最低值", "Lowest possible"),
    "high": Words("可能最高值", "Highest possible"),
    "movement": Words("变化", "Change"),
    "owner": Words("责任单位", "Owner"),
    "mark": Words("数据性质", "Kind of data"),
    "real": Words("正式数据", "Official data"),
    "unit_code": Words("单位代码", "Unit code"),
    "short_more": Words("还差 {count}", "{count} more"),
        "more_needed": Words("再增加 {count}即达标", "{count} more to meet it"),
    "area_needed": Words("还差 {count}", "{count} short"),
    "unit_bad": Words("{total} 项指标中 {bad} 项未达标", "{bad} of {total} indicators missed"),
    "unit_open": Words("{total} 项指标没有已确认的未达标，但不能认定全部达标", "None of {total} indicators is confirmed missed, but not all is known"),
    "unit_good": Words("{total} 项指标全部达标", "All {total} indicators are met"),
    "unit_none": Words("本期没有可评价的指标", "Nothing can be judged in this period"),
    "opened": Words("设立", "opened"),
    "code": Words("代码", "code"),
    "definition": Words("口径", "Definition"),
    "trend": Words("各期走势", "By period"),
    "doubt": Words("存疑范围", "Range of doubt"),
    "unbounded": Words("无上限", "no upper limit"),
    "children_street": Words("下辖社区（村）", "Its communities"),
    "children_county": Words("下辖街道（镇）", "Its streets and towns"),
    "flagged_since": Words("自{since}起连续 {count} 期未达标，{movement}", "Not met since {since}, {count} judged periods in a row; {movement}"),
    "deliveries": Words("报送情况", "Deliveries"),
    "deliveries_of": Words("本单位指标所依据的报送", "Deliveries behind these figures"),
    "quality": Words("不合格数据", "Rows that failed a rule"),
    "quality_whole": Words("按供数单位的整份报送计，不限于本单位", "of whole deliveries, not of this unit alone"),
    "all_findings": Words("全部 {count} 条规则", "All {count} rules"),
    "quality_none": Words("没有不合格的行。", "No row failed a rule."),
    "deliveries_none": Words("本期没有应报或已报的数据。", "Nothing was expected or delivered in this period."),
    "supplier": Words("供数单位", "Supplier"),
    "dataset": Words("数据集", "Dataset"),
    "month": Words("月份", "Month"),
    "due": Words("应报日", "Due"),
    "received": Words("收到", "Received"),
    "rows": Words("读取 = 采用 + 隔离 + 重复 + 跳过", "Read = accepted + quarantined + duplicate + skipped"),
    "rule": Words("规则", "Rule"),
    "severity": Words("处理", "Effect"),
    "failed": Words("不合格行 / 检查行", "Failed / checked"),
    "correction_refused": Words("更正件被拒收，沿用前一份", "a correction was refused, the one before counts"),
    "slots_bad": Words("{total} 份应报数据中 {bad} 份未报或被拒收", "{bad} of {total} deliveries are missing or refused"),
    "slots_good": Words("{total} 份应报数据全部收到", "All {total} deliveries arrived"),
    "late_count": Words("{count} 份迟报", "{count} late"),
    "rows_summary": Words("读取 {read} 行，隔离 {quarantined} 行（{share}）", "{read} rows read, {quarantined} quarantined ({share})"),
    "edition_info": Words("本版次", "This edition"),
    "code_version": Words("程序版本", "Code version"),
    "inputs_hash": Words("输入摘要", "Hash of inputs"),
    "content_hash": Words("内容摘要", "Hash of content"),
    "problem_page": Words("没有这个页面", "No such page"),
    "problem_edition": Words("还没有可以显示的数据", "Nothing to show yet"),
    "problem_inside": Words("页面出错了", "The page failed"),
    "problem_inside_help": Words("错误已记录。请返回总览；如再次出现，请把时间告诉管理员。", "It was recorded. Go back to the overview; if it happens again, tell the operator the time."),
    "where": Words("位置", "Where"),
    "expected": Words("要求", "Expected"),
    "found": Words("实际", "Found"),
    "advice": Words("处理", "What to do"),
    "back": Words("返回总览", "Back to the overview"),
    "sum_all_sure": Words("没有存疑数据", "no data in doubt"),
    "sum_sure": Words("存疑数据无论如何认定，结果在 {low} 与 {high} 之间，结论不变", "however the rows in doubt turn out it stays between {low} and {high}: the verdict holds"),
    "sum_unsure": Words("存疑数据使结果可能在 {low} 与 {high} 之间，目标 {target} 处在其间，现在不能下结论", "the rows in doubt leave it between {low} and {high}, on both sides of {target}: no verdict yet"),
    "sum_zero": Words("分母为零，但有存疑数据，不能确定无事可评", "the denominator is zero, but rows in doubt may belong to it"),
    "partial": Words("应报 {expected} 家，已报 {reporting} 家", "{reporting} of {expected} suppliers delivered"),
    "looks": Words("按已采用数据{status}", "by accepted rows: {status}"),
    "domain": Words("领域", "Domain"),
    "all_domains": Words("全部", "All"),
    "pack": Words("文件", "Document"),
    "all_packs": Words("全部", "All"),
    "items": Words("未达标共 {missed} 项（单位 × 目标），接近 {near} 项", "{missed} targets missed in all (units × targets), {near} near"),
    "most_units": Words("未达标指标最多：", "Most indicators missed: "),
    "domain_most": Words("未达标最多：", "Missed most: "),
    "domain_none_missed": Words("没有未达标的指标", "No indicator is missed"),
    "domain_kpis": Words("{count} 项指标，{judged} 项已评价", "{count} indicators, {judged} judged"),
    "domain_matrix": Words("各单位 × 各领域", "Units × domains"),
    "domain_matrix_help": Words("格中是该领域的最差状态和处于该状态的指标数；点击列名进入领域，点击格子看该单位", "A cell holds the worst state in the domain and how many indicators are in it; click a head for the domain, a cell for the unit"),
    "unjudged": Words("未列入上图的指标", "Indicators not in the heatmap"),
    "unit_unjudged": Words("未评价的指标", "Not judged"),
    "unjudged_no_target": Words("未设目标", "No target set"),
    "unjudged_no_data": Words("缺数据", "No data"),
    "unjudged_not_applicable": Words("不适用", "Not applicable"),
    "unjudged_too_early": Words("未到期", "Too early"),
    "nobody_judged": Words("本领域本期没有可评价的指标。", "Nothing can be judged in this domain in this period."),
    "only_above": Words("只有上级数据的指标", "Indicators of higher levels only"),
    "chance": Words("随机波动", "Chance"),
    "chance_range": Words("随机区间 {low}–{high}", "by chance {low}–{high}"),
    "chance_help": Words("件数不多时，偶然因素也会使比率在此范围内变动（95% 威尔逊区间），与数据存疑无关", "with so few cases luck alone moves a rate this far (Wilson, 95 %); this is not doubt about the data"),
    "no_failure": Words("不得有一件未达", "no failure allowed"),
    "no_failure_all": Words("目标即全部", "the target is all of them"),
    "no_failure_help": Words("共 {count} 件，有一件未达即低于 {target}", "of {count}, a single failure would already miss {target}"),
    "trend_word": Words("走势", "Trend"),
    "trend_told": Words("{reliability}，{trend}（{first} 至 {last} 评价 {judged} 期，达标 {met} 期）", "{reliability}, {trend} (met in {met} of {judged} judged periods, {first} to {last})"),
    "reliability": Words("稳定性", "Reliability"),
    "basis": Words("目标依据", "Basis of the target"),
    "basis_expired": Words("依据已过期", "basis expired"),
    "basis_expired_help": Words("规划期已于 {day} 结束，目标在新文件出台前继续适用", "the plan period ended on {day}; the target holds until a new document replaces it"),
    "over": Words("超出 {count}", "{count} over"),
    "over_limit": Words("超出上限 {count}", "{count} above the limit"),
    "domain_bad": Words("未达标 {bad} / 已评价 {judged}", "{bad} missed of {judged} judged"),
    "gap": Words("中间缺月", "Gap"),
    "gap_help": Words("此后月份已报，本月缺", "a later month came, this one did not"),
    "coverage": Words("覆盖 {delivered}/{expected} 个社区", "covers {delivered} of {expected} communities"),
    "coverage_brief": Words("覆盖 {delivered}/{expected}", "covers {delivered}/{expected}"),
    "gap_count": Words("{count} 份中间缺月", "{count} gaps between months that came"),
    "incomplete_count": Words("{count} 份未覆盖全部社区", "{count} do not cover every community"),
}  # fmt: skip

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
