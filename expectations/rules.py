"""The rules of a dataset, derived from its contract: one list that every consumer reads.

Belongs here: which rules a contract implies, their ids, severities and words in both languages, and for
rules inside one file the SQL condition that finds the failing rows. The Great Expectations suite
(`suite.py`), the verdicts (`runner.py`), asset checks and the data dictionary all start from these lists.
Does not belong here: running anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from expectations.contract import FINDINGS, Column, ColumnType, Contract, Severity
from expectations.sql_text import literal, literals, number, quoted_name

# The finding that is accepted in a sample county, whose composed people carry the unallotted prefix 999.
SAMPLE_ONLY_FINDING = "unallotted_prefix"

# Set beside the validated table by `repeated_keys_sql`: the rows that share their key with another row
# of the same file. Rules on keys read it; every other rule reads one row of the table alone.
REPEATED_KEYS = "repeated_keys"

READABLE_AS: dict[ColumnType, tuple[str, str]] = {
    "date": ("日期", "a date"),
    "timestamp": ("日期时间", "a date and time"),
    "integer": ("整数", "a whole number"),
    "decimal": ("数值", "a number"),
    "boolean": ("是或否", "yes or no"),
}

COMMUNITY_REGISTER = "civil_communities.code"


# --- what a rule demands of the table; each has one SQL condition here and one expectation in suite.py


@dataclass(frozen=True)
class NotNull:
    """The column has a value in every row."""

    column: str


@dataclass(frozen=True)
class IsNull:
    """The column is empty in every row: it holds text only where a cell could not be cast."""

    column: str


@dataclass(frozen=True)
class InSet:
    """The value is one of these; null is no failure."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class NotInSet:
    """The value is none of these; null is no failure."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class MatchesPattern:
    """The whole value matches the regular expression; null is no failure."""

    column: str
    pattern: str


@dataclass(frozen=True)
class Between:
    """The value lies in the closed range, null = open end; a null value is no failure."""

    column: str
    minimum: float | None
    maximum: float | None


@dataclass(frozen=True)
class NoRowWhere:
    """No row fulfils the SQL condition; a condition that is null is no failure."""

    condition: str


Check = NotNull | IsNull | InSet | NotInSet | MatchesPattern | Between | NoRowWhere


@dataclass(frozen=True)
class RuleText:
    """What a steward sees of a rule. `columns` are names of contract columns; is_acceptable: a row that breaks it can still be
    read, placed, added up and told from others, so that a steward may let it count with a reason."""

    id: str
    version: int
    severity: Severity
    columns: tuple[str, ...]
    zh: str
    en: str
    is_acceptable: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class RuleSpec(RuleText):
    """A rule inside one file.

    `check` says what is demanded, `failing_sql` is the boolean condition under which a row of the
    validated table fails (null = does not fail). Great Expectations evaluates the first, the verdicts
    come from the second, and the runner compares their counts.
    """

    check: Check
    failing_sql: str


_Rule = TypeVar("_Rule", bound=RuleText)
CrossFileKind = Literal["reference", "outside_supplier_area", "two_suppliers", "corrected_later", "contract"]


@dataclass(frozen=True)
class CrossFileRule(RuleText):
    """A rule across files, evaluated at each run.

    `failing_rows` is the contract's own query for kind `contract` and empty for the kinds derived here,
    whose query is the same for every dataset. `references` is `dataset.column` for kind `reference`; is_anywhere: a
    community of another county is not looked up.
    """

    kind: CrossFileKind
    reads: tuple[str, ...] = ()
    references: str | None = None
    is_anywhere: bool = False
    failing_rows: str = ""


def file_rules(contract: Contract, sample: bool) -> list[RuleSpec]:
    """Every rule that one file of the dataset is held to, in the order of its columns, then rows, then keys.

    In a sample county the unallotted prefix 999 is no finding. ValueError names an id that stands twice.
    """
    rules = [
        *(rule for column in contract.columns for rule in _column_rules(column, sample)),
        *_contract_rules(contract),
        *_key_rules(contract),
    ]
    _refuse_repeated_ids(contract, rules)
    return [_as_tuned(rule, contract) for rule in rules]


def cross_file_rules(contract: Contract) -> list[CrossFileRule]:
    """Every rule that rows of the dataset are held to across files, derived ones first."""
    rules = [*_derived_cross_file_rules(contract)]
    rules += [
        CrossFileRule(
            id=rule.id, version=rule.version, severity=rule.severity, columns=rule.columns, zh=rule.zh, en=rule.en,
            is_acceptable=rule.is_acceptable, kind="contract", reads=rule.reads, failing_rows=rule.failing_rows,
        )
        for rule in contract.cross_rules
    ]
    _refuse_repeated_ids(contract, rules)
    return [_as_tuned(rule, contract) for rule in rules]


def rule_catalogue(contract: Contract, sample: bool) -> list[RuleText]:
    """All rules of the dataset, inside files and across files: for asset checks and the data dictionary."""
    rules: list[RuleText] = [*file_rules(contract, sample), *cross_file_rules(contract)]
    _refuse_repeated_ids(contract, rules)
    return rules


def failing_sql(check: Check) -> str:
    """The SQL condition under which a row fails `check`; for DuckDB."""
    match check:
        case NotNull(column):
            return f"{quoted_name(column)} is null"
        case IsNull(column):
            return f"{quoted_name(column)} is not null"
        case InSet(column, values):
            return f"{quoted_name(column)} not in ({literals(values)})"
        case NotInSet(column, values):
            return f"{quoted_name(column)} in ({literals(values)})"
        case MatchesPattern(column, pattern):
            return f"not regexp_full_match({quoted_name(column)}, {literal(pattern)})"
        case Between(column, minimum, maximum):
            ends = []
            if minimum is not None:
                ends.append(f"{quoted_name(column)} < {number(minimum)}")
            if maximum is not None:
                ends.append(f"{quoted_name(column)} > {number(maximum)}")
            return " or ".join(ends)
        case NoRowWhere(condition):
            return condition


def repeated_keys_sql(contract: Contract, table: str) -> str:
    """A query for the rows whose key stands more than once in their file, with what is wrong about each.

    One row per such row: batch_id, row_number, is_conflicting (another row of the file has the same key
    and different content), is_repeat (an earlier row of the file has the same key and content).
    Content is every lake column but batch_id and row_number. Keys are grouped first, so that wide rows
    are compared only where a key repeats.
    """
    key = ", ".join(quoted_name(part) for part in contract.key)
    present = " and ".join(f"{quoted_name(part)} is not null" for part in contract.key)
    content = ", ".join(quoted_name(name) for name in _content_columns(contract))
    return f"""
