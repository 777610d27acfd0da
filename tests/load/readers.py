"""Readers at the dashboards all at once: `python -m tests.load.readers --readers 50 --seconds 60`.

Serves the edition of WAREHOUSE_HOME as `warehouse serve` does, and sends as many readers as asked for through real flows: the
start page with its libraries once, then pages as a browser asks for them, thinking between two. Reports how long answers take
as JSON and ends with 1 where a goal is missed. Bounded in time; everything it starts it also ends.
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
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import psutil

from pipelines.settings import REPO, Home

GOAL_P95, GOAL_MIB = 1.0, 1536.0  # seconds, MiB of all processes of the server
START_WITHIN = 60.0  # seconds
CALLBACK = "/_dash-update-component"
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
        inputs = [
            {"id": "url", "property": "pathname", "value": path},
            {"id": "url", "property": "search", "value": search},
        ]
        outputs = [{"id": "page", "property": "children"}, {"id": "head", "property": "data"}]
        asked = {
            "output": "..page.children...head.data..", "outputs": outputs, "inputs": inputs, "state": [],
            "changedPropIds": ["url.pathname"],
        }  # fmt: skip
        answer = self._ask("page", CALLBACK, json.dumps(asked).encode())
        return answer.replace('\\"', '"')

    def _ask(self, kind: str, path: str, body: bytes | None = None) -> str:
        headers = {"Accept-Encoding": "gzip", "Content-Type": "application/json"}
        started, error, content = time.perf_counter(), "", b""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET" if body is None else "POST", path, body, headers)
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


def measure(readers: int, think: float, seconds: float, workers: int) -> dict[str, Any]:
    """Serves, reads for so many seconds, and says what it took."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "dashboards", "--port", str(port), "--workers", str(workers)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, server)
        log, until = Log(), time.monotonic() + seconds
        crowd = [Reader(port, seed, think, until, log) for seed in range(readers)]
        for reader in crowd:
            reader.start()
        peak = 0.0
        while time.monotonic() < until:
            peak = max(peak, _mib(server.pid))
            time.sleep(0.5)
        for reader in crowd:
            reader.join(30)
        return _report(log, peak, {"readers": readers, "think_s": think, "seconds": seconds, "workers": workers})
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
    raise SystemExit(f"no edition is served from {Home.from_environment().root}: run `warehouse run` first")


def _mib(pid: int) -> float:
    """Resident memory of the server and its workers, what they share counted once (proportional set size)."""
    try:
        process = psutil.Process(pid)
        return sum(one.memory_full_info().pss for one in (process, *process.children())) / 2**20
    except psutil.NoSuchProcess:
        return 0.0


def _report(log: Log, peak: float, asked: dict[str, Any]) -> dict[str, Any]:
    def summary(times: list[float]) -> dict[str, float]:
        ordered = sorted(times)
        return {
            "requests": len(ordered),
            **{f"p{share}_s": round(ordered[min(len(ordered) - 1, len(ordered) * share // 100)], 3) for share in (50, 95, 99)},
        }  # fmt: skip

    every = [one for times in log.seconds.values() for one in times]
    pages = [one for kind in ("start page", "page") for one in log.seconds.get(kind, [])]
    found = {
        **asked, "all": summary(every), "pages": summary(pages), "errors": len(log.errors),
        "first_errors": log.errors[:5], "peak_mib": round(peak),
        "by_kind": {kind: summary(times) for kind, times in log.seconds.items()},
    }  # fmt: skip
    found["goals_met"] = found["pages"]["p95_s"] <= GOAL_P95 and not log.errors and peak <= GOAL_MIB
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--think", type=float, default=5.0, help="mean seconds between two pages of a reader")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    os.environ.setdefault("PYTHONPATH", str(REPO))
    found = measure(options.readers, options.think, options.seconds, options.workers)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    raise SystemExit(0 if found["goals_met"] else 1)


if __name__ == "__main__":
    main()
