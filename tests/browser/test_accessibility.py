"""Every page keeps the rules of WCAG 2.1 A and AA that axe-core can judge, at the sizes of a desktop and of a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dashboards.address import PATHS
from tests.support.browser import Served, Watched, broken_rules

pytestmark = pytest.mark.browser

SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
COMMUNITY, STREET, COUNTY = "610629001001@2016-01-01", "610629001@2016-01-01", "610629@2016-01-01"
ADDRESSES = {
    **PATHS,
    "domain": "/?domain=safety",
    "english": "/?lang=en",
    "community": f"/unit/{COMMUNITY}",
    "community-as-now": f"/unit/{COMMUNITY}?period=2026-03&unit_basis=as_now",
    "grid": f"/unit/{COMMUNITY.replace('@', '-002@')}",
    "grids": "/?level=grid",
    "street": f"/unit/{STREET}?lang=en",
    "county": f"/unit/{COUNTY}",
    "no-such-page": "/nowhere",
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ADDRESSES)
def test_a_page_breaks_no_rule(moved: Served, visit: Callable[..., Watched], name: str, size: str) -> None:
    watched = visit(moved, *SIZES[size])
    watched.open(ADDRESSES[name])
    watched.picture(f"axe-{name}-{size}", whole=True)
    assert broken_rules(watched) == []


@pytest.mark.parametrize("size", SIZES)
def test_a_whole_county_breaks_no_rule(county: Served, visit: Callable[..., Watched], size: str) -> None:
    watched = visit(county, *SIZES[size])
    watched.open("/").wait_for_selector("#flags .ag-row")
    assert broken_rules(watched) == []


def test_before_the_first_edition_no_rule_is_broken(empty: Served, visit: Callable[..., Watched]) -> None:
    watched = visit(empty)
    watched.open("/")
    assert broken_rules(watched) == []


def test_a_broken_rule_is_found(moved: Served, visit: Callable[..., Watched]) -> None:
    """A picture without words and pale grey on white, put into a page that breaks no rule."""
    watched = visit(moved)
    page = watched.open("/data")
    page.evaluate("""() => document.querySelector('main').insertAdjacentHTML(
        'beforeend', '<img src="data:,"><p style="color:#bbb;background:#fff">pale</p>')""")
    assert {rule.partition(":")[0] for rule in broken_rules(watched)} == {"color-contrast", "image-alt"}
