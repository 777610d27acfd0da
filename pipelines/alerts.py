"""Alerts: what somebody has to be told of. An alert is about one cause, and ends by itself when that is gone.

Belongs here: the kinds of causes there are, and the records. What is a cause now is found in `alert_causes.py`, alerts are kept
in `alert_store.py`, who is told is said in `alert_audience.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from pipelines.accounts import Role
from pipelines.errors import Words

Kind = Literal[
    "run_died", "run_failed", "delivery_missing", "delivery_refused", "follow_up_overdue", "objection_overdue", "rows_refused",
    "new_flags",
]  # fmt: skip


class About(NamedTuple):
    """What a kind is called, and the roles that are told of it where county.yml names nobody."""

    words: Words
    roles: tuple[Role, ...]


# The worst first: in this order they are listed everywhere.
KINDS: dict[Kind, About] = {
    "run_died": About(Words("运行中断", "Run died"), ("steward", "administrator")),
    "run_failed": About(Words("运行失败", "Run failed"), ("steward", "administrator")),
    "delivery_missing": About(Words("缺报", "Missing delivery"), ("steward", "supplier")),
    "delivery_refused": About(Words("文件被退回", "File refused"), ("steward", "supplier")),
    "follow_up_overdue": About(Words("督办逾期", "Follow-up overdue"), ("leader", "steward", "supplier")),
    "objection_overdue": About(Words("异议逾期未答复", "Objection overdue"), ("steward", "supplier")),
    "rows_refused": About(Words("有行未通过核对", "Rows refused"), ("steward", "supplier")),
    "new_flags": About(Words("新出现的未达标", "Newly missed targets"), ("leader", "analyst", "steward")),
}


@dataclass(frozen=True)
class Cause:
    """Something that has to be told, as it is now.

    `subject` names it for good among those of its kind. `said` holds counts, codes and names of units and rules, no values.
    `weight`: the larger of two is the worse one, and a cause whose weight grows has got worse. `since`: ISO date or moment. `areas`: codes of the units it is about;
    `supplier_id`: whose delivery, '' where it is about none; `agency`: who owes something, '' where no agency does.
    """

    kind: Kind
    subject: str
    said: Words
    since: str
    areas: tuple[str, ...]
    supplier_id: str = ""
    weight: int = 1
    agency: str = ""


@dataclass(frozen=True)
class Alert:
    """A cause as it is kept. Moments are ISO texts of UTC; `changed_at` is when it last got worse."""

    number: int
    cause: Cause
    raised_at: str
    changed_at: str
    resolved_at: str | None = None
    acknowledged_at: str | None = None
    acknowledged_by: str | None = None

    @property
    def is_open(self) -> bool:
        return self.resolved_at is None

    @property
    def version(self) -> str:
        """What somebody knows who was told of it as it is."""
        return self.resolved_at or self.changed_at


@dataclass(frozen=True)
class Settled:
    """Numbers of alerts that a look at the causes raised, found worse than before, and ended."""

    raised: list[int] = field(default_factory=list)
    worse: list[int] = field(default_factory=list)
    resolved: list[int] = field(default_factory=list)


def worst_first(alerts: list[Alert]) -> list[Alert]:
    """By kind, what nobody has acknowledged before the rest, the heaviest and the oldest before others."""
    kinds = list(KINDS)
    return sorted(
        alerts,
        key=lambda one: (kinds.index(one.cause.kind), bool(one.acknowledged_at), -one.cause.weight, one.cause.since, one.number),
    )
