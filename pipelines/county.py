"""A county is one file: `county.yml` in the data root. Belongs here: its model, reading and writing it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from expectations.contract import load_contracts
from pipelines.accounts import is_account_name
from pipelines.alert_settings import AlertSettings
from pipelines.errors import WarehouseError, Words
from pipelines.settings import add_months, month_end, month_start


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Supplier(_Strict):
    """Who delivers, and the subtrees of units (code prefixes) that the deliveries cover.

    `contacts`: accounts of those in the role of suppliers who are told of its deliveries; without any, all whose area has it.
    """

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    name_zh: str
    covers: tuple[str, ...] = Field(min_length=1)
    contacts: tuple[str, ...] = ()

    @field_validator("contacts")
    @classmethod
    def _are_accounts(cls, contacts: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [name for name in contacts if not is_account_name(name)]:
            raise ValueError(f"contacts must be names of accounts; found {wrong}")
        return contacts


class Expected(_Strict):
    """A dataset that these suppliers deliver every month, due on `due_day` of the following month."""

    dataset: str
    suppliers: tuple[str, ...] = Field(min_length=1)
    due_day: int = Field(ge=1, le=28)

    @field_validator("dataset")
    @classmethod
    def _is_known(cls, dataset: str) -> str:
        if dataset not in load_contracts():
            raise ValueError(f"no contract for dataset {dataset!r}; known: {', '.join(load_contracts())}")
        return dataset


class CountyTarget(_Strict):
    """A target that the county sets where a document leaves the number open; scopes as in the seed of targets."""

    kpi_id: str
    operator: Literal[">=", "<=", "=", "range"] = ">="
    value_1: Decimal
    value_2: Decimal | None = None
    area_scope: str = "*"
    class_scope: str = "*"
    level_scope: str = "*"
    effective_from: date | None = None
    effective_to: date | None = None
    document: str = "county.yml"
    clause: str = ""
    text_zh: str = ""
    text_en: str = ""

    @model_validator(mode="after")
    def _range_has_two_ends(self) -> CountyTarget:
        if (self.operator == "range") != (self.value_2 is not None):
            raise ValueError(f"{self.kpi_id}: a range, and only that, has value_2")
        return self


class Parameters(_Strict):
    """What the county sets where documents leave a number or a date open.

    `programme_starts`: by target pack, the day on which the county began what the document asks for. Targets that are
    due so many months after it (see the seed of targets) bind from then on, and not at all while it is not set.
    """

    programme_starts: dict[str, date] = Field(default_factory=dict)
    # false: ranks of the annual assessment are not given (scores, vetoes and awards are), nor places in the bulletin
    is_ranking_public: bool = True
    tolerances: dict[str, Decimal] = Field(default_factory=dict)
    targets: tuple[CountyTarget, ...] = ()


class BulletinHead(_Strict):
    """What stands at the head of a bulletin; null is left to be filled in.

    In `number`, {year} is the year of signing and {month} the month that the bulletin is of: 洛治办〔{year}〕{month}号.
    """

    office: str | None = None
    number: str | None = None

    @field_validator("number")
    @classmethod
    def _can_be_filled_in(cls, number: str | None) -> str | None:
        try:
            (number or "").format(year=2026, month=6)
        except (LookupError, ValueError) as error:
            raise ValueError(f"{number!r} may hold {{year}} and {{month}} and no other braces") from error
        return number


class StewardRules(_Strict):
    """How stewards decide. `two_persons`: a row that rules refuse counts, and rules change, only when a second one agrees."""

    two_persons: bool = True


class County(_Strict):
    """Everything that makes one county's warehouse its own."""

    county_code: str = Field(pattern=r"^[0-9]{6}$")
    name_zh: str
    name_en: str = ""
    sample: bool = False
    first_period: str
    last_period: str | None = None
    cutoff_day: int = Field(default=10, ge=1, le=28)
    retention_days: int = Field(default=60, ge=1)
    packs: tuple[str, ...] = ()
    suppliers: tuple[Supplier, ...]
    expected: tuple[Expected, ...]
    parameters: Parameters = Parameters()
    bulletin: BulletinHead = BulletinHead()
    steward: StewardRules = StewardRules()
    alerts: AlertSettings = AlertSettings()

    @field_validator("first_period", "last_period")
    @classmethod
    def _is_month(cls, month: str | None) -> str | None:
        if month is not None:
            month_start(month)
        return month

    @model_validator(mode="after")
    def _suppliers_are_known(self) -> County:
        known = [supplier.id for supplier in self.suppliers]
        if len(set(known)) != len(known):
            raise ValueError("a supplier id stands twice")
        for expected in self.expected:
            for supplier in expected.suppliers:
                if supplier not in known:
                    raise ValueError(f"{expected.dataset}: supplier {supplier!r} is not declared; known: {known}")
        return self

    @model_validator(mode="after")
    def _started_packs_are_chosen(self) -> County:
        for pack in self.parameters.programme_starts:
            if pack not in self.packs:
                raise ValueError(f"programme_starts: pack {pack!r} is not chosen; chosen: {list(self.packs)}")
        return self

    def as_published(self) -> dict[str, Any]:
        """The settings that an edition names: all but who is told of alerts, which decides no figure and may name persons."""
        return self.model_dump(mode="json", exclude={"alerts": True, "suppliers": {"__all__": {"contacts"}}})

    def supplier(self, supplier_id: str) -> Supplier:
        """The supplier with this id; KeyError otherwise."""
        for supplier in self.suppliers:
            if supplier.id == supplier_id:
                return supplier
        raise KeyError(supplier_id)

    def cutoff_date(self, last_month: date) -> date:
        """The day on which a period ending with `last_month` closes."""
        return add_months(last_month, 1).replace(day=self.cutoff_day)

    def is_closed(self, last_month: date, as_of: date) -> bool:
        return as_of > self.cutoff_date(last_month)

    def evaluated_months(self, last_delivered: date | None, as_of: date) -> list[date]:
        """First days of the months to evaluate: from the first period to the last closed or delivered one.

        A delivery for a month that has not begun at `as_of`, such as 2062-01 for 2026-01, waits for it.
        """
        month, months = month_start(self.first_period), []
        last = month_start(self.last_period) if self.last_period else None
        while (last is None or month <= last) and (
            self.is_closed(month, as_of) or (last_delivered is not None and month <= last_delivered and month <= as_of)
        ):
            months.append(month)
            month = add_months(month, 1)
        return months


