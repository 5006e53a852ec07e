"use strict";
/* Line and area charts (uPlot), each with a legend of current values, a label and a data table for those who read. */
const Charts = (() => {
  const SHORTEST = 60; // seconds: the least that a chart spans
  const POWERS_OF_TWO = Array.from({ length: 51 }, (_, i) => 2 ** i);
  const COUNTS = Array.from({ length: 16 }, (_, i) => [1, 2, 5].map((step) => step * 10 ** i)).flat();
  const AGES = [10, 15, 30, 60, 120]; // seconds between labels of the time axis

  let colours = new Map();
  const all = [];

  function ink(name) {
    if (!colours.has(name)) colours.set(name, Dom.colour(name));
    return colours.get(name);
  }

  /* `spec`: title, unit, format, bytes, right: { format, top }, series: [{ name, colour, of, area, dash, wide, right }].
     `of(state)` gives values as long as State.times(). */
  function create(id, spec) {
    const host = Dom.byId(id);
    const keys = spec.series.map(legendEntry);
    const plot = Dom.make("div", { class: "plot", tabindex: "0", role: "group", "aria-label": `${spec.title}: chart. Left and right arrow keys read it.` });
    const table = dataTable(spec);
    host.append(Dom.make("ul", { class: "legend" }, ...keys.map((key) => key.item)), plot, table.details);
    const chart = { spec, host, plot, keys, table, data: null, u: null };
    plot.addEventListener("keydown", (event) => walk(chart, event));
    plot.addEventListener("blur", () => chart.u?.setCursor({ left: -10, top: -10 }));
    new ResizeObserver(() => resize(chart)).observe(plot);
    all.push(chart);
    return { update: () => update(chart) };
  }

  function legendEntry(series) {
    const value = Dom.make("b");
    const swatch = Dom.make("span", { class: `swatch ${series.colour.slice(2)}${series.dash ? " dashed" : ""}` });
    const item = Dom.make("li", { title: series.meaning }, swatch, `${series.name}${series.right ? " (right axis)" : ""} `, value);
    return { item, value };
  }

  function update(chart) {
    const { spec } = chart;
    chart.data = [State.times(), ...spec.series.map((series) => series.of())];
    if (chart.u === null) build(chart);
    else chart.u.setData(chart.data);
    showValues(chart);
    chart.u.ctx.canvas.setAttribute("aria-label", describe(chart));
    chart.table.update(chart.data);
  }

  function build(chart) {
    const box = chart.plot.getBoundingClientRect();
    chart.font = Dom.rem();
    chart.u = new uPlot(options(chart, box), chart.data, chart.plot);
    chart.u.ctx.canvas.setAttribute("role", "img");
  }

  function options(chart, box) {
    const { spec } = chart;
    const font = `${Math.round(chart.font * 0.78)}px system-ui, sans-serif`;
    const axis = { stroke: () => ink("--soft"), font, grid: { stroke: () => ink("--grid"), width: 1 }, ticks: { show: false }, gap: 6 };
    const axes = [
      { ...axis, size: chart.font * 1.6, splits: ageSplits, values: (u, splits) => splits.map((t) => Format.ago(Math.round(u.scales.x.max - t))), grid: { show: false } },
      { ...axis, scale: "y", size: chart.font * 4.6, space: chart.font * 2.4, incrs: spec.bytes ? POWERS_OF_TWO : COUNTS, values: (u, splits) => splits.map(spec.format) },
    ];
    const scales = { x: { time: false, range: timeRange }, y: { range: (u, low, high) => [0, niceTop(high, spec.bytes)] } };
    if (spec.right) {
      scales.right = { range: () => [0, Math.max(1, spec.right.top())] };
      axes.push({ ...axis, scale: "right", side: 1, size: chart.font * 2.4, space: chart.font * 2, incrs: COUNTS, grid: { show: false }, values: (u, splits) => splits.map(spec.right.format) });
    }
    return {
      width: Math.max(120, Math.round(box.width)),
      height: Math.max(80, Math.round(box.height)),
      padding: [chart.font * 0.6, spec.right ? 0 : chart.font * 0.8, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: chart.font * 0.5 }, sync: { key: "time" } },
      scales,
      axes,
      series: [{}, ...spec.series.map(drawn)],
      hooks: { setCursor: [() => showValues(chart)] },
    };
  }

  function drawn(series) {
    return {
      scale: series.right ? "right" : "y",
      stroke: () => (series.right ? `${ink(series.colour)}60` : ink(series.colour)), // its area says it; many steps must not hide the lines
      fill: series.area ? () => `${ink(series.colour)}38` : undefined,
      width: series.right ? 1 : series.wide ? 3 : 1.6,
      dash: series.dash ? [6, 4] : undefined,
      paths: series.right ? uPlot.paths.stepped({ align: -1 }) : undefined,
      points: { show: (u) => u.data[0].length < 3 },
      spanGaps: false,
    };
  }

  function timeRange(u, low, high) {
    const end = high ?? SHORTEST;
    const start = Math.max(low ?? 0, end - State.WINDOW);
    return [Math.min(start, end - SHORTEST), end];
  }

  /* Seconds between the labels of a time axis that is `width` pixels long. */
  function ageStep(span, width) {
    const room = Math.max(1, Math.floor(width / (Dom.rem() * 4.5)));
    return AGES.find((each) => span / each <= Math.min(room, 6)) ?? 300;
  }

  function ageSplits(u, axis, low, high) {
    const step = ageStep(high - low, u.bbox.width / devicePixelRatio);
    const splits = [];
    for (let t = high; t >= low; t -= step) splits.unshift(t);
    return splits;
  }

  /* The end of the axis: a little above the largest value, on a round step. */
  function niceTop(value, bytes) {
    if (value === null || value === undefined || value <= 0) return 1;
    const scale = bytes ? 2 ** Math.floor(Math.log2(value)) : 10 ** Math.floor(Math.log10(value));
    const steps = bytes ? [1, 1.25, 1.5, 1.75, 2] : [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];
    return scale * steps.find((step) => value <= step * scale);
  }

  /* At the cursor, else the newest. */
  function showValues(chart) {
    const last = chart.data[0].length - 1;
    const at = chart.u?.cursor.idx ?? last;
    chart.spec.series.forEach((series, i) => Dom.setText(chart.keys[i].value, shown(chart.spec, series, chart.data[i + 1][at])));
  }

  function shown(spec, series, value) {
    if (value === null || value === undefined) return "–";
    return (series.format ?? (series.right ? spec.right.format : spec.format))(value);
  }

  function describe(chart) {
    const { spec, data } = chart;
    const parts = spec.series.map((series, i) => {
      const values = data[i + 1].filter((value) => value !== null);
      if (values.length === 0) return `${series.name}: no values yet`;
      const say = (value) => shown(spec, series, value);
      return `${series.name}: now ${say(values[values.length - 1])}, lowest ${say(Math.min(...values))}, highest ${say(Math.max(...values))}`;
    });
    const span = data[0].length ? Format.age(data[0][data[0].length - 1] - data[0][0]) : "0 s";
    return `${spec.title} over ${span}. ${parts.join("; ")}. The data table below has each value.`;
  }

  function walk(chart, event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (!(event.key in steps) || chart.u === null) return;
    event.preventDefault();
    const last = chart.data[0].length - 1;
    const index = Math.min(last, Math.max(0, (chart.u.cursor.idx ?? last) + steps[event.key] * (event.shiftKey ? 10 : 1)));
    chart.u.setCursor({ left: chart.u.valToPos(chart.data[0][index], "x"), top: 1 });
    Dom.setText(Dom.byId("spoken"), spoken(chart, index));
  }

  function spoken(chart, index) {
    const ago = Format.age(chart.data[0][chart.data[0].length - 1] - chart.data[0][index]);
    return `${ago} ago: ${chart.spec.series.map((series, i) => `${series.name} ${shown(chart.spec, series, chart.data[i + 1][index])}`).join(", ")}`;
  }

  /* The same values as text, newest first; kept up to date only while it is open. */
  function dataTable(spec) {
    const head = Dom.make("tr", {}, ...["second", ...spec.series.map((series) => series.name)].map((name) => Dom.make("th", { scope: "col" }, name)));
    const body = Dom.make("tbody");
    const table = Dom.make("table", {}, Dom.make("caption", { class: "unseen" }, `${spec.title}, newest first; seconds since the profiler's start`), Dom.make("thead", {}, head), body);
    const details = Dom.make("details", { class: "data" }, Dom.make("summary", {}, "Data table"), Dom.make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${spec.title}: data` }, table));
    let latest = [[]];

    function row(index) {
      const cells = spec.series.map((series, i) => Dom.make("td", {}, shown(spec, series, latest[i + 1][index])));
      return Dom.make("tr", {}, Dom.make("th", { scope: "row" }, `${latest[0][index]} s`), ...cells);
    }

    function update(data) {
      latest = data;
      if (!details.open) return;
      const times = data[0];
      const top = body.firstChild === null ? -1 : parseInt(body.firstChild.firstChild.textContent, 10);
      if (top > times[times.length - 1]) body.replaceChildren();
      for (let i = 0; i < times.length; i += 1) if (times[i] > top) body.prepend(row(i));
      while (body.childElementCount > times.length) body.lastChild.remove();
    }

    details.addEventListener("toggle", () => {
      body.replaceChildren();
      update(latest);
    });
    return { details, update };
  }

  function resize(chart) {
    if (chart.u === null) return;
    const box = chart.plot.getBoundingClientRect();
    if (box.width === 0) return;
    if (chart.font !== Dom.rem()) {
      chart.u.destroy();
      build(chart);
    } else {
      chart.u.setSize({ width: Math.round(box.width), height: Math.round(box.height) });
    }
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    colours = new Map();
    for (const chart of all) chart.u?.redraw(false, true);
  });

  return { SHORTEST, create, niceTop, ageStep };
})();
