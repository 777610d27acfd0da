"""The small edition, whose numbers can be checked by hand, and a whole county of drawn ones."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import date
from decimal import Decimal

from tests.support.edition.dimensions import code_of
from tests.support.edition.shapes import MONTHS, Cell, Kpi, Shape, Unit


def _small_cell(unit: Unit, kpi: Kpi, month: date) -> Cell:
    """Every status stands somewhere in June 2026; the numbers are small enough to check by hand."""
    special = _SMALL_CELLS.get(kpi.kpi_id)
    return (special(unit.name, month.month) if special else None) or _USUAL[kpi.kpi_id]


def _registrations(name: str, month: int) -> Cell | None:
    if name == "南关社区居委会":
        return Cell(Decimal(188 - month), Decimal(202))
    if name == "解放路社区居委会":
        return Cell(Decimal(188), Decimal(197), doubt=6)
    return Cell(Decimal(113), Decimal(119)) if name == "东关社区居委会" and month == 6 else None


def _handling(name: str, month: int) -> Cell | None:
    if name == "东关村委会" and month == 6:
        return Cell(Decimal(0), Decimal(0))
    return Cell(Decimal(11), Decimal(12)) if name == "桐堤村委会" and month >= 5 else None


def _mediation(name: str, month: int) -> Cell | None:
    if name == "姚苌村委会" and month == 6:
        return Cell(Decimal(0), Decimal(8))
    return Cell(Decimal(9), Decimal(11)) if name == "桐堤村委会" and month == 5 else None


def _facilities(name: str, month: int) -> Cell | None:
    if name == "桐树底居委会" and month == 6:
        return Cell(Decimal(0), Decimal(0), status="no_data", reporting=0)
    return Cell(Decimal("236.50"), Decimal(860)) if name == "南关社区居委会" else None


def _cases(name: str, month: int) -> Cell | None:
    return Cell(Decimal(2), Decimal(1)) if name == "姚苌村委会" and month == 6 else None


def _rooms(name: str, month: int) -> Cell | None:
    return Cell(Decimal(0), Decimal(1)) if name == "桐堤村委会" else None

_SMALL_CELLS: dict[str, Callable[[str, int], Cell | None]] = {
    "temporary_resident_registration_rate": _registrations,
    "dispute_handling_rate": _handling,
    "dispute_mediation_success_rate": _mediation,
    "criminal_cases": _cases,
    "police_room_count": _rooms,
    "facility_area_per_100_households": _facilities,
}

_USUAL = {
    "temporary_resident_registration_rate": Cell(Decimal(97), Decimal(100)),
    "dispute_handling_rate": Cell(Decimal(12), Decimal(12)),
    "dispute_mediation_success_rate": Cell(Decimal(12), Decimal(12)),
    "criminal_cases": Cell(Decimal(0), Decimal(1)),
    "police_room_count": Cell(Decimal(1), Decimal(1)),
    "grid_event_closure_rate": Cell(Decimal(40), Decimal(50)),
    "facility_area_per_100_households": Cell(Decimal("390.00"), Decimal(1000)),
    "elderly_care_area_per_100_households": Cell(Decimal("45.00"), Decimal(100)),
    "staff_pay_floor_yuan": Cell(Decimal("3280.50"), Decimal(1)),
    "smart_pilot_communities": Cell(Decimal(0), Decimal(1)),
}

SMALL = Shape(
    county_name="洛川县",
    streets={
        "凤栖街道": ("南关社区居委会", "解放路社区居委会", "东关社区居委会", "东关村委会"),
        "旧县镇": ("姚苌村委会", "桐堤村委会", "安东村委会", "西武村委会"),
        "交口河镇": ("桐树底居委会", "交口河村委会", "水渭村委会", "甘罗村委会"),
    },
    cell=_small_cell,
    rural=frozenset({"水渭村委会"}),
    new=frozenset({"甘罗村委会"}),
    divided=frozenset({"南关社区居委会"}),
)


def county_shape(streets: dict[str, tuple[str, ...]], *, is_sample: bool = True, seed: int = 7) -> Shape:
    """A whole county with plausible numbers: a few units miss, a few are in doubt, one street did not deliver."""
    silent = list(streets)[-1]

    def cell(unit: Unit, kpi: Kpi, month: date) -> Cell:
        draw = random.Random(f"{seed}/{unit.code}/{kpi.kpi_id}")
        weak = draw.random() < 0.09
        size = draw.randint(24, 260)
        drift = random.Random(f"{seed}/{unit.code}/{kpi.kpi_id}/{month}")
        doubt = drift.choice((0, 0, 0, 0, 1, 2, 6)) if drift.random() < 0.35 else 0
        if kpi.kind == "count":
            few = int(weak and drift.random() < 0.7)
            usual = {"police_room_count": 1 - few, "staff_pay_floor_yuan": 3000 + 10 * size, "criminal_cases": few}
            return Cell(Decimal(usual.get(kpi.kpi_id, 0)), Decimal(1))
        if kpi.kind == "ratio":
            households = Decimal(draw.randint(180, 900))
            per_hundred = Decimal(draw.randint(18, 29) if weak else draw.randint(31, 64))
            if unit.parent_code == code_of(streets, silent) and month == MONTHS[-1]:
                return Cell(Decimal(0), Decimal(0), status="no_data", reporting=0)
            return Cell((households * per_hundred / 100).quantize(Decimal("0.01")), households, doubt=0)
        if kpi.basis == "flow":
            size = drift.randint(0, 14)
            lost = drift.randint(1, 2) if (weak and drift.random() < 0.7 and size > 1) else 0
            return Cell(Decimal(size - lost), Decimal(size), doubt=1 if doubt > 2 else 0)
        lost = math.ceil(size * (0.11 if weak else 0.022)) + (drift.randint(0, 3) if weak else 0)
        return Cell(Decimal(size - lost), Decimal(size), doubt=doubt)

    everywhere = frozenset(name for names in streets.values() for name in names)
    return Shape(county_name="洛川县", streets=streets, cell=cell, is_sample=is_sample, divided=everywhere)
