// What the pages do in the browser besides Dash: follow links without a reload, name the window, draw two kinds
// of grid cells, and print the whole list. Nothing here is built from text that came with the data.

window.dash_clientside = window.dash_clientside || {};

// Titles and language of the window, and where reading goes on after a page was changed.
window.dash_clientside.warehouse = {
  head: function (head) {
    if (head) {
      document.title = head.title;
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
      !/^\/(follow-up|account|audit|sign-in)/.test(target.pathname) && !anchor.hasAttribute("target") &&
      !(target.hash && target.pathname === window.location.pathname);
  }

  // A page that is not answered because a session has ended, or is not for this account: the server says so at its address.
  const ask = window.fetch;
  window.fetch = function (...request) {
    return ask.apply(window, request).then(function (answer) {
      if (answer.status === 401 || answer.status === 403) {
        window.location.reload();
      }
      return answer;
    });
  };

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

  document.addEventListener("click", function (event) {
    if (first.isConnected) {  // nothing listens yet to an address that changes: the browser loads it
      return;
    }
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) {
      return;
    }
    let anchor = event.target.closest("a[href]");
    const cell = event.target.closest(".matrix td[data-domain]");
    if (!anchor && cell && String(window.getSelection()) === "") {
      // A cell of units × domains leads to the unit, and there to the domain.
      const href = new URL(cell.parentElement.querySelector("th a[href]").href);
      href.searchParams.set("domain", cell.dataset.domain);
      event.preventDefault();
      follow(href.pathname + href.search);
      return;
    }
    if (!anchor) {
      // Anywhere in a row of the heatmap leads to its unit; selecting text there does not.
      const row = event.target.closest(".matrix tbody tr");
      anchor = row && String(window.getSelection()) === "" ? row.querySelector("th a[href]") : null;
    }
    if (anchor && isOwnPage(anchor)) {
      event.preventDefault();
      follow(anchor.getAttribute("href"));
    }
    closeMenus(event.target);
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
    }
  });

  // The grid draws only the rows in sight; on paper all of them are wanted.
  let layoutBefore = null;
  function grid() {
    const present = window.dash_ag_grid && document.getElementById("flags");
    return present ? window.dash_ag_grid.getApi("flags") : null;
  }
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details.left-out").forEach(function (folded) {
      folded.open = true;
    });
    const api = grid();
    if (api) {
      layoutBefore = api.getGridOption("domLayout");
      api.setGridOption("domLayout", "print");
    }
  });
  window.addEventListener("afterprint", function () {
    const api = grid();
    if (api && layoutBefore) {
      api.setGridOption("domLayout", layoutBefore);
    }
  });
})();

const cells = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});

cells.UnitLink = function (props) {
  return window.React.createElement("a", { href: props.data.unit_href }, props.value);
};

cells.KpiLink = function (props) {
  return window.React.createElement("a", { href: props.data.kpi_href }, props.value);
};

cells.StateChip = function (props) {
  return window.React.createElement(
    "span", { className: "chip s-" + props.data.state },
    window.React.createElement("span", { className: "icon", "aria-hidden": "true" }, props.data.icon), props.value
  );
};
