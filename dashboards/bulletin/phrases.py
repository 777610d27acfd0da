"""How figures, targets, deliveries and counts read inside the sentences and cells of a bulletin.

Belongs here: pure functions from records to text, in Chinese alone: an official paper has one language.
Values, targets and shortfalls are printed by `tell.py`, as on the pages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import groupby

from dashboards import tell
from dashboards.address import Lang
from dashboards.bulletin.parts import Amount, Cell
from dashboards.bulletin.survey import DUE, Answers, Asked
from dashboards.format import exact_value, number, round_beside
from dashboards.records import Delivery, Figure, Flag, Target
from dashboards.words import DATASETS, DOMAINS, STATES, name_of

ZH: Lang = "zh"
MARKS = {"missed": "✕", "near": "≈", "undetermined": "?", "met": ""}
# States as a bulletin counts them, the worst first.
DUTY = {"missed": "未达标", "near": "接近", "undetermined": "无法判定", "no_data": "缺数据", "met": "达标"}


def shown(counts: Iterable[Counter[str]]) -> list[tuple[str, str]]:
    """The states that occur, with their words, the good ones first."""
    known = list(counts)
    return [(state, DUTY[state]) for state in reversed(DUTY) if any(one[state] for one in known)]


def counted(found: Answers) -> Counter[str]:
    return Counter(one.figure.state for one in found.values())


def due(counts: Counter[str]) -> int:
    return sum(counts[state] for state in DUE)


def told(counts: Counter[str]) -> str:
    """'达标11条、未达标33条'; states that nobody is in are left out but for these two."""
    told = [f"{DUTY[state]}{counts[state]}条" for state in DUE if counts[state] or state in ("met", "missed")]
    return "、".join(told)


def worst(counts: Counter[str]) -> str:
    return next((state for state in DUTY if counts[state]), "")


def by_domain(found: Answers) -> Iterator[tuple[str, Answers]]:
    for domain, group in groupby(found.items(), key=lambda item: item[1].figure.kpi.domain):
        yield domain, dict(group)


def domain(domain: str) -> str:
    return name_of(DOMAINS, domain, ZH)


def is_in(flag: Flag, domain: str) -> bool:
    return flag.judgement.kpi.domain == domain


def clause(goal: Target) -> str:
    """《社区平安建设方案》§4, and how binding the wording is where it does not state the figure."""
    return f"《{tell.document(goal, ZH)}》{goal.clause.strip('—')}{bracketed(tell.strength(goal, ZH))}"


def whole(name: str) -> str:
    """全县, 全镇, 全街道."""
    return "全街道" if name.endswith("街道") else f"全{name[-1]}"


def target(one: Figure) -> str:
    return tell.target(one.target, one.kpi, ZH)


def goal(one: Figure) -> str:
    """A target inside a sentence: '≥95%', '100%'."""
    return target(one).removeprefix("= ").replace(" ", "")


def value(one: Figure) -> str:
    """A value inside a sentence, where Chinese leaves no space before the unit."""
    return tell.value(one, ZH).replace(" ", "")


def gap(one: Figure) -> str:
    return tell.shortfall_brief(one, ZH).replace(" ", "")


def bracketed(text: str) -> str:
    return f"（{text}）" if text else ""


def state(one: Figure) -> str:
    return STATES[one.state].words.zh


def amount(one: Figure) -> Amount:
    bare = tell.bare_value(one)
    if bare == "–":
        return Amount(None)
    return Amount(Decimal(bare.replace(",", "")), tell.unit_sign(one.kpi, ZH))


def amount_of(one: Asked | None) -> Amount:
    return figure_amount(None if one is None else one.figure)


def figure_amount(one: Figure | None) -> Amount:
    return Amount(None) if one is None else amount(one)


def due_cell(one: Figure) -> Amount:
    """The denominator; a count has none."""
    return Amount(None if one.kpi.kind == "count" else plain(one.denominator))


def done_cell(one: Figure) -> Amount:
    return Amount(plain(one.numerator))


def plain(value: Decimal | None) -> Decimal | None:
    """Without needless zeros, as `format.number` prints it."""
    return None if value is None else Decimal(number(value).replace(",", ""))


def share_met(counts: Counter[str]) -> Amount:
    return share(counts["met"], due(counts))


def share_change(now: Counter[str], then: Counter[str]) -> Cell:
    """The difference of two shares met in percentage points; none where nothing was due then."""
    if not due(then):
        return Amount(None)
    share_now, share_then = (Fraction(100 * counts["met"], due(counts)) for counts in (now, then))
    return _difference(share_now, share_then, 1)


def share(part: int, whole: int) -> Amount:
    exact = Fraction(100 * part, whole)
    return Amount(round_beside(exact, 1, (Fraction(0), Fraction(100))), "%")


def change(now: Asked, then: Asked | None) -> Cell:
    """The difference of the exact values, never printed as 0 where there is one."""
    if then is None:
        return Amount(None)
    kpi = now.figure.kpi
    exact_now, exact_then = (
        exact_value(one.figure.numerator, one.figure.denominator, kpi.scale) for one in (now, then)
    )
    if exact_now is None or exact_then is None:
        return Amount(None)
    return _difference(exact_now, exact_then, kpi.decimals)


def _difference(now: Fraction, then: Fraction, decimals: int) -> Cell:
    if now == then:
        return "持平"
    return Amount(round_beside(now - then, decimals, (Fraction(0),)), is_change=True)


def marked(one: Asked | None) -> str:
    if one is None:
        return ""
    state = one.figure.state
    return f"{value(one.figure)}{MARKS[state]}" if state in MARKS else STATES[state].icon


def slot(slot: Delivery) -> str:
    """'洛川县公安局暂住登记2026-06：拒收'."""
    marks = {"missing": "未报", "refused": "拒收", "late": "迟报"}
    told = [marks[slot.status]] if slot.status in marks else []
    told += ["更正件被拒收，沿用前一份"] if slot.is_correction_refused else []
    told += [f"覆盖{slot.communities_delivered}/{slot.communities_expected}个社区"] if slot.is_incomplete else []
    return f"{slot.supplier_name}{name_of(DATASETS, slot.dataset, ZH)}{slot.period:%Y-%m}{'，'.join(told)}"


def dataset_row(dataset: str, slots: Sequence[Delivery]) -> tuple[Cell, ...]:
    return _slots_row(name_of(DATASETS, dataset, ZH), slots, ("read", "accepted", "quarantined", "duplicate", "skipped"))


def supplier_row(name: str, slots: Sequence[Delivery]) -> tuple[Cell, ...]:
    return _slots_row(name, slots, ("read", "accepted", "quarantined"))


def _slots_row(name: str, slots: Sequence[Delivery], sums: Sequence[str]) -> tuple[Cell, ...]:
    counted = Counter(slot.status for slot in slots)
    return (
        name, len(slots) - counted["not_due"], *(counted[status] for status in ("on_time", "late", "missing", "refused")),
        *(sum(getattr(slot, one) for slot in slots) for one in sums),
    )  # fmt: skip
