"""Signing in at an identity provider: a real one on loopback, and what it or somebody in between may do wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dashboards.access import Access, UnsafeAccess
from dashboards.identity_provider import Client
from dashboards.server import create_app
from pipelines.account_store import Accounts
from pipelines.accounts import Account
from pipelines.actor import Actor
from pipelines.audit_log import entries
from pipelines.settings import Home
from pipelines.store import Store
from tests.support.identity_provider import CLIENT, SECRET, Running, identity_provider, new_key

ANSWER = "http://localhost/sign-in/answer"
CLI = Actor("system_user", "tester")


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with identity_provider(ANSWER, tmp_path_factory.mktemp("provider")) as running:
        yield running


@pytest.fixture(autouse=True)
def as_it_should_be(provider: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    provider.user, provider.claims, provider.keys, provider.name_in_token = "analyst", {}, None, True
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(provider.certificate))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.of(Home(tmp_path))
    accounts = Accounts(store)
    accounts.add(Account("analyst", "分析员甲", "analyst"), CLI)
    accounts.add(Account("leader", "领导甲", "leader"), CLI)
    accounts.change("leader", CLI, is_disabled=True)
    yield store
    store.close()


@pytest.fixture
def client(provider: Running, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    secret = tmp_path / "oidc.secret"
    secret.write_text(f"{SECRET}\n")
    secret.chmod(0o600)
    monkeypatch.setenv("WAREHOUSE_OIDC_ISSUER", provider.issuer)
    monkeypatch.setenv("WAREHOUSE_OIDC_CLIENT", CLIENT)
    monkeypatch.setenv("WAREHOUSE_OIDC_SECRET_FILE", str(secret))
    made: FlaskClient = create_app(tmp_path / "published", Access("sign-in")).server.test_client()
    return made


def way_back(client: FlaskClient, to: str = "/checks") -> str:
    """The address at which the provider sends the browser back."""
    there = client.get(f"/sign-in/provider?next={to}")
    assert there.status_code == 303
    back = requests.get(there.headers["Location"], allow_redirects=False, timeout=20).headers["Location"]
    assert back.startswith(f"{ANSWER}?")
    return back


def come_back(client: FlaskClient, back: str) -> TestResponse:
    return client.get(f"/sign-in/answer?{urlsplit(back).query}")


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/account").status_code == 200


def test_who_signs_in_there_is_signed_in_here_and_goes_on(client: FlaskClient, store: Store) -> None:
    assert "用统一身份认证登录" in client.get("/sign-in?next=/checks").text
    answer = come_back(client, way_back(client))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/checks")
    assert "分析员甲" in client.get("/account").text
    assert entries(store, last=1)[0]["action"] == "sign_in"
    asked = parse_qs(urlsplit(client.get("/sign-in/provider").headers["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"] and asked["response_type"] == ["code"]
    assert asked["redirect_uri"] == [ANSWER] and asked["nonce"] and asked["state"]


def test_a_name_that_is_not_in_the_token_is_asked_for(client: FlaskClient, provider: Running) -> None:
    provider.name_in_token = False
    assert come_back(client, way_back(client)).status_code == 303
    assert is_signed_in(client)


@pytest.mark.parametrize("user", ["stranger", "leader"])
def test_somebody_without_an_account_in_use_stays_outside(client: FlaskClient, provider: Running, store: Store, user: str) -> None:
    provider.user = user
    answer = come_back(client, way_back(client))
    assert answer.status_code == 403 and "没有您的账户" in answer.text
    assert not is_signed_in(client)
    refused = entries(store, last=1)[0]
    assert (refused["action"], refused["subject"]) == ("sign_in_refused", "leader" if user == "leader" else "")


def test_an_answer_to_somebody_elses_question_is_refused(client: FlaskClient, tmp_path: Path) -> None:
    back = way_back(client)
    stranger: FlaskClient = create_app(tmp_path / "published", Access("sign-in")).server.test_client()
    assert come_back(stranger, back).status_code == 403  # keeps nothing
    way_back(stranger)
    assert come_back(stranger, back).status_code == 403  # keeps another journey
    assert not is_signed_in(stranger)


def test_an_answer_is_good_once(client: FlaskClient) -> None:
    back = way_back(client)
    kept = next(cookie for name, cookie in ((key[2], value) for key, value in client._cookies.items()) if name.endswith("_journey"))
    assert come_back(client, back).status_code == 303
    client.set_cookie(kept.key, kept.value)
    assert come_back(client, back).status_code == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"}, {"aud": ["another"]}, {"iss": "http://evil.example"}, {"exp": 1_700_000_000},
        {"azp": "another"}, {"preferred_username": ["analyst"]}, {"preferred_username": 7},
    ],
    ids=str,
)  # fmt: skip
def test_a_token_that_says_something_wrong_is_refused(client: FlaskClient, provider: Running, claims: dict[str, Any]) -> None:
    provider.claims = claims
    answer = come_back(client, way_back(client))
    assert answer.status_code == 403 and "没有成功" in answer.text
    assert not is_signed_in(client)
    provider.claims = {"extra": 1}  # signed again as the others were, and nothing wrong in it
    assert come_back(client, way_back(client)).status_code == 303


def test_a_token_signed_by_another_key_is_refused(client: FlaskClient, provider: Running) -> None:
    provider.keys = {"keys": [new_key().serialize()]}
    assert come_back(client, way_back(client)).status_code == 403
    assert not is_signed_in(client)


@pytest.mark.parametrize("query", ["", "code=x", "state=x", "error=access_denied&state=x", "code=x&state=%00", "code=x&state=状态"])
def test_a_malformed_answer_is_told_without_any_of_it(client: FlaskClient, query: str) -> None:
    way_back(client)
    answer = client.get(f"/sign-in/answer?{query}")
    assert answer.status_code == 403 and "Traceback" not in answer.text
    for kept in ("x", "e30=", "bnVsbA==", "W10=", "\x00"):
        name = next(key[2] for key in client._cookies) if client._cookies else "x"
        client.set_cookie(name, kept)
        assert client.get(f"/sign-in/answer?{query}").status_code == 403


def test_a_provider_that_does_not_answer_or_is_another_is_told(client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: Running) -> None:
    for issuer in ("https://127.0.0.1:9", f"{provider.issuer}/other", provider.issuer):
        monkeypatch.setenv("WAREHOUSE_OIDC_ISSUER", issuer)
        if issuer == provider.issuer:  # whose certificate nobody vouches for
            monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        other: FlaskClient = create_app(tmp_path / "published", Access("sign-in")).server.test_client()
        answer = other.get("/sign-in/provider")
        assert answer.status_code == 503 and "没有成功" in answer.text


def test_a_secret_that_others_can_read_and_a_provider_without_tls_are_refused(client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "oidc.secret").chmod(0o644)
    with pytest.raises(UnsafeAccess, match="WAREHOUSE_OIDC_SECRET_FILE"):
        Client.from_environment()
    monkeypatch.setenv("WAREHOUSE_OIDC_ISSUER", "http://127.0.0.1")
    with pytest.raises(UnsafeAccess, match="WAREHOUSE_OIDC_ISSUER"):
        Client.from_environment()
