"use strict";
/* What is known: the last answers, five minutes of history, what the table is asked to show. No DOM. */
const State = (() => {
  const WINDOW = 300; // seconds of history
  const TRAIL = 60; // points of an actor's own little line
  const ACTORS = 1000; // rows asked for
  const SORTED_BY_SERVER = ["msgs", "time_ns", "mbox_depth", "mbox_hwm", "bytes_live", "id"];

  const state = {
    name: "", // of the program
    metrics: null,
    memory: null,
    actors: [],
    total: 0, // actors before the cut
    path: "", // that these actors were asked for by
    crowded: false, // there are, or were, more actors than one answer has
    history: [],
    findings: null, // null: this profiler has none to give
    handlers: null,
    features: new Set(), // paths of the API
    connected: null, // null: not yet known
    trouble: "",
    lostAt: 0, // performance.now() of the first failure
  };

  /* How the table is sorted and filtered. */
  const view = { key: "msgs", descending: true, text: "", state: "" };

  const trails = new Map(); // actor id -> { msgs, at, rates }

  /* What fits into one answer is sorted and filtered here. Of more, the server does it first, so that of 100,000 the
     right thousand comes; what it cannot do is done over the nearest that it can. */
  function actorsPath() {
    const query = new URLSearchParams({ limit: ACTORS });
    if (state.crowded) {
      const { key, descending, text, state: wanted } = view;
      query.set("sort", SORTED_BY_SERVER.includes(key) ? key : key === "average" ? "time_ns" : "msgs");
      query.set("order", descending || !SORTED_BY_SERVER.includes(key) ? "desc" : "asc");
      if (wanted !== "") query.set("state", wanted);
      if (state.actors.some((row) => row.type === text)) query.set("type", text);
    }
    return `/api/actors?${query}`;
  }

  /* Cumulative figures never fall: if they do, another program answers. */
  function isAnother(metrics) {
    const last = state.metrics;
    return last !== null
      && (metrics.timestamp_secs < last.timestamp_secs || metrics.tasks_spawned < last.tasks_spawned);
  }

  function forgetHistory() {
    state.history = [];
  }

  function forgetActors() {
    trails.clear();
    state.crowded = false;
  }

  function take({ metrics, memory, entries, found, at }) {
    const known = lastTime();
    state.history.push(...entries.filter((entry) => entry.t > known));
    state.history = state.history.slice(-WINDOW);
    const { rows: actors, total, path } = found;
    Object.assign(state, { metrics, memory, actors, total, path, connected: true, trouble: "" });
    state.crowded ||= total > ACTORS || metrics.actors_live > ACTORS;
    follow(actors, at);
  }

  function lose(trouble, at) {
    if (state.connected !== false) state.lostAt = at;
    Object.assign(state, { connected: false, trouble });
  }

  /* Each actor's messages per second, from one poll to the next. */
  function follow(actors, at) {
    const seen = new Set();
    for (const row of actors) {
      const key = row.id;
      seen.add(key);
      const trail = trails.get(key);
      if (trail === undefined) {
        trails.set(key, { msgs: row.msgs, at, rates: [] });
        continue;
      }
      if (at <= trail.at) continue;
      trail.rates.push(Math.max(0, ((row.msgs - trail.msgs) * 1000) / (at - trail.at)));
      if (trail.rates.length > TRAIL) trail.rates.shift();
      trail.msgs = row.msgs;
      trail.at = at;
    }
    for (const key of trails.keys()) if (!seen.has(key)) trails.delete(key);
  }

  function trail(id) {
    const found = trails.get(id);
    return found === undefined ? [] : found.rates;
  }

  const lastTime = () => (state.history.length ? state.history[state.history.length - 1].t : -1);
  const times = () => state.history.map((entry) => entry.t);
  const levels = (key) => state.history.map((entry) => entry[key]);

  /* Per second, between neighbours, as long as `times`; a missed second is averaged over; the first has none. */
  function rates(key) {
    return state.history.map((after, i) => {
      if (i === 0) return null;
      const before = state.history[i - 1];
      return (after[key] - before[key]) / (after.t - before.t);
    });
  }

  function lastRate(key) {
    const points = state.history.slice(-2);
    return points.length < 2 ? 0 : (points[1][key] - points[0][key]) / (points[1].t - points[0].t);
  }

  return { WINDOW, TRAIL, state, view, actorsPath,
    isAnother, forgetHistory, forgetActors, take, lose, trail, lastTime,
    times, levels, rates, lastRate };
})();
