"""Signing in at the county's own identity provider: OpenID Connect, authorization code with PKCE.

Belongs here: where the browser is sent, and who comes back, proved by a signed token. The account that somebody has, and its
role and area, stay those of this product.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import secrets
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboards.access import unsafe
from pipelines.accounts import AccessError
from pipelines.errors import Words

SCOPE = "openid profile"
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")  # signed by the provider's own key; never by a secret that both know
TIMEOUT = 10.0  # seconds for each answer of the provider
LEEWAY = 60  # seconds by which its clock may differ

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Client:
    """How this server is known to a provider. `claim`: what of its answer is the name of an account."""

    issuer: str
    client_id: str
    secret: str
    claim: str = "preferred_username"

    @classmethod
    def from_environment(cls) -> Client | None:
        """As the WAREHOUSE_OIDC_… variables say; None without WAREHOUSE_OIDC_ISSUER. UnsafeAccess where others can read the secret."""
        issuer = os.environ.get("WAREHOUSE_OIDC_ISSUER") or ""
        if not issuer:
            return None
        if not issuer.startswith("https://"):
            raise unsafe("WAREHOUSE_OIDC_ISSUER", Words("https://…", "https://…"), Words("其他地址", "another address"))
        path = Path(os.environ.get("WAREHOUSE_OIDC_SECRET_FILE") or "")
        if not path.is_file() or path.stat().st_mode & 0o077:
            raise unsafe(
                "WAREHOUSE_OIDC_SECRET_FILE", Words("只有运行服务的用户可以读取的文件", "a file that the user alone who runs the server can read"),
                Words("没有，或他人可以读取", "none, or one that others can read"),
            )  # fmt: skip
        claim = os.environ.get("WAREHOUSE_OIDC_CLAIM") or cls.claim
        secret = path.read_text(encoding="utf-8").strip()
        return cls(issuer, os.environ.get("WAREHOUSE_OIDC_CLIENT") or "warehouse", secret, claim)


@dataclass(frozen=True)
class Journey:
    """What a browser keeps while it is at the provider, so that nobody else's answer is taken for its own."""

    state: str
    nonce: str
    verifier: str
    to: str  # the path to go on to

    def packed(self) -> str:
        """As the value of a cookie."""
        return urlsafe_b64encode(json.dumps(vars(self)).encode()).decode()

    @classmethod
    def unpacked(cls, value: str) -> Journey:
        """AccessError where it is none."""
        try:
            kept = json.loads(urlsafe_b64decode(value.encode()))
            return cls(**{name: str(part) for name, part in kept.items()})
        except (ValueError, TypeError, AttributeError) as error:
            raise _failed() from error


class IdentityProvider:
    """One provider; what it publishes about itself is asked for at the first sign-in and kept, its keys are asked for each time."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._published: dict[str, Any] | None = None

    def start(self, redirect_uri: str, to: str) -> tuple[str, Journey]:
        """Where to send the browser, and what it has to keep. AccessError where the provider does not answer."""
        state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
        journey = Journey(state, nonce, verifier, to)
        with self._session(redirect_uri) as session, _told_as_failure():
            url, _ = session.create_authorization_url(
                self._about("authorization_endpoint"), state=journey.state, nonce=journey.nonce, code_verifier=journey.verifier
            )
        return url, journey

    def finish(self, journey: Journey, answer_url: str, state: str, redirect_uri: str) -> str:
        """The name of whoever came back. AccessError where the answer is not the provider's to this browser's question."""
        if not hmac.compare_digest(journey.state.encode(), state.encode()):
            raise _failed()
        with self._session(redirect_uri) as session, _told_as_failure():
            token = session.fetch_token(
                self._about("token_endpoint"), authorization_response=answer_url, state=journey.state,
                code_verifier=journey.verifier, timeout=TIMEOUT,
            )  # fmt: skip
            claims = self._proved(token["id_token"], journey.nonce, session)
            name = claims.get(self._client.claim)
            if name is None:
                asked = session.get(self._about("userinfo_endpoint"), timeout=TIMEOUT).json()
                name = asked.get(self._client.claim) if asked.get("sub") == claims["sub"] else None
        if not isinstance(name, str):
            raise _failed()
        return name

    def _proved(self, id_token: str, nonce: str, session: Any) -> dict[str, Any]:
        """The claims of a token that the provider signed for us, now, and as the answer to this question."""
        from joserfc import jwt
        from joserfc.jwk import KeySet

        keys = KeySet.import_key_set(session.get(self._about("jwks_uri"), withhold_token=True, timeout=TIMEOUT).json())
        offered = self._about("id_token_signing_alg_values_supported")
        token = jwt.decode(id_token, keys, algorithms=[name for name in ALGORITHMS if name in offered])
        rules = jwt.JWTClaimsRegistry(
            leeway=LEEWAY, iss={"essential": True, "value": self._client.issuer},
            aud={"essential": True, "value": self._client.client_id}, exp={"essential": True}, iat={"essential": True},
            sub={"essential": True}, nonce={"essential": True, "value": nonce},
        )  # fmt: skip
        rules.validate(token.claims)
        if token.claims.get("azp", self._client.client_id) != self._client.client_id:
            raise _failed()
        return dict(token.claims)

    def _about(self, name: str) -> Any:
        """Something of what the provider publishes about itself."""
        with self._lock:
            if self._published is None:
                import requests

                with _told_as_failure():
                    where = f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration"
                    published = requests.get(where, timeout=TIMEOUT, allow_redirects=False).json()
                    if published["issuer"] != self._client.issuer:
                        raise ValueError("issuer")
                self._published = published
            return self._published[name]

    def _session(self, redirect_uri: str) -> Any:
        from authlib.integrations.requests_client import OAuth2Session

        return OAuth2Session(
            self._client.client_id, self._client.secret, scope=SCOPE, redirect_uri=redirect_uri,
            code_challenge_method="S256", token_endpoint_auth_method="client_secret_basic",
        )  # fmt: skip


@contextmanager
def _told_as_failure() -> Iterator[None]:
    """Whatever goes wrong at the provider, or with its answer, is told as one thing, without any of it."""
    from authlib.common.errors import AuthlibBaseError
    from joserfc.errors import JoseError
    from requests import RequestException

    try:
        yield
    except (AuthlibBaseError, JoseError, RequestException, ValueError, KeyError) as error:
        log.warning("signing in at the identity provider failed: %s", type(error).__name__)
        raise _failed() from error


def _failed() -> AccessError:
    return AccessError(
        Words("统一身份认证没有成功", "Signing in at the identity provider failed"),
        where="sign-in",
        expected=Words("认证平台对本次登录的答复", "the provider's answer to this sign-in"),
        found=Words("没有答复、已过期或不相符", "none, one too old, or another"),
        advice=Words("重新登录；仍不成功请找管理员", "sign in again; if it fails again, ask an administrator"),
    )

