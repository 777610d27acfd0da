"""The contract model: one strict YAML file per dataset, from which everything about that dataset derives.

Belongs here: the model, its loading, and the names it gives to rules and lake columns.
Does not belong here: reading files, casting cells, running rules.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

CONTRACTS_DIR = Path(__file__).parent / "contracts"

ColumnType = Literal["text", "code", "choice", "date", "timestamp", "integer", "decimal", "boolean", "list"]
Privacy = Literal["none", "identity_document", "reference_number", "name", "birth_date"]
Severity = Literal["error", "warning", "duplicate"]
Agency = Literal["civil_affairs", "grid_management", "household_registration", "police"]

# What becomes of a row that fails a rule, in Chinese and English, the gravest first.
SEVERITY_WORDS: dict[Severity, tuple[str, str]] = {
    "error": ("隔离", "quarantined"),
    "duplicate": ("重复", "duplicate"),
    "warning": ("提示", "warning"),
}

# Who delivers datasets and owns KPIs, in Chinese and English.
AGENCY_WORDS: dict[Agency, tuple[str, str]] = {
    "civil_affairs": ("民政", "Civil affairs"),
    "grid_management": ("网格管理", "Grid management"),
    "household_registration": ("户籍", "Household registration"),
    "police": ("公安", "Police"),
}

# Attributes that the warehouse never stores (DOMAIN.md, minimisation): a contract naming one is refused,
# and such a column in a delivered file is dropped at the door and reported.
FORBIDDEN_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "political": ("政治面貌", "党员", "政治倾向", "political"),
    "religious": ("宗教", "信仰", "religion", "belief"),
    "ethnic": ("民族", "ethnic", "nationality_group"),
    "health": ("健康状况", "病史", "残疾", "疾病", "血型", "health", "disease"),
    "reproductive": ("生育", "婚育", "计生", "怀孕", "避孕", "fertility", "reproductive"),
}

# What pseudonymising found out about an identity document; each is a rule of its own.
# Those of severity `warning` were repaired without loss, the others leave the row without a person.
IDENTITY_FINDINGS: dict[str, tuple[Severity, str, str]] = {
    "absent": ("error", "证件号码为空", "the identity number is missing"),
    "wrong_length": ("error", "证件号码位数不符", "the identity number has a wrong length"),
    "bad_characters": ("error", "证件号码含非法字符", "the identity number has characters it may not have"),
    "bad_check_digit": ("error", "证件号码校验位错误", "the check digit of the identity number is wrong"),
    "bad_birth_date": ("error", "证件号码中的出生日期不存在", "the birth date inside the identity number does not exist"),
    "float_mangled": ("error", "证件号码被存为数字，末位已丢失", "the identity number was stored as a number and lost digits"),
    "unallotted_prefix": ("error", "证件号码使用未分配的 999 前缀", "the identity number has the unallotted prefix 999"),
    "converted_15_digit": ("warning", "15 位旧证号已换算为 18 位", "a 15-digit number was converted to 18 digits"),
    "lower_case_x": ("warning", "校验位小写 x 已改为大写", "a lower-case x was read as X"),
    "full_width": ("warning", "全角字符已转为半角", "full-width characters were read as half-width"),
    "apostrophe": ("warning", "证号前的撇号已去除", "a leading apostrophe was removed"),
}
NAME_FINDINGS: dict[str, tuple[Severity, str, str]] = {
    "absent": ("error", "姓名为空", "the name is missing"),
    "too_long": ("error", "姓名超过 50 个字符", "the name is longer than 50 characters"),
    "bad_characters": ("error", "姓名含数字或符号", "the name has digits or symbols"),
}
BIRTH_DATE_FINDINGS: dict[str, tuple[Severity, str, str]] = {
    "absent": ("error", "出生日期为空", "the birth date is missing"),
    "unreadable": ("error", "出生日期无法识别", "the birth date cannot be read"),
    "out_of_range": ("error", "出生日期不合理", "the birth date is before 1900 or after the period"),
}
REFERENCE_FINDINGS: dict[str, tuple[Severity, str, str]] = {
    "absent": ("error", "编号为空", "the number is missing"),
}
FINDINGS: dict[Privacy, dict[str, tuple[Severity, str, str]]] = {
    "identity_document": IDENTITY_FINDINGS,
    "name": NAME_FINDINGS,
    "birth_date": BIRTH_DATE_FINDINGS,
    "reference_number": REFERENCE_FINDINGS,
}


class Strict(BaseModel):
    """A model that refuses unknown keys and is never changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LakeColumn(Strict):
    """One column of a batch in the lake: its name, its DuckDB type and what it holds."""

    name: str
    duckdb_type: str
    comment: str


