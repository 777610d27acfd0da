"""One writer, others wait: whoever starts a run while another goes on comes after it, and nobody fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pipelines.county import County, save_county
from pipelines.settings import REPO, Home
from pipelines.store import Store

LAUNCHES = 20
# What a run does while it holds the lease, without the models.
TAKES_IN = """
import os, sys
from datetime import date
from pathlib import Path
from pipelines.landing import look
from pipelines.progress import silent
from pipelines.run import open_session, recorded, take_in
from pipelines.settings import Home

home = Home.from_environment()
with open_session(home, as_of=date(2026, 6, 1)) as session, recorded(session) as summary:
    with Path(sys.argv[1]).open("a") as marks:
        print("begin", os.getpid(), file=marks, flush=True)
        for _ in take_in(session, look(home, session.county, session.store), None, None, silent):
            pass
        print("end", os.getpid(), file=marks, flush=True)
"""


def test_many_launched_at_once_all_finish_one_after_the_other(home: Home, county: County, tmp_path: Path) -> None:
    save_county(county, home.county_file)
    folder = home.landing / "grid_610629101" / "grid_disputes" / "2026-01"
    folder.mkdir(parents=True)
    marks = tmp_path / "marks"
    environment = {**os.environ, "WAREHOUSE_HOME": str(home.root), "PYTHONPATH": str(REPO)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", TAKES_IN, str(marks)], cwd=REPO, env=environment, stderr=subprocess.PIPE, text=True
        )
        for _ in range(LAUNCHES)
    ]  # fmt: skip
    failed = [said for process in started if (said := process.communicate()[1]) and process.returncode]
    assert failed == []
    told = [line.split() for line in marks.read_text().splitlines()]
    assert [word for word, _ in told] == ["begin", "end"] * LAUNCHES
    assert all(begun[1] == ended[1] for begun, ended in zip(told[::2], told[1::2], strict=True))
    store = Store.of(home)
    assert len(store.runs()) == LAUNCHES
    store.close()