with repeated as (
    select batch_id, {key} from {table} where {present} group by batch_id, {key} having count(*) > 1
),
candidates as (
    select delivered.* from {table} as delivered semi join repeated using (batch_id, {key})
),
contents as (
    select batch_id, {content}, min(row_number) as first_row, list(row_number) as row_numbers
    from candidates
    group by batch_id, {content}
),
compared as (
    select *, count(*) over (partition by batch_id, {key}) > 1 as is_conflicting from contents
),
unfolded as (
    select batch_id, first_row, unnest(row_numbers) as row_number, is_conflicting from compared
)
select batch_id, row_number, is_conflicting, row_number <> first_row as is_repeat from unfolded
"""


def _as_tuned(rule: _Rule, contract: Contract) -> _Rule:
    """The rule with the version and severity that tuning gave it; bounds and values stand in the contract's columns."""
    tuned = contract.tuned.get(rule.id)
    return rule if tuned is None else replace(rule, version=tuned.version, severity=tuned.severity)


# --- rules inside one file


def _column_rules(column: Column, sample: bool) -> Iterator[RuleSpec]:
    """The rules on one column's own cells."""
    if column.privacy != "none":
        yield from _finding_rules(column, sample)
        return
    if not column.is_nullable:
        yield _required(column)
    if column.keeps_text:
        yield _readable(column)
    if column.values:
        yield _known_value(column)
    if column.type == "code" and column.pattern is not None:
        yield _format(column, column.pattern)
    if column.minimum is not None or column.maximum is not None:
        yield _range(column)


