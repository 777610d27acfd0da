"""The web application: Dash around the pages, and the production server around Dash.

Belongs here: the application, its one callback, its routes, and how it is served.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from dash import ClientsideFunction, Dash, Input, Output, dcc, html, no_update
from flask import Response, jsonify, request
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

from dashboards.access import Access, require_safe
from dashboards.address import Address, Lang, NoSuchPage, language_of, parse
from dashboards.components import page
from dashboards.compression import compress
from dashboards.doors import guard
from dashboards.edition import EditionReader, EditionUnreadable, NoEdition
from dashboards.entrance import Entrance, StoreSilent
from dashboards.facts import Facts
from dashboards.files import add_files
from dashboards.flag_list import flags_json
from dashboards.follow_up_routes import add_routes
from dashboards.identity_provider import Client
from dashboards.markup import markup, plain, still
from dashboards.pages import checks, community, data, follow_up, guide, kpi, overview, problem
from dashboards.security import SHARED_PATHS, protect
from dashboards.sign_in_routes import add_audit, add_sign_in
from dashboards.visitor import strip
from pipelines.account_store import SETUP_LASTS
from pipelines.accounts import Account
from pipelines.errors import WarehouseError
from pipelines.settings import Home

PAGES = {
    "overview": overview.content, "unit": community.content, "kpi": kpi.content, "data": data.content,
    "checks": checks.content, "follow_up": follow_up.only_as_document, "guide": guide.content,
    "questions": guide.questions, "connect": guide.connections,
}  # fmt: skip

KEPT_PAGES = 48  # per worker; the largest is about 1 MB as text
# What Dash would tell a browser about the machine and where it would look for its own updates.
UNTOLD = ("dash_version_url", "python_version", "plotly_cloud_installed")


log = logging.getLogger(__name__)


class Shown(NamedTuple):
    """A page as plain JSON values, and the title and language of the window."""

    page: object
    head: dict[str, str]


NOTHING = Shown([], {"title": "", "lang": "zh"})


class _Application(Dash):
    """Dash with a start page that shows its page at once, as markup, and names nothing outside.

    The libraries are run after that. Once they have drawn the page, theirs takes the place of the first
    (assets/pages.js).
    """

    draw: Callable[[object, object], Shown] | None = None

    def interpolate_index(self, **parts: Any) -> str:  # type: ignore[override]  # Dash passes these by name
        shown = self.draw(request.path, f"?{request.query_string.decode('ascii', 'replace')}") if self.draw else NOTHING
        lang = "en" if shown.head["lang"] == "en" else "zh-Hans"
        scripts = parts["scripts"].replace("<script src=", "<script defer src=")
        # A module waits like the scripts before it; any other script in the page would be run before them.
        renderer = parts["renderer"].replace('type="application/javascript"', 'type="module"')
        return (
            f'<!DOCTYPE html>\n<html lang="{lang}">\n<head>{parts["metas"]}<title>{escape(shown.head["title"])}</title>'
            f'{parts["favicon"]}{parts["css"]}{scripts}</head>\n'
            f'<body>{strip()}<div id="first">{markup(shown.page)}</div><div id="react-entry-point"></div>'
            f'{_untold(parts["config"])}{renderer}</body>\n</html>'
        )


def _untold(config: str) -> str:
    """Dash's settings for the browser without what they tell about this machine."""
    head, start, rest = config.partition(">{")
    settings, end, tail = rest.rpartition("}<")
    told = {name: value for name, value in json.loads("{" + settings + "}").items() if name not in UNTOLD}
    text = json.dumps(told, separators=(",", ":")).replace("<", "\\u003c")
    return head + start[0] + text + end[1] + tail


