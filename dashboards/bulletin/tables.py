"""The tables and charts of a bulletin, made from a survey.

Belongs here: which figures stand in which column. Sentences stand in `chapters.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from dashboards import tell
from dashboards.bulletin import phrases
from dashboards.bulletin.parts import Chart, Series, Table
from dashboards.bulletin.phrases import ZH
from dashboards.bulletin.ranking import place_text
from dashboards.bulletin.survey import Answers, Asked, Question, Survey, question_of
from dashboards.format import short_name
from dashboards.records import Figure, Judgement, Period
from dashboards.words import AGENCIES, STATES, name_of, period_short

LISTED = 12  # units that a table in the text lists whole; of more only those that do not meet the target
ACROSS = 9  # units in one table of the annex


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
            (27, 14, 14, 14, 15, 11, 11, 15, 16),
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

    def matrices(self) -> Iterator[Table]:
        """Questions × units, so many units to a table as a page takes."""
        parts = list(self.survey.parts.values())
        groups = [parts[first : first + ACROSS] for first in range(0, len(parts), ACROSS)]
        for place, units in enumerate(groups, start=1):
            more = f"（{place}/{len(groups)}）" if len(groups) > 1 else ""
            yield Table(
                f"完成值{place}", f"{self.label}各单位各指标完成值{more}",
                ("指标", "目标", *(short_name(unit.name) for unit in units)),
                (34, 16, *(17 for _ in units)),
                tuple(
                    (
                        kpi.name.zh, phrases.target(next(iter(answered)).figure),
                        *(phrases.marked(self.survey.of_parts[unit.key].get(question)) for unit in units),
                    )
                    for question, kpi in self.survey.questions.items()
                    if (answered := self.survey.of_question(question).values())
                ),
            )  # fmt: skip

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
            note=f"依据代号：{'；'.join(f'{pack} {name}' for pack, name in self._documents().items())}。",
        )  # fmt: skip

    def _documents(self) -> dict[str, str]:
        """The documents of the list, by the letter that stands for them."""
        goals = [flag.judgement.target for flag in self.survey.flags if flag.judgement.target]
        return dict(sorted({goal.pack: tell.document(goal, ZH) for goal in goals}.items()))

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
        """Every table once; what the text divides by domain or by page stands together in Excel."""
        yield self.own_table(f"{self.survey.unit.name}{self.label}有目标的指标", "指标", self.survey.own)
        yield self.score_table()
        yield self.detail_table()
        yield self.flag_table()
        yield self.untargeted_table()
        yield self.dataset_table()

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
