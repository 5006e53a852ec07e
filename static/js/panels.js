"use strict";
/* The four panels above the actors: figures with unit and definition, and their charts. */
const Panels = (() => {
  const metric = (key) => () => State.state.metrics[key];
  const rate = (key) => () => State.lastRate(key);
  const rates = (key) => () => State.rates(key);
  const levels = (key) => () => State.levels(key);
  const workers = () => State.state.metrics?.workers ?? 1;

  /* [panel, key, name, value, how it is shown, unit, definition]. Bytes show their own unit. */
  const FIGURES = [
    ["scheduler", "tasks_spawned", "spawned", rate("ts"), Format.count, "tasks/s", "Tasks spawned per second: activations of actors that were put on a run queue; a wake-up after a block counts as one."],
    ["scheduler", "tasks_completed", "completed", rate("tc"), Format.count, "tasks/s", "Tasks completed per second: activations that ran to their end."],
    ["scheduler", "active_workers", "active workers", metric("active_workers"), Format.exact, () => `of ${workers()}`, "Workers that run a handler at this instant. All of them, all the time: the scheduler is saturated."],
    ["scheduler", "steal_rate", "steal rate", rate("st"), Format.count, "steals/s", "Tasks per second that a worker took from another's queue. A high rate means that the load is not spread evenly."],
    ["memory", "bytes_live", "live", metric("bytes_live"), Format.bytes, "", "Bytes allocated and not yet freed. It settles after the start of a healthy program; a line that only grows is a leak."],
    ["memory", "peak_bytes_live", "peak", metric("peak_bytes_live"), Format.bytes, "", "The most bytes that were live at any one time."],
    ["memory", "alloc_count", "allocations", metric("alloc_count"), Format.count, "blocks", "Blocks allocated since the start."],
    ["memory", "alloc_rate", "allocation rate", rate("ac"), Format.count, "blocks/s", "Blocks allocated per second."],
    ["messages", "messages_sent", "sent", rate("ms"), Format.count, "msgs/s", "Messages put into a mailbox, per second."],
    ["messages", "messages_received", "received", rate("mr"), Format.count, "msgs/s", "Messages taken out of a mailbox to be dispatched, per second. Less than sent for long: mailboxes fill."],
    ["messages", "steals", "steals", metric("steals"), Format.count, "tasks", "Tasks that a worker took from another's queue, since the start."],
    ["messages", "steals_per_second", "steal rate", rate("st"), Format.count, "steals/s", "Tasks per second that a worker took from another's queue."],
    ["allocation", "bytes_allocated_rate", "allocated", rate("ba"), Format.byteRate, "", "Bytes allocated per second."],
    ["allocation", "bytes_freed_rate", "freed", rate("bf"), Format.byteRate, "", "Bytes freed per second. Less than allocated for long: bytes live grow."],
    ["allocation", "heap_committed", "heap", () => State.state.memory.heap_committed, Format.bytes, () => `of ${Format.bytes(State.state.memory.heap_limit)}`, "Memory that the heap holds from the system, of the most it may take."],
    ["actors", "actors_live", "live", metric("actors_live"), Format.exact, "actors", "Actors that have been spawned and have not ended."],
    ["actors", "actors_spawned", "spawned", metric("actors_spawned"), Format.exact, "actors", "Actors spawned since the start."],
    ["actors", "actors_crashed", "crashed", metric("actors_crashed"), Format.exact, "actors", "Actors that a trap ended, since the start."],
    ["actors", "worker_restarts", "worker restarts", metric("worker_restarts"), Format.exact, "times", "Worker processes that died and were replaced."],
    ["actors", "messages_dropped", "dropped", metric("messages_dropped"), Format.count, "messages", "Messages that a full mailbox's policy or an ended receiver swallowed, since the start."],
  ];

  const CHARTS = [
    ["scheduler-chart", {
      title: "Scheduler", format: Format.rate, right: { format: (value) => (Number.isInteger(value) ? String(value) : ""), top: workers },
      series: [
        { name: "active workers", colour: "--third", area: true, right: true, of: levels("aw"), meaning: "workers that ran a handler when the second was sampled (right axis)" },
        { name: "spawned", colour: "--first", wide: true, of: rates("ts"), meaning: "tasks put on a run queue, per second" },
        { name: "completed", colour: "--second", of: rates("tc"), meaning: "tasks run to their end, per second" },
        { name: "steals", colour: "--fourth", dash: true, of: rates("st"), meaning: "tasks taken from another worker, per second" },
      ],
    }],
    ["memory-chart", {
      title: "Memory", format: Format.bytes, bytes: true,
      series: [
        { name: "live", colour: "--first", area: true, of: levels("bl"), meaning: "bytes allocated and not freed" },
        { name: "peak", colour: "--second", dash: true, of: levels("pb"), meaning: "the most bytes that were live at any one time" },
      ],
    }],
    ["messages-chart", {
      title: "Messages", format: Format.rate,
      series: [
        { name: "sent", colour: "--first", wide: true, of: rates("ms"), meaning: "messages put into a mailbox, per second" },
        { name: "received", colour: "--second", of: rates("mr"), meaning: "messages taken out to be dispatched, per second" },
        { name: "dropped", colour: "--bad", dash: true, of: rates("md"), meaning: "messages swallowed by a full mailbox or an ended receiver, per second" },
      ],
    }],
    ["allocation-chart", {
      title: "Allocation Timeline", format: Format.rate,
      series: [
        { name: "allocations", colour: "--third", area: true, of: rates("ac"), meaning: "blocks allocated per second" },
        { name: "frees", colour: "--second", dash: true, of: rates("dc"), meaning: "blocks freed per second" },
      ],
    }],
  ];

  let figures = [];
  let charts = [];

  function start() {
    figures = FIGURES.map(figure);
    charts = CHARTS.map(([id, spec]) => Charts.create(id, spec));
  }

  function figure([panel, key, name, value, show, unit, meaning]) {
    const number = Dom.make("span", { class: "number" });
    const units = Dom.make("span", { class: "unit" });
    const text = Dom.make("dd", { "data-key": key }, number, " ", units);
    const pair = Dom.make("div", { class: "figure" }, Dom.make("dt", {}, name), text, Dom.make("dd", { class: "meaning" }, meaning));
    Dom.byId(`${panel}-figures`).append(pair);
    return { pair, text, number, units, value, show, unit, meaning };
  }

  function draw() {
    for (const each of figures) drawFigure(each);
    for (const chart of charts) chart.update();
  }

  function drawFigure({ pair, text, number, units, value, show, unit, meaning }) {
    const amount = value();
    const unitText = typeof unit === "function" ? unit() : unit;
    if (text.dataset.value === String(amount) && units.textContent === unitText) return;
    text.dataset.value = amount;
    Dom.setText(number, show(amount));
    Dom.setText(units, unitText);
    const isBytes = show === Format.bytes || show === Format.byteRate;
    Dom.setTitle(pair, `${meaning} Exactly ${Format.exact(amount)} ${isBytes ? (show === Format.bytes ? "bytes" : "bytes/s") : unitText}.`);
  }

  return { start, draw };
})();
