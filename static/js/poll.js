"use strict";
/* Fetches once a second while the page is seen; says when nobody answers and recovers by itself. */
const Poll = (() => {
  const PERIOD_MS = 1000;
  const TIMEOUT_MS = 5000;

  let timer = 0;
  let busy = false;
  let again = false;
  let fresh = true; // the next answer begins anew: after the start, a loss, or a pause
  let changed = () => {};

  async function get(path) {
    let answer;
    try {
      answer = await fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    } catch (error) {
      throw new Error(error.name === "TimeoutError" ? "it does not answer" : "it has ended or cannot be reached");
    }
    if (!answer.ok) throw new Error(`it refuses with status ${answer.status}; reload the page`);
    return answer;
  }

  const json = async (path) => (await get(path)).json();

  async function actors() {
    const path = State.actorsPath();
    const answer = await get(path);
    const rows = await answer.json();
    return { path, rows, total: Number(answer.headers.get("X-Total-Count") ?? rows.length) };
  }

  async function introduce() {
    const [description, name] = await Promise.all([json("/openapi.json"), get("/debug/pprof/cmdline")]);
    State.state.features = new Set(Object.keys(description.paths));
    State.state.name = (await name.text()).split("\0")[0].trim();
  }

  const has = (path) => State.state.features.has(path);

  async function once() {
    if (fresh) await introduce();
    const since = fresh ? -1 : State.lastTime();
    const [metrics, memory, entries, found, findings, handlers] = await Promise.all([
      json("/api/metrics"),
      json("/api/memory"),
      json(since < 0 ? "/api/metrics/history" : `/api/metrics/history?since=${since}`),
      actors(),
      has("/api/findings") ? json("/api/findings") : null,
      has("/api/handlers") ? json("/api/handlers?buckets=1") : null,
    ]);
    const another = State.state.connected === false || State.isAnother(metrics);
    const all = another && !fresh ? await json("/api/metrics/history") : entries;
    if (another) State.forgetActors();
    if (another || fresh) State.forgetHistory();
    fresh = false;
    Object.assign(State.state, { findings, handlers });
    State.take({ metrics, memory, entries: all, found, at: performance.now() });
  }

  async function tick() {
    clearTimeout(timer);
    if (document.hidden) return;
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    const begun = performance.now();
    try {
      await once();
    } catch (error) {
      fresh = true;
      State.lose(error.message, begun);
    }
    timer = setTimeout(tick, again ? 0 : Math.max(0, PERIOD_MS - (performance.now() - begun)));
    busy = false;
    again = false;
    changed();
  }

  function start(onChange) {
    changed = onChange;
    document.addEventListener("visibilitychange", () => {
      clearTimeout(timer);
      fresh = true;
      if (!document.hidden) tick();
    });
    tick();
  }

  return { start, now: tick, get };
})();
