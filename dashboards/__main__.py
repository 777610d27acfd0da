"""Serves the dashboards of the data root named by WAREHOUSE_HOME: `python -m dashboards --port 8050`."""

from __future__ import annotations

import argparse
import sys

from dashboards.server import serve
from pipelines.errors import WarehouseError
from pipelines.settings import Home


def main() -> None:
    """Serves until stopped; ends with code 1 and says why where it cannot."""
    parser = argparse.ArgumentParser(
        prog="dashboards", description="看板，只在本机 / dashboards, on loopback only"
    )
    parser.add_argument("--port", type=int, default=8050)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    try:
        serve(Home.from_environment().published, port=options.port, workers=options.workers)
    except WarehouseError as error:
        sys.exit(f"✗ {error.zh}\n  {error.en}")


if __name__ == "__main__":
    main()
