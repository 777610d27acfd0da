"""The web application: Dash around the pages, and the production server around Dash.

Belongs here: the application, its one callback, its routes, and how it is served.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from dash import ClientsideFunction, Dash, Input, Output, dcc, html, no_update
from flask import Response, jsonify, request
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

from dashboards.address import Address, Lang, NoSuchPage, language_of, parse
from dashboards.components import page
from dashboards.compression import compress
from dashboards.desk import Desk
from dashboards.edition import EditionReader, EditionUnreadable, NoEdition
from dashboards.facts import Facts
from dashboards.files import add_files
from dashboards.flag_list import flags_json
from dashboards.follow_up_routes import add_routes
from dashboards.markup import markup, plain, still
from dashboards.pages import checks, community, data, follow_up, guide, kpi, overview, problem
from dashboards.security import SHARED_PATHS, protect
from pipelines.errors import WarehouseError, Words
from pipelines.settings import Home

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")
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
            f'<body><div id="first">{markup(shown.page)}</div><div id="react-entry-point"></div>'
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

    def __init__(self, published: Path, *, is_writable: bool = False) -> None:
        self.reader = EditionReader(published)
        self.desk = Desk(Home(published.parent), is_writable=is_writable)
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


def create_app(published: Path, *, hosts: Collection[str] | None = LOOPBACK_HOSTS) -> Dash:
    """The application over the editions under `published`. Opens nothing until the first request.

    `hosts`: the names under which it answers, None for any; a request for another host is refused.
    """
    return _application(Site(published, is_writable=hosts is not None), hosts)


def _application(site: Site, hosts: Collection[str] | None) -> Dash:
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
    _add_routes(app, site)
    add_routes(app.server, site.reader, site.desk)
    compress(app.server, SHARED_PATHS)
    protect(app.server, script_hashes=app.csp_hashes(), callbacks=app.callback_map, hosts=hosts)
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
    published: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8050,
    workers: int = 2,
    allow_remote: bool = False,
) -> None:
    """Serves until stopped, by several worker processes. Refuses to leave loopback unless told to.

    Raises WarehouseError where `host` is not a loopback address and `allow_remote` is not set: there is no
    sign-in yet, so whoever reaches the port reads every figure.
    """
    if not is_loopback(host) and not allow_remote:
        raise WarehouseError(
            Words("拒绝在本机以外提供页面", "Refusing to serve beyond this machine"),
            where=host,
            expected=Words("127.0.0.1", "127.0.0.1"),
            found=Words("其他地址，而尚无登录功能", "another address, and there is no sign-in yet"),
            advice=Words(
                "使用 127.0.0.1，或明确允许远程访问", "use 127.0.0.1, or allow remote access explicitly"
            ),
        )
    hosts = LOOPBACK_HOSTS if is_loopback(host) else None
    _Server(
        Site(published, is_writable=hosts is not None),
        hosts,
        {"bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}", "workers": workers},
    ).run()


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn with the application loaded once, before its workers start."""

    def __init__(self, site: Site, hosts: Collection[str] | None, options: dict[str, object]) -> None:
        self._site, self._hosts, self._options = site, hosts, options
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
        return _application(self._site, self._hosts).server


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


def _add_routes(app: Dash, site: Site) -> None:
    server, reader = app.server, site.reader

    def health() -> tuple[Response, int]:
        """Ready: the pointer opens and the edition's row can be read."""
        try:
            edition = reader.current()
            edition.check()
        except (NoEdition, EditionUnreadable) as error:
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
