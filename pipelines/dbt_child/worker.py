"""The child's loop: requests in, what the functions of `invoke` give out, over the connection that the first argument names.

The child ends when the one who asks does, whatever it is doing: a build that dies is computed again by the next run.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sys
import threading
from multiprocessing.connection import Connection

from pipelines.dbt_child import invoke
from pipelines.dbt_child.protocol import SETTINGS, BuildFailed, Request
from pipelines.settings import Home


def main() -> None:
    """Answers requests until nobody can ask any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks ends this process where it is interrupted
    connection = Connection(int(sys.argv[1]))
    requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, requests), daemon=True).start()
    while True:
        connection.send_bytes(_answer(requests.get()))


def _listen(connection: Connection, requests: queue.SimpleQueue[Request]) -> None:
    try:
        while True:
            requests.put(connection.recv())
    except (EOFError, OSError):
        os._exit(0)


def _answer(request: Request) -> bytes:
    """What the function gave or raised, pickled."""
    _adopt(request.settings)
    try:
        answer = getattr(invoke, request.function)(Home(request.root), *request.arguments)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is for who asked
        answer = error
    try:
        return pickle.dumps(answer)
    except (pickle.PicklingError, TypeError, AttributeError):
        return pickle.dumps(BuildFailed(type(answer).__name__))


def _adopt(settings: dict[str, str]) -> None:
    for name in [name for name in os.environ if name.startswith(SETTINGS)]:
        del os.environ[name]
    os.environ.update(settings)


if __name__ == "__main__":
    main()
