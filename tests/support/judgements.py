"""The compiled SQL of judgements, what it reads, and targets as brute force takes them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl

from pipelines.settings import Home
from tests.support.dbt_runs import run_dbt
from tests.support.shared import made_once

# The columns of kpi_inputs that fct_kpi reads, as the view has them (tests/flow/test_verdicts.py compares).
INPUT_TYPES = {
    "registered_key": "VARCHAR", "unit_basis": "VARCHAR", "is_moved": "BOOLEAN", "is_unplaced": "BOOLEAN", "unit_code": "VARCHAR",
    "unit_level": "VARCHAR", "period_type": "VARCHAR", "period": "DATE", "kpi_id": "VARCHAR", "kind": "VARCHAR", "lever": "VARCHAR",
    "scale": "INTEGER", "shortfall_step": "DECIMAL(4,2)", "steps_per_scaled_unit": "DECIMAL(9,4)", "numerator": "DECIMAL(18,2)", "low_numerator": "DECIMAL(18,2)",
    "high_numerator": "DECIMAL(18,2)", "denominator": "DECIMAL(18,2)", "low_denominator": "DECIMAL(18,2)",
    "high_denominator": "DECIMAL(18,2)", "has_chance": "BOOLEAN", "is_withheld": "BOOLEAN", "is_too_early": "BOOLEAN", "tolerance": "DECIMAL(18,4)",
    "target_id": "VARCHAR", "target_floor": "DECIMAL(18,4)", "target_ceiling": "DECIMAL(18,4)",
    "is_before_first_step": "BOOLEAN", "is_basis_expired": "BOOLEAN", "is_no_data": "BOOLEAN",
    "is_cases_partial": "BOOLEAN", "is_numerator_partial": "BOOLEAN", "is_amount_partial": "BOOLEAN",
    "is_denominator_partial": "BOOLEAN", "expected_suppliers": "BIGINT", "reporting_suppliers": "BIGINT",
}  # fmt: skip
JUDGED_TYPES = {
    "unit_no": "INTEGER", "name_no": "INTEGER", "target_no": "INTEGER", "period_type": "VARCHAR", "period": "DATE",
    "is_met": "INTEGER", "value": "DOUBLE",
}  # fmt: skip
DEFAULTS = {
    "unit_basis": "as_was", "is_moved": False, "is_unplaced": False, "is_too_early": False, "is_before_first_step": False, "is_no_data": False, "has_chance": True, "is_withheld": False, "is_basis_expired": False,
    "expected_suppliers": 1, "reporting_suppliers": 1, "is_cases_partial": False, "is_numerator_partial": False,
    "is_amount_partial": False, "is_denominator_partial": False, "tolerance": 0, "lever": "numerator", "kind": "rate",
}  # fmt: skip
# Stands for "as many as you like" of what did not arrive; finer than any target's four decimals can tell from a limit.
MANY = 10**13

Outcome = tuple[Fraction, Fraction]


def _compile(path: Path) -> None:
    names = ["fct_kpi", "fct_trend", "target_lines"]
    with TemporaryDirectory() as folder:
        outcome = run_dbt(Home(Path(folder)), "compile", "--select", *names)
        assert outcome.exception is None, outcome.exception
    codes = {one.node.name: one.node.compiled_code for one in outcome.result.results}
    bare = {name: re.sub(r'"\w+"\."\w+"\.("\w+")', r"\1", codes[name]) for name in names}
    tables = {name: re.sub(r"read_parquet\('control/(\w+)\.parquet'\)", r"\1", code) for name, code in bare.items()}
    path.write_text(json.dumps(tables), encoding="utf-8")


@cache
def compiled() -> dict[str, str]:
    """The SQL of the models as it is run, each reading the tables that it refers to by their bare names."""
    found: dict[str, str] = json.loads(made_once("judgements.json", _compile).read_text(encoding="utf-8"))
    return found


def table(connection: duckdb.DuckDBPyConnection, name: str, types: dict[str, str], rows: Sequence[Sequence[Any]]) -> None:
    """A table with these types, filled from Python values."""
    connection.execute(f"create table {name} ({', '.join(f'{column} {kind}' for column, kind in types.items())})")
    frame = pl.DataFrame([[None if v is None else str(v) for v in row] for row in rows], dict.fromkeys(types, pl.String), orient="row")
    connection.register("given_rows", frame.to_arrow())
    connection.execute(f"insert into {name} select * from given_rows")


def hundredths(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / Decimal(number.denominator)


@dataclass(frozen=True)
class Target:
    operator: str
    value_1: Fraction
    value_2: Fraction | None = None
    binding: str | None = None

    def is_met_by(self, value: Fraction) -> bool:
        match self.operator:
            case ">=":
                return value >= self.value_1
            case "<=":
                return value <= self.value_1
            case "=":
                return value == self.value_1
        assert self.value_2 is not None
        reaches, stays = value >= self.value_1, value <= self.value_2
        return {"lower": reaches, "upper": stays}.get(self.binding or "both", reaches and stays)

    def distance(self, value: Fraction) -> Fraction:
        ends = {">=": (0,), "<=": (0,), "=": (0,)}.get(self.operator, {"lower": (0,), "upper": (1,)}.get(self.binding or "", (0, 1)))
        return min(abs(value - (self.value_1, self.value_2 or Fraction(0))[end]) for end in ends)

    @property
    def has_two_ends(self) -> bool:
        return self.operator == "=" or (self.operator == "range" and self.binding in (None, "both"))

    @property
    def ends(self) -> tuple[Fraction, Fraction]:
        return self.value_1, self.value_1 if self.value_2 is None else self.value_2
