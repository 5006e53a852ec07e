"use strict";
/* Handlers: how long messages wait in mailboxes and how long the work takes; a heat map of the waiting. */
const Handlers = (() => {
  const shownName = (row) => `${Format.name(row.type)}.${row.handler}`;
  const COLUMNS = [
    ["Handler", shownName, "Actor type and handler."],
    ["Messages", (row) => Format.exact(row.count), "Messages that this handler has worked on."],
    ["Wait p50", (row) => Format.time(row.mailbox.p50_ns), "Half of the messages waited no longer than this in the mailbox."],
    ["Wait p99", (row) => Format.time(row.mailbox.p99_ns), "99 of 100 messages waited no longer than this in the mailbox."],
    ["Wait max", (row) => Format.time(row.mailbox.max_ns), "The longest that a message waited in the mailbox."],
    ["Work p50", (row) => Format.time(row.work.p50_ns), "Half of the messages took no longer than this to work on."],
    ["Work p99", (row) => Format.time(row.work.p99_ns), "99 of 100 messages took no longer than this to work on."],
    ["Work max", (row) => Format.time(row.work.max_ns), "The longest that a message took to work on."],
    ["Work total", (row) => Format.time(row.work.total_ns), "Time that the work on all messages took."],
  ];
  const SHOWN = 100; // rows

  let chosen = "";

  function start() {
    Dom.byId("handlers-head").replaceChildren(...COLUMNS.map(([title, , hint], i) => Dom.make("th", { scope: "col", title: hint, class: i === 0 ? "text" : "" }, title)));
    Dom.byId("heat-handler").addEventListener("change", (event) => {
      chosen = event.target.value;
      drawHeat();
    });
    Dom.byId("heat-data").addEventListener("toggle", drawData);
    new ResizeObserver(drawHeat).observe(Dom.byId("heat"));
  }

  function draw(rows, t) {
    Dom.byId("handlers").hidden = rows === null;
    if (rows === null) return;
    Buckets.take(rows, t);
    const busiest = [...rows].sort((a, b) => b.count - a.count).slice(0, SHOWN);
    drawRows(busiest);
    offer(busiest.map(Buckets.nameOf));
    drawHeat();
    drawData();
  }

  function drawRows(rows) {
    const body = Dom.byId("handlers-rows");
    while (body.childElementCount > rows.length) body.lastChild.remove();
    rows.forEach((row, i) => {
      const line = body.children[i] ?? body.appendChild(Dom.make("tr", {}, ...COLUMNS.map((_, at) => Dom.make(at === 0 ? "th" : "td", at === 0 ? { scope: "row", class: "text" } : {}))));
      COLUMNS.forEach(([, show], at) => Dom.setText(line.children[at], show(row)));
      Dom.setTitle(line.children[0], shownName(row));
    });
  }

  function offer(names) {
    const select = Dom.byId("heat-handler");
    if (!names.includes(chosen)) chosen = names[0] ?? "";
    if ([...select.options].map((option) => option.value).join("\n") !== names.join("\n")) {
      select.replaceChildren(...names.map((name) => Dom.make("option", { value: name }, name)));
    }
    select.value = chosen;
  }

  /* Time runs to the right, the age of a message upwards; the darker, the more messages. */
  function drawHeat() {
    const canvas = Dom.byId("heat");
    const box = canvas.getBoundingClientRect();
    if (box.width === 0) return;
    const ratio = devicePixelRatio;
    canvas.width = Math.round(box.width * ratio);
    canvas.height = Math.round(box.height * ratio);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const all = Buckets.columns(chosen);
    const [first, last] = Buckets.span(all);
    const font = Dom.rem();
    const frame = { left: font * 4.6, top: font * 0.5, width: box.width - font * 5.4, height: box.height - font * 2.4, first, last, rows: last - first + 1, seconds: seconds(all) };
    drawCells(pen, frame, all);
    drawAxes(pen, frame, font);
    canvas.setAttribute("aria-label", describe(all));
  }

  /* As the charts: a minute at least, then all that is known. */
  const seconds = (all) => (all.length === 0 ? Charts.SHORTEST : Math.min(Buckets.KEEP, Math.max(Charts.SHORTEST, all.at(-1).t - all[0].t + 1)));

  function drawCells(pen, frame, all) {
    if (all.length === 0) return;
    const end = all.at(-1).t;
    const most = Math.max(1, ...all.flatMap(({ gained }) => gained));
    const [wide, high] = [frame.width / frame.seconds, frame.height / frame.rows];
    pen.fillStyle = Dom.colour("--first");
    for (const { t, gained } of all.filter((column) => end - column.t < frame.seconds)) {
      for (let i = frame.first; i <= frame.last; i += 1) {
        if (!gained[i]) continue;
        pen.globalAlpha = 0.15 + 0.85 * Math.sqrt(gained[i] / most);
        pen.fillRect(frame.left + frame.width - (end - t + 1) * wide, frame.top + (frame.last - i) * high, Math.max(1, wide + 0.5), high - 1);
      }
    }
    pen.globalAlpha = 1;
  }

  function drawAxes(pen, frame, font) {
    pen.fillStyle = Dom.colour("--soft");
    pen.font = `${Math.round(font * 0.78)}px system-ui, sans-serif`;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    const every = Math.ceil((frame.rows * font * 1.4) / frame.height);
    for (let i = frame.first; i <= frame.last; i += every) {
      pen.fillText(Format.time(2 ** i), frame.left - 6, frame.top + ((frame.last - i + 1) * frame.height) / frame.rows);
    }
    pen.textAlign = "center";
    pen.textBaseline = "top";
    const step = Charts.ageStep(frame.seconds, frame.width);
    for (let ago = 0; ago <= frame.seconds; ago += step) {
      pen.fillText(Format.ago(ago), frame.left + frame.width * (1 - ago / frame.seconds), frame.top + frame.height + font * 0.5);
    }
  }

  function describe(all) {
    const sums = Buckets.sums(all);
    const most = sums.indexOf(Math.max(...sums));
    const what = `Heat map of the time that messages to ${chosen} waited in the mailbox, over ${Format.age(seconds(all))}.`;
    return sums[most] === 0 ? `${what} No messages yet.` : `${what} Most waited ${Format.time(2 ** most)} to ${Format.time(2 ** (most + 1))}. The data table below has all.`;
  }

  function drawData() {
    if (!Dom.byId("heat-data").open) return;
    const all = Buckets.columns(chosen);
    const sums = Buckets.sums(all);
    const [first, last] = Buckets.span(all);
    Dom.byId("heat-rows").replaceChildren(...Array.from({ length: last - first + 1 }, (_, i) => Dom.make("tr", {},
      Dom.make("th", { scope: "row" }, `${Format.time(2 ** (first + i))} to ${Format.time(2 ** (first + i + 1))}`),
      Dom.make("td", {}, `${Format.exact(sums[first + i])} msgs`))));
  }

  return { start, draw };
})();
