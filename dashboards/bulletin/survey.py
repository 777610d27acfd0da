"""What a bulletin rests on: the unit and those right below it in one period, with the periods it is compared with.

Belongs here: choosing and ordering figures of an edition. How they are told stands in `chapters.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from dashboards.address import Address, NoSuchPage
from dashboards.bulletin.ranking import Span, places, span
from dashboards.facts import Facts
from dashboards.records import STATES, Delivery, Figure, Flag, Judgement, Kpi, Period, Unit
from pipelines.calendar import period_named
from pipelines.errors import Words

Question = tuple[str, str, Decimal, Decimal | None, str | None]
PARTS = ("street", "community")  # a bulletin is about streets, or the communities of one
DUE = ("met", "near", "missed", "undetermined", "no_data")


@dataclass(frozen=True)
class Asked:
    """What is asked of a unit by one or several documents, and how it stands."""

    figure: Figure
    clauses: tuple[str, ...]  # target ids that ask the same


Answers = dict[Question, Asked]


@dataclass(frozen=True)
class Score:
    """How many of the targets that a unit has it meets, and the places that it may hold by that."""

    states: Counter[str]
    place: tuple[int, int] | None

    @property
    def due(self) -> int:
        return sum(self.states[state] for state in DUE)

    @property
    def met(self) -> int:
        return self.states["met"]


class Survey:
    """The figures of one unit, its parts and its earlier periods."""

    def __init__(self, facts: Facts, period: str | None = None, unit_code: str | None = None) -> None:
        """Raises NoSuchPage where the edition has no such period or unit, or no figures of its parts."""
        self.facts = facts
        kind, first = period_named(period) if period else ("month", None)
        self.period: Period = facts.period(Address(period_type=kind, period=first))
        self.units = facts.units(self.period.end)
        self.unit = self._unit(unit_code or facts.edition.info.county_code)
        self.level = next((level for level in PARTS if self._parts(level)), "")
        if not self.level:
            raise _no_parts(self.unit)
        self.parts: dict[str, Unit] = {unit.key: unit for unit in self._parts(self.level)}

    def _unit(self, code: str) -> Unit:
        found = [unit for unit in self.units.values() if unit.code == code]
        if not found:
            raise _no_unit(code, self.facts.edition.info.county_code)
        return found[0]

    def _parts(self, level: str) -> list[Unit]:
        return [unit for unit in self.units.values() if unit.parent_key == self.unit.key and unit.level == level]

    @cached_property
    def before(self) -> Period | None:
        return self.facts.before(self.period)

    @cached_property
    def year_ago(self) -> Period | None:
        return self._same_type(self.period.first.replace(year=self.period.first.year - 1))

    @cached_property
    def to_date(self) -> Period | None:
        """The year to date at this month; none for other kinds of periods."""
        if self.period.period_type != "month":
            return None
        return next((one for one in self.facts.periods("ytd") if one.first == self.period.first), None)

    def _same_type(self, first: date) -> Period | None:
        return next((one for one in self.facts.periods(self.period.period_type) if one.first == first), None)

    @cached_property
    def own(self) -> Answers:
        """The unit's own answers, domain by domain."""
        return self._of_unit(self.period)

    def own_in(self, period: Period | None) -> Answers:
        return {} if period is None else self._of_unit(period)

    def _of_unit(self, period: Period) -> Answers:
        judgements = self._history if period.period_type == self.period.period_type else self._judgements(period)
        return answers(sorted((one for one in judgements if one.period == period.first), key=self._order))

    def _order(self, one: Figure) -> int:
        return self._places[one.kpi.kpi_id]

    @cached_property
    def _places(self) -> dict[str, int]:
        """Places of KPIs in the catalogue, domain by domain."""
        return {kpi_id: place for place, kpi_id in enumerate(self.facts.kpis)}

    def _judgements(self, period: Period) -> list[Judgement]:
        return self.facts.judgements_of(self.unit.key, period.period_type)

    @cached_property
    def _history(self) -> list[Judgement]:
        return self._judgements(self.period)

    @cached_property
    def history(self) -> dict[Period, Counter[str]]:
        """States of the unit's own answers up to the period, oldest first, at most a year of months."""
        periods = [one for one in self.facts.periods(self.period.period_type) if one.first <= self.period.first]
        return {period: states(self._of_unit(period)) for period in periods[-12:]}

    @cached_property
    def of_parts(self) -> dict[str, Answers]:
        """unit_key → answers, in the order of codes."""
        judgements: dict[str, list[Judgement]] = {key: [] for key in self.parts}
        for one in self.facts.judgements(self.period, self.level):
            if one.unit_key in judgements:
                judgements[one.unit_key].append(one)
        return {key: answers(found) for key, found in judgements.items()}

    @cached_property
    def questions(self) -> dict[Question, Kpi]:
        """Everything that is asked of the unit or its parts, domain by domain."""
        asked = {
            question: answer.figure.kpi
            for found in (self.own, *self.of_parts.values())
            for question, answer in found.items()
        }
        return dict(sorted(asked.items(), key=lambda item: (self._places[item[1].kpi_id], str(item[0]))))

    def of_question(self, question: Question) -> dict[str, Asked]:
        """unit_key → answer of the parts that are asked."""
        return {key: found[question] for key, found in self.of_parts.items() if question in found}

    def ranks(self, question: Question) -> dict[str, tuple[int, int]]:
        """Places by the value of a question; counts have none, since units differ in size."""
        kpi = self.questions[question]
        if kpi.kind == "count":
            return {}
        is_lower_better = self._directions[kpi.kpi_id] == "lower"
        spans = {
            key: span(one.figure, is_lower_better=is_lower_better) for key, one in self.of_question(question).items()
        }
        return places({key: found for key, found in spans.items() if found is not None})

    @cached_property
    def scores(self) -> dict[str, Score]:
        """How each part stands over all that is asked of it. What lacks data or a verdict may turn out either way."""
        counted = {key: states(found) for key, found in self.of_parts.items()}
        spans: dict[str, Span] = {}
        for key, counts in counted.items():
            due = sum(counts[state] for state in DUE)
            if due:
                open_ = counts["undetermined"] + counts["no_data"]
                spans[key] = (counts["met"] / due, (counts["met"] + open_) / due)
        ranked = places(spans)
        return {key: Score(counts, ranked.get(key)) for key, counts in counted.items()}

    @cached_property
    def flags(self) -> list[Flag]:
        """Missed and near targets of the parts as the pages list them, each question of a unit once."""
        return _once(
            flag for flag in self.facts.flags(self.period, self.level) if flag.judgement.unit_key in self.parts
        )

    @cached_property
    def own_flags(self) -> list[Flag]:
        return _once(self.facts.flags_of(self.unit.key, self.period))

    @cached_property
    def untargeted(self) -> list[Figure]:
        """The unit's own figures that nothing is asked of."""
        found = (one for one in self._history if one.period == self.period.first and one.target is None)
        return sorted(found, key=self._order)

    @cached_property
    def deliveries(self) -> list[Delivery]:
        """Those that are due and cover something of the unit."""
        return [
            slot
            for slot in self.facts.deliveries(self.period)
            if any(_overlap(code, self.unit.code) for code in slot.covered_codes)
        ]

    @cached_property
    def _directions(self) -> dict[str, str]:
        return dict(self.facts.edition.frame("select kpi_id, direction from dim_kpi").rows())

    @cached_property
    def stocks(self) -> set[str]:
        """KPIs that stand at a period's end, so that nothing of them adds up over a year."""
        return set(self.facts.edition.frame("select kpi_id from dim_kpi where basis = 'stock'")["kpi_id"])


