"""The ways to connect that `docs/connect.md` gives, as far as they can be tried here."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from pipelines.editions import current_edition
from pipelines.settings import REPO, Home

PAGE = (REPO / "docs" / "connect.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def placed(recipe: str, home: Home) -> str:
    return recipe.replace("HOME", str(home.root)).replace("EDITION", current_edition(home).id)


@pytest.mark.parametrize("recipe", PYTHON, ids=range(len(PYTHON)))
def test_python_reads_figures(published: Home, recipe: str) -> None:
    script = placed(recipe, published) + "\nassert frame.height > 1000 and 'kpi_id' in frame.columns\n"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_sqlalchemy_reads_and_cannot_write(published: Home) -> None:
    (address,) = re.findall(r"^duckdb:///\S+$", PAGE, re.MULTILINE)
    engine = create_engine(placed(address.replace("////HOME", "///HOME"), published))
    with engine.connect() as connection:
        assert connection.execute(text("select edition_id from edition")).scalar() == current_edition(published).id
        with pytest.raises(DBAPIError, match="read-only"):
            connection.execute(text("create table mine (a integer)"))
    engine.dispose()
