"""People found without a number: who is linked, who is left to a person, and how well on people that are known."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.errors import WarehouseError
from pipelines.keys import Key
from pipelines.linking import DECIDED_SCHEMA, link_months, linked_rows, months, pairs_for_review
from pipelines.linking.decide import decide
from pipelines.sample.people_lists import GRID, MONTH, PERSONS, POLICE, Lists, compose_lists
from pipelines.settings import REPO, Home

# --- what is decided of likely pairs ---------------------------------------------------------------------------


def decided(*pairs: tuple[str, str, float, float], taken: tuple[str, ...] = ()) -> dict[tuple[str, str], Any]:
    """found and person → the reason for a review, or 'linked'; of (found, person, weight, probability)."""
    frame = pl.DataFrame(pairs, ["found_id", "person", "weight", "probability"], orient="row")
    rows = decide(frame, frozenset(taken)).iter_rows(named=True)
    return {(row["found_id"], row["person"]): row["reason"] or row["decision"] for row in rows}


def test_a_likely_pair_without_a_rival_is_a_link() -> None:
    assert decided(("f1", "p", 9.0, 0.998)) == {("f1", "p"): "linked"}


def test_a_pair_that_is_not_likely_enough_is_left_to_a_person() -> None:
    assert decided(("f1", "p", 3.0, 0.89)) == {("f1", "p"): "unlikely"}


def test_two_people_who_are_equally_alike_are_both_left_to_a_person() -> None:
    assert decided(("f1", "p", 9.0, 0.998), ("f1", "q", 9.0, 0.998)) == {("f1", "p"): "rival", ("f1", "q"): "rival"}


def test_two_rows_that_are_equally_like_one_person_are_both_left() -> None:
    assert decided(("f1", "p", 9.0, 0.998), ("f2", "p", 8.0, 0.996)) == {("f1", "p"): "rival", ("f2", "p"): "rival"}


def test_the_heavier_of_two_pairs_is_a_link_where_it_leads_by_far_and_rules_the_other_out() -> None:
    assert decided(("f1", "p", 9.0, 0.998), ("f1", "q", 4.5, 0.957)) == {("f1", "p"): "linked"}


def test_a_row_whose_best_person_is_linked_to_another_may_have_the_next() -> None:
    pairs = [("f1", "p", 12.0, 0.9998), ("f2", "p", 7.0, 0.992), ("f2", "q", 6.0, 0.984)]
    assert decided(*pairs) == {("f1", "p"): "linked", ("f2", "q"): "linked"}


def test_nobody_gets_a_link_below_a_pair_that_is_left_to_a_person() -> None:
    pairs = [("f1", "p", 12.0, 0.9998), ("f1", "q", 12.0, 0.9998), ("f2", "q", 5.0, 0.97)]
    assert decided(*pairs)["f2", "q"] == "rival"


def test_a_person_found_with_a_number_is_not_found_once_more() -> None:
    assert decided(("f1", "p", 9.0, 0.998), taken=("p",)) == {("f1", "p"): "found"}


# --- on people that are known ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Lists:
    key = Key("hmac-sha256:test", bytes(range(32)))
    return compose_lists(Home(tmp_path_factory.mktemp("people")), key)


@pytest.fixture(scope="module")
def links(lists: Lists) -> pl.DataFrame:
    """Every likely pair, with the person of each side and what was wrong with the row."""
    (linked,) = link_months(lists.home, lists.batches, lists.evaluations, [MONTH])
    pairs = pl.read_parquet(linked.links_file)
    entries = lists.entries.rename({"row_number": "entry_row_number", "person": "entry_person"})
    known = pairs.join(lists.unnumbered, on="row_number").join(entries, on=["list", "entry_row_number"])
    assert known.height == pairs.height > 0
    return known.with_columns(is_right=pl.col("person") == pl.col("entry_person"))


def linked_share(lists: Lists, links: pl.DataFrame, *slips: str) -> float:
    """Of those who are in the books, with one of these slips or any, how many were linked to themselves."""
    wanted = lists.unnumbered.filter("is_in_books", pl.col("slip").is_in(slips) if slips else pl.lit(True))
    right = links.filter("is_right", pl.col("decision") == "linked")["row_number"]
    assert wanted.height >= 20
    return int(wanted["row_number"].is_in(right.to_list()).sum()) / wanted.height


def test_links_are_right(links: pl.DataFrame) -> None:
    linked = links.filter(pl.col("decision") == "linked")
    assert linked["row_number"].n_unique() > 400
    assert linked.filter("is_right").height / linked.height >= 0.99


def test_most_of_those_in_the_books_are_linked(lists: Lists, links: pl.DataFrame) -> None:
    assert linked_share(lists, links) >= 0.70
    assert linked_share(lists, links, "none") >= 0.98
    assert linked_share(lists, links, "same_sound") >= 0.90
    assert linked_share(lists, links, "swapped") >= 0.75


def test_another_year_or_place_is_left_to_a_person_and_another_character_to_nobody(
    lists: Lists, links: pl.DataFrame
) -> None:
    review = links.filter("is_right", pl.col("decision") == "review")
    wanted = lists.unnumbered.filter("is_in_books", pl.col("slip").is_in(["birth_year", "moved"]))
    assert wanted["row_number"].is_in(review["row_number"].to_list()).sum() >= 0.85 * wanted.height
    assert linked_share(lists, links, "other_character") <= 0.10


def test_nobody_is_linked_whose_namesake_is_as_likely(lists: Lists, links: pl.DataFrame) -> None:
    namesakes = links.filter(pl.col("slip") == "same_name", pl.col("decision") == "review")
    assert namesakes.filter(pl.col("reason").is_in(["rival", "found"])).height > 10


def test_links_are_one_to_one(links: pl.DataFrame) -> None:
    linked = links.filter(pl.col("decision") == "linked")
    entry = pl.coalesce("person_id", pl.concat_str("list", "entry_row_number"))
    assert linked.select("row_number", person=entry).unique().height == linked["row_number"].n_unique()
    assert linked.select(entry).unique().height == linked["row_number"].n_unique()


def test_rows_that_are_linked_have_a_person_on_both_sides_and_those_for_review_none(
    lists: Lists, links: pl.DataFrame
) -> None:
    kept = link_months(lists.home, lists.batches, lists.evaluations, [MONTH])
    rows = linked_rows(kept, {MONTH})
    linked = links.filter(pl.col("decision") == "linked")
    of_grid = rows.filter(pl.col("batch_id") == f"batch-{GRID}")
    assert set(of_grid["row_number"]) == set(linked["row_number"])
    numberless = linked.filter(pl.col("person_id").is_null())
    assert numberless.height > 0
    of_books = rows.filter(pl.col("batch_id") != f"batch-{GRID}")
    assert set(of_books["row_number"]) == set(numberless["entry_row_number"])
    assert set(of_books["person_id"]) <= set(of_grid["person_id"])
    assert rows["person_id"].null_count() == 0
    assert linked_rows(kept, set()).is_empty()


def test_the_review_list_names_rows_and_never_people(lists: Lists, links: pl.DataFrame) -> None:
    pairs = pairs_for_review(link_months(lists.home, lists.batches, lists.evaluations, [MONTH]))
    open_pairs = links.filter(pl.col("decision") == "review")
    assert pairs.height == open_pairs.height > 0
    assert pairs.columns == [
        "batch_id", "row_number", "list", "entry_batch_id", "entry_row_number", "probability", "reason",
    ]  # fmt: skip
    assert set(pairs["row_number"]) == set(open_pairs["row_number"])
    assert set(pairs["reason"]) <= {"unlikely", "rival", "found"}


def said(pair: dict[str, Any], *, is_same: bool) -> pl.DataFrame:
    """What a steward decided of a pair for review."""
    names = ("batch_id", "row_number", "entry_batch_id", "entry_row_number")
    return pl.DataFrame([{"month": f"{MONTH:%Y-%m}", **{name: pair[name] for name in names}, "is_same": is_same}], DECIDED_SCHEMA)


@pytest.mark.parametrize("reason", ["unlikely", "rival"])
def test_who_a_steward_confirms_is_linked_and_who_is_refused_is_nobody(lists: Lists, reason: str) -> None:
    kept = link_months(lists.home, lists.batches, lists.evaluations, [MONTH])
    pair = pairs_for_review(kept).filter(pl.col("reason") == reason).row(0, named=True)
    own = (pl.col("row_number") == pair["row_number"]) & (pl.col("batch_id") == pair["batch_id"])
    is_pair = own & (pl.col("list") == pair["list"]) & (pl.col("entry_row_number") == pair["entry_row_number"])

    def links_with(decided: pl.DataFrame) -> pl.DataFrame:
        (month,) = link_months(lists.home, lists.batches, lists.evaluations, [MONTH], decided=decided)
        assert month.inputs_hash != kept[0].inputs_hash
        return pl.read_parquet(month.links_file)

    confirmed = links_with(said(pair, is_same=True))
    assert confirmed.filter(is_pair)["decision"].to_list() == ["linked"]
    assert confirmed.filter(own)["decision"].unique().to_list() == ["linked"]
    refused = links_with(said(pair, is_same=False))
    assert refused.filter(is_pair).is_empty()
    # Without decisions all is as it was.
    (again,) = link_months(lists.home, lists.batches, lists.evaluations, [MONTH])
    assert again.inputs_hash == kept[0].inputs_hash


# --- what is kept, and when ------------------------------------------------------------------------------------


def small_lists(folder: Path, key: Key, unnumbered: int = 40) -> Lists:
    return compose_lists(Home(folder), key, people=1_500, unnumbered=unnumbered)


def test_an_unchanged_month_is_linked_once(tmp_path: Path, key: Key) -> None:
    lists = small_lists(tmp_path, key)
    (first,) = link_months(lists.home, lists.batches, lists.evaluations, [MONTH])
    (second,) = link_months(lists.home, lists.batches, lists.evaluations, [MONTH])
    assert (first.is_new, second.is_new) == (True, False)
    assert replace(first, is_new=False) == second
    assert first.links_file.is_relative_to(lists.home.linking)


def test_another_delivery_links_anew_and_with_the_same_rows_to_the_same_bytes(tmp_path: Path, key: Key) -> None:
    lists = small_lists(tmp_path, key)
    (first,) = link_months(lists.home, lists.batches, lists.evaluations, [MONTH])
    changed = [replace(one, inputs_hash="other") if one.dataset == POLICE else one for one in lists.evaluations]
    (second,) = link_months(lists.home, lists.batches, changed, [MONTH])
    assert second.is_new
    assert second.inputs_hash != first.inputs_hash
    assert second.links_file.read_bytes() == first.links_file.read_bytes()


def test_a_month_without_books_is_not_linked(tmp_path: Path, key: Key) -> None:
    lists = small_lists(tmp_path, key)
    grid = [one for one in lists.evaluations if one.dataset == GRID]
    assert link_months(lists.home, lists.batches, grid, [MONTH]) == []


def test_the_model_is_not_asked_where_nobody_lacks_a_number(
    tmp_path: Path, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(months, "score", lambda _: pytest.fail("nobody is to be compared"))
    lists = small_lists(tmp_path, key, unnumbered=0)
    (linked,) = link_months(lists.home, lists.batches, lists.evaluations, [MONTH])
    assert pl.read_parquet(linked.links_file).is_empty()


def test_a_run_does_not_load_the_model_before_it_needs_it() -> None:
    code = "import sys, pipelines.run, pipelines.linking.model; print('splink' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == ["False"]


def test_linking_keys_that_are_gone_stop_the_run_and_say_what_to_restore(tmp_path: Path, key: Key) -> None:
    lists = small_lists(tmp_path, key)
    (lists.home.linking / PERSONS / "period=2026-01" / f"batch-{PERSONS}.parquet").unlink()
    with pytest.raises(WarehouseError, match="restore the folder linking"):
        link_months(lists.home, lists.batches, lists.evaluations, [MONTH])
