"""Dagster's own settings for a data root: `dagster.yaml` in DAGSTER_HOME. Imports no Dagster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pipelines.settings import Home

DEFINITIONS = "pipelines.orchestration.definitions"

SETTINGS: dict[str, Any] = {
    # Nothing phones home: no usage figures, no welcome dialogue asking for an address.
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},
    # One writer: one run at a time, and the pool that every step belongs to has one place.
    "concurrency": {"runs": {"max_concurrent_runs": 1}, "pools": {"default_limit": 1, "granularity": "run"}},
    # A run whose process is gone is failed within two looks of the monitor, and the next one starts.
    "run_launcher": {"module": "pipelines.orchestration.launcher", "class": "WatchedRunLauncher"},
    "run_monitoring": {
        "enabled": True, "poll_interval_seconds": 30, "start_timeout_seconds": 180, "cancel_timeout_seconds": 120,
        "free_slots_after_run_end_seconds": 30,
    },
    # A run that died is started once more: every step may be done twice. One whose step failed is not.
    "run_retries": {"enabled": True, "max_retries": 1, "retry_on_asset_or_op_failure": False},
    "freshness": {"enabled": True},
    # The log of a run holds every event; the console only what somebody has to read.
    "python_logs": {"python_log_level": "INFO"},
    # The sensor looks every minute; what it did not find need not be kept for long.
    "retention": {
        "sensor": {"purge_after_days": {"skipped": 2, "failure": 30, "success": 90}},
        "schedule": {"purge_after_days": {"skipped": 30, "failure": 90, "success": 365}},
    },
}  # fmt: skip


def write_settings(home: Home, socket: Path) -> Path:
    """Writes `dagster.yaml`, so that a data root made by an older version gets today's settings, and the
    workspace that finds the code server at `socket`. Returns the workspace file."""
    home.dagster.mkdir(parents=True, exist_ok=True)
    _write(home.dagster / "dagster.yaml", SETTINGS)
    # The name is what Dagster knows schedules, sensors and their runs by: it stays the same from start to start.
    server = {"socket": str(socket), "host": "localhost", "location_name": "warehouse"}
    workspace = home.dagster / "workspace.yaml"
    _write(workspace, {"load_from": [{"grpc_server": server}]})
    return workspace


def _write(path: Path, content: dict[str, Any]) -> None:
    first = (
        "# Written by `warehouse serve` at each start; change pipelines/orchestration/instance.py instead.\n"
    )
    path.write_text(first + yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
