"use strict";
/* Puts the parts together: each poll draws what State then knows. */
const Main = (() => {
  const { byId, setText } = Dom;

  function draw() {
    const begun = performance.now();
    const { metrics } = State.state;
    drawConnection();
    if (metrics !== null && State.state.connected) {
      setText(byId("summary"), `up ${Format.age(metrics.uptime_secs)} · ${Format.exact(metrics.workers)} ${metrics.workers === 1 ? "worker" : "workers"}`);
      Findings.draw(State.state.findings);
      Panels.draw();
      Table.draw();
      Handlers.draw(State.state.handlers, metrics.timestamp_secs);
      Flame.offer(State.state.features.has("/debug/pprof/cpu"));
    }
    queueMicrotask(() => { // after uPlot's own, which draws at the end of this task
      byId("cost").dataset.ms = performance.now() - begun;
      setText(byId("cost"), `drawn in ${(performance.now() - begun).toFixed(1)} ms`);
    });
  }

  function drawConnection() {
    const { connected, trouble, lostAt, name } = State.state;
    const lost = connected === false;
    setText(byId("program"), name);
    setText(byId("connection"), connected === null ? "connecting" : lost ? "connection lost" : "live");
    byId("connection").dataset.state = connected === null ? "none" : lost ? "lost" : "live";
    byId("lost").hidden = !lost;
    document.body.classList.toggle("stale", lost);
    document.title = `${lost ? "✕ " : ""}${name === "" ? "" : `${name} · `}hew profiler`;
    if (!lost) return;
    setText(byId("lost-reason"), `The program does not answer: ${trouble}. Below are its last figures; this page goes on asking and recovers by itself.`);
    setText(byId("lost-since"), `For ${Format.age(Math.round((performance.now() - lostAt) / 1000))} now.`);
  }

  function explain() {
    const on = byId("explain").getAttribute("aria-pressed") !== "true";
    byId("explain").setAttribute("aria-pressed", on);
    document.body.classList.toggle("explained", on);
  }

  byId("explain").addEventListener("click", explain);
  Panels.start();
  Table.start(Poll.now);
  Handlers.start();
  Flame.start();
  Poll.start(draw);
  return { draw };
})();
