"""A clock that tests set, for what takes its time from a `Clock`."""

from __future__ import annotations

from datetime import datetime, timedelta


class Time:
    """Stands at `moment` until it passes."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def passes(self, **duration: float) -> None:
        self.moment += timedelta(**duration)
