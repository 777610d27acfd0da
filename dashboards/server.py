"""The web application: Dash around the pages, and the production server around Dash.

Belongs here: the application, its one callback, its routes, and how it is served.
"""

from __future__ import annotations

import gc
import gzip
import json
import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from dash import ClientsideFunction, Dash, Input, Output, dcc
from dash import html as dash_html
from dash.exceptions import DependencyException
from flask import Response, jsonify, request
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

from dashboards import ahead
from dashboards.access import Access, require_safe
from dashboards.address import Address, Lang, NoSuchPage, language_of, parse
from dashboards.alert_routes import add_alerts
from dashboards.components import page
from dashboards.compression import compress, compressed
from dashboards.data_docs import add_data_docs
from dashboards.desk import Lately, open_tasks
from dashboards.doors import asked_page, guard
from dashboards.edition import Edition, EditionReader, EditionUnreadable, NoEdition
from dashboards.entrance import Entrance, StoreSilent
from dashboards.facts import NO_OBJECTIONS, NO_TASKS, Facts
from dashboards.files import add_files
from dashboards.flag_list import flags_json
from dashboards.follow_up_routes import add_follow_up
from dashboards.history import account_stamp, home_of
from dashboards.identity_provider import Client
from dashboards.markup import markup, still
from dashboards.objection_desk import live_objections
from dashboards.objection_routes import add_objections
from dashboards.pages import checks, community, data, guide, kpi, overview, problem
from dashboards.rules_routes import add_rules
from dashboards.security import SHARED_PATHS, protect
from dashboards.shapes import shapes_stamp
from dashboards.shelf import Shelf, shared_folder
from dashboards.sign_in_routes import add_audit, add_sign_in
from dashboards.steward_routes import add_steward
from dashboards.visitor import strip
from pipelines.account_store import SETUP_LASTS
from pipelines.accounts import Account
from pipelines.errors import WarehouseError
from pipelines.settings import Home

