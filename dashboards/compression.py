"""Answers sent compressed to whoever takes them so: libraries once for all readers, pages each time.

Does not belong here: what is sent, and which of it may be kept (`security.py`).
"""

from __future__ import annotations

import gzip

from flask import Flask, Response, request

TEXTS = ("text/", "application/json", "application/javascript", "image/svg+xml")
WORTH = 1024  # bytes; below it the head of an answer weighs more
QUICK, THOROUGH = 2, 6
KEPT_FILES = 64  # per worker; the libraries are twenty


def compressed(packed: bytes, mimetype: str) -> Response:
    """An answer that is compressed already, for who takes it so."""
    if not request.accept_encodings.quality("gzip"):
        return Response(gzip.decompress(packed), mimetype=mimetype)
    return Response(packed, mimetype=mimetype, headers={"Content-Encoding": "gzip"})


def compress(server: Flask, shared: tuple[str, ...]) -> None:
    """Compresses texts by gzip. What lies under the paths `shared` never changes under its address: it is kept so."""

    kept: dict[str, bytes] = {}

    @server.after_request
    def _compress(response: Response) -> Response:
        if not (response.mimetype or "").startswith(TEXTS):
            return response
        response.vary.add("Accept-Encoding")
        if response.status_code != 200 or (response.is_streamed and not response.direct_passthrough):
            return response
        if not request.accept_encodings.quality("gzip") or "Content-Encoding" in response.headers:
            return response
        response.direct_passthrough = False
        content = response.get_data()
        if len(content) < WORTH:
            return response
        if not request.path.startswith(shared):
            packed = gzip.compress(content, QUICK, mtime=0)
        else:
            packed = kept.get(request.full_path) or gzip.compress(content, THOROUGH, mtime=0)
            if len(kept) < KEPT_FILES:
                kept[request.full_path] = packed
        response.set_data(packed)
        response.headers["Content-Encoding"] = "gzip"
        return response
