"""What fifty readers at once make of the dashboards: `warehouse bench --only readers`, or of an edition that is there,
`WAREHOUSE_HOME=… python -m pipelines.bench_readers`.

Serves an edition as `warehouse serve` does, and sends readers through real flows: the start page with its libraries once, then
pages as a browser asks for them, thinking between two. Bounded in time; everything it starts it also ends. The dashboards are
started by name: nothing of them is imported here.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from urllib.parse import urlencode, urlsplit

import psutil

from pipelines.bench_county import SampleCounty
from pipelines.bench_measure import Measurement
from pipelines.settings import Home

START_WITHIN, ANSWER_WITHIN = 60.0, 30.0  # seconds
SCRIPT = re.compile(r'(?:src|href)="(/(?:_dash-component-suites|assets)/[^"]+)"')
LINK = re.compile(r'href="(/(?:unit/[^"#]+|\?[^"#]+|data[^"#]*|checks[^"#]*))"')


@dataclass
class Log:
    """What all readers met: seconds by kind of request, and what failed."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kind: str, seconds: float, error: str = "") -> None:
        with self.lock:
            self.seconds.setdefault(kind, []).append(seconds)
            if error:
                self.errors.append(f"{kind}: {error}")


class Reader(threading.Thread):
    """Opens the start page, then follows links that the pages show, and the list of missed targets on overviews."""

    def __init__(self, port: int, seed: int, think: float, until: float, log: Log) -> None:
        super().__init__(daemon=True)
        self.port, self.think, self.until, self.log = port, think, until, log
        self.chance = random.Random(seed)

    def run(self) -> None:
        self._wait()
        page = self._ask("start page", "/")
        for path in dict.fromkeys(SCRIPT.findall(page)):
            self._ask("library", path)
        while time.monotonic() < self.until:
            self._wait()
            href = self.chance.choice(LINK.findall(page) or ["/"]).replace("&amp;", "&")
            address = urlsplit(href)
            page = self._page(address.path, f"?{address.query}" if address.query else "") or page
            if address.path == "/":
                self._ask("list", f"/list/flags.json?{address.query}")

    def _wait(self) -> None:
        """Exponentially distributed, so that readers do not march in step."""
        time.sleep(min(self.chance.expovariate(1 / self.think), max(0.0, self.until - time.monotonic())))

    def _page(self, path: str, search: str) -> str:
        answer = self._ask("page", f"/page.json?{urlencode({'at': path + search})}")
        return answer.replace('\\"', '"')

    def _ask(self, kind: str, path: str) -> str:
        started, error, content = time.perf_counter(), "", b""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_WITHIN)
        try:
            connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != 200:
                error = f"status {answer.status}"
            elif answer.headers.get("Content-Encoding") == "gzip":
                content = gzip.decompress(content)
        except OSError as failure:
            error = type(failure).__name__
        finally:
            connection.close()
        self.log.note(kind, time.perf_counter() - started, error)
        return content.decode("utf-8", "replace")


def measure_readers(county: SampleCounty, seconds: float) -> list[Measurement]:
    """Readers of the sample county, for so many seconds."""
    _ = county.whole_run
    return read_all(county.home, seconds=seconds)


def read_all(
    home: Home, readers: int = 50, think: float = 5.0, seconds: float = 60.0, workers: int = 2
) -> list[Measurement]:
    """Serves the edition of `home`, reads for so many seconds with a mean of `think` seconds between two pages."""
    with served(home, workers) as (port, server):
        log, until = Log(), time.monotonic() + seconds
        crowd = [Reader(port, seed, think, until, log) for seed in range(readers)]
        for reader in crowd:
            reader.start()
        peak = 0.0
        while time.monotonic() < until:
            peak = max(peak, _mib(server.pid))
            time.sleep(0.5)
        for reader in crowd:
            reader.join(2 * ANSWER_WITHIN)
        return _figures(log, readers, peak)


@contextmanager
def served(home: Home, workers: int = 2) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The dashboards of a data root on a free port, ready to answer; ended at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "dashboards", "--port", str(port), "--workers", str(workers)]
    environment = {**os.environ, "WAREHOUSE_HOME": str(home.root), "WAREHOUSE_ACCESS": "none"}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, server)
        yield port, server
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_WITHIN
    while time.monotonic() < until and server.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise RuntimeError("the dashboards did not become ready: is there an edition?")


def _mib(pid: int) -> float:
    """Resident memory of the server and its workers, what they share counted once (proportional set size)."""
    try:
        process = psutil.Process(pid)
        return sum(one.memory_full_info().pss for one in (process, *process.children())) / 2**20
    except psutil.NoSuchProcess:
        return 0.0


def _figures(log: Log, readers: int, peak: float) -> list[Measurement]:
    """Pages are what a reader waits for; libraries and lists are asked for beside them."""
    pages = sorted(one for kind in ("start page", "page") for one in log.seconds.get(kind, []))
    every = sorted(one for times in log.seconds.values() for one in times)
    return [
        Measurement("readers", readers, "readers"),
        Measurement("readers: requests", len(every), "requests"),
        Measurement("readers: failed requests", len(log.errors), "requests"),
        *(Measurement(f"readers: page, p{share}", _share(pages, share), "s") for share in (50, 95, 99)),
        *(Measurement(f"readers: any request, p{share}", _share(every, share), "s") for share in (50, 95, 99)),
        Measurement("readers: peak memory of the server", peak, "MiB"),
    ]


def _share(ordered: list[float], share: int) -> float:
    """The value that so many percent do not pass; 0 of none."""
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)] if ordered else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench_readers", description=__doc__)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--think", type=float, default=5.0, help="mean seconds between two pages of a reader")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    found = read_all(Home.from_environment(), asked.readers, asked.think, asked.seconds, asked.workers)
    sys.stdout.write(json.dumps([asdict(one) for one in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
