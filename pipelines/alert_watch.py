"""Looking for causes of alerts: at the end of each run, every minute by Dagster's sensor, and by `warehouse alerts check`.

Belongs here: a look, from finding causes to planning what is sent. Sending stands in `alert_sending.py`.
"""

from __future__ import annotations

import logging

from filelock import FileLock, Timeout

from pipelines.account_store import Accounts, Clock, utc_now
from pipelines.alert_audience import Audience
from pipelines.alert_causes import FINDERS, Look
from pipelines.alert_store import Alerts, Outbox
from pipelines.alerts import Cause, Kind, Settled
from pipelines.county import County
from pipelines.settings import Home
from pipelines.store import Store

log = logging.getLogger(__name__)


def check(look: Look, clock: Clock = utc_now) -> Settled:
    """Raises and ends alerts by what is a cause now, and plans what is sent of them.

    What cannot be looked at, such as an edition that does not open, keeps its alerts as they are, and nobody from the others.
    """
    causes: list[Cause] = []
    looked: list[Kind] = []
    for kind, find in FINDERS.items():
        try:
            causes += find(look)
        except Exception as error:  # noqa: BLE001
            # The type alone: an engine's message may quote a value.
            log.error("no look for alerts of %s: %s", kind, type(error).__name__)
        else:
            looked.append(kind)
    alerts = Alerts(look.store, clock)
    settled = alerts.settle(causes, looked)
    audience, now = audience_of(look.county, look.store), clock()
    wanted = [
        (one, recipient.box, recipient.due(now))
        for one in (*alerts.all(is_open=True), *alerts.ended_untold())
        for recipient in audience.recipients()
        if audience.concerns(recipient, one.cause)
    ]
    Outbox(look.store, clock).plan(wanted)
    return settled


def check_after_run(look: Look) -> None:
    """The look at the end of a run, which ends as it did, whatever becomes of that."""
    try:
        check(look)
    except Exception as error:  # noqa: BLE001
        log.error("no look for alerts: %s", type(error).__name__)


def audience_of(county: County, store: Store) -> Audience:
    return Audience(county, [one for one in Accounts(store).all() if not one.is_disabled])


def is_running(home: Home) -> bool:
    """Whether some process holds the writer's lease."""
    try:
        with FileLock(home.lease, timeout=0):
            return False
    except Timeout:
        return True
