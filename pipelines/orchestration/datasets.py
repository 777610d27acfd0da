"""One asset per dataset: takes in a month's deliveries; its checks say what the rules inside files found.

Datasets, rules and words derive from the contracts.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from expectations.contract import Contract, Severity, load_contracts
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

Events = Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]


def dataset_assets() -> list[dg.AssetsDefinition]:
    """An asset for each contract."""
    return [_dataset_asset(contract) for contract in load_contracts().values()]


def rule_check_name(rule_id: str) -> str:
    """A rule id as the name of a check, which may have no full stop."""
    return rule_id.replace(".", "__")


def severity_of(severity: Severity) -> dg.AssetCheckSeverity:
    """A row that fails an error rule leaves the figures; a warning or a repeated row changes none."""
    return dg.AssetCheckSeverity.ERROR if severity == "error" else dg.AssetCheckSeverity.WARN


def rule_check_spec(asset: str, name: str, rule: RuleText) -> dg.AssetCheckSpec:
    """A failing row is quarantined and widens the bounds of figures; it never holds back an edition."""
    return dg.AssetCheckSpec(
        name, asset=asset, description=f"{rule.zh} / {rule.en}",
        metadata={"severity": rule.severity, "columns": ", ".join(rule.columns), "version": rule.version},
    )  # fmt: skip


def rule_check_result(
    asset: str, name: str, rule: RuleText, counts: tuple[int, int], **metadata: str
) -> dg.AssetCheckResult:
    """`counts`: rows checked and rows failed."""
    rows_checked, rows_failed = counts
    return dg.AssetCheckResult(
        asset_key=asset, check_name=name, passed=rows_failed == 0, severity=severity_of(rule.severity),
        metadata={"rows_checked": rows_checked, "rows_failed": rows_failed, **metadata},
    )  # fmt: skip


def _dataset_asset(contract: Contract) -> dg.AssetsDefinition:
    # An asset is defined before any county is known; the rule that a sample county does not have then finds nothing.
    rules = file_rules(contract, sample=False)

    @dg.asset(
        name=contract.dataset,
        description=f"{contract.title_zh} / {contract.title_en}",
        group_name="deliveries",
        kinds={"parquet"},
        partitions_def=MONTHS,
        check_specs=[
            *_delivery_check_specs(contract.dataset),
            *(rule_check_spec(contract.dataset, rule_check_name(rule.id), rule) for rule in rules),
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


def _rule_results(
    session: Session, dataset: str, month: str, rules: Iterable[RuleText]
) -> list[dg.AssetCheckResult]:
    """What each rule found in the current batches of the month, whichever run took them in."""
    current = {batch["batch_id"] for batch in session.store.current_batches()}
    checked: dict[str, int] = defaultdict(int)
    failed: dict[str, int] = defaultdict(int)
    for row in session.store.latest_rule_results(dataset, month):
        if row["batch_id"] in current:
            checked[row["rule_id"]] += row["rows_checked"]
            failed[row["rule_id"]] += row["rows_failed"]
    return [
        rule_check_result(
            dataset, rule_check_name(rule.id), rule, (checked[rule.id], failed[rule.id]), month=month
        )
        for rule in rules
    ]
