"""What every answer of the server carries, and which requests it does not answer at all, whoever sends them.

Does not belong here: who may ask for what (`doors.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask, Response, abort, request

from dashboards.access import Access

LARGEST_REQUEST = 64 * 1024  # bytes; a form of these pages sends a few texts
CALLBACK_PATH = "/_dash-update-component"
SHARED_PATHS = ("/_dash-component-suites/", "/assets/")
YEAR = 365 * 24 * 3600

# Of documents that were written whole by other programs, with their scripts inside: they reach nothing but themselves.
DOCUMENT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src 'self' data:;"
    " font-src data:; connect-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def content_policy(script_hashes: Sequence[str]) -> str:
    """Everything from here, nothing from elsewhere; scripts from files only, but for Dash's own start line.

    Styles may stand in the page, because the table and chart libraries write theirs at run time.
    """
    rules = {
        "default-src": "'none'",
        "script-src": " ".join(["'self'", *script_hashes]),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "manifest-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def protect(
    server: Flask,
    *,
    script_hashes: Sequence[str],
    access: Access,
) -> None:
    """Adds headers to every answer, and refuses by 400 requests for another host, and callbacks: browsers run them all."""
    policy = content_policy(script_hashes)
    server.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST

    @server.before_request
    def refuse() -> None:
        if _host_name(request.host) not in access.hosts:
            abort(400)
        if request.path == CALLBACK_PATH:
            abort(400)

    @server.after_request
    def add_headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", policy)
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        headers["Cache-Control"] = _caching(response)
        if access.public_url:
            headers["Strict-Transport-Security"] = f"max-age={YEAR}"
        return response


def _host_name(host: str) -> str:
    """The host without its port: 127.0.0.1:8050 → 127.0.0.1, [::1]:8050 → ::1."""
    return host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]


def _caching(response: Response) -> str:
    """Library and asset files have their version in the address and may be kept; what shows figures may not."""
    if response.status_code == 200 and request.path.startswith(SHARED_PATHS):
        versioned = "v" in request.args or "m" in request.args or response.cache_control.max_age == YEAR
        return f"public, max-age={YEAR}, immutable" if versioned else "no-cache"
    return "no-store"
