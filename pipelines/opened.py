"""A data root as commands and sensors work at it: its county and its operational store, closed again afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from pipelines.settings import Home

if TYPE_CHECKING:
    from pipelines.county import County
    from pipelines.store import Store


@contextmanager
def opened() -> Iterator[tuple[Home, County, Store]]:
    """The data root that the environment names; no lease. WarehouseError where there is no county yet."""
    from pipelines.county import load_county
    from pipelines.store import Store

    home = Home.from_environment()
    county = load_county(home.county_file)
    with closing(Store.of(home)) as store:
        yield home, county, store
