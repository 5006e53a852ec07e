"use strict";
/* A line as small as a word: an actor's last minute, in SVG. Said in numbers by the cell beside it. */
const Sparkline = (() => {
  const SVG = "http" + "://www.w3.org/2000/svg"; // a name, not an address: nothing is fetched from it
  const WIDTH = 60;
  const HEIGHT = 16;

  function make() {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", "spark");
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    svg.append(document.createElementNS(SVG, "polyline"));
    return svg;
  }

  /* Pure: right-aligned, so that all rows share the same time. */
  function points(values, length) {
    const top = Math.max(1e-9, ...values);
    const step = WIDTH / (length - 1);
    const start = length - values.length;
    return values.map((value, i) => `${((start + i) * step).toFixed(1)},${(HEIGHT - 1 - (value / top) * (HEIGHT - 2)).toFixed(1)}`).join(" ");
  }

  function draw(svg, values) {
    svg.firstChild.setAttribute("points", values.length < 2 ? "" : points(values, State.TRAIL));
  }

  return { make, draw, points };
})();