PAGES = {
    "overview": overview.content, "unit": community.content, "kpi": kpi.content, "data": data.content,
    "checks": checks.content, "steward": problem.only_as_document, "follow_up": problem.only_as_document,
    "objections": problem.only_as_document, "guide": guide.content,
    "questions": guide.questions, "connect": guide.connections,
}  # fmt: skip

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

    draw: Callable[[str, str], Shown] | None = None

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
    """The pages over the editions of one county, kept as they are sent while what they were made from is the same.

    A page is a pure function of its address, the edition, and what the county keeps beside it. Those of follow-up
    and of objections (`follow_up_routes`, `objection_routes`) are not, and not kept.
    """

    def __init__(self, published: Path, folder: Path | None = None) -> None:
        self.reader = EditionReader(published)
        home = Home(published.parent)
        self.tasks = Lately(home, open_tasks, NO_TASKS)
        self.objections = Lately(home, live_objections, NO_OBJECTIONS)
        self.alive: frozenset[str] = frozenset()  # the ids that callbacks name
        self._shelf = Shelf(folder)

    def send(self, pathname: str, search: str) -> bytes:
        """What `show` gives as the browser is sent it: compressed JSON, written out where nothing is alive."""

        def make() -> bytes:
            shown = self.show(pathname, search)
            return _json({"page": still(shown.page, self.alive), "head": shown.head})

        try:
            edition, is_stale = self.reader.current_or_last()
            address = parse(pathname, search)
        except WarehouseError:
            return gzip.compress(make())
        return self._shelf.get(edition.info.edition_id, ("page", is_stale, address, self._beside(edition, address)), make)

    def _beside(self, edition: Edition, address: Address) -> tuple[object, ...]:
        """What an address shows that is not in the edition, as it is now: tasks of follow-up, objections, borders, the account of changes."""
        if address.page == "data":
            return account_stamp(home_of(edition.path), edition.info.edition_id)
        tasks = [
            (task.task_id, task.state)
            for key, task in self.tasks.now().items()
            if address.unit_key in (key.unit_key, "") and address.kpi_id in (key.kpi_id, "")
        ]
        objections = [
            (one.objection_id, one.state, one.outcome)
            for subject, one in self.objections.now().items()
            if address.page in ("unit", "kpi") and address.unit_key in (subject.unit_key, "") and address.kpi_id in (subject.kpi_id, "")
        ]
        return (*tasks, *objections, *(shapes_stamp(edition.shapes) if address.view == "map" else ()))

    def drawn(self, pathname: str, search: str) -> Shown:
        """A page as it is sent, to be written out whole."""
        return Shown(**json.loads(gzip.decompress(self.send(pathname, search))))

    def show(self, pathname: object, search: object) -> Shown:
        """A page and its title for an address; what cannot be shown becomes a page that says so."""
        lang = language_of(search)
        try:
            edition, is_stale = self.reader.current_or_last()
        except (NoEdition, EditionUnreadable) as error:
            title, content = problem.content(error, lang)
            return Shown(problem.alone(content, lang), {"title": title, "lang": lang})
        try:
            address = parse(pathname, search)
            title, content = PAGES[address.page](Facts(edition, self.tasks.now(), self.objections.now()), address)
        except NoSuchPage as error:
            address = Address(lang=lang)
            title, content = problem.content(error, lang)
        frame = page(edition.info, address, content, is_stale=is_stale)
        return Shown(frame, {"title": title, "lang": lang})

    def code_of(self, unit_key: str) -> str:
        """The code that a unit has now, or had last; '' where the edition has no such unit."""
        with suppress(WarehouseError):
            edition, _ = self.reader.current_or_last()
            codes = edition.frame("select unit_code from dim_unit where unit_key = ? order by valid_from desc limit 1", (unit_key,))
            return str(next(iter(codes["unit_code"]), ""))
        return ""

    def page_of_area(self, account: Account) -> str | None:
        """Where the unit that an account is limited to has its page; None where the current edition has no such unit."""
        with suppress(WarehouseError):
            edition, _ = self.reader.current_or_last()
            units = Facts(edition).units(edition.info.as_of_date).values()
            return next((Address().to("unit", unit_key=unit.key) for unit in units if unit.code == account.area), None)
        return None

    def flags(self, search: str) -> bytes:
        """The rows of the list of missed targets as compressed JSON. WarehouseError where the address or the edition is not there."""
        edition, _ = self.reader.current_or_last()
        address = parse("/", search)
        facts = Facts(edition, self.tasks.now())
        return self._shelf.get(
            edition.info.edition_id, ("flags", address, self._beside(edition, address)), lambda: flags_json(facts, address)
        )


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


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
        suppress_callback_exceptions=True,  # the list is not on every page
    )
    app.layout = dash_html.Div(
        [
            dcc.Location(id="url", refresh=False),
            dcc.Store(id="head"),
            dcc.Store(id="head-shown"),
            dash_html.Div(id="page"),
        ]
    )

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("warehouse", "page"),
        Output("page", "children"), Output("head", "data"), Input("url", "pathname"), Input("url", "search"),
    )  # fmt: skip
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("warehouse", "head"), Output("head-shown", "data"), Input("head", "data")
    )
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("warehouse", "flags"),
        Output("flags", "rowData"),
        Input("flags-later", "seen"),
    )
    _add_routes(app, site, entrance)
    add_follow_up(app.server, site.reader, entrance.home)
    add_objections(app.server, site.reader, entrance.home)
    add_steward(app.server, site.reader, entrance.home)
    add_rules(app.server, site.reader, entrance.home)
    add_data_docs(app.server, entrance.home)
    add_alerts(app.server, entrance)
    if entrance.access.has_sign_in:
        add_sign_in(app.server, entrance)
    if not entrance.access.is_open:
        add_audit(app.server, entrance)
    # The last to be added is the first to see an answer: what is recorded and protected is what was asked for.
    compress(app.server, SHARED_PATHS)
    protect(app.server, script_hashes=app.csp_hashes(), access=entrance.access)
    guard(app.server, entrance, site)
    # Dash lists its scripts during the first request, and a second one at the same time finds none: ask once now.
    app.server.test_client().get("/")
    site.alive = _named(app.callback_map)
    app.draw = site.drawn
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
    with shared_folder() as folder:
        _Server(Site(published, folder), entrance, options).run()


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
        self._ahead = 0  # the process that draws ahead, once there is one
        super().__init__()

    def load_config(self) -> None:
        settled = {
            "preload_app": True,
            "worker_class": "gthread",
            "threads": 4,
            "timeout": 60,
            "graceful_timeout": 10,
            "control_socket_disable": True,
            "when_ready": self._draw_ahead,
            "on_exit": lambda _arbiter: ahead.stop(self._ahead) if self._ahead else None,
            "post_worker_init": lambda _worker: _warm(self._site),
        }
        for name, value in {**settled, **self._options}.items():
            self.cfg.set(name, value)

    def _draw_ahead(self, arbiter: Any) -> None:
        self._ahead = ahead.start(self._site, [listener.sock for listener in arbiter.LISTENERS])

    def load(self) -> object:
        return _application(self._site, self._entrance).server


def _warm(site: Site) -> None:
    """Opens the edition and draws the first page, so that the first reader does not wait for it."""
    try:
        site.send("/", "")
    except Exception as error:  # a worker must start even where the first page fails
        log.error("the first page failed: %s", type(error).__name__, exc_info=error)
    gc.collect()
    gc.freeze()  # what is there now stays: looking through it again and again keeps readers waiting


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

    def page_json() -> Response:
        """The page of the address `at`, a path with its query."""
        try:
            return compressed(site.send(*asked_page(request)), "application/json")
        except Exception as error:  # a failure nobody foresaw: logged whole, shown without any of it
            log.error("a page failed: %s", type(error).__name__, exc_info=error)
            return Response(_json(_failure()), mimetype="application/json")

    def no_library(_: DependencyException) -> Response:
        """Dash fails where an address asks for a library of scripts that it does not have."""
        return Response("没有这个文件 no such file\n", 404, mimetype="text/plain")

    def list_flags() -> Response:
        try:
            rows = site.flags(request.query_string.decode("ascii", "replace"))
        except WarehouseError as error:
            return Response(f"{error.zh}\n{error.en}\n", status=404, mimetype="text/plain")
        return compressed(rows, "application/json")

    # Before Dash's own catch-all in the order of specificity, so these paths are never a page.
    server.add_url_rule("/healthz", "healthz", health, methods=["GET"])
    server.add_url_rule("/page.json", "page_json", page_json, methods=["GET"])
    server.add_url_rule("/list/flags.json", "list_flags", list_flags, methods=["GET"])
    server.register_error_handler(DependencyException, no_library)
    add_files(server, reader)


def _failure() -> dict[str, object]:
    """The page for a failure nobody foresaw."""
    lang: Lang = "zh"
    title, content = problem.failure(lang)
    return {"page": problem.alone(content, lang), "head": {"title": title, "lang": lang}}
