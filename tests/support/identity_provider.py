"""A real OpenID provider on loopback: pyop behind a few routes and TLS, at which whoever `user` names is signed in already."""

from __future__ import annotations

import ipaddress
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from Cryptodome.PublicKey import RSA
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask, jsonify, redirect, request
from jwkest.jwk import RSAKey
from jwkest.jws import JWS
from pyop.authz_state import AuthorizationState
from pyop.exceptions import InvalidClientAuthentication, OAuthError
from pyop.provider import Provider
from pyop.subject_identifier import HashBasedSubjectIdentifierFactory
from pyop.userinfo import Userinfo
from werkzeug.serving import make_server

CLIENT, SECRET = "warehouse", "the secret of the test's client"


@dataclass
class Running:
    """The provider, and what a test may change while it runs: who is at the browser, and what its tokens say."""

    issuer: str
    certificate: Path
    user: str = "analyst"
    claims: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, Any] | None = None
    name_in_token: bool = True


def new_key() -> RSAKey:
    """A key of a name that is always the same."""
    return RSAKey(key=RSA.generate(2048), kid="k1", alg="RS256", use="sig")


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that vouches for itself, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test provider")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    certificate, secret = folder / "provider.pem", folder / "provider.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    forms = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, *forms))
    return certificate, secret


@contextmanager
def identity_provider(redirect_uri: str, folder: Path) -> Iterator[Running]:
    """Serves until the test is done; `redirect_uri` is what the client is registered with, the certificate is in `folder`."""
    server = Flask("provider")
    certificate, secret = write_certificate(folder)
    listening = make_server("127.0.0.1", 0, server, threaded=True, ssl_context=(str(certificate), str(secret)))
    issuer = f"https://127.0.0.1:{listening.server_port}"
    running = Running(issuer, certificate)
    settings = {
        "issuer": issuer, "authorization_endpoint": f"{issuer}/authorization", "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo", "jwks_uri": f"{issuer}/keys", "scopes_supported": ["openid", "profile"],
        "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"], "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
    }  # fmt: skip
    clients = {
        CLIENT: {
            "client_secret": SECRET, "redirect_uris": [redirect_uri], "response_types": ["code"],
            "token_endpoint_auth_method": "client_secret_basic", "subject_type": "public",
        }
    }  # fmt: skip
    people = {name: {"preferred_username": name} for name in ("analyst", "leader", "stranger")}
    key = new_key()
    provider = Provider(
        key, settings,
        AuthorizationState(HashBasedSubjectIdentifierFactory("salt")), clients, Userinfo(people),
    )  # fmt: skip

    def authorize() -> Any:
        asked = provider.parse_authentication_request(request.query_string.decode())
        return redirect(provider.authorize(asked, running.user).request(asked["redirect_uri"]))

    def token() -> Any:
        own = {"preferred_username": running.user} if running.name_in_token else {}
        try:
            answer = provider.handle_token_request(request.get_data().decode(), request.headers, own)
        except (InvalidClientAuthentication, OAuthError):
            return jsonify(error="invalid_grant"), 400
        told = answer.to_dict()
        if running.claims:
            said = JWS().verify_compact(told["id_token"], [key])
            told["id_token"] = JWS(json.dumps({**said, **running.claims}), alg="RS256").sign_compact([key])
        return jsonify(told)

    server.add_url_rule("/.well-known/openid-configuration", "about", lambda: jsonify(provider.provider_configuration.to_dict()))
    server.add_url_rule("/keys", "keys", lambda: jsonify(running.keys or provider.jwks))
    server.add_url_rule("/authorization", "authorize", authorize)
    server.add_url_rule("/token", "token", token, methods=["POST"])
    server.add_url_rule(
        "/userinfo", "userinfo",
        lambda: jsonify(provider.handle_userinfo_request(request.get_data().decode(), request.headers).to_dict()),
    )  # fmt: skip
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        listening.shutdown()
        thread.join()