# Settings that decide no figure.
WITHOUT_FIGURES = ("retention_days", "bulletin", "steward")


def load_county(path: Path) -> County:
    """The county of a data root. WarehouseError says what is missing or wrong, and where."""
    if not path.exists():
        raise WarehouseError(
            Words("没有县级配置", "There is no county configuration"),
            where=path.name,
            expected=Words("数据根目录下有 county.yml", "county.yml in the data root"),
            found=Words("文件不存在", "no such file"),
            advice=Words("运行 warehouse init --county 代码", "run: warehouse init --county CODE"),
        )
    try:
        return County.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise WarehouseError(
            Words("县级配置无效", "The county configuration is not valid"),
            where=path.name,
            expected=Words("符合模型的 county.yml", "a county.yml that fits the model"),
            found=Words(str(error), str(error)),
            advice=Words("更正所列各项", "correct the entries listed"),
        ) from error


def save_county(county: County, path: Path) -> None:
    """Writes `county.yml`, with a first line saying what it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = yaml.safe_dump(
        county.model_dump(mode="json"), allow_unicode=True, sort_keys=False, default_flow_style=None, width=110
    )
    path.write_text(f"# 本县的全部配置 / everything that makes this county's warehouse its own\n{body}", "utf-8")


__all__ = ["WITHOUT_FIGURES", "BulletinHead", "County", "Expected", "Parameters", "Supplier", "load_county", "month_end", "save_county"]