class Site:
    """The pages over the editions of one county, remembered while their edition is current.

    A page is a pure function of edition and address, and most readers look at the same few. Those of follow-up
    (`follow_up_routes`) are not, and not among them.
    """

    def __init__(self, published: Path) -> None:
        self.reader = EditionReader(published)
        self.alive: frozenset[str] = frozenset()  # the ids that callbacks name
        self._kept: OrderedDict[tuple[str, bool, Address], Shown] = OrderedDict()
        self._lists: OrderedDict[tuple[str, Address], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def send(self, pathname: object, search: object) -> Shown:
        """What `show` gives as the browser is sent it: written out where nothing is alive, and kept."""
        try:
            edition, is_stale = self.reader.current_or_last()
            key = (edition.info.edition_id, is_stale, parse(pathname, search))
        except WarehouseError:
            return self._still(self.show(pathname, search))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        shown = self._still(self.show(pathname, search))
        with self._lock:
            self._kept[key] = shown
            while len(self._kept) > KEPT_PAGES:
                self._kept.popitem(last=False)
        return shown

    def _still(self, shown: Shown) -> Shown:
        return Shown(still(shown.page, self.alive), shown.head)

    def show(self, pathname: object, search: object) -> Shown:
        """A page and its title for an address; what cannot be shown becomes a page that says so."""
        lang = language_of(search)
        try:
            edition, is_stale = self.reader.current_or_last()
        except (NoEdition, EditionUnreadable) as error:
            title, content = problem.content(error, lang)
            return Shown(plain(problem.alone(content, lang)), {"title": title, "lang": lang})
        try:
            address = parse(pathname, search)
            title, content = PAGES[address.page](Facts(edition), address)
        except NoSuchPage as error:
            address = Address(lang=lang)
            title, content = problem.content(error, lang)
        frame = page(edition.info, address, content, is_stale=is_stale)
        return Shown(plain(frame), {"title": title, "lang": lang})

    def page_of_area(self, account: Account) -> str | None:
        """Where the unit that an account is limited to has its page; None where the current edition has no such unit."""
        with suppress(WarehouseError):
            edition, _ = self.reader.current_or_last()
            units = Facts(edition).units(edition.info.as_of_date).values()
            return next((Address().to("unit", unit_key=unit.key) for unit in units if unit.code == account.area), None)
        return None

    def flags(self, search: str) -> bytes:
        """The rows of the list of missed targets as JSON. WarehouseError where the address or the edition is not there."""
        edition, _ = self.reader.current_or_last()
        address = parse("/", search)
        key = (edition.info.edition_id, address)
        with self._lock:
            if key in self._lists:
                self._lists.move_to_end(key)
                return self._lists[key]
        rows = flags_json(Facts(edition), address)
        with self._lock:
            self._lists[key] = rows
            while len(self._lists) > KEPT_PAGES:
                self._lists.popitem(last=False)
        return rows


def create_app(published: Path, access: Access | None = None) -> Dash:
    """The application over the editions under `published`. Opens nothing until the first request.

    `access`: how people get in, by default as the environment says.
    """
    access = access or Access.from_environment()
    return _application(Site(published), Entrance(Home(published.parent), access, Client.from_environment()))


def _application(site: Site, entrance: Entrance) -> Dash:
    app = _Application(
        __name__,
        assets_folder=str(Path(__file__).parent / "assets"),
        serve_locally=True,
        compress=False,
        title="社区治理指标",
        update_title="",
        add_log_handler=False,
        enable_mcp=False,
        on_error=_failed,
        suppress_callback_exceptions=True,  # the list is not on every page
    )
    app.layout = html.Div(
        [
            dcc.Location(id="url", refresh=False),
            dcc.Store(id="head"),
            dcc.Store(id="head-shown"),
            html.Div(id="page"),
        ]
    )

    @app.callback(
        Output("page", "children"), Output("head", "data"), Input("url", "pathname"), Input("url", "search")
    )
    def show(pathname: object, search: object) -> tuple[object, object]:
        if pathname is None and search is None:  # the browser has not told the address yet
            return no_update, no_update
        shown = site.send(pathname, search)
        return shown.page, shown.head

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("warehouse", "head"), Output("head-shown", "data"), Input("head", "data")
    )
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("warehouse", "flags"),
        Output("flags", "rowData"),
        Input("flags-later", "seen"),
    )
    _add_routes(app, site, entrance)
    add_routes(app.server, site.reader, entrance.home)
    if entrance.access.has_sign_in:
        add_sign_in(app.server, entrance)
    if not entrance.access.is_open:
        add_audit(app.server, entrance)
    # The last to be added is the first to see an answer: what is recorded and protected is what was asked for.
    compress(app.server, SHARED_PATHS)
    protect(app.server, script_hashes=app.csp_hashes(), callbacks=app.callback_map, access=entrance.access)
    guard(app.server, entrance, site.page_of_area)
    # Dash lists its scripts during the first request, and a second one at the same time finds none: ask once now.
    app.server.test_client().get("/")
    site.alive = _named(app.callback_map)
    app.draw = site.send
    return app


