"""What tests of measuring start from."""

from __future__ import annotations

import pytest

from pipelines.county import County
from tests.support.measured import with_more_expected


@pytest.fixture
def county(county: County) -> County:
    """The usual county, in which further datasets are expected, up to March 2026."""
    return with_more_expected(county)
