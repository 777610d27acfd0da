"""Drawing pages before anybody asks for them: after a start and after each publication, in a process that yields to all others.

Belongs here: which pages, in which order, and the process. What is drawn is put on the shelf that the workers read.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from dashboards.address import LEVELS, SORTS, VIEWS, Address
from dashboards.facts import Facts
from dashboards.records import STATES
from pipelines.errors import WarehouseError

if TYPE_CHECKING:
    from dashboards.server import Site

MOST = 1_000  # pages: those of a county of two hundred communities, in some minutes of an idle processor
LOOKED = 2.0  # seconds between two looks for a new edition
BACK = 3  # periods before the one that is shown first
LOWEST = 19  # of the priorities that Linux gives
PR_SET_PDEATHSIG = 1  # of prctl(2)

log = logging.getLogger(__name__)


def likely(facts: Facts) -> Iterator[Address]:
    """The pages that readers come to from the first one, the nearest first: the first page, one step from it, KPIs, units."""
    start = Address()
    period = facts.period(start)
    units = facts.units(period.end).values()
    earlier = [one.first for one in facts.periods(period.period_type) if one.first < period.first][-BACK:]
    domains = [replace(start, domain=domain) for domain in facts.domains]
    yield start
    yield from domains
    yield from (Address(page="data"), Address(page="checks"), Address(page="guide"))
    yield from (replace(start, period=first) for first in reversed(earlier))
    yield from (replace(start, sort=sort) for sort in SORTS[1:])
    yield from (replace(start, show=state) for state in ("problems", *STATES[:5]))
    yield from (replace(start, view=view) for view in VIEWS[1:])
    yield from (replace(start, level=level) for level in LEVELS[1:])
    yield from (replace(start, street=unit.key) for unit in units if unit.level == "street")
    for level in ("county", "street"):
        yield from (Address(page="unit", unit_key=unit.key) for unit in units if unit.level == level)
    yield from (Address(page="kpi", kpi_id=kpi_id) for kpi_id in facts.kpis)
    yield from (replace(one, period=first) for first in reversed(earlier) for one in domains)
    yield from (Address(page="unit", unit_key=unit.key) for unit in units if unit.level not in ("county", "street"))


def start(site: Site, listeners: Sequence[socket.socket]) -> int:
    """Begins to draw ahead, in a process that ends with this one and lets go of the sockets at which this one listens; its id."""
    server = os.getpid()
    watcher = os.fork()
    if not watcher:
        try:
            for listener in listeners:
                listener.close()
            _watch(site, server)
        finally:
            os._exit(0)
    return watcher


def stop(watcher: int) -> None:
    """Ends what `start` began, and with it the process that is drawing."""
    with suppress(ProcessLookupError):
        os.kill(watcher, signal.SIGKILL)


def _watch(site: Site, server: int) -> None:
    """Each new edition's pages are drawn by a process of their own, which gives back its memory when it ends."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    _end_with(server)
    os.nice(LOWEST)
    watcher, drawn = os.getpid(), None
    while True:
        path = site.reader.pointer.resolve()
        if path != drawn and path.exists():
            drawn, drawer = path, os.fork()
            if not drawer:
                _end_with(watcher)
                _draw(site)
                os._exit(0)
            os.waitpid(drawer, 0)  # it ends early where the pointer moves on
        time.sleep(LOOKED)


def _end_with(parent: int) -> None:
    """Has Linux end this process when the one that forked it ends, however that may be."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _draw(site: Site) -> None:
    try:
        edition, _ = site.reader.current_or_last()
        for address in islice(likely(Facts(edition)), MOST):
            if site.reader.pointer.resolve() != edition.path:
                return
            site.send(address.path, address.query())
    except WarehouseError as error:
        log.warning("no pages are drawn ahead: %s", error.en)
    except Exception as error:  # readers draw their pages themselves
        log.error("drawing ahead failed: %s", type(error).__name__, exc_info=error)
