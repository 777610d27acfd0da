"""MetricFlow reads the published edition, and what `mf query` answers are the figures of fct_kpi."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.settings import DBT_DIR, Home

MONTHS = (
    "{{ Dimension('figure__period_type') }} = 'month' and {{ Dimension('figure__unit_basis') }} = 'as_was'"
    " and {{ Dimension('figure__unit_level') }} in ('county', 'street')"
)
COMMAND = Path(sys.executable).with_name("mf")

pytestmark = pytest.mark.skipif(not COMMAND.exists(), reason="MetricFlow is not installed: make install-dev")


@pytest.fixture(scope="module")
def project(published: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A parsed copy of the dbt project: MetricFlow wants to find and write its files inside it."""
    folder = tmp_path_factory.mktemp("semantic") / "dbt"
    shutil.copytree(DBT_DIR, folder, ignore=shutil.ignore_patterns("target", "logs"))
    _run([str(COMMAND.with_name("dbt")), "--quiet", "parse"], folder, published)
    return folder


def _run(command: list[str], project: Path, home: Home) -> None:
    environment = {
        **os.environ, "WAREHOUSE_HOME": str(home.root), "WAREHOUSE_TARGET": "edition", "DBT_PROFILES_DIR": str(project),
        "DO_NOT_TRACK": "1", "HTTPS_PROXY": "http://127.0.0.1:9",  # it would look for newer releases
    }  # fmt: skip
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


def query(project: Path, home: Home, metrics: str, group_by: str, where: str) -> pl.DataFrame:
    """What `mf query` answers."""
    answer = project / "answer.csv"
    command = ["query", "--quiet", "--metrics", metrics, "--group-by", group_by, "--where", where, "--csv", str(answer)]
    _run([str(COMMAND), *command], project, home)
    return pl.read_csv(answer, try_parse_dates=True)


def asked(home: Home, question: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(home.pointer.resolve()), read_only=True) as connection:
        return connection.execute(question).fetchall()


def test_every_figure_comes_out_as_it_stands(project: Path, published: Home) -> None:
    answered = query(
        project, published, "kpi_value,kpi_numerator", "metric_time__month,figure__unit_key,figure__kpi_id", MONTHS
    )
    told = {
        (str(row["metric_time__month"])[:10], row["figure__unit_key"], row["figure__kpi_id"]): (row["kpi_numerator"], row["kpi_value"])
        for row in answered.to_dicts()
    }
    figures = asked(
        published,
        "select distinct period, unit_key, kpi_id, numerator, value from fct_kpi"
        " where period_type = 'month' and unit_basis = 'as_was' and unit_level in ('county', 'street')",
    )
    assert len(figures) > 1000
    for period, unit, kpi_id, numerator, value in figures:
        found = told.pop((str(period), str(unit), str(kpi_id)))
        assert found == (
            None if numerator is None else pytest.approx(float(str(numerator))),
            None if value is None else pytest.approx(float(str(value)), rel=1e-9),
        )
    assert told == {}


def test_judgements_are_counted_by_domain(project: Path, published: Home) -> None:
    answered = query(project, published, "judgements,judgements_missed", "kpi__domain", MONTHS)
    told = {row["kpi__domain"]: (row["judgements"] or 0, row["judgements_missed"] or 0) for row in answered.to_dicts()}
    counted = asked(
        published,
        "select domain, count(*) filter (status in ('met', 'near', 'missed')),"
        " count(*) filter (status = 'missed' and certainty = 'confirmed') from fct_kpi inner join dim_kpi using (kpi_id)"
        " where period_type = 'month' and unit_basis = 'as_was' and unit_level in ('county', 'street') group by domain",
    )
    assert told == {domain: (judged, missed) for domain, judged, missed in counted}
