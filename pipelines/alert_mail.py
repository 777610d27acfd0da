"""Alerts by mail: a message as it is written, and a server that takes it.

Belongs here: the standard library's mail. Texts come from `alert_digest.py`; nothing else is connected to than the server that
county.yml names.
"""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from pipelines.alert_digest import one_line
from pipelines.alert_settings import Mail
from pipelines.secret_files import read_secret

TIMEOUT = 10.0  # seconds for each answer of a server
HELLO = "[127.0.0.1]"  # instead of this machine's name, which nobody has to know and a resolver might be asked for


def message(
    mail: Mail, name: str, address: str, *, subject: str, text: str, html: str, message_id: str, now: datetime
) -> EmailMessage:
    """A message to one address. `message_id`: the same for the same content, so that it can be sent twice and read once."""
    made = EmailMessage()
    user, _, domain = mail.sender.partition("@")
    made["From"] = Address("", user, domain)
    made["To"] = Address(one_line(name), *address.split("@"))
    made["Subject"] = one_line(subject)
    made["Date"] = format_datetime(now)
    made["Message-ID"] = f"<{message_id}@{domain}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(text)
    made.add_alternative(html, subtype="html")
    return made


class MailServer:
    """A connection that is opened with the first message, and not again where that failed."""

    def __init__(self, mail: Mail, root: Path) -> None:
        """`root`: where relative paths of secrets begin."""
        self._mail, self._root = mail, root
        self._connection: smtplib.SMTP | None = None
        self._failure: Exception | None = None

    def send(self, made: EmailMessage) -> None:
        """Hands a message over. OSError (as all errors of SMTP are) or UnsafeSecret where the server does not take it."""
        if self._failure is not None:
            raise self._failure
        if self._connection is None:
            try:
                self._connection = self._connected()
            except Exception as error:
                self._failure = error
                raise
        self._connection.send_message(made)

    def close(self) -> None:
        if self._connection is not None:
            with suppress(OSError):
                self._connection.quit()

    def _connected(self) -> smtplib.SMTP:
        mail, context = self._mail, ssl.create_default_context()
        connection: smtplib.SMTP = (
            smtplib.SMTP_SSL(mail.host, mail.port, HELLO, timeout=TIMEOUT, context=context)
            if mail.security == "tls"
            else smtplib.SMTP(mail.host, mail.port, HELLO, timeout=TIMEOUT)
        )
        try:
            if mail.security == "starttls":
                connection.starttls(context=context)
            if mail.user is not None and mail.password_file is not None:
                connection.login(mail.user, read_secret(self._root / mail.password_file))
        except BaseException:
            connection.close()
            raise
        return connection
