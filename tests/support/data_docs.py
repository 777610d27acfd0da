"""Data Docs of a run that never was: two validations of grids with a few failing rows, by two suppliers."""

from __future__ import annotations

from expectations.contract import Contract, load_contract
from expectations.data_docs import BatchCounts
from pipelines.county import County
from pipelines.data_docs import write_index, write_validation
from pipelines.settings import Home

RUN = "20260712T013000000000-ab12"
COUNTY = County.model_validate(
    {
        "county_code": "610629", "name_zh": "洛川县", "sample": True, "first_period": "2026-01",
        "suppliers": [{"id": "grids", "name_zh": "网格中心", "covers": ["610629"]}], "expected": [],
    }
)  # fmt: skip
DATASET, MONTHS = "grid_grids", ("2026-05", "2026-06")


def batches(supplier: str = "凤栖街道网格中心") -> list[BatchCounts]:
    """A batch of 1,000 rows that is accepted, and one of 300 that is refused."""
    return [
        BatchCounts("0123456789abcdef01234567", supplier, False, 1_000, {"grid_code.required": 3, "key.repeated": 1}),
        BatchCounts("89abcdef0123456789abcdef", "旧县镇网格中心", True, 300, {"grid_code.required": 40}),
    ]


def write_docs(
    home: Home, run_id: str = RUN, *, contract: Contract | None = None, supplier: str = "凤栖街道网格中心"
) -> None:
    """The pages of a run, and the index, as a run leaves them."""
    for month in MONTHS:
        write_validation(home, COUNTY, run_id, contract or load_contract(DATASET), month, batches(supplier))
    write_index(home, COUNTY, run_id)
