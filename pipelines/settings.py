"""Where things are: the repository's own folders, and the data root (`WAREHOUSE_HOME`) of one county."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

REPO = Path(__file__).resolve().parents[1]
DBT_DIR = REPO / "dbt"
REFERENCE = REPO / "data" / "reference"
SHANGHAI = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Home:
    """The data root of one county; several live side by side, each under its own root."""

    root: Path

    def __post_init__(self) -> None:
        # dbt works from the project's folder: there a relative path would be another place, amid the models.
        object.__setattr__(self, "root", self.root.absolute())

    @classmethod
    def from_environment(cls) -> Home:
        return cls(Path(os.environ.get("WAREHOUSE_HOME") or REPO / "data").resolve())

    @property
    def county_file(self) -> Path:
        return self.root / "county.yml"

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def linking(self) -> Path:
        return self.root / "linking"

    @property
    def verdicts(self) -> Path:
        return self.root / "verdicts"

    @property
    def steward(self) -> Path:
        """What the steward's work list was worked out to be, by what it was worked out from."""
        return self.root / "steward"

    @property
    def control(self) -> Path:
        return self.root / "control"

    @property
    def store(self) -> Path:
        return self.root / "store" / "operational.db"

    @property
    def store_url(self) -> str | None:
        """Where the operational store is if not in this data root: a PostgreSQL URL, which may hold a password."""
        return os.environ.get("WAREHOUSE_STORE") or None

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse.duckdb"

    @property
    def lease(self) -> Path:
        return self.root / "warehouse.lease"

    @property
    def published(self) -> Path:
        return self.root / "published"

    @property
    def editions(self) -> Path:
        return self.published / "editions"

    @property
    def changes(self) -> Path:
        """What changed between two editions and why, once it was asked for."""
        return self.published / "changes"

    @property
    def opened(self) -> Path:
        """DuckDB files of past editions, built again on request."""
        return self.published / "opened"

    @property
    def docs(self) -> Path:
        """What the dashboards' help leads to, once it was written."""
        return self.published / "docs"

    @property
    def data_docs(self) -> Path:
        """What Great Expectations found in each of the last runs, as pages."""
        return self.root / "data-docs"

    @property
    def pointer(self) -> Path:
        """The relative symlink that every reader opens."""
        return self.published / "warehouse.duckdb"

    @property
    def register(self) -> Path:
        """The county's own division register, where it brought one."""
        return self.root / "register"

    @property
    def reference(self) -> Path:
        """The division register to read: the county's own, or the shipped one."""
        return self.register if self.register.exists() else REFERENCE

    @property
    def shapes(self) -> Path:
        """The borders of the county's units as GeoJSON, where it has them."""
        return self.root / "reference" / "units.geojson"

    @property
    def truth(self) -> Path:
        return self.root / "truth"

    @property
    def dbt(self) -> Path:
        return self.root / "dbt"

    @property
    def manifest(self) -> Path:
        """The dbt project as parsed for this data root."""
        return self.dbt / "manifest.json"

    @property
    def dagster(self) -> Path:
        return self.root / "dagster"


@lru_cache(maxsize=1024)  # asked once per row of the ledger, of which years have tens of thousands
def month_start(month: str) -> date:
    """'2026-01' → 2026-01-01. ValueError names what is not a month."""
    if re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", month) is None:
        raise ValueError(f"{month!r} is not a month; expected YYYY-MM, such as 2026-01")
    return date.fromisoformat(f"{month}-01")


def month_name(day: date) -> str:
    """The month that a day lies in, as '2026-01'."""
    return f"{day:%Y-%m}"


def local_time(at: str) -> str:
    """A recorded moment (ISO 8601; UTC where it names no zone) by the county's clock, to the minute."""
    moment = datetime.fromisoformat(at)
    return f"{(moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def add_months(day: date, months: int) -> date:
    """The first day of the month that is `months` after the month of `day`."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def month_end(day: date) -> date:
    """The last day of the month that `day` lies in."""
    return add_months(day, 1) - timedelta(days=1)