class Column(Strict):
    """One column as delivered, and how it is stored."""

    name: str
    title_zh: str
    title_en: str
    type: ColumnType
    aliases: tuple[str, ...] = ()
    is_header_required: bool = True
    is_nullable: bool = False
    privacy: Privacy = "none"
    stored_as: str | None = None
    # choice: stored value -> spellings in delivered files (the first is the label)
    values: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    # code: the whole value must match this
    pattern: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    # cross-file: the value must exist as `dataset.column` of the same period
    references: str | None = None
    # of communities: one of another county that the supplier delivers for is taken as delivered
    is_anywhere: bool = False
    # reference_number: the column, of any dataset, whose numbers these are; equal numbers have equal pseudonyms
    numbers_of: str | None = None
    # a null is allowed where this SQL condition over the stored columns holds
    nullable_when: str | None = None
    note_zh: str = ""
    note_en: str = ""

    @model_validator(mode="after")
    def _is_consistent(self) -> Column:
        for attribute, words in FORBIDDEN_ATTRIBUTES.items():
            for text in (self.name, self.title_zh, *self.aliases):
                if any(word in text for word in words):
                    raise ValueError(
                        f"column {self.name!r}: {text!r} is a {attribute} attribute, which is never stored"
                    )
        if (self.type == "choice") != bool(self.values):
            raise ValueError(f"column {self.name!r}: type choice and `values` go together")
        spellings = [spelling for all_of in self.values.values() for spelling in all_of]
        if len(set(spellings)) != len(spellings):
            raise ValueError(f"column {self.name!r}: a spelling means two values")
        if self.numbers_of is not None and self.privacy != "reference_number":
            raise ValueError(f"column {self.name!r}: only reference numbers are `numbers_of` another column")
        if self.type == "code" and self.pattern is None and self.privacy == "none":
            raise ValueError(f"column {self.name!r}: a code needs a pattern")
        return self

    @property
    def headers(self) -> tuple[str, ...]:
        """Every header text that means this column, the usual one first."""
        return (self.title_zh, *self.aliases)

    @property
    def stored_name(self) -> str:
        return self.stored_as or self.name

    @property
    def check_name(self) -> str:
        """The lake column that holds what was found about an identifying cell ('valid' or a finding)."""
        return f"{self.name}_check"

    @property
    def text_name(self) -> str:
        """The lake column that keeps the delivered text of a cell that could not be cast."""
        return f"{self.name}_text"

    @property
    def keeps_text(self) -> bool:
        return self.privacy == "none" and self.type in (
            "date", "timestamp", "integer", "decimal", "boolean",
        )

    def lake_columns(self) -> list[LakeColumn]:
        """The columns that this one becomes in a batch; a name becomes only its finding (see linking keys)."""
        check = LakeColumn(
            name=self.check_name, duckdb_type="varchar", comment=f"{self.title_zh}：检查结果 / finding"
        )
        comment = f"{self.title_zh} / {self.title_en}"
        if self.privacy in ("identity_document", "reference_number"):
            kind = "varchar[]" if self.type == "list" else "varchar"
            return [LakeColumn(name=self.stored_name, duckdb_type=kind, comment=comment), check]
        if self.privacy == "birth_date":
            return [LakeColumn(name=self.stored_name, duckdb_type="integer", comment=comment), check]
        if self.privacy == "name":
            return [check]
        stored = LakeColumn(name=self.stored_name, duckdb_type=DUCKDB_TYPES[self.type], comment=comment)
        if not self.keeps_text:
            return [stored]
        kept = LakeColumn(
            name=self.text_name, duckdb_type="varchar", comment=f"{self.title_zh}：无法识别的原文 / unreadable text"
        )
        return [stored, kept]


DUCKDB_TYPES: dict[ColumnType, str] = {
    "text": "varchar",
    "code": "varchar",
    "choice": "varchar",
    "date": "date",
    "timestamp": "timestamp",
    "integer": "bigint",
    "decimal": "decimal(18,2)",
    "boolean": "boolean",
    "list": "varchar[]",
}


class Rule(Strict):
    """A rule of a dataset's own. `fails_when` is a SQL condition over the stored columns of one row."""

    id: str
    fails_when: str
    columns: tuple[str, ...]
    zh: str
    en: str
    severity: Severity = "error"
    version: int = 1
    # whether a steward may let a row count that breaks it
    is_acceptable: bool = True


