"""Who does something: a signed-in user, whoever runs a command on this machine, a run, or nobody who is known."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Actor:
    """Who takes a step. `name`: of the account, of the system's user, or of the run."""

    kind: Literal["user", "system_user", "run", "nobody"]
    name: str

    @classmethod
    def of_system(cls) -> Actor:
        """The user whose process this is; by number where the system has no name for it, as in some containers."""
        try:
            return cls("system_user", getpass.getuser())
        except (KeyError, OSError):
            return cls("system_user", f"uid {os.getuid()}")


NOBODY = Actor("nobody", "")
