// The components of these pages' own, beside Dash's: what is written out by the server, and what is drawn only in sight.

(function () {
  "use strict";
  const React = window.React;

  // A part of a page in which nothing is alive; dashboards/markup.py writes it.
  function Still(props) {
    const inside = props.html === null ? {} : { dangerouslySetInnerHTML: { __html: props.html } };
    return React.createElement(props.tag, Object.assign({}, props.attributes, inside));
  }

  // Waits with what it holds until it is nearly in sight, or until the browser has nothing else to do: a chart or a grid
  // takes longer than all the text of a page. Where it has a source, it then tells a callback by its property `seen`.
  function Later(props) {
    const place = React.useRef(null);
    const [seen, setSeen] = React.useState(false);
    React.useEffect(function () {
      function show() {
        stop();
        setSeen(true);
        if (props.source) {
          props.setProps({ seen: props.source });
        }
      }
      const sight = new IntersectionObserver(
        function (found) { if (found.some(function (one) { return one.isIntersecting; })) { show(); } },
        { rootMargin: "300px" }
      );
      const leave = whenIdle(show);
      function stop() {
        sight.disconnect();
        leave();
        window.removeEventListener("beforeprint", show);
      }
      sight.observe(place.current);
      window.addEventListener("beforeprint", show);
      return stop;
    }, [props.source]);
    return React.createElement("div", { ref: place, className: props.className, style: props.style }, seen ? props.children : null);
  }

  // One after the other, each in an idle moment of its own, so that the reader is never kept waiting.
  const waiting = [];
  let isAsked = false;
  function whenIdle(act) {
    waiting.push(act);
    ask();
    return function () {
      const place = waiting.indexOf(act);
      if (place >= 0) {
        waiting.splice(place, 1);
      }
    };
  }
  function ask() {
    if (!isAsked && waiting.length) {
      isAsked = true;
      window.setTimeout(function () { window.requestIdleCallback(next); }, 700);
    }
  }
  function next() {
    isAsked = false;
    const act = waiting.shift();
    if (act) {
      act();
    }
    ask();
  }

  window.warehouse = { Still: Still, Later: Later };
})();
