"""Serves the dashboards of the data root named by WAREHOUSE_HOME: `python -m dashboards --port 8050`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dashboards.server import serve
from pipelines.errors import WarehouseError
from pipelines.settings import Home


def main() -> None:
    """Serves until stopped; ends with code 1 and says why where it cannot."""
    parser = argparse.ArgumentParser(
        prog="dashboards", description="看板，只在本机 / dashboards, on loopback only"
    )
    parser.add_argument("--port", type=int, default=8050)
    parser.add_argument("--socket", type=Path, help="Unix 套接字，代替端口 / a Unix socket instead of the port")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    try:
        published = Home.from_environment().published
        serve(published, port=options.port, socket=options.socket, workers=options.workers)
    except WarehouseError as error:
        sys.exit(f"✗ {error.zh}\n  {error.en}")


if __name__ == "__main__":
    main()
