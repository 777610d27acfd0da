"""What a reader has chosen stands in the address, and nothing else is taken from it."""

from __future__ import annotations

from datetime import date
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.address import LEVELS, PERIOD_TYPES, SHOWN, Address, NoSuchPage, language_of, parse

ADDRESSES = st.builds(
    Address,
    page=st.just("unit"),
    unit_key=st.text("0123456789@-", min_size=1, max_size=30),
    lang=st.sampled_from(["zh", "en"]),
    period_type=st.sampled_from(PERIOD_TYPES),
    period=st.none() | st.dates(date(2000, 1, 1), date(2099, 12, 31)).map(lambda day: day.replace(day=1)),
    level=st.sampled_from(LEVELS),
    show=st.sampled_from(SHOWN),
    domain=st.sampled_from(["all", "safety", "facilities"]),
    pack=st.sampled_from(["all", "D3", "county"]),
)


@given(ADDRESSES)
def test_an_address_leads_back_to_what_was_chosen(address: Address) -> None:
    parts = urlsplit(address.href)
    assert parse(parts.path, f"?{parts.query}" if parts.query else "") == address


def test_the_start_page_in_chinese_needs_no_parameters() -> None:
    assert Address().href == "/"
    assert parse("/", "") == Address()


def test_a_unit_key_with_foreign_characters_stays_one_part_of_the_path() -> None:
    assert Address(page="unit", unit_key="a/b?c").href == "/unit/a%2Fb%3Fc"


def test_another_language_keeps_the_period_and_another_kind_of_period_does_not() -> None:
    address = Address(period=date(2026, 3, 1))
    assert address.to(lang="en") == "/?lang=en&period=2026-03"
    assert address.to(period_type="quarter") == "/?period_type=quarter"


def test_the_domain_and_the_document_stay_on_the_way_to_a_unit_and_back() -> None:
    address = Address(domain="safety", pack="D3")
    to_unit = urlsplit(address.to("unit", unit_key="610629001001@2016-01-01"))
    assert to_unit.query == "domain=safety&pack=D3"
    there = parse(to_unit.path, f"?{to_unit.query}")
    assert there.to("overview") == "/?domain=safety&pack=D3"
    assert there.to("overview", domain="all", pack="all") == "/"


@pytest.mark.parametrize(
    ("pathname", "search"),
    [
        ("/nowhere", ""),
        ("/unit/", ""),
        ("/unit/a/b", ""),
        ("/data/x", ""),
        ("/", "?period_type=decade"),
        ("/", "?period=June"),
        ("/", "?period=2026-13"),
        ("/", "?period=２０２６-０１-x"),
        ("/", "?level=planet"),
        ("/", "?show=nothing"),
        ("/", "?domain=safety'"),
        ("/", "?domain=" + "x" * 41),
        ("/", "?pack=%00"),
        ("/", "?pack=../D3"),
        ("/" + "x" * 3000, ""),
        (None, ""),
        ("/", {"lang": "en"}),
        (["/"], ""),
        (7, 8),
        ("/", None),
    ],
)
def test_what_is_no_address_is_refused_with_an_explanation(pathname: object, search: object) -> None:
    with pytest.raises(NoSuchPage) as refused:
        parse(pathname, search)
    assert refused.value.advice.zh == "返回总览重新选择"


@pytest.mark.parametrize(
    ("search", "lang"),
    [("?lang=en&period=x", "en"), ("?lang=fr", "zh"), (None, "zh"), ({"lang": "en"}, "zh")],
)
def test_the_language_is_known_even_where_the_rest_is_wrong(search: object, lang: str) -> None:
    assert language_of(search) == lang
