"""Passwords as they are kept: argon2id (RFC 9106), with 19 MiB, two passes and one lane, as OWASP advises at the least."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHash

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hashed(password: str) -> str:
    """The password's hash with its salt and parameters, in argon2's standard form."""
    return _HASHER.hash(password)


def is_password(kept: str | None, password: str) -> bool:
    """Whether a password is the one whose hash is kept. Without one the answer takes as long, and is no."""
    try:
        return _HASHER.verify(kept or _of_nobody(), password) and kept is not None
    except (Argon2Error, InvalidHash):
        return False


@cache
def _of_nobody() -> str:
    return hashed("nobody's")
