"""Sending what waits in the outbox: one message per box and turn, after the run and outside any transaction.

A message that is not taken waits, twice as long each time; one whose sender died is sent again, under the same id. Belongs here:
the turn. Mail and webhooks stand in `alert_mail.py` and `alert_webhook.py`.
"""

from __future__ import annotations

import hashlib
import http.client
import logging
from dataclasses import dataclass, field

from pipelines.account_store import Clock, utc_now
from pipelines.alert_audience import Audience, Recipient
from pipelines.alert_digest import digest_of
from pipelines.alert_mail import MailServer, message
from pipelines.alert_settings import Webhook
from pipelines.alert_store import Alerts, Box, Claim, Outbox
from pipelines.alert_watch import audience_of
from pipelines.alert_webhook import content, post
from pipelines.county import County
from pipelines.errors import WarehouseError, Words
from pipelines.settings import Home
from pipelines.store import Store

log = logging.getLogger(__name__)

# What may come of talking to a server; anything else is a defect.
_UNTAKEN = (OSError, http.client.HTTPException, WarehouseError)


@dataclass(frozen=True)
class Sent:
    """Boxes that a message went to, and those that it did not reach, with the type of error."""

    sent: list[Box] = field(default_factory=list)
    failed: dict[Box, str] = field(default_factory=dict)


class _Sender:
    """The ways out of a county, each opened when it is first needed."""

    def __init__(self, home: Home, county: County, clock: Clock) -> None:
        self._home, self._county, self._clock = home, county, clock
        self._server = MailServer(county.alerts.mail, home.root) if county.alerts.mail else None

    def digest(self, recipient: Recipient, claim: Claim, alerts: Alerts, audience: Audience) -> None:
        """Tells a recipient of the alerts that wait, and of what else is open."""
        news = [one for one in map(alerts.get, claim.versions) if audience.concerns(recipient, one.cause)]
        open_ = [one for one in alerts.all(is_open=True) if audience.concerns(recipient, one.cause)]
        digest = digest_of(self._county, open_, news)
        message_id = _id(claim.box, *(f"{number}:{version}" for number, version in claim.versions.items()))
        if isinstance(recipient.reader, Webhook):
            post(recipient.reader, self._home.root, content(self._county, digest.changed, message_id, self._clock()), self._clock())
        else:
            self._mail(recipient, digest.subject, digest.text(), digest.html(), message_id)

    def trial(self, recipient: Recipient) -> None:
        """Sends a message that tells of nothing."""
        now = self._clock()
        message_id = _id(recipient.box, now.isoformat())
        if isinstance(recipient.reader, Webhook):
            post(recipient.reader, self._home.root, content(self._county, [], message_id, now), now)
        else:
            text = "这是一封试发邮件，没有告警。\nThis is a trial message; there is no alert.\n"
            self._mail(recipient, "告警试发 Trial of alerts", text, f"<p>{text}</p>", message_id)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    def _mail(self, recipient: Recipient, subject: str, text: str, html: str, message_id: str) -> None:
        assert self._server is not None and self._county.alerts.mail is not None  # or nobody would have a box
        self._server.send(
            message(
                self._county.alerts.mail, recipient.name, recipient.address, subject=subject, text=text, html=html,
                message_id=message_id, now=self._clock(),
            )
        )  # fmt: skip


def send(home: Home, county: County, store: Store, clock: Clock = utc_now) -> Sent:
    """Sends what is due. What is not taken stays in the outbox, whatever the reason."""
    alerts, outbox, result = Alerts(store, clock), Outbox(store, clock), Sent()
    claims = outbox.claim()
    if not claims:
        return result
    audience, sender = audience_of(county, store), _Sender(home, county, clock)
    boxes = {recipient.box: recipient for recipient in audience.recipients()}
    try:
        for claim in claims:
            recipient = boxes.get(claim.box)
            if recipient is None:
                outbox.drop(claim)
                continue
            try:
                sender.digest(recipient, claim, alerts, audience)
            except _UNTAKEN as error:
                outbox.failed(claim, type(error).__name__)
                result.failed[claim.box] = type(error).__name__
                log.warning("a message of alerts was not taken by %s: %s", claim.box.channel, type(error).__name__)
            else:
                outbox.sent(claim)
                result.sent.append(claim.box)
    finally:
        sender.close()
    return result


def send_after_run(home: Home, county: County) -> None:
    """Sends what is due after a run; the run ends as it did, whatever becomes of that."""
    try:
        store = Store.of(home)
        try:
            send(home, county, store)
        finally:
            store.close()
    except Exception as error:  # noqa: BLE001
        log.error("alerts were not sent: %s", type(error).__name__)


def send_trial(home: Home, county: County, store: Store, name: str, clock: Clock = utc_now) -> list[Box]:
    """A trial message to every box of an account, role or webhook. WarehouseError where it has none, or one is not taken."""
    wanted = [one for one in audience_of(county, store).recipients() if name == one.box.recipient.rpartition(":")[2]]
    if not wanted:
        raise WarehouseError(
            Words("没有可发送的地址", "There is no address to send to"),
            where=name,
            expected=Words("有邮件地址的用户、有公共邮箱的角色，或网络钩子；并已配置 mail", "an account with a mail address, a role with a mailbox, or a webhook; and mail set up"),
            found=Words("没有", "none"),
            advice=Words("warehouse users email；county.yml 的 alerts", "warehouse users email, or alerts in county.yml"),
        )
    sender = _Sender(home, county, clock)
    try:
        for recipient in wanted:
            sender.trial(recipient)
    except (OSError, http.client.HTTPException) as error:
        raise WarehouseError(
            Words("试发未成功", "The trial message was not taken"),
            where=name,
            expected=Words("服务器接收", "a server that takes it"),
            found=Words(type(error).__name__, type(error).__name__),
            advice=Words("检查 county.yml 的 alerts、服务器与网络", "look at alerts in county.yml, the server and the network"),
        ) from error
    finally:
        sender.close()
    return [recipient.box for recipient in wanted]


def _id(box: Box, *parts: str) -> str:
    """Of a message by its content."""
    return hashlib.sha256("|".join((box.channel, box.recipient, *parts)).encode()).hexdigest()[:32]
