"""`warehouse serve` for real: both services answer on loopback, and end together."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from pipelines.account_store import Accounts
from pipelines.accounts import Account
from pipelines.actor import Actor
from pipelines.serving import LOOPBACK
from pipelines.settings import REPO, Home
from pipelines.store import Store

WITHIN = 240.0  # seconds on a busy machine; nothing is asserted about speed
PAUSE = 0.3


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(home: Home, port: int, dagster_port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "pipelines.cli", "serve", "--workers", "1", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--dagster-port", str(dagster_port)],
        cwd=REPO, env={**os.environ, "WAREHOUSE_HOME": str(home.root)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait(WITHIN)


def until(ask: Callable[[], Any]) -> Any:
    """The first answer there is."""
    for _ in range(int(WITHIN / PAUSE)):
        try:
            answer = ask()
        except OSError:
            answer = None
        if answer is not None:
            return answer
        time.sleep(PAUSE)
    raise AssertionError("no answer")


def is_alive(process: psutil.Process) -> bool:
    """Not gone, and not only waiting for someone to take note that it is."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def status_of(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}{path}", timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def ask_dagster(port: int, query: str) -> Any:
    request = urllib.request.Request(
        f"http://{LOOPBACK}:{port}/graphql",
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["data"]


def unhealthy_daemons(port: int) -> list[str] | None:
    """Daemons that are needed and do not run; None while there are some."""
    query = "{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }"
    statuses = ask_dagster(port, query)["instance"]["daemonHealth"]["allDaemonStatuses"]
    unhealthy = [row["daemonType"] for row in statuses if row["required"] and not row["healthy"]]
    return unhealthy if not unhealthy and statuses else None


def test_dashboards_and_dagster_answer_with_their_daemon_and_all_end_when_asked(home: Home) -> None:
    port, dagster_port = free_port(), free_port()
    with serving(home, port, dagster_port) as process:
        assert until(lambda: status_of(port, "/healthz")) == 503  # there is no edition yet, and it says so
        assert until(lambda: status_of(dagster_port, "/")) == 200
        assert until(lambda: unhealthy_daemons(dagster_port)) == []
        query = """{ repositoriesOrError { ... on RepositoryConnection { nodes {
            pipelines { name } sensors { name sensorState { status } } schedules { name scheduleState { status } } } } } }"""
        (found,) = ask_dagster(dagster_port, query)["repositoriesOrError"]["nodes"]
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN) == 0
    assert "month" in [job["name"] for job in found["pipelines"]]
    running = {"status": "RUNNING"}
    assert found["sensors"] == [{"name": name, "sensorState": running} for name in ("alerts", "landed_files")]
    assert [row["scheduleState"]["status"] for row in found["schedules"]] == ["RUNNING", "RUNNING"]
    assert len(children) >= 4
    assert [child for child in children if is_alive(child)] == []
    assert not (home.dagster / "code.sock").exists()


def test_all_end_when_one_of_them_ends_by_itself(home: Home) -> None:
    port = free_port()
    with serving(home, port, dagster_port=0) as process:
        until(lambda: status_of(port, "/healthz"))
        (dashboards,) = psutil.Process(process.pid).children()
        dashboards.kill()
        assert process.wait(WITHIN) == 1


def test_where_a_proxy_names_people_the_pages_are_behind_a_socket(tmp_path: Path) -> None:
    """The socket is for the user and group that serve; what comes through it is who the header says, and nobody else."""
    home, place = Home(tmp_path / "home"), tmp_path / "pages.sock"
    store = Store.of(home)
    Accounts(store).add(Account("boss", "管理员甲", "administrator"), Actor("run", "test"))
    store.close()
    settings = {
        "WAREHOUSE_HOME": str(home.root), "WAREHOUSE_ACCESS": "proxy", "WAREHOUSE_PUBLIC_URL": "https://figures.example",
    }  # fmt: skip
    command = [sys.executable, "-m", "pipelines.cli", "serve", "--workers", "1", "--socket", str(place), "--dagster-port", "0"]
    process = subprocess.Popen(command, cwd=REPO, env={**os.environ, **settings}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(user: str) -> int:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(WITHIN)
            connection.connect(str(place))
            head = f"GET /audit HTTP/1.1\r\nHost: figures.example\r\nAccept: text/html\r\nConnection: close\r\n{user}\r\n"
            connection.sendall(head.encode())
            return int(connection.makefile("rb").readline().split()[1])

    try:
        assert until(lambda: ask("X-Remote-User: boss\r\n")) == 200
        assert place.stat().st_mode & 0o777 == 0o660
        named = ("", "X-Remote-User: other\r\n", "X_Remote_User: boss\r\n", "X-Remote-User: x\r\nX-Remote-User: boss\r\n")
        assert [ask(one) for one in named] == [403] * len(named)
    finally:
        process.terminate()
        process.wait(WITHIN)
