"""What the pages hold in their hands: units, KPIs, targets, judgements, flags, deliveries, as typed records.

Belongs here: the shape of what an edition says. Does not belong here: queries (`facts.py`, `standing.py`), wording.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from pipelines.errors import Words

# The display state of a judged target: its status, except where data in doubt could turn it.
# From what a leader must see first to what needs no attention.
STATES = ("missed", "near", "undetermined", "no_data", "met", "too_early", "no_target", "not_applicable")
JUDGED = ("met", "near", "missed")


@dataclass(frozen=True)
class Unit:
    """A province, city, county, street, community or grid as it was at a period's end."""

    key: str
    code: str
    name: str
    level: str
    parent_key: str | None
    community_class: str | None
    opened: date | None


def listed_under(unit: Unit, units: Mapping[str, Unit]) -> Unit | None:
    """The unit under whose name one is listed: the one above it, of a grid its street; None where that is not known."""
    above = units.get(unit.parent_key or "")
    return units.get(above.parent_key or "") if above and unit.level == "grid" else above


@dataclass(frozen=True)
class Period:
    """A period and whether it is closed as of the edition."""

    period_type: str
    first: date
    start: date
    end: date
    cutoff: date
    is_closed: bool
    label: Words


@dataclass(frozen=True)
class Kpi:
    """A KPI as declared. `direction`: which values are better, 'higher' or 'lower'."""

    kpi_id: str
    name: Words
    domain: str
    kind: str
    unit: str
    scale: int
    decimals: int
    owner_agency: str
    levels: tuple[str, ...]
    datasets: tuple[str, ...]
    formula: Words
    basis: str
    direction: str
    tolerance: Decimal
    document: str
    clause: str
    note: Words

    def __hash__(self) -> int:
        return hash(self.kpi_id)  # the whole would be hashed for every cell of a page


@dataclass(frozen=True)
class Target:
    """A target with the clause it comes from. Of a range both ends bind unless `binding` names one."""

    target_id: str
    pack: str
    operator: str
    value_1: Decimal
    value_2: Decimal | None
    binding: str | None
    scopes: tuple[str, ...]
    plan_end: date | None
    document: str
    clause: str
    strength: str
    text: Words

    def __hash__(self) -> int:
        return hash(self.target_id)

    @property
    def ceiling(self) -> Decimal | None:
        """What the value must not pass; None where more is never too much."""
        if self.operator == "range":
            return None if self.binding == "lower" else self.value_2
        return self.value_1 if self.operator in ("<=", "=") else None

    @property
    def line(self) -> tuple[object, ...]:
        """What is asked of whom: targets that agree in this judge every unit alike."""
        return (self.operator, self.value_1, self.value_2, self.binding, *self.scopes)


@dataclass(frozen=True)
class Bound:
    """Numerator and denominator of one bound; either is None where nothing bounds it."""

    numerator: Decimal | None
    denominator: Decimal | None


@dataclass(frozen=True)
class Figure:
    """What is said of a KPI against a target (None where none applies), whoever it is said of. Amounts in its own units."""

    kpi: Kpi
    target: Target | None
    numerator: Decimal | None
    denominator: Decimal | None
    value: float | None
    low: Bound
    high: Bound
    value_low: float | None
    value_high: float | None
    status: str
    certainty: str | None
    shortfall: Decimal | None
    chance_low: float | None
    chance_high: float | None
    failures_allowed: int | None
    is_withheld: bool  # so few people that the verdict alone is given
    is_basis_expired: bool
    reporting: int
    expected: int

    @property
    def state(self) -> str:
        """The status, except where rows in doubt could turn a verdict; without a target there is none to turn."""
        return "undetermined" if self.certainty == "undetermined" and self.target is not None else self.status

    @property
    def is_partial(self) -> bool:
        return self.reporting < self.expected


@dataclass(frozen=True)
class Judgement(Figure):
    """The figure of one unit and period."""

    unit_key: str
    unit_code: str
    unit_level: str
    period: date
    comparability: str


@dataclass(frozen=True)
class Trend:
    """How a unit's figures have gone against one target, over the judged periods from `first` to `last`."""

    trend: str
    reliability: str
    judged: int
    met: int
    first: date
    last: date


@dataclass(frozen=True)
class Flag:
    """A missed or near target with its history."""

    judgement: Judgement
    since: date
    in_a_row: int
    movement: str
    owner_agency: str
    trend: Trend | None


@dataclass(frozen=True)
class Delivery:
    """One slot: what a supplier should deliver for a month, and what came. Times are UTC."""

    supplier_id: str
    supplier_name: str
    covered_codes: tuple[str, ...]
    dataset: str
    period: date
    due: date | None
    received_at: datetime | None
    status: str
    is_correction_refused: bool
    is_gap: bool
    communities_expected: int | None
    communities_delivered: int | None
    versions: int
    read: int
    accepted: int
    quarantined: int
    duplicate: int
    skipped: int
    refusal: Words

    @property
    def is_incomplete(self) -> bool:
        """Whether some of the communities that the supplier covers are not in what it delivered."""
        return (self.communities_delivered or 0) < (self.communities_expected or 0) and self.read > 0


@dataclass(frozen=True)
class Finding:
    """A rule and how many rows of a dataset failed it in the months asked for."""

    dataset: str
    rule_id: str
    severity: str
    description: Words
    checked: int
    failed: int


@dataclass(frozen=True)
class Column:
    """A column of the heatmap: a KPI as judged by packs of targets that ask the same (none where no pack judges it)."""

    kpi: Kpi
    packs: tuple[str, ...]
    targets: tuple[Target, ...] = ()

    def __hash__(self) -> int:
        return hash((self.kpi.kpi_id, self.packs))


def worst(states: Iterable[str]) -> str:
    """The state of a unit as a whole: the first of STATES that any of its targets is in."""
    return min(states, key=STATES.index)
