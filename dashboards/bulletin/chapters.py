"""The text of a bulletin: what a leader signs, chapter by chapter, and the annexes with all the rest.

Belongs here: which sentences and tables stand where, and in which order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from dashboards.bulletin import phrases
from dashboards.bulletin.parts import NUMERALS, Block, Bulletin, Chapter, Heading, Paragraph
from dashboards.bulletin.phrases import ZH
from dashboards.bulletin.survey import Question, Survey, question_of
from dashboards.bulletin.tables import LISTED, Tables
from dashboards.deliveries import needs_attention
from dashboards.format import short_name
from dashboards.records import Flag
from dashboards.standing import LONG, standing
from dashboards.summary import overall
from dashboards.words import AGENCIES, day, name_of, period_short
from pipelines.settings import add_months

TOLD_UNITS = 5  # units that a problem names
TOLD_PROBLEMS = 2  # problems of a domain that are told; the list in the annex has all
TOLD_KPIS = 3  # indicators that have a table of units in the text
PART_WORDS = {"street": "街道（镇）", "community": "社区（村）"}
VALUES, MISSED, DATA = "各单位各指标完成值", "未达标和接近目标清单", "数据情况和说明"  # annexes
SHEETS = "附表（Excel）"
NUMBER = "×××〔{year}〕×号"  # until one is given
CHANGES = "环比、同比为与上期、上年同期完成值之差，比率以百分点计，按未修约数计算。"

MARKS_HELP = "格中为完成值；✕ 未达标，≈ 接近，? 无法判定，无标记为达标；∅ 缺数据，◷ 未到期，– 不适用，空白为无此项要求。"


@dataclass(frozen=True)
class Letterhead:
    """What the office that issues a bulletin sets; what is not set is left to be filled in, as drafts do."""

    office: str = "×××"
    number: str | None = None
    signed: date | None = None
    is_ranked: bool = True


def compose(survey: Survey, head: Letterhead) -> Bulletin:
    """The bulletin of a unit and period."""
    return _Writer(survey, head).bulletin()


class _Writer:
    def __init__(self, survey: Survey, head: Letterhead) -> None:
        self.survey, self.head = survey, head
        self.tables = Tables(survey, is_ranked=head.is_ranked)
        self.info = survey.facts.edition.info
        self.whole = phrases.whole(survey.unit.name)
        self.of_parts = f"{len(survey.parts)}个{PART_WORDS[survey.level]}"
        self.label = survey.period.label.zh
        self.signed = head.signed or self.info.as_of_date
        # Values of more units than a table takes are for looking up, not for paper.
        self.annexes = (VALUES, MISSED, DATA) if len(survey.parts) <= LISTED else (MISSED, DATA)

    def bulletin(self) -> Bulletin:
        survey, name = self.survey, self.survey.unit.name
        charts = tuple(
            chart for chart in (self.tables.chart_of_parts(), self.tables.chart_of_periods()) if chart.series
        )
        return Bulletin(
            title=(f"关于{name}{self.label}", "社区治理指标完成情况的通报"),
            office=self.head.office,
            number=(self.head.number or NUMBER).format(year=self.signed.year, month=survey.period.end.month),
            addressees="各街道办事处、镇人民政府，县级有关部门：" if survey.level == "street" else "各社区居民委员会、村民委员会：",
            opening=(
                f"现将{name}{self.label}社区治理指标完成情况通报如下。数据以各部门报送、经核验采用的记录为准，"
                f"判定日为{day(self.info.as_of_date, ZH)}。{self._not_closed()}"
            ),
            chapters=(
                Chapter("基本情况", (*self._summary(), *charts, *self._domains())),
                Chapter("各单位完成情况", tuple(self._parts())),
                Chapter("存在问题", tuple(self._problems())),
                Chapter("下步要求", tuple(self._demands())),
            ),
            annexes=tuple(self._annexes()),
            signed=self.signed,
            sheets=tuple(self.tables.sheets()),
            charts=charts,
            about=self._about(),
            is_sample=self.info.is_sample,
            stem="_".join(
                [name, "社区治理指标通报", period_short(survey.period.period_type, survey.period.first), self.info.edition_id]
                + (["示例数据"] if self.info.is_sample else [])
            ),
        )

    def _not_closed(self) -> str:
        if self.survey.period.is_closed:
            return ""
        return f"本期数据截止日为{day(self.survey.period.cutoff, ZH)}，尚未截止，结果只供参考。"

    def _summary(self) -> Iterator[Block]:
        survey = self.survey
        yield Heading("总体情况")
        own = phrases.counted(survey.own)
        untargeted = len({one.kpi.kpi_id for one in survey.untargeted} - {one.figure.kpi.kpi_id for one in survey.own.values()})
        yield Paragraph(
            f"本期{self.whole}有目标的结论{phrases.due(own)}条，其中{phrases.told(own)}。另有{untargeted}项指标未设目标或不适用，"
            f"数值见{SHEETS}。"
        )
        counted = Counter(phrases.worst(score.states) for score in survey.scores.values())
        told = [
            (counted["missed"] + counted["near"], "有指标未达标"),
            (counted["undetermined"], "没有已确认的未达标，但有结论无法判定"),
            (counted["no_data"], "缺数据"),
            (counted["met"], "全部达标"),
        ]
        stand = "，".join(f"{count}个{what}" for count, what in told if count)
        yield Paragraph(f"{self.of_parts}中，{stand or '没有可评价的单位'}。{self._communities()}")
        yield Paragraph(self._movement())

    def _communities(self) -> str:
        """Of a county also how its communities stand, as the overview page says it."""
        if self.survey.level == "community":
            return ""
        facts, period = self.survey.facts, self.survey.period
        level = overall(standing(facts, period, "community"), self.survey.units)
        if not level.total:
            return ""
        return f"{level.total}个社区（村）中，{level.units['missed'] + level.units['near']}个有指标未达标。"

    def _movement(self) -> str:
        flags, before = self.survey.flags, self.survey.before
        missed = [flag for flag in flags if flag.judgement.state == "missed"]
        lasting = sum(flag.in_a_row >= LONG for flag in missed)
        held = f"{PART_WORDS[self.survey.level]}层面已确认未达标{len(missed)}条，其中连续{LONG}期以上{lasting}条"
        if before is None:
            return f"{held}。本版次没有上期数据，未列环比。"
        moved = Counter(flag.movement for flag in flags)
        return (
            f"{held}；与{before.label.zh}相比，新出现{moved['new']}条，恶化{moved['worsening']}条，好转{moved['improving']}条。"
        )

    def _domains(self) -> Iterator[Block]:
        survey = self.survey
        yield Heading("分领域情况")
        absent = "" if survey.year_ago else "上年同期没有数据，未列同比。"
        yield Paragraph(f"应达标为有目标的结论数，已达标只计已确认达标的结论。{CHANGES}{absent}")
        yield self.tables.domain_table()
        yield Heading("主要指标")
        yield Paragraph(
            f"应、已为指标的分母、分子。各领域未达标单位最多的指标完成情况如下，其余见{self._where(VALUES)}，环比、同比、累计见{SHEETS}。"
        )
        yield self.tables.own_table(f"{survey.unit.name}{self.label}主要指标完成情况", "主要指标", self.tables.main_answers())

    def _parts(self) -> Iterator[Block]:
        yield Heading("综合完成情况")
        how = (
            "位次按达标率由高到低；存疑或缺报的数据可能改变位次的，给出可能的位次范围。"
            if self.head.is_ranked
            else "各单位按区划代码排列，不排位次。"
        )
        yield Paragraph(
            f"{how}各指标完成值见{self._where(VALUES)}。"
        )
        yield self.tables.score_table()
        chosen = self._key_questions()
        if chosen:
            yield Heading("未达标单位较多的指标")
        for place, question in enumerate(chosen, start=1):
            kpi, answers = self.survey.questions[question], self.survey.of_question(question)
            missed = sum(one.figure.state == "missed" for one in answers.values())
            any_ = next(iter(answers.values()))
            rest = "下表只列未达标的和尚不能认定达标的。" if len(answers) > LISTED else ""
            yield Paragraph(
                f"目标{phrases.goal(any_.figure)}，依据{self.tables.clauses(any_)}。"
                f"{len(answers)}个单位中{missed}个未达标。{rest}",
                lead=f"{place}.{kpi.name.zh}。",
            )
            yield self.tables.question_table(question)

    def _key_questions(self) -> list[Question]:
        """Rates that most units miss: those the whole unit misses too first, then as the catalogue has them."""
        survey = self.survey

        def weight(question: Question) -> tuple[bool, int]:
            answer = survey.own.get(question)
            missed = sum(one.figure.state == "missed" for one in survey.of_question(question).values())
            return answer is None or answer.figure.state != "missed", -missed

        rates = [
            question
            for question, kpi in survey.questions.items()
            if kpi.kind != "count" and any(one.figure.state == "missed" for one in survey.of_question(question).values())
        ]
        best: dict[str, Question] = {}
        for question in sorted(rates, key=weight):
            best.setdefault(self.survey.questions[question].domain, question)  # one of each domain: a leader sees all
        return sorted(best.values(), key=weight)[:TOLD_KPIS]

    def _problems(self) -> Iterator[Block]:
        missed = [flag for flag in self.survey.flags if flag.judgement.state == "missed"]
        only_own = [
            flag
            for flag in self.survey.own_flags
            if flag.judgement.state == "missed" and not self.survey.of_question(question_of(flag.judgement))
        ]
        domains = [domain for domain in self.survey.facts.domains if any(phrases.is_in(flag, domain) for flag in [*missed, *only_own])]
        if not domains:
            yield Paragraph("本期没有已确认的未达标指标。")
        for domain in domains:
            yield Heading(f"{phrases.domain(domain)}领域")
            yield from self._problems_of(
                [flag for flag in missed if phrases.is_in(flag, domain)], [flag for flag in only_own if phrases.is_in(flag, domain)]
            )
        yield Heading("无法判定的结论")
        yield Paragraph(self._undetermined())
        yield Heading("数据报送")
        yield Paragraph(self._delivery_problems())

    def _problems_of(self, missed: Sequence[Flag], only_own: Sequence[Flag]) -> Iterator[Paragraph]:
        groups: dict[Question, list[Flag]] = {}
        for flag in missed:
            groups.setdefault(question_of(flag.judgement), []).append(flag)
        told = sorted(groups.values(), key=lambda flags: -len(flags))  # in the order of the list where equally many
        for place, flags in enumerate(told[:TOLD_PROBLEMS], start=1):
            yield self._problem(place, self.tables.worst_first(flags))
        more = len(told) - TOLD_PROBLEMS
        if more > 0:
            names = "、".join(dict.fromkeys(flags[0].judgement.kpi.name.zh for flags in told[TOLD_PROBLEMS:]))
            yield Paragraph(f"此外，{names}等{more}项要求也有单位未达标，见{self._where(MISSED)}。")
        if only_own:
            told_own = "；".join(
                f"{flag.judgement.kpi.name.zh}{phrases.value(flag.judgement)}（目标{phrases.goal(flag.judgement)}，"
                f"{self.tables.clauses_of(flag.judgement)}）"
                for flag in only_own
            )
            yield Paragraph(f"{self.whole}层面未达标：{told_own}。")

    def _problem(self, place: int, flags: Sequence[Flag]) -> Paragraph:
        one = flags[0].judgement
        answer = self.survey.of_parts[one.unit_key][question_of(one)]
        asked = len(self.survey.of_question(question_of(one)))
        named = "、".join(
            f"{short_name(self.survey.parts[flag.judgement.unit_key].name)}{phrases.value(flag.judgement)}"
            f"{phrases.bracketed(phrases.gap(flag.judgement))}"
            for flag in flags[:TOLD_UNITS]
        )
        rest = f"等{len(flags)}个单位" if len(flags) > TOLD_UNITS else ""
        lasting = sum(flag.in_a_row >= LONG for flag in flags)
        held = f"，其中{lasting}个已连续{LONG}期以上" if lasting else ""
        return Paragraph(
            f"目标{phrases.goal(one)}，依据{self.tables.clauses(answer)}。{asked}个单位中{len(flags)}个未达标{held}："
            f"{named}{rest}。",
            lead=f"{place}.{one.kpi.name.zh}未达标。",
        )

    def _undetermined(self) -> str:
        open_: dict[Question, list[str]] = {}
        for key, answers in self.survey.of_parts.items():
            for question, one in answers.items():
                if one.figure.state == "undetermined":
                    open_.setdefault(question, []).append(short_name(self.survey.parts[key].name))
        if not open_:
            return "没有因存疑数据而无法判定的结论。"
        told = "；".join(f"{self.survey.questions[question].name.zh}（{'、'.join(units)}）" for question, units in open_.items())
        return f"下列结论因有存疑数据，无论列为达标或未达标都可能被推翻，本期不列入未达标，待核实后认定：{told}。"

    def _delivery_problems(self) -> str:
        slots = self.survey.deliveries
        counted = Counter(slot.status for slot in slots)
        due = len(slots) - counted["not_due"]
        quarantined = sum(slot.quarantined for slot in slots)
        told = (
            f"应报数据{due}份，按时{counted['on_time']}份，迟报{counted['late']}份，未报{counted['missing']}份，"
            f"拒收{counted['refused']}份；读取{sum(slot.read for slot in slots):,}行，隔离{quarantined:,}行。"
        )
        bad = "；".join(phrases.slot(slot) for slot in slots if slot.status in ("missing", "refused"))
        return f"{told}{f'未报或拒收的是：{bad}。' if bad else ''}"

    def _demands(self) -> Iterator[Block]:
        cutoff, due = self._next(self.survey.period.cutoff), self._next_due()
        owners = Counter(name_of(AGENCIES, flag.owner_agency, ZH) for flag in self.survey.flags if flag.judgement.state == "missed")
        shared = "、".join(f"{owner}部门（{count}条）" for owner, count in owners.most_common())
        bad = sorted({slot.supplier_name for slot in self.survey.deliveries if slot.status in ("missing", "refused")})
        demands = [
            (
                "限期整改。",
                f"未达标单位对照{self._where(MISSED)}逐项制定整改措施，于{day(cutoff, ZH)}前完成整改并报送情况；"
                f"责任部门按职责督促落实：{shared}。",
            )
            if owners
            else ("巩固成效。", "各单位保持现有工作力度，防止指标回落。"),
            ("补报数据。", f"{'、'.join(bad)}于{day(due, ZH)}前补报未报或被拒收的数据。") if bad else None,
            (
                "核实存疑数据。",
                f"各供数单位对隔离的记录逐条核实、更正，于{day(due, ZH)}前重新报送；核实前有关结论按无法判定处理。",
            )
            if any(slot.quarantined for slot in self.survey.deliveries)
            else None,
            ("按期报送。", f"下一次数据报送于{day(due, ZH)}前完成，{day(cutoff, ZH)}截止，逾期结果不计入当期。"),
        ]
        for place, (lead, text) in enumerate(filter(None, demands), start=1):
            yield Paragraph(text, lead=f"（{NUMERALS[place - 1]}）{lead}")

    def _next(self, known: date) -> date:
        """The same day of the first month in which it lies after the day of signing."""
        months = 0
        while add_months(known, months).replace(day=known.day) <= self.signed:
            months += 1
        return add_months(known, months).replace(day=known.day)

    def _next_due(self) -> date:
        known = [slot.due for slot in self.survey.deliveries if slot.due]
        return self._next(max(known)) if known else self._next(self.survey.period.cutoff)

    def _annexes(self) -> Iterator[Chapter]:
        if VALUES in self.annexes:
            yield Chapter(VALUES, (Paragraph(MARKS_HELP), self.tables.matrix()))
        yield Chapter(MISSED, (self.tables.problem_table(),))
        yield Chapter(DATA, (self.tables.supplier_table(), *self._explanations()))

    def _where(self, annex: str) -> str:
        return f"附件{self.annexes.index(annex) + 1}" if annex in self.annexes else SHEETS

    def _explanations(self) -> Iterator[Block]:
        remarks = [phrases.slot(slot) for slot in self.survey.deliveries if needs_attention(slot) and slot.status != "not_due"]
        if remarks:
            yield Paragraph(f"{'；'.join(remarks)}。", lead="需注意的报送：")
        yield Paragraph(
            "被隔离的记录和未报的数据可能使结果变动，通报逐项给出可能的上下界；上下界跨过目标的，结论为“无法判定”，"
            "既不作为达标，也不作为未达标。印出的数值只在精确值也越过目标时才越过目标。",
            lead="无法判定：",
        )
        yield Paragraph(
            "与本通报同名，列有各单位各指标的应、已、完成值、目标、差距、可能范围和依据，全部指标的环比、同比、累计，未设目标的指标，"
            "以及各数据集报送和核验情况。",
            lead=f"{SHEETS}：",
        )
        sample = "本通报为示例数据，数字由程序生成，不反映任何真实单位。" if self.info.is_sample else ""
        yield Paragraph(f"{'；'.join(f'{name} {text}' for name, text in self._about())}。{sample}", lead="数据版次：")

    def _about(self) -> tuple[tuple[str, str], ...]:
        return (
            ("版次", self.info.edition_id),
            ("判定日", day(self.info.as_of_date, ZH)),
            ("程序版本", self.info.code_version),
            ("内容摘要", self.info.content_hash[:16]),
        )
