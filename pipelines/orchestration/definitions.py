"""The entry point for Dagster: `defs`, built when Dagster asks for it and not when the module is imported.

Building reads contracts and the dbt project's manifest (parsed once per state of the project, see manifest).
It needs no network, no secret, no county and no database.
"""

from __future__ import annotations

import dagster as dg

from pipelines.orchestration.datasets import dataset_assets
from pipelines.orchestration.figures import EDITION, control_asset, edition_asset, model_assets
from pipelines.orchestration.manifest import load_manifest
from pipelines.orchestration.triggers import alerts, closed_month, landed_files, late_files, month_job
from pipelines.orchestration.warehouse import warehouse
from pipelines.settings import Home


@dg.definitions
def defs() -> dg.Definitions:
    """Assets, checks, the job `month`, its schedules, its sensor, and the one that looks for alerts."""
    models = model_assets(load_manifest(Home.from_environment()))
    tables = [spec.key for spec in models.specs if EDITION in spec.tags]
    return dg.Definitions(
        assets=[*dataset_assets(), control_asset(), models, edition_asset(tables)],
        jobs=[month_job],
        schedules=[closed_month, late_files],
        sensors=[alerts, landed_files],
        resources={"warehouse": warehouse},
        # One process for all steps: they share the lease, the session and what they computed.
        executor=dg.in_process_executor,
    )
