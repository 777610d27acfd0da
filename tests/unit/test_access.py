"""Accounts, one-time links, sign-in and sessions, and an audit log in which nothing changes unseen; on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

import pytest
import sqlalchemy as sa

from expectations.contract import AGENCY_WORDS
from pipelines.account_store import SETUP, Accounts, account, web_session
from pipelines.accounts import (
    ROLES,
    AccessError,
    Account,
    Permission,
    Role,
    checked_account,
    checked_password,
)
from pipelines.actor import Actor
from pipelines.audit_log import audit_event, audit_head, entries, verify_audit_log
from pipelines.sessions import FAILURES, NotSignedIn, Sessions, SignedIn, TooManyFailures
from pipelines.store import Store
from tests.support.clock import Time

SECRET = "correct horse 电池"
HERE = "127.0.0.1"
CLI = Actor("system_user", "tester")


@pytest.fixture
def time() -> Time:
    return Time(datetime(2026, 7, 15, 8, tzinfo=UTC))


@pytest.fixture
def accounts(store: Store, time: Time) -> Accounts:
    accounts = Accounts(store, time)
    accounts.add(Account("anna", "分析员甲", "analyst"), CLI)
    accounts.set_password("anna", SECRET, CLI)
    return accounts


@pytest.fixture
def sessions(store: Store, time: Time, accounts: Accounts) -> Sessions:
    return Sessions(store, time)


def sign_in(sessions: Sessions, password: str = SECRET, name: str = "anna", address: str = HERE) -> SignedIn:
    return sessions.sign_in(name, password, address)


def fail(sessions: Sessions, times: int, name: str = "anna", address: str = HERE) -> None:
    for _ in range(times):
        with pytest.raises(NotSignedIn):
            sign_in(sessions, "wrong", name, address)


# --- accounts -----------------------------------------------------------------------------------------------


def test_an_agency_is_kept_noted_and_taken_away_again(accounts: Accounts, store: Store) -> None:
    accounts.add(Account("kong", "民警乙", "supplier", "610629", agency="police"), CLI)
    assert accounts.active("kong") == Account("kong", "民警乙", "supplier", "610629", agency="police")
    assert accounts.change("kong", CLI, area="610629001").agency == "police"
    assert accounts.change("kong", CLI, agency="").agency == ""
    told = [one["detail"] for one in entries(store) if one["subject"] == "kong"]
    assert told == ["supplier 610629001 active", "supplier 610629001 police active", "supplier 610629 police"]


@pytest.mark.parametrize("role", ROLES)
def test_an_agency_opens_no_door_and_answers_for_itself_alone(role: Role) -> None:
    without = Account("kong", "民警乙", role, "610629")
    of_police = replace(without, agency="police")
    for permission in get_args(Permission):
        assert of_police.may(permission) == without.may(permission)
    is_stand_in = role in ("steward", "administrator")
    assert [without.replies_for(name) for name in (*AGENCY_WORDS, "")] == [is_stand_in] * 5
    assert [name for name in (*AGENCY_WORDS, "") if of_police.replies_for(name)] == ([*AGENCY_WORDS, ""] if is_stand_in else ["police"])


def test_passwords_are_kept_as_argon2id_and_tokens_as_hashes(store: Store, sessions: Sessions) -> None:
    signed_in = sign_in(sessions)
    (kept,) = store.rows(sa.select(account.c.password_hash))
    assert kept["password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    (session,) = store.rows(sa.select(web_session))
    assert signed_in.token not in str(session)
    assert SECRET not in str(store.rows(sa.select(audit_event)))


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "anna's password", "x" * 201])
def test_a_weak_password_is_refused_and_not_repeated(accounts: Accounts, password: str) -> None:
    with pytest.raises(AccessError) as refused:
        accounts.set_password("anna", password, CLI)
    assert password not in refused.value.zh + refused.value.en


def test_a_password_is_the_same_however_it_was_typed(accounts: Accounts, sessions: Sessions) -> None:
    accounts.set_password("anna", "ｃorrect horse １２", CLI)
    assert sign_in(sessions, "correct horse 12").account.name == "anna"
    assert checked_password("anna", "ｃorrect horse １２") == "correct horse 12"


@pytest.mark.parametrize(
    "wrong",
    [
        Account("Anna", "甲", "analyst"), Account("a", "甲", "analyst"), Account("a b", "甲", "analyst"),
        Account("bob", "", "analyst"), Account("bob", "甲\n", "analyst"), Account("bob", "甲\u202e乙", "analyst"),
        Account("bob", "甲", "king"),  # type: ignore[arg-type]
        Account("bob", "甲", "supplier"), Account("bob", "甲", "leader", "61062"), Account("bob", "甲", "leader", "%"),
        Account("bob", "甲", "leader", agency="fire_brigade"), Account("bob", "甲", "leader", agency="Police"),
    ],
)  # fmt: skip
def test_an_account_that_makes_no_sense_is_refused(wrong: Account) -> None:
    if wrong.full_name == "甲\n":  # trimmed
        assert checked_account(wrong).full_name == "甲"
    else:
        with pytest.raises(AccessError):
            checked_account(wrong)


def test_an_area_grants_nothing_outside_it() -> None:
    whole, street = Account("a1", "甲", "steward"), Account("b1", "乙", "steward", "610629001")
    assert whole.may("figures") and whole.may("downloads") and whole.covers("61")
    assert not street.may("figures") and not street.may("downloads") and street.may("unit")
    assert street.covers("610629001002") and not street.covers("610629002001") and not street.covers("610629")
    assert not Account("c1", "丙", "administrator", "610629001").may("administer")


def test_a_name_is_taken_once(accounts: Accounts) -> None:
    with pytest.raises(AccessError, match="taken"):
        accounts.add(Account("anna", "另一人", "leader"), CLI)
    assert [one.full_name for one in accounts.all()] == ["分析员甲"]


def test_the_last_administrator_stays(accounts: Accounts) -> None:
    accounts.add(Account("admin", "管理员", "administrator"), CLI)
    for change in ({"is_disabled": True}, {"role": "leader"}):
        with pytest.raises(AccessError, match="last administrator"):
            accounts.change("admin", CLI, **change)
    accounts.add(Account("admin2", "管理员二", "administrator"), CLI)
    assert accounts.change("admin", CLI, role="leader").role == "leader"


# --- links --------------------------------------------------------------------------------------------------


def test_the_first_administrator_is_made_by_a_link_once(accounts: Accounts) -> None:
    token = accounts.make_link(SETUP, CLI)
    first = Account("boss", "管理员", "leader", "610629")
    assert accounts.link_of(token) == SETUP
    made = accounts.use_link(token, SECRET, first)
    assert (made.role, made.area) == ("administrator", "")
    assert accounts.link_of(token) is None
    with pytest.raises(AccessError, match="not valid"):
        accounts.use_link(token, SECRET, Account("second", "另一人", "administrator"))
    assert accounts.has_administrator()


def test_a_link_grows_old_and_a_newer_one_voids_it(accounts: Accounts, time: Time) -> None:
    first = accounts.make_link("anna", CLI)
    second = accounts.make_link("anna", CLI)
    assert (accounts.link_of(first), accounts.link_of(second)) == (None, "anna")
    time.passes(hours=25)
    assert accounts.link_of(second) is None
    with pytest.raises(AccessError):
        accounts.use_link(second, SECRET)


def test_a_link_for_one_account_makes_no_other(accounts: Accounts) -> None:
    token = accounts.make_link("anna", CLI)
    with pytest.raises(AccessError):
        accounts.use_link(token, SECRET, Account("boss", "管理员", "administrator"))
    assert not accounts.has_administrator()
    with pytest.raises(AccessError):
        accounts.use_link(token, "short")
    assert accounts.link_of(token) == "anna"  # a refused password leaves it valid


# --- sign-in and sessions -----------------------------------------------------------------------------------


def test_only_name_and_password_together_sign_in(sessions: Sessions, accounts: Accounts) -> None:
    assert sign_in(sessions, name=" ANNA ").account == Account("anna", "分析员甲", "analyst")
    accounts.add(Account("carl", "无密码", "leader"), CLI)
    for name, password in (("anna", "wrong"), ("nobody", SECRET), ("carl", ""), ("carl", "nobody's"), ("", "")):
        with pytest.raises(NotSignedIn) as refused:
            sign_in(sessions, password, name)
        assert "anna" not in refused.value.en


def test_a_session_ends_idle_and_in_any_case_after_a_day_of_work(sessions: Sessions, time: Time) -> None:
    token = sign_in(sessions).token
    time.passes(minutes=29)
    assert sessions.account_of(token) is not None
    time.passes(minutes=29)
    assert sessions.account_of(token) is not None
    time.passes(minutes=31)
    assert sessions.account_of(token) is None
    token = sign_in(sessions).token
    for _ in range(24 * 2):
        time.passes(minutes=15)
        sessions.account_of(token)
    assert sessions.account_of(token) is not None
    time.passes(minutes=15)
    assert sessions.account_of(token) is None


def test_a_token_is_new_at_every_sign_in_and_the_one_before_ends(sessions: Sessions) -> None:
    first = sign_in(sessions).token
    second = sessions.sign_in("anna", SECRET, HERE, before=first).token
    assert first != second
    assert sessions.account_of(first) is None and sessions.account_of(second) is not None
    assert sessions.account_of("") is None and sessions.account_of("forged" * 8) is None


def test_signing_out_disabling_and_a_new_password_end_sessions_at_once(sessions: Sessions, accounts: Accounts) -> None:
    signed_in = sign_in(sessions)
    sessions.sign_out(signed_in.token, signed_in.account, HERE)
    assert sessions.account_of(signed_in.token) is None
    token = sign_in(sessions).token
    accounts.set_password("anna", "another password 1", CLI)
    assert sessions.account_of(token) is None
    token = sign_in(sessions, "another password 1").token
    accounts.change("anna", CLI, is_disabled=True)
    accounts.change("anna", CLI, is_disabled=False)
    assert sessions.account_of(token) is None


def test_another_role_counts_at_once(sessions: Sessions, accounts: Accounts) -> None:
    token = sign_in(sessions).token
    accounts.change("anna", CLI, role="leader", area="610629001")
    assert sessions.account_of(token) == Account("anna", "分析员甲", "leader", "610629001")


def test_after_ten_failures_not_even_the_password_helps_for_a_while(sessions: Sessions, time: Time) -> None:
    for number in range(FAILURES):
        fail(sessions, 1, address=f"10.0.0.{number}")
    with pytest.raises(TooManyFailures):
        sign_in(sessions, address="10.0.0.99")
    time.passes(minutes=16)
    assert sign_in(sessions).account.name == "anna"


def test_an_address_may_fail_as_often_over_all_accounts(sessions: Sessions) -> None:
    for number in range(FAILURES):
        fail(sessions, 1, name=f"guess{number}")
    with pytest.raises(TooManyFailures):
        sign_in(sessions)
    assert sign_in(sessions, address="10.0.0.1").account.name == "anna"


def test_many_who_guess_at_once_get_no_more_answers(sessions: Sessions) -> None:
    def guess(_: int) -> type[Exception]:
        try:
            sign_in(sessions, "wrong")
        except AccessError as error:
            return type(error)
        raise AssertionError

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guess, range(24)))
    assert answers.count(NotSignedIn) == FAILURES


# --- the audit log ------------------------------------------------------------------------------------------


def test_the_audit_log_tells_who_did_what_from_where(store: Store, sessions: Sessions, accounts: Accounts) -> None:
    fail(sessions, 1)
    fail(sessions, 1, name="typed-my-password-here")
    signed_in = sign_in(sessions)
    sessions.note(signed_in.account, "download", "/export/flags.csv", address=HERE)
    accounts.change("anna", CLI, area="610629")
    told = [(one["actor"], one["action"], one["subject"], one["detail"], one["address"]) for one in entries(store)][::-1]
    assert told == [
        ("tester", "account_added", "anna", "analyst *", ""),
        ("tester", "password_set", "anna", "", ""),
        ("", "sign_in_refused", "anna", "", HERE),
        ("", "sign_in_refused", "", "", HERE),
        ("anna", "sign_in", "anna", "", HERE),
        ("anna", "download", "/export/flags.csv", "", HERE),
        ("tester", "account_changed", "anna", "analyst 610629 active", ""),
    ]
    found = verify_audit_log(store)
    assert found.is_whole and found.entries == 7
    assert [one["action"] for one in entries(store, actor="anna", last=1)] == ["download"]


@pytest.mark.parametrize(
    ("change", "damaged"),
    [
        (audit_event.update().where(audit_event.c.number == 2).values(actor="other"), [2]),
        (audit_event.update().where(audit_event.c.number == 2).values(at="2026-07-15T09:00:00.000000+00:00"), [2]),
        (audit_event.delete().where(audit_event.c.number == 2), [3]),
        (audit_event.delete().where(audit_event.c.number == 1), [2]),
        (audit_event.delete().where(audit_event.c.number >= 3), []),
        (audit_event.delete(), []),
    ],
)
def test_whatever_is_done_to_the_audit_log_is_found(
    store: Store, sessions: Sessions, change: sa.Executable, damaged: list[int]
) -> None:
    sign_in(sessions)
    assert verify_audit_log(store).is_whole
    with store.transaction() as connection:
        connection.execute(change)
    found = verify_audit_log(store)
    assert found.damaged == damaged and not found.is_whole


def test_a_log_written_anew_does_not_hold_what_was_noted_elsewhere(store: Store, sessions: Sessions) -> None:
    kept = verify_audit_log(store).head
    sign_in(sessions)
    assert verify_audit_log(store, kept).is_whole
    with store.transaction() as connection:
        first = connection.execute(sa.select(audit_event).where(audit_event.c.number == 1)).one()
        connection.execute(audit_event.delete().where(audit_event.c.number > 1))
        connection.execute(audit_head.update().values(number=1, entry_hash=first.entry_hash))
    assert verify_audit_log(store).is_whole
    assert not verify_audit_log(store, kept).is_whole


def test_entries_written_at_once_are_one_chain(store: Store, sessions: Sessions) -> None:
    owner = sign_in(sessions).account
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: sessions.note(owner, "download", f"/{number}"), range(24)))
    found = verify_audit_log(store)
    assert found.is_whole and found.entries == 27
