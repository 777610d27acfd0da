"""The office program of this machine, by which documents become PDF. Belongs here: finding it; `bulletin/pdf.py` runs it."""

from __future__ import annotations

import shutil

CONVERTERS = ("soffice", "libreoffice")


def converter() -> str | None:
    """The program that converts, or None where none is installed."""
    return next((path for path in map(shutil.which, CONVERTERS) if path), None)