def _named(callbacks: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """The ids of everything that callbacks read or write."""
    outputs = [part.rpartition(".")[0] for name in callbacks for part in name.strip(".").split("...")]
    inputs = [str(one["id"]) for declared in callbacks.values() for one in (*declared["inputs"], *declared["state"])]
    return frozenset((*outputs, *inputs))


def serve(
    published: Path, *, host: str = "127.0.0.1", port: int = 8050, socket: Path | None = None, workers: int = 2,
    access: Access | None = None,
) -> None:  # fmt: skip
    """Serves until stopped, by several worker processes. `access`: how people get in, by default as the environment says.

    `socket`: a Unix socket instead of host and port, for the user and group that serve. Raises UnsafeAccess where others could
    read what they must not. Where people sign in and there is no administrator yet, a one-time link to make one is written to
    standard output.
    """
    access = access or Access.from_environment()
    home = Home(published.parent)
    require_safe(access, home, None if socket else host)
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    entrance = Entrance(home, access, Client.from_environment())
    if access.has_sign_in:
        _offer_setup(entrance, access.public_url or f"http://{bind}")
    options = {"bind": f"unix:{socket}" if socket else bind, "umask": 0o117, "workers": workers}
    _Server(Site(published), entrance, options).run()


def _offer_setup(entrance: Entrance, base: str) -> None:
    """Opens the store, so that it is of the newest schema, and lets go of it before there are workers."""
    path = entrance.setup_path()
    entrance.close()
    if path is not None:
        minutes = SETUP_LASTS.seconds // 60
        sys.stdout.write(
            f"首次使用：打开此链接创建管理员（{minutes} 分钟内有效，只能用一次）\n"
            f"first use: open this link to create the administrator (once, within {minutes} minutes)\n  {base}{path}\n"
        )
        sys.stdout.flush()


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn with the application loaded once, before its workers start."""

    def __init__(self, site: Site, entrance: Entrance, options: dict[str, object]) -> None:
        self._site, self._entrance, self._options = site, entrance, options
        super().__init__()

    def load_config(self) -> None:
        settled = {
            "preload_app": True,
            "worker_class": "gthread",
            "threads": 4,
            "timeout": 60,
            "graceful_timeout": 10,
            "control_socket_disable": True,
            "post_worker_init": lambda _worker: _warm(self._site),
        }
        for name, value in {**settled, **self._options}.items():
            self.cfg.set(name, value)

    def load(self) -> object:
        return _application(self._site, self._entrance).server


def _warm(site: Site) -> None:
    """Opens the edition and draws the first page, so that the first reader does not wait for it; then those it leads to."""
    _draw_first(site)
    threading.Thread(target=_draw_next, args=(site,), daemon=True).start()


def _draw_first(site: Site) -> None:
    try:
        site.send("/", "")
    except Exception as error:  # a worker must start even where the first page fails
        log.error("the first page failed: %s", type(error).__name__, exc_info=error)


def _draw_next(site: Site) -> None:
    """The overviews of single domains; where there is no edition yet, nothing."""
    with suppress(WarehouseError):
        edition, _ = site.reader.current_or_last()
        for domain in Facts(edition).domains:
            site.send("/", Address(domain=domain).query())


def _add_routes(app: Dash, site: Site, entrance: Entrance) -> None:
    server, reader = app.server, site.reader

    def health() -> tuple[Response, int]:
        """Ready: the pointer opens, the edition's row can be read, and the store knows who may come in."""
        try:
            edition = reader.current()
            edition.check()
            entrance.check()
        except (NoEdition, EditionUnreadable, StoreSilent) as error:
            return jsonify(status="unavailable", reason=error.what.en), 503
        return jsonify(status="ok", edition_id=edition.info.edition_id), 200

    def list_flags() -> Response:
        try:
            rows = site.flags(request.query_string.decode("ascii", "replace"))
        except WarehouseError as error:
            return Response(f"{error.zh}\n{error.en}\n", status=404, mimetype="text/plain")
        return Response(rows, mimetype="application/json")

    # Before Dash's own catch-all in the order of specificity, so these paths are never a page.
    server.add_url_rule("/healthz", "healthz", health, methods=["GET"])
    server.add_url_rule("/list/flags.json", "list_flags", list_flags, methods=["GET"])
    add_files(server, reader)


def _failed(error: Exception) -> tuple[object, dict[str, str]]:
    """The page for a failure nobody foresaw: logged whole, shown without any of it."""
    log.error("a page failed: %s", type(error).__name__, exc_info=error)
    lang: Lang = "zh"
    title, content = problem.failure(lang)
    return plain(problem.alone(content, lang)), {"title": title, "lang": lang}
