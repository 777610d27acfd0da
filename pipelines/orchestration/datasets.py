"""One asset per dataset: takes in a month's deliveries; its checks say what the rules inside files found.

Datasets, rules and words derive from the contracts. Annotations are not postponed here: Dagster reads those of
a step as it is defined.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from expectations.contract import Contract, load_contracts
from expectations.rules import RuleText, file_rules
from expectations.runner import ValidationError
from pipelines.ingest import FileOutcome
from pipelines.orchestration.policies import FRESHNESS, MONTHS, POOL, RETRIES
from pipelines.orchestration.warehouse import WarehouseRun
from pipelines.run import Session
from pipelines.settings import add_months, month_start

RECONCILED = "verdicts_reconciled"
ACCEPTED = "files_accepted"
DELIVERED = "delivered"


@dataclass(frozen=True)
class Counts:
    """Rows that a rule was held against, and those that failed it."""

    checked: int = 0
    failed: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.checked + other.checked, self.failed + other.failed)


Events = Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]


def dataset_assets() -> list[dg.AssetsDefinition]:
    """An asset for each contract."""
    return [_dataset_asset(contract) for contract in load_contracts().values()]


def rule_check_spec(asset: str, name: str, rules: Sequence[RuleText]) -> dg.AssetCheckSpec:
    """A check that stands for several rules: each check costs a run several writes to Dagster's store.

    Not blocking: a failing row is quarantined and widens the bounds of figures, it never holds back an edition.
    """
    words = [f"{rule.zh} / {rule.en}" for rule in rules]
    return dg.AssetCheckSpec(
        name, asset=asset, description="\n".join(words), metadata={"rules": [rule.id for rule in rules]}
    )


def rule_check_result(
    asset: str, name: str, rules: Sequence[RuleText], counts: Mapping[str, Counts], **metadata: str
) -> dg.AssetCheckResult:
    """Failed where a row fails one of the rules: a warning, unless it fails one that quarantines it."""
    failed = [rule for rule in rules if counts[rule.id].failed]
    is_error = any(rule.severity == "error" for rule in failed)
    return dg.AssetCheckResult(
        asset_key=asset, check_name=name, passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        metadata={
            "rows_checked": max(counts[rule.id].checked for rule in rules),
            **{rule.id: counts[rule.id].failed for rule in rules},
            **metadata,
        },
    )  # fmt: skip


def _dataset_asset(contract: Contract) -> dg.AssetsDefinition:
    # An asset is defined before any county is known; the rule that a sample county does not have then finds nothing.
    rules = _by_column(file_rules(contract, sample=False))

    @dg.asset(
        name=contract.dataset,
        description=f"{contract.title_zh} / {contract.title_en}",
        group_name="deliveries",
        kinds={"parquet"},
        partitions_def=MONTHS,
        check_specs=[
            *_delivery_check_specs(contract.dataset),
            *(rule_check_spec(contract.dataset, name, group) for name, group in rules.items()),
        ],
        retry_policy=RETRIES,
        freshness_policy=FRESHNESS,
        pool=POOL,
    )
    def take_in_month(context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[WarehouseRun]) -> Events:
        month = context.partition_key
        try:
            with warehouse.step(contract.dataset):
                files = warehouse.take_in(contract.dataset, month)
                checks = [
                    _accepted(warehouse.session, contract.dataset, month, files),
                    _delivered(warehouse.session, contract.dataset, month),
                    *_rule_results(warehouse.session, contract.dataset, month, rules),
                ]
        except dg.Failure as failure:
            if isinstance(warehouse.failures[contract.dataset], ValidationError):
                yield dg.AssetCheckResult(
                    check_name=RECONCILED, passed=False, description=failure.description
                )
            raise
        yield dg.MaterializeResult(metadata=_counts(files))
        yield dg.AssetCheckResult(check_name=RECONCILED, passed=True)
        yield from checks

    return take_in_month


def _delivery_check_specs(dataset: str) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            RECONCILED, asset=dataset, blocking=True,
            description="判定与 Great Expectations 的计数一致 / verdicts and Great Expectations count the same rows",
        ),
        # Not blocking: the other suppliers' figures are published, and the edition says that this one is refused.
        dg.AssetCheckSpec(
            ACCEPTED, asset=dataset, description="本月没有被退回的文件 / no file of the month stands refused"
        ),
        dg.AssetCheckSpec(
            DELIVERED, asset=dataset, description="到期的报送均已收到 / everything that is due has arrived"
        ),
    ]  # fmt: skip


def _counts(files: list[FileOutcome]) -> dict[str, int]:
    return {
        "files_accepted": sum(file.outcome == "accepted" for file in files),
        "files_refused": sum(file.refusal is not None for file in files),
        "rows_read": sum(file.rows_read for file in files),
        "rows_failed": sum(file.rows_failed for file in files),
    }


def _accepted(session: Session, dataset: str, month: str, files: list[FileOutcome]) -> dg.AssetCheckResult:
    """Fails where a slot holds no batch, or an older one, because what was delivered is refused."""
    refused = sorted(
        slot.supplier_id
        for slot, state in session.store.slots().items()
        if (slot.dataset, slot.period) == (dataset, month) and state["is_correction_refused"]
    )
    reasons = [
        f"- {file.slot.supplier_id}/{file.file_name}: {file.refusal.zh} / {file.refusal.en}"
        for file in files
        if file.refusal is not None
    ]
    return dg.AssetCheckResult(
        check_name=ACCEPTED, passed=not refused and not reasons,
        metadata={
            "month": month, "refused_suppliers": ", ".join(refused),
            "refused_in_this_run": dg.MetadataValue.md("\n".join(reasons)),
        },
    )  # fmt: skip


def _delivered(session: Session, dataset: str, month: str) -> dg.AssetCheckResult:
    following = add_months(month_start(month), 1)
    due = {
        supplier
        for expected in session.county.expected
        if expected.dataset == dataset and session.as_of > following.replace(day=expected.due_day)
        for supplier in expected.suppliers
    }
    arrived = {
        slot.supplier_id
        for slot, state in session.store.slots().items()
        if (slot.dataset, slot.period) == (dataset, month) and state["batch_id"] is not None
    }
    return dg.AssetCheckResult(
        check_name=DELIVERED, passed=due <= arrived, severity=dg.AssetCheckSeverity.WARN,
        metadata={"month": month, "due": len(due), "missing": ", ".join(sorted(due - arrived))},
    )  # fmt: skip


def _by_column(rules: Iterable[RuleText]) -> dict[str, list[RuleText]]:
    """Rules on one column's cells together, named after it; those on the key; the dataset's own each alone."""
    groups: dict[str, list[RuleText]] = {}
    for rule in rules:
        groups.setdefault(rule.id.partition(".")[0], []).append(rule)
    return groups


def _rule_results(
    session: Session, dataset: str, month: str, rules: Mapping[str, Sequence[RuleText]]
) -> list[dg.AssetCheckResult]:
    """What the rules found in the current batches of the month, whichever run took them in."""
    current = {batch["batch_id"] for batch in session.store.current_batches()}
    counts: dict[str, Counts] = defaultdict(Counts)
    for row in session.store.latest_rule_results(dataset, month):
        if row["batch_id"] in current:
            counts[row["rule_id"]] += Counts(row["rows_checked"], row["rows_failed"])
    return [rule_check_result(dataset, name, group, counts, month=month) for name, group in rules.items()]