def _required(column: Column) -> RuleSpec:
    check: Check = NotNull(column.stored_name)
    missing = failing_sql(check)
    if column.keeps_text:
        # a cell that could not be cast is not missing: `readable` reports it
        missing = f"{missing} and {quoted_name(column.text_name)} is null"
    missing = _unless_nullable(missing, column)
    if missing != failing_sql(check):
        check = NoRowWhere(missing)
    return _spec(
        f"{column.name}.required", "error", (column.name,),
        f"{column.title_zh}为空", f"{column.title_en}: missing", check,
    )


def _readable(column: Column) -> RuleSpec:
    zh, en = READABLE_AS[column.type]
    return _spec(
        f"{column.name}.readable", "error", (column.name,),
        f"{column.title_zh}无法识别，应为{zh}", f"{column.title_en}: cannot be read as {en}",
        IsNull(column.text_name),
    )


def _known_value(column: Column) -> RuleSpec:
    labels = "、".join(spellings[0] for spellings in column.values.values())
    return _spec(
        f"{column.name}.known_value", "error", (column.name,),
        f"{column.title_zh}不在规定取值（{labels}）之内",
        f"{column.title_en}: not one of {', '.join(column.values)}",
        InSet(column.stored_name, tuple(column.values)),
    )


def _format(column: Column, pattern: str) -> RuleSpec:
    zh = re.sub(r"\[0-9\]\{(\d+)\}", r"\1 位数字", pattern)
    en = re.sub(r"\[0-9\]\{(\d+)\}", r"\1 digits", pattern)
    return _spec(
        f"{column.name}.format", "error", (column.name,),
        f"{column.title_zh}格式不符，应为 {zh}", f"{column.title_en}: not of the form {en}",
        MatchesPattern(column.stored_name, pattern),
    )


def _range(column: Column) -> RuleSpec:
    low = "" if column.minimum is None else number(column.minimum)
    high = "" if column.maximum is None else number(column.maximum)
    zh = f"{low} 至 {high}" if low and high else f"不小于 {low}" if low else f"不大于 {high}"
    en = f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}"
    return _spec(
        f"{column.name}.range", "error", (column.name,),
        f"{column.title_zh}超出范围，应为 {zh}", f"{column.title_en}: outside the range, {en}",
        Between(column.stored_name, column.minimum, column.maximum),
    )


def _finding_rules(column: Column, sample: bool) -> Iterator[RuleSpec]:
    """One rule per finding of an identifying column; 'absent' is none where the cell may be empty."""
    for finding, (severity, zh, en) in FINDINGS[column.privacy].items():
        if finding == SAMPLE_ONLY_FINDING and sample:
            continue
        check: Check = NotInSet(column.check_name, (finding,))
        if finding == "absent":
            if column.is_nullable:
                continue
            zh, en = f"{column.title_zh}为空", f"{column.title_en}: missing"
            if column.nullable_when is not None:
                check = NoRowWhere(_unless_nullable(failing_sql(check), column))
        # People are told apart by their numbers, not by their names.
        is_acceptable = column.privacy == "name"
        yield _spec(f"{column.name}.{finding}", severity, (column.name,), zh, en, check, is_acceptable=is_acceptable)


def _contract_rules(contract: Contract) -> Iterator[RuleSpec]:
    for rule in contract.rules:
        check = NoRowWhere(rule.fails_when)
        yield RuleSpec(
            rule.id, rule.version, rule.severity, rule.columns, rule.zh, rule.en, check, failing_sql(check),
            is_acceptable=rule.is_acceptable)  # fmt: skip


