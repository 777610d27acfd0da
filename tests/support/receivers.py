"""A mail server and an address for webhooks, of this machine, that keep what they are sent.

Belongs here: what answers alerts in tests. What is sent is the product's.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

LOOPBACK = "127.0.0.1"


@dataclass
class Mailbox:
    """What a mail server took. `answer`: what it says to a message; `password`: the one it asks for, if any."""

    port: int = 0
    answer: str = "250 OK"
    password: bytes = b""
    messages: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        if self.answer.startswith("2"):
            found = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(found, EmailMessage)
            self.messages.append(found)
            self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        return self.answer

    def check(self, server: SMTP, session: Any, envelope: Any, mechanism: str, sent: object) -> AuthResult:
        return AuthResult(success=isinstance(sent, LoginPassword) and sent.password == self.password)


class _MailServer(Controller):
    """At whatever port is free, which it knows once it listens."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_server(password: str = "", security: str = "none", certificate: tuple[Path, Path] | None = None) -> Iterator[Mailbox]:
    """A mail server at a free port; with a password it takes nothing before it was given.

    `security`: as in county.yml, by the certificate and key given.
    """
    box = Mailbox(password=password.encode())
    asks: dict[str, Any] = {"authenticator": box.check, "auth_required": True, "auth_require_tls": False} if password else {}
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
        asks |= {"ssl_context": context} if security == "tls" else {"tls_context": context, "require_starttls": True}
    controller = _MailServer(box, hostname=LOOPBACK, port=0, **asks)
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()


@dataclass
class Posted:
    """What an address was sent. `status`: what it answers."""

    port: int = 0
    status: int = 204
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/alerts?from=warehouse"


@contextmanager
def webhook_server() -> Iterator[Posted]:
    """An address that takes POST at a free port."""
    posted = Posted()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.requests.append((self.path, dict(self.headers), body))
            self.send_response(posted.status)
            if 300 <= posted.status < 400:
                self.send_header("Location", posted.url)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: the requests are kept."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    posted.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield posted
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
