"""Checking a file as if it were delivered: everything that would be found, nothing loaded or kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from expectations.contract import load_contracts
from expectations.rules import file_rules
from pipelines.county import County
from pipelines.ingest import judge
from pipelines.keys import Key
from pipelines.protection import Origin, protect
from pipelines.reading import Delivered, read_file
from pipelines.stewardship.rule_changes import RulesInForce


@dataclass(frozen=True)
class Finding:
    """One row that breaks one rule: where, and which rule, in words; never the value."""

    row_number: int
    rule_id: str
    severity: str
    columns: str
    zh: str
    en: str


@dataclass(frozen=True)
class Checked:
    """What a delivery of this file would give."""

    delivered: Delivered
    findings: list[Finding]

    @property
    def rows_failed(self) -> int:
        return len({finding.row_number for finding in self.findings if finding.severity == "error"})


def check_file(path: Path, dataset: str, month: date, county: County, key: Key, rules: RulesInForce) -> Checked:
    """Reads, protects and judges one file by the rules of its month. Raises Refusal where the file as a whole would be
    refused."""
    contract = rules.contract(dataset, f"{month:%Y-%m}")
    delivered = read_file(path, contract)
    origin = Origin("checked", county.suppliers[0].id, month)
    protected = protect(delivered.frame, contract, origin, key, is_sample=county.sample)
    with duckdb.connect() as connection:
        _, verdicts = judge([protected.batch], contract, connection, is_sample=county.sample)
    known = {rule.id: rule for rule in file_rules(contract, county.sample)}
    findings = []
    for row_number, rule_id in verdicts.sort("row_number", "rule_id").select("row_number", "rule_id").iter_rows():
        rule = known[rule_id]
        titles = "、".join(contract.column(name).title_zh for name in rule.columns)
        findings.append(Finding(row_number, rule_id, rule.severity, titles, rule.zh, rule.en))
    return Checked(delivered, findings)


def place_of(path: Path) -> tuple[str | None, str | None]:
    """Dataset and month of a file that already lies in a landing folder, by the folders' names."""
    parents = [parent.name for parent in path.resolve().parents]
    if len(parents) < 2 or parents[1] not in load_contracts():
        return None, None
    return parents[1], parents[0]
