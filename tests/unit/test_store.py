"""The ledger: what is current in a slot, and a log in which nothing can be changed unseen."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.settings import Home
from pipelines.store import (
    Slot,
    Store,
    append_delivery,
    batch,
    broken_entries,
    delivery,
    fold_slots,
    record_landed,
    rule_result,
)

SLOT = Slot("grid_610629101", "grid_disputes", "2026-01")


def entry(outcome: str, batch_id: str | None = None, *, slot: Slot = SLOT, **more: Any) -> dict[str, Any]:
    return {
        "run_id": "r1", "supplier_id": slot.supplier_id, "dataset": slot.dataset, "period": slot.period,
        "file_name": "a.csv", "file_hash": f"hash of {batch_id}", "received_at": "2026-02-03T00:00:00+00:00",
        "outcome": outcome, "contract_version": 1, "refusal_code": None, "refusal_zh": None, "refusal_en": None,
        "batch_id": batch_id, **more,
    }  # fmt: skip


def append(store: Store, *entries: dict[str, Any]) -> None:
    for one in entries:
        with store.transaction() as transaction:
            append_delivery(transaction, one)


def add_batch(store: Store, batch_id: str, slot: Slot = SLOT) -> None:
    counts = {column.name: 0 for column in batch.c if column.name.startswith("rows_")}
    with store.transaction() as transaction:
        transaction.execute(
            batch.insert().values(
                batch_id=batch_id, supplier_id=slot.supplier_id, dataset=slot.dataset, period=slot.period,
                content_hash="c", verdicts_hash="v", contract_version=1, key_id="k", remarks="{}", **counts,
            )
        )  # fmt: skip


def state(store: Store, slot: Slot = SLOT) -> tuple[str | None, bool]:
    found = store.slots()[slot]
    return found["batch_id"], found["is_correction_refused"]


def test_the_last_accepted_file_is_current(store: Store) -> None:
    append(store, entry("accepted", "b1"), entry("accepted", "b2"))
    assert state(store) == ("b2", False)


def test_a_refused_correction_leaves_its_predecessor_current_and_marked(store: Store) -> None:
    append(store, entry("accepted", "b1"), entry("refused"))
    assert state(store) == ("b1", True)


def test_a_good_correction_takes_the_mark_away(store: Store) -> None:
    append(store, entry("accepted", "b1"), entry("refused"), entry("accepted", "b2"))
    assert state(store) == ("b2", False)


def test_refused_bytes_of_a_superseded_file_change_nothing(store: Store) -> None:
    append(store, entry("accepted", "b1"), entry("accepted", "b2"), entry("refused_superseded"))
    assert state(store) == ("b2", False)


def test_a_slot_whose_only_file_was_refused_has_nothing_current(store: Store) -> None:
    append(store, entry("refused"))
    assert state(store) == (None, True)
    assert store.current_batches() == []


def test_slots_do_not_touch_each_other(store: Store) -> None:
    february = Slot(SLOT.supplier_id, SLOT.dataset, "2026-02")
    append(store, entry("accepted", "b1"), entry("refused", slot=february))
    assert state(store) == ("b1", False)
    assert state(store, february) == (None, True)


def test_a_superseded_batch_becomes_current_again_by_reinstatement(store: Store) -> None:
    append(store, entry("accepted", "b1"), entry("accepted", "b2"))
    assert store.reinstate("b1", "r2") == SLOT
    assert state(store) == ("b1", False)
    last = store.deliveries()[-1]
    assert (last["outcome"], last["run_id"], last["file_hash"]) == ("reinstated", "r2", "hash of b1")
    assert broken_entries(store.deliveries()) == []


def test_what_was_never_delivered_cannot_be_reinstated(store: Store) -> None:
    append(store, entry("accepted", "b1"))
    with pytest.raises(KeyError):
        store.reinstate("b9", "r2")
    assert len(store.deliveries()) == 1


def test_current_batches_are_those_that_slots_point_to(store: Store) -> None:
    february = Slot(SLOT.supplier_id, SLOT.dataset, "2026-02")
    for batch_id, slot in (("b1", SLOT), ("b2", SLOT), ("b3", february)):
        add_batch(store, batch_id, slot)
        append(store, entry("accepted", batch_id, slot=slot))
    assert [row["batch_id"] for row in store.current_batches()] == ["b2", "b3"]
    assert [row["batch_id"] for row in store.all_batches()] == ["b1", "b2", "b3"]


def test_an_untouched_log_holds_together(store: Store) -> None:
    append(store, entry("accepted", "b1"), entry("refused", refusal_zh="表头缺失"), entry("accepted", "b2"))
    assert broken_entries(store.deliveries()) == []


@pytest.mark.parametrize("column", ["outcome", "batch_id", "file_hash", "received_at", "period", "refusal_zh"])
def test_an_edited_entry_is_found(store: Store, column: str) -> None:
    append(store, entry("accepted", "b1"), entry("accepted", "b2"), entry("accepted", "b3"))
    with store.transaction() as transaction:
        transaction.execute(delivery.update().where(delivery.c.number == 2).values({column: "changed"}))
    assert broken_entries(store.deliveries()) == [2]


def test_a_deleted_entry_is_found_at_the_one_after(store: Store) -> None:
    append(store, entry("accepted", "b1"), entry("accepted", "b2"), entry("accepted", "b3"))
    with store.transaction() as transaction:
        transaction.execute(delivery.delete().where(delivery.c.number == 2))
    assert broken_entries(store.deliveries()) == [3]


def test_a_deleted_last_entry_is_found_by_the_slot_it_had_changed(store: Store) -> None:
    append(store, entry("accepted", "b1"), entry("accepted", "b2"))
    with store.transaction() as transaction:
        transaction.execute(delivery.delete().where(delivery.c.number == 2))
    assert store.slots() != fold_slots(store.deliveries())


def test_two_entries_in_another_order_are_found(store: Store) -> None:
    append(store, entry("accepted", "b1"), entry("accepted", "b2"), entry("accepted", "b3"))
    first, second, third = store.deliveries()
    assert broken_entries([second, first, third]) == [2, 1, 3]


def test_an_inserted_entry_is_found(store: Store) -> None:
    append(store, entry("accepted", "b1"), entry("accepted", "b2"))
    first, second = store.deliveries()
    forged = {**first, "number": 9, "batch_id": "forged"}
    assert 9 in broken_entries([first, forged, second])


OUTCOMES = st.sampled_from(["accepted", "refused", "refused_superseded", "reinstated"])
PERIODS = st.sampled_from(["2026-01", "2026-02"])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(OUTCOMES, PERIODS), max_size=12))
def test_slots_always_are_what_the_log_folds_to(history: list[tuple[str, str]]) -> None:
    store = Store("sqlite://")
    for number, (outcome, period) in enumerate(history):
        slot = Slot(SLOT.supplier_id, SLOT.dataset, period)
        batch_id = f"b{number}" if outcome in ("accepted", "reinstated") else None
        append(store, entry(outcome, batch_id, slot=slot))
    assert store.slots() == fold_slots(store.deliveries())
    assert broken_entries(store.deliveries()) == []
    store.close()


def test_a_failed_transaction_leaves_no_trace(store: Store) -> None:
    with pytest.raises(RuntimeError), store.transaction() as transaction:
        append_delivery(transaction, entry("accepted", "b1"))
        raise RuntimeError
    assert store.deliveries() == []
    assert store.slots() == {}


def test_what_was_committed_is_there_when_the_store_is_opened_again(store_url: str) -> None:
    first = Store(store_url)
    append(first, entry("accepted", "b1"))
    first.close()
    again = Store(store_url)
    assert state(again) == ("b1", False)
    again.close()


def test_the_database_survives_a_power_cut_and_does_not_lock_readers_out(home: Home) -> None:
    store = Store.at(home.store)
    with store.engine.connect() as connection:
        assert connection.execute(sa.text("pragma journal_mode")).scalar_one() == "wal"
        assert connection.execute(sa.text("pragma synchronous")).scalar_one() == 2  # full
    store.close()


def test_a_landed_file_is_remembered_once_as_it_was_last(store: Store) -> None:
    seen = {"path": "s/d/2026-01/a.csv", "size": 1, "changed_ns": 1, "file_hash": "x"}
    with store.transaction() as transaction:
        record_landed(transaction, seen)
        record_landed(transaction, {**seen, "size": 2})
    assert [row["size"] for row in store.seen_files()] == [2]


def result(run_id: str, batch_id: str, failed: int) -> dict[str, Any]:
    return {
        "run_id": run_id, "batch_id": batch_id, "rule_id": "kind.required", "dataset": SLOT.dataset,
        "period": SLOT.period, "rule_version": 1, "severity": "error", "is_cross_file": False,
        "rows_checked": 10, "rows_failed": failed,
    }  # fmt: skip


def test_of_several_runs_the_newest_rule_results_of_each_batch_count(store: Store) -> None:
    with store.transaction() as transaction:
        transaction.execute(
            rule_result.insert(), [result("r1", "b1", 1), result("r2", "b1", 2), result("r1", "b2", 3)]
        )
    found = {row["batch_id"]: row["rows_failed"] for row in store.latest_rule_results()}
    assert found == {"b1": 2, "b2": 3}
    assert dict(store.latest_rule_counts(["batch_id", "rows_failed"])) == found


def test_a_run_is_recorded_from_its_start_to_its_end(store: Store) -> None:
    assert store.last_run() is None
    store.start_run("r1", date(2026, 2, 11))
    started = store.last_run()
    assert started is not None
    assert (started["as_of"], started["outcome"], started["finished_at"]) == ("2026-02-11", None, None)
    store.finish_run("r1", "published", edition_id="e1")
    finished = store.last_run()
    assert finished is not None
    assert (finished["outcome"], finished["edition_id"]) == ("published", "e1")
    assert finished["finished_at"] >= finished["started_at"]


def test_a_snapshot_shows_one_state_whatever_is_written_meanwhile(store: Store, store_url: str) -> None:
    append(store, entry("accepted", "b1"))
    writer, count = Store(store_url), sa.select(sa.func.count()).select_from(delivery)
    with store.snapshot() as connection:
        assert connection.execute(count).scalar_one() == 1
        append(writer, entry("accepted", "b2"))
        assert connection.execute(count).scalar_one() == 1
    assert len(store.deliveries()) == 2
    writer.close()
