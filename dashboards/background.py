"""Commands that pages start and do not wait for: what takes longer than a browser does, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from pipelines.settings import REPO, Home


@dataclass(frozen=True)
class Background:
    """The commands of one kind, one at a time for a data root: each takes a processor core."""

    home: Home
    name: str

    @property
    def is_running(self) -> bool:
        try:
            os.kill(int(self._running.read_text(encoding="ascii")), 0)
        except (OSError, ValueError):
            return False
        return True

    def start(self, *arguments: str) -> None:
        """Starts `warehouse` with these arguments, unless one is running; what it finds it keeps in the data root."""
        if self.is_running:
            return
        environment = os.environ | {"WAREHOUSE_HOME": str(self.home.root), "PYTHONPATH": str(REPO)}
        started = subprocess.Popen(
            ["nice", sys.executable, "-m", "pipelines.cli", *arguments], env=environment, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        threading.Thread(target=started.wait, daemon=True).start()  # otherwise its number would stay taken
        self._running.parent.mkdir(parents=True, exist_ok=True)
        self._running.write_text(f"{started.pid}", encoding="ascii")

    @property
    def _running(self) -> Path:
        return self.home.steward / f"{self.name}.pid"
