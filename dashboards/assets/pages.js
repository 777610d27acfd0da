// What the pages do in the browser besides Dash: follow links without a reload, name the window, draw two kinds
// of grid cells, and print the whole list. Nothing here is built from text that came with the data.

window.dash_clientside = window.dash_clientside || {};

// Pages by address. They are asked for when a reader points at a link, so that most are there at the click.
const pages = (function () {
  "use strict";
  const MOST = 24, FRESH = 20000, AT_ONCE = 2;  // pages kept, milliseconds, requests that nobody has clicked for yet
  const known = new Map();
  let ahead = 0;

  function fetched(at) {
    return fetch("/page.json?" + new URLSearchParams({ at: at }), { headers: { Accept: "application/json" } })
      .then(function (answer) {
        if (!answer.ok) {
          throw Object.assign(new Error("status " + answer.status), { status: answer.status });
        }
        return answer.json();
      });
  }

  function page(at) {
    const before = known.get(at);
    if (before && performance.now() - before.since < FRESH) {
      return before.page;
    }
    const asked = fetched(at);
    known.delete(at);  // the newest stands last
    known.set(at, { page: asked, since: performance.now() });
    asked.catch(function () { known.delete(at); });
    if (known.size > MOST) {
      known.delete(known.keys().next().value);
    }
    return asked;
  }

  function prepare(at) {
    if (ahead < AT_ONCE) {
      const done = function () { ahead -= 1; };
      ahead += 1;
      page(at).then(done, done);
    }
  }

  page(window.location.pathname + window.location.search);  // the libraries will ask for it
  return { page: page, prepare: prepare };
})();

const NO_ANSWER = {
  type: "Still", namespace: "warehouse",
  props: {
    tag: "main", attributes: { className: "banner stale", role: "alert" },
    html: "<h1>服务没有应答，请稍后刷新。</h1><p lang=\"en\">The server does not answer. Please reload the page later.</p>",
  },
};

// Titles and language of the window, and where reading goes on after a page was changed.
// Where there is room nothing is folded (assets/pages.css shows it so at once): what is said of it must agree.
function unfold() {
  if (window.matchMedia("(min-width: 721px)").matches) {
    document.querySelectorAll(".domain > details").forEach(function (folded) { folded.open = true; });
  }
}

window.dash_clientside.warehouse = {
  page: function (pathname, search) {
    const unchanged = window.dash_clientside.no_update;
    if (pathname === undefined || pathname === null) {  // the address is not known yet
      return [unchanged, unchanged];
    }
    return pages.page(pathname + (search || "")).then(
      function (found) { return [found.page, found.head]; },
      function (error) {
        if (error.status === 401 || error.status === 403) {
          window.location.reload();  // the session has ended, or it is not for this account: the server says so there
          return [unchanged, unchanged];
        }
        return [NO_ANSWER, unchanged];
      }
    );
  },

  head: function (head) {
    if (head) {
      document.title = head.title;
      window.setTimeout(unfold, 0);
      document.documentElement.lang = head.lang === "en" ? "en" : "zh-Hans";
    }
    return window.dash_clientside.no_update;
  },

  // The rows of the list of missed targets, asked for once the list is about to be seen.
  flags: function (source) {
    if (!source) {
      return window.dash_clientside.no_update;
    }
    return fetch(source, { headers: { Accept: "application/json" } }).then(function (answer) {
      return answer.ok ? answer.json() : [];
    });
  },
};

