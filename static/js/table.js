"use strict";
/* The table of actors: sorted by its head, filtered by type, number and state. Only the rows in sight exist. */
const Table = (() => {
  const SPARE = 6; // rows beyond the edges
  const STATES = ["idle", "runnable", "running", "blocked", "stopping", "crashed", "stopped"];
  const average = (row) => (row.msgs === 0 ? 0 : row.time_ns / row.msgs);
  const rate = (row) => State.trail(row.id).at(-1) ?? 0;

  const messages = (count) => `${count < 1e5 ? Format.exact(count) : Format.count(count)} ${count === 1 ? "msg" : "msgs"}`;

  const COLUMNS = [
    { key: "id", title: "Actor", text: true, of: (row) => row.id, show: (row) => `${Format.name(row.type)}#${row.pid}`, hint: "Type and number, as the program prints it. After a restart the number stays the same." },
    { key: "state", title: "State", text: true, of: (row) => row.state, show: (row) => row.state, hint: "idle: no message; runnable: waits for a worker; running: in a handler; blocked: waits inside a handler; stopping; crashed or stopped: ended less than 10 s ago." },
    { key: "msgs", title: "Messages", of: (row) => row.msgs, show: (row) => Format.exact(row.msgs), hint: "Messages dispatched to this actor so far." },
    { key: "rate", title: "Rate", of: rate, show: (row) => Format.rate(rate(row)), spark: true, hint: "Messages dispatched to it per second: now, and over the last minute as a line." },
    { key: "time_ns", title: "Time", of: (row) => row.time_ns, show: (row) => Format.time(row.time_ns), hint: "Time spent in dispatch, all messages together." },
    { key: "average", title: "Time/msg", of: average, show: (row) => Format.time(average(row)), hint: "Average time of a dispatch: time divided by messages. High: each message is expensive." },
    { key: "mbox_depth", title: "Mailbox", of: (row) => row.mbox_depth, show: (row) => messages(row.mbox_depth), hint: "Depth: messages that wait in its mailbox now. High for long: they come faster than they are processed." },
    { key: "mbox_hwm", title: "HWM", of: (row) => row.mbox_hwm, show: (row) => messages(row.mbox_hwm), hint: "High-water mark: the most messages that its mailbox ever held." },
    { key: "bytes_live", title: "Live", of: (row) => row.bytes_live, show: (row) => Format.bytes(row.bytes_live), hint: "Bytes that it owns now, also what others allocated and sent to it." },
    { key: "bytes_allocated", title: "Allocated", of: (row) => row.bytes_allocated, show: (row) => Format.bytes(row.bytes_allocated), hint: "Bytes it allocated so far. What it was sent counts for the sender, so this can be less than live." },
    { key: "blocked_ns", title: "Blocked", of: (row) => row.blocked_ns, show: (row) => Format.time(row.blocked_ns), hint: "Time for which its handlers waited, for a reply for example." },
    { key: "worker", title: "Worker", of: (row) => row.worker, show: (row) => String(row.worker), hint: "Number of the worker that it last ran on." },
  ];

  let changed = () => {};
  let rows = []; // sorted and filtered
  let pool = []; // rows of the DOM
  let rowHeight = 0;
  let types = "";

  const scroller = () => Dom.byId("actors-scroll");

  /* `onChange`: the server must be asked anew. */
  function start(onChange) {
    changed = onChange;
    Dom.byId("actors-head").replaceChildren(...COLUMNS.map(headCell));
    Dom.byId("actors-meanings").replaceChildren(...COLUMNS.flatMap((column) => [
      Dom.make("dt", {}, column.title),
      Dom.make("dd", { id: `meaning-${column.key}` }, column.hint),
    ]));
    Dom.byId("actors-state").append(...STATES.map((state) => Dom.make("option", { value: state }, state)));
    Dom.byId("actors-filter").addEventListener("input", (event) => look({ text: event.target.value.trim() }));
    Dom.byId("actors-state").addEventListener("change", (event) => look({ state: event.target.value }));
    scroller().addEventListener("scroll", () => requestAnimationFrame(drawRows), { passive: true });
    new ResizeObserver(() => {
      rowHeight = 0;
      drawRows();
    }).observe(scroller());
  }

  function look(change) {
    Object.assign(State.view, change);
    scroller().scrollTop = 0;
    draw();
    changed();
  }

  function headCell(column) {
    const button = Dom.make("button", { type: "button", title: column.hint, "aria-describedby": `meaning-${column.key}` }, column.title);
    button.addEventListener("click", () => {
      const same = State.view.key === column.key;
      look({ key: column.key, descending: same ? !State.view.descending : !column.text });
    });
    return Dom.make("th", { scope: "col", class: `${column.key} ${column.text ? "text" : ""}` }, button);
  }

  /* "count" finds types; "#12" and "Counter#12" find one actor. */
  function wanted({ text, state }) {
    const word = text.toLowerCase();
    const number = /^#(\d+)$/.exec(word);
    return (row) => {
      if (state !== "" && row.state !== state) return false;
      if (number !== null) return row.id === Number(number[1]) || row.pid === Number(number[1]);
      return word === "" || `${row.type}#${row.pid}`.toLowerCase().includes(word);
    };
  }

  function arrange(all, view) {
    const column = COLUMNS.find((each) => each.key === view.key);
    const sign = view.descending ? -1 : 1;
    const keyed = all.filter(wanted(view)).map((row) => ({ row, value: column.of(row) }));
    keyed.sort((a, b) => {
      if (a.value === b.value) return a.row.id - b.row.id;
      return a.value < b.value ? -sign : sign;
    });
    return keyed.map((each) => each.row);
  }

  function draw() {
    const { actors, total } = State.state;
    rows = arrange(actors, State.view);
    drawHead();
    drawRows();
    const cut = actors.length < total ? ` (the first ${Format.exact(actors.length)} were fetched; sort or filter to see others)` : "";
    Dom.setText(Dom.byId("actors-count"), `${Format.exact(rows.length)} of ${Format.exact(total)} ${total === 1 ? "actor" : "actors"}${cut}`);
    Dom.byId("actors-empty").hidden = rows.length > 0;
    Dom.setText(Dom.byId("actors-empty"), State.state.path === State.actorsPath() ? "No actor fits." : "Looking …");
    offerTypes(actors);
  }

  function drawHead() {
    [...Dom.byId("actors-head").children].forEach((cell, i) => {
      const active = COLUMNS[i].key === State.view.key;
      const order = active ? (State.view.descending ? "descending" : "ascending") : "none";
      if (cell.getAttribute("aria-sort") !== order) cell.setAttribute("aria-sort", order);
    });
    Dom.byId("actors-table").setAttribute("aria-rowcount", rows.length + 1);
  }

  function offerTypes(actors) {
    const names = [...new Set(actors.map((row) => row.type))].sort();
    if (names.join("\n") === types) return;
    types = names.join("\n");
    Dom.byId("actors-types").replaceChildren(...names.map((name) => Dom.make("option", { value: name })));
  }

  /* The rows in sight and a few beyond; the rest is two spacers. */
  function drawRows() {
    const box = scroller();
    if (rowHeight === 0) rowHeight = pool.length ? pool[0].line.offsetHeight : Dom.rem() * 2;
    const height = rowHeight || 28;
    const first = Math.max(0, Math.min(rows.length, Math.floor(box.scrollTop / height)) - SPARE);
    const room = Math.ceil(box.clientHeight / height) + 2 * SPARE;
    const shown = rows.slice(first, first + room);
    while (pool.length < shown.length) pool.push(newRow());
    pool.forEach((entry, i) => {
      entry.line.hidden = i >= shown.length;
      if (i < shown.length) fill(entry, shown[i], first + i);
    });
    Dom.byId("actors-before").style.height = `${first * height}px`;
    Dom.byId("actors-after").style.height = `${Math.max(0, rows.length - first - shown.length) * height}px`;
  }

  function newRow() {
    const cells = COLUMNS.map((column) => {
      const cell = Dom.make(column.key === "id" ? "th" : "td", { class: `${column.key} ${column.text ? "text" : ""}` });
      if (column.key === "id") cell.scope = "row";
      const spark = column.spark ? Sparkline.make() : null;
      const text = document.createTextNode("");
      cell.append(...(spark === null ? [text] : [spark, text]));
      return { cell, text, spark, last: "" };
    });
    const line = Dom.make("tr", {}, ...cells.map((each) => each.cell));
    Dom.byId("actors-rows").append(line);
    return { line, cells };
  }

  function fill(entry, row, index) {
    COLUMNS.forEach((column, i) => {
      const place = entry.cells[i];
      const text = column.show(row);
      if (place.spark !== null) Sparkline.draw(place.spark, State.trail(row.id));
      if (place.last === text) return;
      place.last = text;
      place.text.data = text;
      if (column.key === "id") Dom.setTitle(place.cell, row.id === row.pid ? text : `${text}, restarted: incarnation ${row.id}`);
    });
    if (entry.line.dataset.state !== row.state) entry.line.dataset.state = row.state;
    entry.line.setAttribute("aria-rowindex", index + 2);
  }

  /* Show one actor alone: where findings lead. */
  function reveal(id) {
    Dom.byId("actors-filter").value = `#${id}`;
    Dom.byId("actors-state").value = "";
    look({ text: `#${id}`, state: "" });
    Dom.byId("actors-title").scrollIntoView({ block: "start" });
    Dom.byId("actors-filter").focus({ preventScroll: true });
  }

  return { start, draw, arrange, reveal };
})();
