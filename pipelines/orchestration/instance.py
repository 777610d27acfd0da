"""Dagster's own settings for a data root: `dagster.yaml` in DAGSTER_HOME. Imports no Dagster."""

from __future__ import annotations

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
    "freshness": {"enabled": True},
    # The sensor looks every minute; what it did not find need not be kept for long.
    "retention": {
        "sensor": {"purge_after_days": {"skipped": 2, "failure": 30, "success": 90}},
        "schedule": {"purge_after_days": {"skipped": 30, "failure": 90, "success": 365}},
    },
}  # fmt: skip


def write_settings(home: Home) -> None:
    """Writes `dagster.yaml`, so that a data root made by an older version gets today's settings."""
    home.dagster.mkdir(parents=True, exist_ok=True)
    body = yaml.safe_dump(SETTINGS, sort_keys=False)
    text = f"# Written by `warehouse serve` at each start; change pipelines/orchestration/instance.py instead.\n{body}"
    (home.dagster / "dagster.yaml").write_text(text, encoding="utf-8")
