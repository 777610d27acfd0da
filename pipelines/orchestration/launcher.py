"""Launches runs as Dagster does, and notices when the process of one is gone.

Dagster's own launcher cannot tell, so that a killed run would stay started for ever and, as runs wait for each
other, nothing would run again. Named in dagster.yaml (see instance).
"""

from __future__ import annotations

import psutil
from dagster import DagsterEventType, DagsterRun, DefaultRunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus


class WatchedRunLauncher(DefaultRunLauncher):
    """Answers Dagster's run monitoring whether a run's process still lives."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """RUNNING while the process that the run's log names is the same and alive; FAILED once it is gone."""
        process = self._process_of(run)
        if process is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING)  # it has not said yet which process it is
        pid, said_at = process
        if _is_alive(pid, said_at):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"process {pid} is gone")

    def _process_of(self, run: DagsterRun) -> tuple[int, float] | None:
        """The pid that the run's newest engine event names, and when it said so."""
        for entry in reversed(self._instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT)):
            data = entry.get_dagster_event().engine_event_data
            if "pid" in data.metadata:
                return int(str(data.metadata["pid"].value)), entry.timestamp
        return None


def _is_alive(pid: int, said_at: float) -> bool:
    try:
        process = psutil.Process(pid)
        # A process that began later only got the number of the one that is gone.
        return process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= said_at
    except psutil.NoSuchProcess:
        return False