def _key_rules(contract: Contract) -> Iterator[RuleSpec]:
    columns, zh, en = _key_words(contract)
    yield _spec(
        "key.unique", "error", columns,
        f"同一文件中主键（{zh}）相同而内容不同", f"the same key ({en}) stands in the file with different content",
        _not_in_repeated_keys("is_conflicting"),
    )
    yield _spec(
        "key.repeated", "duplicate", columns,
        f"与同一文件中前面的一行完全相同（主键：{zh}）", f"repeats an earlier row of the file (key: {en})",
        _not_in_repeated_keys("is_repeat"),
    )


def _not_in_repeated_keys(which: str) -> NoRowWhere:
    return NoRowWhere(
        f"(batch_id, row_number) in (select (batch_id, row_number) from {REPEATED_KEYS} where {which})"
    )


def _spec(
    id: str, severity: Severity, columns: tuple[str, ...], zh: str, en: str, check: Check, *, is_acceptable: bool = False
) -> RuleSpec:
    """A derived rule; all of these are version 1."""
    return RuleSpec(id, 1, severity, columns, zh, en, check, failing_sql(check), is_acceptable=is_acceptable)


# --- rules across files


def _derived_cross_file_rules(contract: Contract) -> Iterator[CrossFileRule]:
    communities = [column for column in contract.columns if column.references == COMMUNITY_REGISTER]
    for column in contract.columns:
        if column.references is not None:
            yield _reference(column, column.references)
    if communities:
        yield CrossFileRule(
            "outside_supplier_area", 1, "error", tuple(column.name for column in communities),
            "社区不在报送单位的管辖范围内", "the community is not in the area that the supplier covers",
            kind="outside_supplier_area",
        )
    columns, zh, en = _key_words(contract)
    yield CrossFileRule(
        "key.two_suppliers", 1, "error", columns,
        f"同期另一报送单位也报送了相同主键（{zh}）", f"another supplier delivered the same key ({en}) for the same month",
        kind="two_suppliers",
    )
    if contract.kind == "event":
        yield CrossFileRule(
            "key.corrected_later", 1, "duplicate", columns,
            f"相同主键（{zh}）在以后的报送期有更正，以后者为准",
            f"the same key ({en}) was delivered again for a later month, which counts instead",
            kind="corrected_later",
        )


def _reference(column: Column, references: str) -> CrossFileRule:
    dataset = references.partition(".")[0]
    is_community = references == COMMUNITY_REGISTER
    return CrossFileRule(
        f"{column.name}.exists", 1, "error", (column.name,),
        f"{column.title_zh}在期末有效的社区中不存在" if is_community else f"{column.title_zh}在同期 {references} 中不存在",
        f"{column.title_en}: no such community in force at the end of the month" if is_community
        else f"{column.title_en}: not in {references} of the same month",
        kind="reference", reads=() if is_community else (dataset,), references=references,
        is_anywhere=column.is_anywhere,
    )


# --- words and SQL texts


def _key_words(contract: Contract) -> tuple[tuple[str, ...], str, str]:
    """The contract columns that make the key, and their titles in both languages."""
    by_stored_name = {column.stored_name: column for column in contract.columns}
    columns = [by_stored_name[part] for part in contract.key]
    return (
        tuple(column.name for column in columns),
        "、".join(column.title_zh for column in columns),
        ", ".join(column.title_en for column in columns),
    )


def _content_columns(contract: Contract) -> list[str]:
    return [lake.name for lake in contract.lake_columns() if lake.name not in ("batch_id", "row_number")]


def _unless_nullable(condition: str, column: Column) -> str:
    if column.nullable_when is None:
        return condition
    return f"{condition} and ({column.nullable_when}) is not true"


def _refuse_repeated_ids(contract: Contract, rules: Sequence[RuleText]) -> None:
    seen: set[str] = set()
    for rule in rules:
        if rule.id in seen:
            raise ValueError(f"{contract.dataset}: rule id {rule.id!r} stands twice; rename the contract's own rule")
        seen.add(rule.id)
