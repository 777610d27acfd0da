"""The assets behind the deliveries: `control`, the dbt models, and `edition`, published last.

They are not partitioned: each run judges every period whose inputs changed, whichever month it took in.
Annotations are not postponed here: Dagster reads those of a step as it is defined.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets

from expectations.contract import load_contracts
from expectations.rules import CrossFileRule, cross_file_rules
from pipelines.audit import GATES, GateFailed
from pipelines.build import BuildResult
from pipelines.control import Control
from pipelines.dbt_child.protocol import BuiltNode
from pipelines.orchestration.datasets import Counts, Events, rule_check_result, rule_check_spec
from pipelines.orchestration.policies import FRESHNESS, POOL, RETRIES
from pipelines.orchestration.warehouse import WarehouseRun

CONTROL = "control"
EDITION = "edition"
MODELS = "models"
_UNIQUE_ID = "dagster_dbt/unique_id"  # where dagster-dbt notes which node a spec stands for


def control_asset() -> dg.AssetsDefinition:
    """The rules across files, and the control tables that dbt reads."""
    rules = {dataset: cross_file_rules(contract) for dataset, contract in load_contracts().items()}

    @dg.asset(
        name=CONTROL,
        description="跨文件规则与控制表 / rules across files, and the control tables",
        group_name="control",
        kinds={"parquet"},
        deps=list(load_contracts()),
        check_specs=[rule_check_spec(CONTROL, dataset, group) for dataset, group in rules.items()],
        retry_policy=RETRIES,
        freshness_policy=FRESHNESS,
        pool=POOL,
    )
    def evaluate_across_files(warehouse: dg.ResourceParam[WarehouseRun]) -> Events:
        with warehouse.step(CONTROL):
            control = warehouse.control
        yield dg.MaterializeResult(
            data_version=dg.DataVersion(control.inputs_hash),
            metadata={
                "as_of": control.as_of.isoformat(), "current_batches": len(control.batches),
                "periods": len(control.periods), "periods_to_compute": len(control.dirty),
            },
        )  # fmt: skip
        yield from _cross_results(control, rules)

    return evaluate_across_files


def _cross_results(
    control: Control, rules: Mapping[str, Sequence[CrossFileRule]]
) -> Iterator[dg.AssetCheckResult]:
    """What the rules across files find in all current batches; a rule that could not be evaluated checked none."""
    for dataset, group in rules.items():
        counts: dict[str, Counts] = defaultdict(Counts)
        months: set[str] = set()
        for evaluation in control.evaluations:
            for row in evaluation.rule_results if evaluation.dataset == dataset else ():
                counts[row["rule_id"]] += Counts(row["rows_checked"], row["rows_failed"])
                if row["rows_failed"]:
                    months.add(evaluation.month)
        yield rule_check_result(CONTROL, dataset, group, counts, months=", ".join(sorted(months)))


class _Translator(DagsterDbtTranslator):  # type: ignore[misc]  # dagster-dbt has no types that mypy follows
    """Names what dbt reads after the assets that write it, and groups models by their folder."""

    def __init__(self) -> None:
        # One asset writes all control tables.
        super().__init__(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source" and dbt_resource_props["source_name"] == CONTROL:
            return dg.AssetKey(CONTROL)
        return dg.AssetKey(dbt_resource_props["name"])

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return str(dbt_resource_props["description"])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        folders = dbt_resource_props["fqn"][1:-1]
        return str(folders[0]) if folders else f"{dbt_resource_props['resource_type']}s"

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: Any
    ) -> dg.AssetCheckSpec | None:
        """A test as a check of the one asset among those it reads that is computed last.

        dagster-dbt itself leaves out tests that read several tables, which most of ours do.
        """
        tables = _tables_read(manifest, unique_id)
        last = max(tables, key=lambda table: (len(_ancestors(manifest, table) & tables), table))
        if asset_spec.metadata[_UNIQUE_ID] != last:
            return None
        test = self.get_resource_props(manifest, unique_id)
        others = [self.get_asset_spec(manifest, table, project).key for table in sorted(tables - {last})]
        return dg.AssetCheckSpec(
            test["name"],
            asset=asset_spec.key,
            description=test["description"] or None,
            additional_deps=others,
            blocking=test["config"]["severity"].lower() == "error",
            metadata={_UNIQUE_ID: unique_id},
        )


def _tables_read(manifest: Mapping[str, Any], unique_id: str) -> set[str]:
    """The assets among what a node reads."""
    return {
        parent
        for parent in manifest["parent_map"][unique_id]
        if parent in manifest["nodes"] and manifest["nodes"][parent]["config"]["materialized"] != "ephemeral"
    }


def _ancestors(manifest: Mapping[str, Any], unique_id: str) -> set[str]:
    found: set[str] = set()
    waiting = [unique_id]
    while waiting:
        parents = set(manifest["parent_map"].get(waiting.pop(), ())) - found
        found |= parents
        waiting += parents
    return found


def model_assets(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """Every table of the dbt project and its tests, computed by one dbt build in this process."""

    def compute_models(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[WarehouseRun]
    ) -> Events:
        with warehouse.step(MODELS):
            built = warehouse.built
        if built is None:
            context.log.info("no input changed since the current edition: nothing to compute")
            return
        if built.failures:
            # Dagster stops here by the failed checks; the ledger is told in the words of the gate.
            warehouse.fail(MODELS, GateFailed({"dbt_tests": built.failures}))
        yield from _build_events(context, built)

    assets: dg.AssetsDefinition = dbt_assets(
        manifest=manifest, dagster_dbt_translator=_Translator(), name=MODELS, retry_policy=RETRIES, pool=POOL
    )(compute_models)
    return assets.map_asset_specs(lambda spec: spec.replace_attributes(freshness_policy=FRESHNESS))


def _build_events(context: dg.AssetExecutionContext, built: BuildResult) -> Events:
    """What dbt did, in its order, as far as Dagster asked for it: tables computed, and tests that ran."""
    tables = {spec.metadata[_UNIQUE_ID]: spec for spec in context.assets_def.specs}
    tests = {(check.metadata or {})[_UNIQUE_ID]: check for check in context.assets_def.check_specs}
    for node in built.nodes:
        table, test = tables.get(node.unique_id), tests.get(node.unique_id)
        if table is not None and node.status == "success" and table.key in context.selected_asset_keys:
            yield dg.MaterializeResult(asset_key=table.key, metadata={"seconds": node.seconds})
        if test is not None and node.status != "skipped" and test.key in context.selected_asset_check_keys:
            yield _test_result(test, node)


def _test_result(check: dg.AssetCheckSpec, test: BuiltNode) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.WARN if test.status == "warn" else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(
        asset_key=check.asset_key, check_name=check.name, passed=test.status == "pass", severity=severity,
        metadata={"rows_failed": test.failures, "seconds": test.seconds},
    )  # fmt: skip


def edition_asset(tables: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """The audit of `tables`, and their publication as the current edition."""

    @dg.asset(
        name=EDITION,
        description="审核并发布的版本 / the audited and published edition",
        group_name="edition",
        kinds={"duckdb", "parquet"},
        deps=tables,
        check_specs=[dg.AssetCheckSpec(gate, asset=EDITION, blocking=True) for gate in GATES],
        retry_policy=RETRIES,
        freshness_policy=FRESHNESS,
        pool=POOL,
    )
    def publish_edition(warehouse: dg.ResourceParam[WarehouseRun]) -> Events:
        try:
            with warehouse.step(EDITION):
                publication = warehouse.publish()
        except dg.Failure:
            failure = warehouse.failures[EDITION]
            if isinstance(failure, GateFailed):
                yield from _gate_results(failure.findings)
            raise
        yield dg.MaterializeResult(
            metadata={"edition_id": publication.edition_id, "is_new": publication.is_new}
        )
        yield from _gate_results({})

    return publish_edition


def _gate_results(findings: Mapping[str, list[str]]) -> Iterator[dg.AssetCheckResult]:
    for gate in GATES:
        found = findings.get(gate, [])
        yield dg.AssetCheckResult(
            check_name=gate, passed=not found, metadata={"found": "; ".join(found[:20])}
        )