class CrossRule(Strict):
    """A rule across files, evaluated at each run over all current batches of one period.

    `failing_rows` is a query giving (batch_id, row_number). It may read `rows` (this dataset's rows that
    passed every rule inside their file), any dataset named in `reads`, `units` (units valid at the
    period's end), and `covers` (supplier_id, covered_code: who delivers for which area). It is not evaluated for a period in which a dataset of `reads` was not delivered.
    """

    id: str
    failing_rows: str
    columns: tuple[str, ...]
    zh: str
    en: str
    reads: tuple[str, ...] = ()
    severity: Severity = "error"
    version: int = 1
    is_acceptable: bool = True


class TunedRule(Strict):
    """A rule that was tuned: its version, told apart from every other, and its severity."""

    version: int
    severity: Severity


class Contract(Strict):
    """What one dataset must look like when it is delivered, and what it becomes."""

    dataset: str
    version: int
    title_zh: str
    title_en: str
    agency: Agency
    kind: Literal["register", "event"]
    grain_zh: str
    grain_en: str
    key: tuple[str, ...]
    # events: the date that decides which month an event belongs to
    cohort_date: str | None = None
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()
    cross_rules: tuple[CrossRule, ...] = ()
    # a complete delivery has rows of every community that its supplier covers
    every_community: bool = False
    # more bad rows than both of these refuse the whole file
    refuse_above_share: float = 0.05
    refuse_above_rows: int = 20
    # by rule id; empty in contracts as they are shipped (see tuning.py)
    tuned: dict[str, TunedRule] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_consistent(self) -> Contract:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.dataset}: a column name stands twice")
        headers: dict[str, str] = {}
        for column in self.columns:
            for header in column.headers:
                if headers.setdefault(header, column.name) != column.name:
                    raise ValueError(f"{self.dataset}: header {header!r} means two columns")
        stored = {lake.name for column in self.columns for lake in column.lake_columns()}
        for name in self.key:
            if name not in stored:
                raise ValueError(f"{self.dataset}: key column {name!r} is not stored")
        if (self.kind == "event") != (self.cohort_date is not None):
            raise ValueError(f"{self.dataset}: an event dataset, and only that, has a cohort_date")
        if self.cohort_date is not None and self.cohort_date not in stored:
            raise ValueError(f"{self.dataset}: cohort_date {self.cohort_date!r} is not stored")
        return self

    def column(self, name: str) -> Column:
        """The column called `name`; KeyError with the dataset's columns otherwise."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.dataset} has no column {name!r}; it has {[c.name for c in self.columns]}")

    def columns_with(self, privacy: Privacy) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.privacy == privacy)

    @property
    def has_personal_data(self) -> bool:
        return any(column.privacy != "none" for column in self.columns)

    @property
    def has_community(self) -> bool:
        return any(column.name == "community_code" for column in self.columns)

    def lake_columns(self) -> list[LakeColumn]:
        """The fixed schema of this dataset's batches, in order."""
        return [
            LakeColumn(name="batch_id", duckdb_type="varchar", comment="批次 / batch, one per delivered file"),
            LakeColumn(name="row_number", duckdb_type="integer", comment="文件中的行号 / line in the delivered file"),
            LakeColumn(name="supplier_id", duckdb_type="varchar", comment="报送单位 / supplier"),
            LakeColumn(name="period", duckdb_type="date", comment="报送期首日 / first day of the delivered month"),
            LakeColumn(name="contract_version", duckdb_type="integer", comment="契约版本 / contract version"),
            LakeColumn(name="key_id", duckdb_type="varchar", comment="密钥编号 / id of the pseudonym key"),
            *(lake for column in self.columns for lake in column.lake_columns()),
        ]


@cache
def load_contracts(folder: Path = CONTRACTS_DIR) -> dict[str, Contract]:
    """All contracts by dataset, in alphabetical order. ValueError names the file that is not valid."""
    contracts: dict[str, Contract] = {}
    for path in sorted(folder.glob("*.yml")):
        contract = Contract.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        if contract.dataset != path.stem:
            raise ValueError(f"{path.name}: dataset is {contract.dataset!r}, expected the file's name")
        contracts[contract.dataset] = contract
    return contracts


def load_contract(dataset: str) -> Contract:
    """The contract of one dataset; KeyError lists the known ones."""
    contracts = load_contracts()
    if dataset not in contracts:
        raise KeyError(f"unknown dataset {dataset!r}; known: {', '.join(contracts)}")
    return contracts[dataset]
