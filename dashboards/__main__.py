"""Serves the dashboards of the data root named by WAREHOUSE_HOME: `python -m dashboards --port 8050`."""

from __future__ import annotations

import argparse

from dashboards.server import serve
from pipelines.settings import Home


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="dashboards", description="看板，只在本机 / dashboards, on loopback only"
    )
    parser.add_argument("--port", type=int, default=8050)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    serve(Home.from_environment().published, port=options.port, workers=options.workers)


if __name__ == "__main__":
    main()
