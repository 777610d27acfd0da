"""The tables and charts of a bulletin, made from a survey.

Belongs here: which figures stand in which column. Sentences stand in `chapters.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby

from dashboards import tell
from dashboards.bulletin import phrases
from dashboards.bulletin.parts import Cell, Chart, Series, Table
from dashboards.bulletin.phrases import ZH
from dashboards.bulletin.ranking import place_text
from dashboards.bulletin.survey import Answers, Asked, Question, Survey, question_of
from dashboards.format import short_name
from dashboards.records import Delivery, Figure, Flag, Judgement, Period
from dashboards.words import AGENCIES, STATES, name_of, period_short

LISTED = 12  # units that a table lists whole; of more the text has only those that do not meet the target
MAIN_OF_DOMAIN = 2  # indicators of a domain that the text shows


class Tables:
    """Tables over a survey; without ranking units stand in the order of their codes and have no place."""

    def __init__(self, survey: Survey, *, is_ranked: bool) -> None:
        self.survey, self.is_ranked = survey, is_ranked
        self.label = survey.period.label.zh

    def own_table(self, title: str, name: str, own: Answers) -> Table:
        survey = self.survey
        then, year, to_date = (survey.own_in(period) for period in (survey.before, survey.year_ago, survey.to_date))
        table = Table(
            name, title,
            ("指标", "目标", "应", "已", "完成值", "环比", "同比", "本年累计", "结论"),
            (26, 13, 18, 18, 14, 10, 10, 14, 13),
            tuple(
                (
                    one.figure.kpi.name.zh, phrases.target(one.figure), phrases.due_cell(one.figure), phrases.done_cell(one.figure),
                    phrases.amount(one.figure), phrases.change(one, then.get(question)), phrases.change(one, year.get(question)),
                    "–" if one.figure.kpi.kpi_id in survey.stocks else phrases.amount_of(to_date.get(question)),
                    phrases.state(one.figure),
                )
                for question, one in own.items()
            ),
        )  # fmt: skip
        absent = [head for head, known in (("环比", then), ("同比", year), ("本年累计", to_date)) if not known]
        return table.without(*absent)

    def domain_table(self) -> Table:
        """The unit's own judgements by domain, with the shares met before and a year ago."""
        survey = self.survey
        now, then, year = (_states_by_domain(survey.own_in(period)) for period in (survey.period, survey.before, survey.year_ago))
        rows = [(phrases.domain(domain), domain) for domain in now] + [("合计", None)]
        table = Table(
            "领域", f"{survey.unit.name}{self.label}分领域达标情况",
            ("领域", "应达标", "已达标", "达标率", "环比", "同比", "未达标", "接近", "无法判定", "缺数据"),
            (22, 13, 13, 14, 11, 11, 13, 11, 15, 13),
            tuple(
                (
                    name, phrases.due(own), own["met"], phrases.share_met(own), phrases.share_change(own, _of(then, domain)),
                    phrases.share_change(own, _of(year, domain)),
                    *(own[state] for state in ("missed", "near", "undetermined", "no_data")),
                )
                for name, domain in rows
                if phrases.due(own := _of(now, domain))
            ),
        )  # fmt: skip
        return table.without(*(head for head, known in (("环比", then), ("同比", year)) if not known))

    def score_table(self) -> Table:
        scores = self.survey.scores
        keys = [key for key, score in scores.items() if score.due]
        if self.is_ranked:
            keys.sort(key=lambda key: (scores[key].place or (0, 0), self.survey.parts[key].code))
        table = Table(
            "各单位综合", f"{self.label}各单位指标达标情况",
            ("单位", "应达标", "已达标", "达标率", "位次", "未达标", "接近", "无法判定", "缺数据"),
            (24, 12, 12, 13, 11, 12, 10, 13, 12),
            tuple(
                (
                    short_name(self.survey.parts[key].name), scores[key].due, scores[key].met,
                    phrases.share(scores[key].met, scores[key].due), place_text(scores[key].place),
                    *(scores[key].states[state] for state in ("missed", "near", "undetermined", "no_data")),
                )
                for key in keys
            ),
        )  # fmt: skip
        return table if self.is_ranked else table.without("位次")

    def question_table(self, question: Question) -> Table:
        """The units asked; of many only those that do not meet the target, the rest being in the annex."""
        answers, ranks = self.survey.of_question(question), self.survey.ranks(question)
        keys = [key for key, one in answers.items() if len(answers) <= LISTED or one.figure.state != "met"]
        if self.is_ranked:
            keys.sort(key=lambda key: (ranks.get(key, (len(answers) + 1,) * 2), self.survey.parts[key].code))
        kpi = self.survey.questions[question]
        table = Table(
            kpi.name.zh, f"{self.label}各单位{kpi.name.zh}",
            ("单位", "应", "已", "完成值", "位次", "差距", "结论"),
            (20, 16, 18, 16, 11, 20, 15),
            tuple(
                (
                    short_name(self.survey.parts[key].name), phrases.due_cell(one.figure), phrases.done_cell(one.figure),
                    phrases.amount(one.figure), place_text(ranks.get(key)), tell.shortfall_brief(one.figure, ZH) or "–",
                    phrases.state(one.figure),
                )
                for key, one in ((key, answers[key]) for key in keys)
            ),
        )  # fmt: skip
        return table if self.is_ranked else table.without("位次")

    def matrix(self) -> Table:
        """Questions × the unit and its parts."""
        parts = self.survey.parts
        return Table(
            "完成值", f"{self.label}各单位各指标完成值",
            ("指标", "目标", phrases.whole(self.survey.unit.name), *(short_name(unit.name) for unit in parts.values())),
            (40, 17, *(17 for _ in range(1 + len(parts)))),
            tuple(self._matrix_row(question) for question in self.survey.questions),
        )  # fmt: skip

    def _matrix_row(self, question: Question) -> tuple[Cell, ...]:
        own, of_parts = self.survey.own.get(question), self.survey.of_question(question)
        asked = next(filter(None, (own, *of_parts.values())))
        values = (own, *map(of_parts.get, self.survey.parts))
        return (self.survey.questions[question].name.zh, phrases.target(asked.figure), *map(phrases.marked, values))

    def problem_table(self) -> Table:
        """One row per question that somebody misses or nearly does, naming all of these."""
        groups: dict[Question, list[Flag]] = {}
        for flag in self.survey.flags:
            groups.setdefault(question_of(flag.judgement), []).append(flag)
        return Table(
            "未达标情况", f"{self.label}未达标和接近目标情况",
            ("指标", "目标", "依据", "责任部门", "未达标/应评", "单位（差距，连续期数）"),
            (34, 15, 24, 13, 11, 160),
            tuple(
                (
                    self.survey.questions[question].name.zh, phrases.target(flags[0].judgement), self.clauses_brief(flags[0].judgement),
                    name_of(AGENCIES, flags[0].owner_agency, ZH),
                    f"{sum(flag.judgement.state == 'missed' for flag in flags)}/{len(self.survey.of_question(question))}",
                    "、".join(self._told_flag(flag) for flag in self.worst_first(flags)),
                )
                for question in self.survey.questions
                if (flags := groups.get(question))
            ),
            note=f"≈ 为接近目标，? 为结论无法判定，其余为未达标。{self._documents_told()}",
        )  # fmt: skip

    def _told_flag(self, flag: Flag) -> str:
        one = flag.judgement
        mark = phrases.MARKS[one.state] if one.state != "missed" else ""
        told = "，".join(filter(None, (phrases.gap(one), f"{flag.in_a_row}期")))
        return f"{short_name(self.survey.parts[one.unit_key].name)}{mark}（{told}）"

    def worst_first(self, flags: Sequence[Flag]) -> list[Flag]:
        """Flags of one question by place, of counts by what is missing; by code where nobody is to be ranked."""
        if not self.is_ranked:
            return sorted(flags, key=lambda flag: flag.judgement.unit_code)
        ranks = self.survey.ranks(question_of(flags[0].judgement))

        def gravity(flag: Flag) -> tuple[int, Decimal]:
            best, last = ranks.get(flag.judgement.unit_key, (0, 0))
            return -(best + last), -(flag.judgement.shortfall or Decimal(0))

        return sorted(flags, key=gravity)

    def flag_table(self) -> Table:
        flags = sorted(self.survey.flags, key=lambda flag: flag.judgement.unit_code)  # stable: in a unit as on the page
        return Table(
            "未达标清单", f"{self.label}未达标和接近目标清单",
            ("单位", "指标", "完成值", "目标", "差距", "自何期", "连续期数", "结论", "依据", "责任部门"),
            (16, 34, 16, 16, 18, 11, 11, 24, 18, 12),
            tuple(
                (
                    short_name(self.survey.parts[flag.judgement.unit_key].name), flag.judgement.kpi.name.zh,
                    phrases.amount(flag.judgement), phrases.target(flag.judgement), tell.shortfall_brief(flag.judgement, ZH) or "–",
                    period_short(self.survey.period.period_type, flag.since), flag.in_a_row, tell.status(flag.judgement, ZH),
                    self.clauses_brief(flag.judgement), name_of(AGENCIES, flag.owner_agency, ZH),
                )
                for flag in flags
            ),
            note=self._documents_told(),
        )  # fmt: skip

    def _documents_told(self) -> str:
        """The documents of the list, by the letter that stands for them."""
        goals = [flag.judgement.target for flag in self.survey.flags if flag.judgement.target]
        documents = dict(sorted({goal.pack: tell.document(goal, ZH) for goal in goals}.items()))
        return f"依据代号：{'；'.join(f'{pack} {name}' for pack, name in documents.items())}。"

    def untargeted_table(self) -> Table:
        then, to_date = (
            {one.kpi.kpi_id: one for one in self._figures_in(period)} for period in (self.survey.before, self.survey.to_date)
        )
        table = Table(
            "未设目标", f"{self.survey.unit.name}{self.label}未设目标或不适用的指标",
            ("领域", "指标", "应", "已", "本期", "上期", "本年累计", "状态"),
            (16, 36, 15, 15, 20, 20, 20, 12),
            tuple(
                (
                    phrases.domain(one.kpi.domain), one.kpi.name.zh, phrases.due_cell(one), phrases.done_cell(one), phrases.amount(one),
                    phrases.figure_amount(then.get(one.kpi.kpi_id)),
                    "–" if one.kpi.kpi_id in self.survey.stocks else phrases.figure_amount(to_date.get(one.kpi.kpi_id)),
                    phrases.state(one),
                )
                for one in self.survey.untargeted
            ),
        )  # fmt: skip
        return table.without(*(head for head, known in (("上期", then), ("本年累计", to_date)) if not known))

    def _figures_in(self, period: Period | None) -> Iterable[Figure]:
        if period is None:
            return ()
        found = self.survey.facts.judgements_of(self.survey.unit.key, period.period_type)
        return (one for one in found if one.period == period.first)

    def supplier_table(self) -> Table:
        suppliers: dict[str, list[Delivery]] = {}
        for slot in self.survey.deliveries:
            suppliers.setdefault(slot.supplier_name, []).append(slot)
        return Table(
            "供数单位", f"{self.label}数据报送情况",
            ("供数单位", "应报", "按时", "迟报", "未报", "拒收", "读取行", "采用", "隔离"),
            (36, 9, 9, 9, 9, 9, 14, 14, 11),
            tuple(phrases.supplier_row(name, slots) for name, slots in suppliers.items()),
        )  # fmt: skip

    def dataset_table(self) -> Table:
        by_dataset = groupby(sorted(self.survey.deliveries, key=lambda slot: slot.dataset), key=lambda slot: slot.dataset)
        return Table(
            "数据情况", f"{self.label}数据报送和核验情况",
            ("数据集", "应报", "按时", "迟报", "未报", "拒收", "读取行", "采用", "隔离", "重复", "跳过"),
            (28, 9, 9, 9, 9, 9, 14, 14, 11, 11, 11),
            tuple(phrases.dataset_row(dataset, list(slots)) for dataset, slots in by_dataset),
            note="读取 = 采用 + 隔离 + 重复 + 跳过。涉及范围与本单位有交集的供数单位的整份报送。",
        )  # fmt: skip

    def detail_table(self) -> Table:
        """One row per question and unit."""
        rows = []
        for question, kpi in self.survey.questions.items():
            ranks = self.survey.ranks(question)
            for key, one in self.survey.of_question(question).items():
                unit = self.survey.parts[key]
                rows.append(
                    (
                        phrases.domain(kpi.domain), kpi.name.zh, unit.code, unit.name, phrases.due_cell(one.figure), phrases.done_cell(one.figure),
                        phrases.amount(one.figure), phrases.target(one.figure), place_text(ranks.get(key)),
                        tell.shortfall_brief(one.figure, ZH) or "–", tell.status(one.figure, ZH), tell.bounds(one.figure, ZH),
                        self.clauses(one),
                    )
                )  # fmt: skip
        table = Table(
            "各单位指标", f"{self.label}各单位各指标完成情况",
            ("领域", "指标", "单位代码", "单位", "应", "已", "完成值", "目标", "位次", "差距", "结论", "可能范围", "依据"),
            (12, 30, 14, 18, 13, 13, 14, 14, 8, 16, 20, 16, 40),
            tuple(rows),
        )  # fmt: skip
        return table if self.is_ranked else table.without("位次")

    def sheets(self) -> Iterator[Table]:
        """Everything, figure by figure: what the paper sums up or leaves out stands here."""
        yield self.own_table(f"{self.survey.unit.name}{self.label}有目标的指标", "指标", self.survey.own)
        yield self.domain_table()
        yield self.score_table()
        yield self.detail_table()
        yield self.flag_table()
        yield self.untargeted_table()
        yield self.dataset_table()

    def main_answers(self) -> Answers:
        """The unit's own answers that a leader sees first: of each domain those that it misses, by how many parts miss them."""

        def weight(item: tuple[Question, Asked]) -> tuple[bool, int]:
            question, answer = item
            missed = sum(one.figure.state == "missed" for one in self.survey.of_question(question).values())
            return answer.figure.state != "missed", -missed

        chosen = {
            question
            for _, own in phrases.by_domain(self.survey.own)
            for question, _ in sorted(own.items(), key=weight)[:MAIN_OF_DOMAIN]
        }
        return {question: one for question, one in self.survey.own.items() if question in chosen}

    def clauses(self, one: Asked) -> str:
        targets = [self.survey.facts.targets[target_id] for target_id in one.clauses]
        return "、".join(dict.fromkeys(phrases.clause(goal) for goal in targets))

    def clauses_of(self, one: Judgement) -> str:
        return self.clauses(self._answer(one))

    def clauses_brief(self, one: Judgement) -> str:
        targets = [self.survey.facts.targets[target_id] for target_id in self._answer(one).clauses]
        return "、".join(dict.fromkeys(tell.clause_brief(goal) for goal in targets))

    def _answer(self, one: Judgement) -> Asked:
        return self.survey.of_parts.get(one.unit_key, self.survey.own)[question_of(one)]

    def chart_of_parts(self) -> Chart:
        scores = self.survey.scores
        return Chart(
            f"{self.label}各单位结论（条）",
            tuple(short_name(unit.name) for unit in self.survey.parts.values()),
            tuple(
                Series(word, STATES[state].fill, STATES[state].ink, tuple(scores[key].states[state] for key in self.survey.parts))
                for state, word in phrases.shown(scores[key].states for key in self.survey.parts)
            ),
            is_upright=False,
        )

    def chart_of_periods(self) -> Chart:
        history = self.survey.history
        return Chart(
            f"{self.survey.unit.name}各期结论（条）",
            tuple(period_short(period.period_type, period.first) for period in history),
            tuple(
                Series(word, STATES[state].fill, STATES[state].ink, tuple(counts[state] for counts in history.values()))
                for state, word in phrases.shown(history.values())
            ),
            is_upright=True,
        )


def _states_by_domain(own: Answers) -> dict[str, Counter[str]]:
    return {domain: phrases.counted(found) for domain, found in phrases.by_domain(own)}


def _of(counts: dict[str, Counter[str]], domain: str | None) -> Counter[str]:
    """Those of a domain, or of all."""
    return sum(counts.values(), Counter()) if domain is None else counts.get(domain, Counter())