def question_of(one: Figure) -> Question:
    """What is asked, whoever asks it. The figure has a target."""
    if one.target is None:
        raise ValueError(f"nothing is asked of {one.kpi.kpi_id}")
    return (one.kpi.kpi_id, one.target.operator, one.target.value_1, one.target.value_2, one.target.binding)


def answers(figures: Iterable[Figure]) -> Answers:
    """Figures with a target, those of documents that ask the same as one."""
    found: Answers = {}
    for one in figures:
        if one.target is None:
            continue
        question = question_of(one)
        known = found.get(question)
        if known is None:
            found[question] = Asked(one, (one.target.target_id,))
        else:
            figure = min(known.figure, one, key=lambda figure: STATES.index(figure.state))
            found[question] = Asked(figure, (*known.clauses, one.target.target_id))
    return found


def states(found: Answers) -> Counter[str]:
    return Counter(answer.figure.state for answer in found.values())


def _once(flags: Iterable[Flag]) -> list[Flag]:
    known: dict[tuple[str, Question], Flag] = {}
    for flag in flags:
        known.setdefault((flag.judgement.unit_key, question_of(flag.judgement)), flag)
    return list(known.values())


def _overlap(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _no_unit(code: str, county: str) -> NoSuchPage:
    return NoSuchPage(
        Words("本版次没有这个单位", "This edition has no such unit"),
        where="unit",
        expected=Words(f"{county} 或其街道（镇）代码", f"{county} or the code of one of its streets"),
        found=Words(code, code),
        advice=Words("在 dim_unit 中查看单位代码", "look the code up in dim_unit"),
    )


def _no_parts(unit: Unit) -> NoSuchPage:
    return NoSuchPage(
        Words("该单位没有下级单位可通报", "There are no units right below this one to report on"),
        where=unit.code,
        expected=Words("县，或街道（镇）", "a county, a street or a town"),
        found=Words(unit.level, unit.level),
        advice=Words("改用其上级单位代码", "give the code of the unit above it"),
    )
