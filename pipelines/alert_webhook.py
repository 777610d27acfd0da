"""Alerts by webhook: signed JSON to an address that county.yml names. Redirects are not followed."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipelines.alert_settings import Webhook
from pipelines.alerts import Alert
from pipelines.county import County
from pipelines.secret_files import read_secret

TIMEOUT = 10.0
SIGNATURE, TIMESTAMP, IDEMPOTENCY = "X-Warehouse-Signature", "X-Warehouse-Timestamp", "Idempotency-Key"


class NotTaken(OSError):
    """The other side answered, and did not take the message."""


def content(county: County, alerts: Sequence[Alert], message_id: str, now: datetime) -> dict[str, Any]:
    """What is sent: the alerts that were raised, got worse or ended."""
    return {
        "id": message_id, "sent_at": now.isoformat(timespec="seconds"), "county_code": county.county_code,
        "county_name": county.name_zh, "is_sample": county.sample, "alerts": [as_json(one) for one in alerts],
    }  # fmt: skip


def as_json(one: Alert) -> dict[str, Any]:
    """An alert for machines."""
    cause = one.cause
    return {
        "number": one.number, "kind": cause.kind, "subject": cause.subject, "is_open": one.is_open, "zh": cause.said.zh,
        "en": cause.said.en, "since": cause.since, "weight": cause.weight, "areas": list(cause.areas),
        "supplier_id": cause.supplier_id or None, "raised_at": one.raised_at, "changed_at": one.changed_at,
        "resolved_at": one.resolved_at, "acknowledged_at": one.acknowledged_at, "acknowledged_by": one.acknowledged_by,
    }  # fmt: skip


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over `timestamp.body`: who has the secret can tell that it is ours, and how old it is."""
    return "sha256=" + hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def post(hook: Webhook, root: Path, sent: dict[str, Any], now: datetime) -> None:
    """Sends it. OSError, http.client.HTTPException or UnsafeSecret where it is not taken.

    `root`: where a relative path of the secret begins.
    """
    body, timestamp = json.dumps(sent, ensure_ascii=False).encode(), f"{now.timestamp():.0f}"
    headers = {
        "Content-Type": "application/json; charset=utf-8", IDEMPOTENCY: sent["id"], TIMESTAMP: timestamp,
        SIGNATURE: signature(read_secret(root / hook.secret_file), timestamp, body),
    }  # fmt: skip
    url = urlsplit(hook.url)
    assert url.hostname is not None  # county.yml is refused without
    connection = (
        http.client.HTTPSConnection(url.hostname, url.port, timeout=TIMEOUT, context=ssl.create_default_context())
        if url.scheme == "https"
        else http.client.HTTPConnection(url.hostname, url.port, timeout=TIMEOUT)
    )
    try:
        connection.request("POST", url._replace(scheme="", netloc="", fragment="").geturl() or "/", body, headers)
        status = connection.getresponse().status
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise NotTaken(f"{status}")
