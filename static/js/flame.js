"use strict";
/* A flame graph of ten seconds of the CPU profile, on demand: frames are buttons, a click shows one alone. */
const Flame = (() => {
  const SECONDS = 10;
  const NARROWEST = 0.002; // part of the whole width that is still drawn
  const READABLE = 0.02; // part that has room for a name
  const COLOURS = 5;

  const RUNTIME = "[runtime]";
  const LOOKING = `${RUNTIME} looking for work`;

  let root = null;
  let unit = "";

  function start() {
    Dom.byId("flame-record").addEventListener("click", recordProfile);
    Dom.byId("flame-whole").addEventListener("click", () => draw(root));
  }

  function offer(has) {
    Dom.byId("flame").hidden = !has;
  }

  async function recordProfile() {
    const button = Dom.byId("flame-record");
    button.disabled = true;
    say(`Recording for ${SECONDS} s …`);
    try {
      const answer = await fetch(`/debug/pprof/profile?seconds=${SECONDS}`, { signal: AbortSignal.timeout((SECONDS + 10) * 1000) });
      if (!answer.ok) throw new Error((await answer.text()).trim());
      const profile = Pprof.parse(await Pprof.unzip(await answer.arrayBuffer()));
      unit = profile.unit;
      root = Pprof.tree(profile);
      say(root.value === 0 ? `Nothing ran in these ${SECONDS} s.` : `${amount(root.value)} of CPU time in ${SECONDS} s. Click a frame to see it alone.`);
      explain();
      draw(root);
      drawTop();
    } catch (error) {
      say(`No profile: ${error instanceof TypeError ? "the program has ended or cannot be reached" : error.message}`);
    }
    button.disabled = false;
  }

  const say = (text) => Dom.setText(Dom.byId("flame-status"), text);

  /* What is grey, and that an idle worker's search is not the program's slowness. */
  function explain() {
    const looking = root.children.get(LOOKING)?.value ?? 0;
    const idle = ` ${LOOKING} (${part(looking)}): a worker with nothing to do looks for some microseconds before it sleeps. A large part of it is normal for a program that mostly waits, and is nothing that slows it down.`;
    Dom.byId("flame-note").hidden = root.value === 0;
    Dom.setText(Dom.byId("flame-note"), `Grey is the runtime's own work, after the program's functions.${looking > 0 ? idle : ""}`);
  }

  const amount = (value) => (unit === "nanoseconds" ? Format.time(value) : `${Format.exact(value)} ${unit}`);
  const part = (value) => `${((100 * value) / root.value).toFixed(1)} %`;
  const place = (frame) => (frame.file === "" ? "" : ` · ${frame.file}:${frame.line}`);

  function draw(from) {
    const graph = Dom.byId("flame-graph");
    graph.replaceChildren();
    Dom.byId("flame-whole").hidden = from === root;
    Dom.byId("flame-data").hidden = root.value === 0;
    if (from.value === 0) return;
    let depth = 0;
    const lay = (node, left, level) => {
      const width = node.value / from.value;
      if (width < NARROWEST) return;
      depth = Math.max(depth, level + 1);
      graph.append(frameButton(node, left, width, level));
      let at = left;
      for (const child of [...node.children.values()].sort((a, b) => ofRuntime(a) - ofRuntime(b) || b.value - a.value)) {
        lay(child, at, level + 1);
        at += child.value / from.value;
      }
    };
    lay(from, 0, 0);
    graph.style.height = `${depth * 1.6}rem`;
  }

  function frameButton(node, left, width, level) {
    const text = `${node.name}: ${part(node.value)}, ${amount(node.value)}, itself ${amount(node.self)}${place(node)}`;
    const button = Dom.make("button", { type: "button", class: `frame ${ofRuntime(node) ? "runtime" : `shade${hash(node.name) % COLOURS}`}`, title: text, "aria-label": text }, width < READABLE ? "" : node.name);
    Object.assign(button.style, { left: `${left * 100}%`, width: `calc(${width * 100}% - 1px)`, top: `${level * 1.6}rem` });
    button.addEventListener("click", () => draw(node));
    return button;
  }

  function hash(text) {
    let sum = 0;
    for (const letter of text) sum = (sum * 31 + letter.codePointAt(0)) % 65_521;
    return sum;
  }

  /* The program's own functions stand first. */
  const ofRuntime = (each) => each.name.startsWith(RUNTIME);

  /* The same as text: each function once, most of its own time first. */
  function drawTop() {
    const sums = new Map();
    const walk = (node, open) => {
      const sum = sums.get(node.name) ?? { name: node.name, self: 0, value: 0, place: place(node) };
      sums.set(node.name, sum);
      sum.self += node.self;
      if (!open.has(node.name)) sum.value += node.value; // a function that calls itself counts once
      for (const child of node.children.values()) walk(child, new Set([...open, node.name]));
    };
    for (const child of root.children.values()) walk(child, new Set());
    const top = [...sums.values()].sort((a, b) => ofRuntime(a) - ofRuntime(b) || b.self - a.self).slice(0, 50);
    Dom.byId("flame-rows").replaceChildren(...top.map((each) => Dom.make("tr", {},
      Dom.make("th", { scope: "row", class: "text", title: `${each.name}${each.place}` }, `${each.name}${each.place}`),
      Dom.make("td", {}, amount(each.self)), Dom.make("td", {}, part(each.self)), Dom.make("td", {}, amount(each.value)))));
  }

  return { start, offer };
})();
