"""A PostgreSQL server for tests: the one that WAREHOUSE_TEST_POSTGRES names, or one started here on a Unix socket."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from sqlalchemy.engine import URL, make_url

_OWNER = "postgres"  # the server refuses to run as root


class NoPostgres(Exception):
    """There is no server, and none can be started; says why."""


@contextmanager
def postgres_server() -> Iterator[URL]:
    """The URL of a server whose databases may be made and dropped."""
    named = os.environ.get("WAREHOUSE_TEST_POSTGRES")
    if named:
        yield make_url(named)
        return
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path must be short
    owner = _OWNER if os.geteuid() == 0 else None
    if owner:
        shutil.chown(folder, owner)
    try:
        subprocess.run(
            [programs / "initdb", "-D", folder / "data", "-U", _OWNER, "-A", "trust", "-E", "UTF8", "--no-sync"],
            user=owner, check=True, capture_output=True,
        )  # fmt: skip
        server = subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"],
            user=owner, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            url = URL.create("postgresql+psycopg", _OWNER, database=_OWNER, query={"host": str(folder)})
            _wait_for(url, server)
            yield url
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def new_database(server: URL) -> Iterator[str]:
    """The URL of an empty database, gone afterwards."""
    name = f"test_{uuid4().hex}"
    with _connected(server) as connection:
        connection.execute(f"create database {name}".encode())
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with _connected(server) as connection:
            connection.execute(f"drop database {name} with (force)".encode())


def _connected(url: URL) -> psycopg.Connection[tuple[object, ...]]:
    text = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(text, autocommit=True)


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [Path(shutil.which("initdb") or "")]
    if not found[-1].is_file():
        raise NoPostgres("PostgreSQL is not installed (package postgresql), and WAREHOUSE_TEST_POSTGRES names no server")
    if os.geteuid() == 0 and _OWNER not in {user.pw_name for user in pwd.getpwall()}:
        raise NoPostgres("as root PostgreSQL needs the system user postgres")
    return found[-1].parent


def _wait_for(url: URL, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        try:
            _connected(url).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
    raise NoPostgres("the PostgreSQL server did not start")