(function () {
  "use strict";

  // What a page is about: on the page of a KPI also the unit whose parts are compared.
  function subject() {
    return window.location.pathname + new URLSearchParams(window.location.search).get("unit");
  }

  function follow(href) {
    const from = subject();
    window.history.pushState({}, "", href);
    window.dispatchEvent(new PopStateEvent("popstate", { state: {} }));
    if (subject() !== from) {
      window.scrollTo(0, 0);
    }
  }

  function isOwnPage(anchor) {
    const target = new URL(anchor.getAttribute("href"), window.location.href);  // a link in the map has no origin of its own
    // Pages with forms are documents of their own.
    return target.origin === window.location.origin && !anchor.hasAttribute("download") &&
      !/^\/(alerts|follow-up|objections|account|audit|sign-in)/.test(target.pathname) && !anchor.hasAttribute("target") &&
      !(target.hash && target.pathname === window.location.pathname);
  }

  // The first page is there before the libraries. Theirs is the same: it takes its place with what the reader did to it.
  const first = document.getElementById("first");
  const later = new MutationObserver(function () {
    const drawn = document.querySelector("#page main");
    if (!drawn) {
      return;
    }
    later.disconnect();
    const used = "a[href], summary, button, input, select";
    const before = Array.from(first.querySelectorAll(used));
    const after = Array.from(document.querySelectorAll("#page :is(" + used + ")"));
    const focused = before.indexOf(document.activeElement);
    before.forEach(function (piece, place) {
      if (piece.matches("summary") && piece.parentElement.open && after[place]) {
        after[place].parentElement.open = true;
      }
    });
    first.remove();
    if (focused >= 0 && after[focused]) {
      after[focused].focus({ preventScroll: true });
    }
  });
  later.observe(document.getElementById("react-entry-point"), { childList: true, subtree: true });

  // Where a click leads: the link, or in the heatmap the unit of the row, and there the domain of the cell. Null elsewhere.
  function leadsTo(piece) {
    const anchor = piece.closest("a[href]");
    if (anchor) {
      return isOwnPage(anchor) ? anchor.getAttribute("href") : null;
    }
    const row = piece.closest(".matrix tbody tr");
    const own = row && row.querySelector("th a[href]");
    if (!own) {
      return null;
    }
    const cell = piece.closest("td[data-domain]"), href = new URL(own.href);
    if (cell) {
      href.searchParams.set("domain", cell.dataset.domain);
    }
    return href.pathname + href.search;
  }

  document.addEventListener("click", function (event) {
    if (first.isConnected) {  // nothing listens yet to an address that changes: the browser loads it
      return;
    }
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) {
      return;
    }
    const href = leadsTo(event.target);
    const cell = event.target.closest(".matrix td[data-tip]");
    if (cell && window.matchMedia("(hover: none)").matches) {
      tell(cell);  // a touch tells first; its row's name leads to the unit
      return;
    }
    // Selecting text in the heatmap leads nowhere.
    if (href !== null && (event.target.closest("a[href]") || String(window.getSelection()) === "")) {
      event.preventDefault();
      follow(href);
    }
    closeMenus(event.target);
  });

  // What a reader points at for a moment, touches or comes to by keyboard.
  const MOMENT = 60;  // milliseconds
  let pointed = 0;
  function prepare(event) {
    window.clearTimeout(pointed);
    const href = event.target.closest && leadsTo(event.target);
    if (href && !first.isConnected) {
      const target = new URL(href, window.location.href);
      const ask = function () { pages.prepare(target.pathname + target.search); };
      pointed = window.setTimeout(ask, event.type === "pointerdown" ? 0 : MOMENT);
    }
  }
  ["pointerover", "pointerdown", "focusin"].forEach(function (kind) { document.addEventListener(kind, prepare, { passive: true }); });

  // What the cells of a heatmap say on hovering, for who does not hover: by touch, and by the arrow keys once the table or one of its
  // names has the focus.
  const STEPS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
  function tell(cell) {
    document.querySelectorAll(".cell-told").forEach(function (line) {
      line.textContent = cell && line.parentElement.contains(cell) ? cell.dataset.tip : "";
    });
  }

  function neighbour(cell, step) {
    const rows = Array.from(cell.closest("table").querySelectorAll("tbody tr:has(td)"));
    const row = rows[rows.indexOf(cell.parentElement) + step[0]];
    const found = row && row.children[cell.cellIndex + step[1]];
    return found && found.matches("th[scope=row]") ? found.querySelector("a") : found;
  }

  document.addEventListener("keydown", function (event) {
    const matrix = event.target.closest && event.target.closest(".matrix"), step = STEPS[event.key];
    if (!matrix || !step || event.altKey || event.ctrlKey || event.metaKey) {
      return;
    }
    const from = event.target.closest("tbody td, tbody th[scope=row]");
    const next = from ? neighbour(from, step) : matrix.querySelector("td[data-tip]");
    if (next) {
      event.preventDefault();
      if (next.matches("td")) {
        next.tabIndex = -1;
      }
      next.focus();
    }
  });

  document.addEventListener("focusin", function (event) {
    tell(event.target.matches(".matrix td[data-tip]") ? event.target : null);
  });

  function closeMenus(except) {
    document.querySelectorAll(".stepper details[open]").forEach(function (menu) {
      if (!menu.contains(except) || except.closest(".menu a")) {
        menu.open = false;
      }
    });
  }

  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") {
      closeMenus(document.body);
      tell(null);
    }
  });

  // The grid draws only the rows in sight, and when it has drawn others is its own affair; a printer does not wait for it.
  // So paper gets a plain table of all rows, in the order in which the grid has them.
  const sheet = document.createElement("table");
  sheet.className = "plain on-paper";
  function fill() {
    const api = window.dash_ag_grid && document.getElementById("flags") ? window.dash_ag_grid.getApi("flags") : null;
    if (!api) {
      return;
    }
    const columns = api.getAllDisplayedColumns();
    sheet.replaceChildren();
    const head = sheet.createTHead().insertRow();
    columns.forEach(function (column) {
      const cell = document.createElement("th");
      cell.textContent = column.getColDef().headerName;
      head.append(cell);
    });
    const body = sheet.createTBody();
    api.forEachNodeAfterFilterAndSort(function (node) {
      const row = body.insertRow();
      columns.forEach(function (column) {
        const text = api.getCellValue({ rowNode: node, colKey: column, useFormatter: true });
        row.insertCell().textContent = column.getColId() === "status" ? node.data.icon + " " + text : text;
      });
    });
    document.getElementById("flags").after(sheet);
  }
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details.left-out").forEach(function (folded) {
      folded.open = true;
    });
    fill();
  });
  window.addEventListener("afterprint", function () { sheet.remove(); });
})();

const cells = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});

cells.UnitLink = function (props) {
  return window.React.createElement("a", { href: props.data.unit_href }, props.value);
};

cells.KpiLink = function (props) {
  return window.React.createElement("a", { href: props.data.kpi_href }, props.value);
};

cells.TaskLink = function (props) {
  return window.React.createElement("a", { href: props.data.follow_up_href }, props.value);
};

cells.StateChip = function (props) {
  return window.React.createElement(
    "span", { className: "chip s-" + props.data.state },
    window.React.createElement("span", { className: "icon", "aria-hidden": "true" }, props.data.icon), props.value
  );
};
