"""Where the code server listens, and what stops `serve` before it starts anything."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import pytest

from pipelines.errors import WarehouseError
from pipelines.serving import LOOPBACK, _code_socket, serve_all
from pipelines.settings import Home


def test_the_socket_stands_at_the_same_place_at_every_start_and_is_taken_away() -> None:
    with tempfile.TemporaryDirectory() as folder:  # short enough, which pytest's own may not be
        home = Home(Path(folder))
        left_behind = home.dagster / "code.sock"
        home.dagster.mkdir()
        left_behind.touch()
        with _code_socket(home) as path:
            assert path == left_behind
            assert not path.exists()
            path.touch()
        assert not path.exists()


def test_a_data_root_with_a_long_path_has_a_socket_elsewhere(tmp_path: Path) -> None:
    home = Home(tmp_path / ("long" * 40))
    with _code_socket(home) as path, socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    assert not path.parent.exists()


def test_a_data_root_is_not_served_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.serving._answers", lambda _: True)
    with pytest.raises(WarehouseError, match="already"), _code_socket(Home(Path("/nowhere"))):
        pass


def test_a_taken_port_is_named_before_anything_starts(home: Home) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        with pytest.raises(WarehouseError, match=str(port)):
            serve_all(home, port=port, dagster_port=0)
    assert not home.root.exists()
