"""The desk of alerts: those of a data root as far as somebody is told of them, and taking them up.

Belongs here: opening the operational store for alerts. What the page shows stands in `pages/alerts.py`, who is told of what in
`pipelines/alert_audience.py`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from dashboards.desk import MOMENT
from pipelines.accounts import Account
from pipelines.actor import Actor
from pipelines.alert_audience import Audience
from pipelines.alert_store import Alerts
from pipelines.alert_watch import audience_of
from pipelines.alerts import Alert, worst_first
from pipelines.county import load_county
from pipelines.errors import WarehouseError
from pipelines.settings import Home
from pipelines.store import NoStore, Store

SHOWN = 200  # of the alerts that ended, the newest

log = logging.getLogger(__name__)


class AlertDesk:
    """One for a server. Opens nothing before the first request that asks."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._known: tuple[Audience, list[Alert]] | None = None
        self._known_until = 0.0
        self._lock = threading.Lock()

    def count(self, account: Account) -> int:
        """How many alerts that an account is told of nobody has taken up, as of a moment ago; 0 where that cannot be told."""
        with self._lock:
            if time.monotonic() > self._known_until:
                self._known, self._known_until = self._read(), time.monotonic() + MOMENT
            if self._known is None:
                return 0
            audience, alerts = self._known
        return sum(audience.includes(account, one.cause) for one in alerts if one.acknowledged_at is None)

    def alerts(self, account: Account, *, is_open: bool) -> list[Alert]:
        """What an account is told of: what is open, the worst first, or what ended, the newest first.

        WarehouseError where there is no county to tell of.
        """
        with _opened(self._home, read_only=True) as (audience, alerts):
            found = alerts.all(is_open=is_open, last=None if is_open else SHOWN)
            own = [one for one in found if audience.includes(account, one.cause)]
        return worst_first(own) if is_open else own

    def acknowledge(self, account: Account, numbers: Collection[int], actor: Actor, address: str) -> None:
        """Notes that an account has taken alerts up, as far as it is told of them and they are open."""
        own = {one.number for one in self.alerts(account, is_open=True)}
        with _opened(self._home, read_only=False) as (_, alerts):
            for number in sorted(own.intersection(numbers)):
                alerts.acknowledge(number, actor, address)
        self._known_until = 0.0

    def _read(self) -> tuple[Audience, list[Alert]] | None:
        if not self._home.county_file.exists():
            return None
        try:
            with _opened(self._home, read_only=True) as (audience, alerts):
                return audience, alerts.all(is_open=True)
        except NoStore:
            return None
        except (WarehouseError, SQLAlchemyError) as error:
            log.warning("pages do not show how many alerts there are: %s", type(error).__name__)
            return None


@contextmanager
def _opened(home: Home, *, read_only: bool) -> Iterator[tuple[Audience, Alerts]]:
    county = load_county(home.county_file)
    store = Store.of(home, read_only=read_only)
    try:
        yield audience_of(county, store), Alerts(store)
    finally:
        store.close()
