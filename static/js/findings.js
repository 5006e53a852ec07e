"use strict";
/* What the program itself says looks wrong, each with its evidence and a link to its actor. Hidden without the API. */
const Findings = (() => {
  /* What evidence is called here; of any other name, the name itself without its unit. */
  const WORDS = {
    active_workers: "workers busy",
    actors_live: "actors",
    all_active_percent: "all workers busy",
    arrived_per_sec: "arriving",
    busy_percent: "running",
    bytes_grown: "grown by",
    bytes_grown_in_actor: "in this actor",
    bytes_live: "live",
    bytes_per_sec: "growing by",
    mbox_depth: "in the mailbox",
    mbox_depth_lowest: "fewest",
    mbox_hwm: "most ever",
    msgs: "messages handled",
    msgs_per_sec: "messages",
    share_percent: "of all work",
    steals_per_sec: "steals",
    stolen_percent: "of tasks stolen",
    time_ns: "time in all",
    time_per_msg_ns: "each takes",
    wait_ns: "a new one waits",
    window_secs: "over",
  };
  let last = "";

  function draw(findings) {
    const section = Dom.byId("findings");
    section.hidden = findings === null;
    const text = JSON.stringify(findings);
    if (findings === null || text === last) return; // a screen reader hears changes only
    last = text;
    Dom.byId("findings-none").hidden = findings.length > 0;
    Dom.byId("findings-list").replaceChildren(...findings.map(item));
  }

  function item(finding) {
    const line = Dom.make("li", { class: "finding" }, Dom.make("b", {}, String(finding.rule).replaceAll("_", " ")), " ", String(finding.sentence));
    if (finding.actor !== null && finding.actor !== undefined) line.append(" ", link(finding.actor));
    const evidence = evidenceText(finding);
    if (evidence !== "") line.append(Dom.make("div", { class: "evidence" }, evidence));
    return line;
  }

  function link(actor) {
    const id = typeof actor === "object" ? actor.id : actor;
    const button = Dom.make("button", { type: "button", class: "link" }, `show actor #${id}`);
    button.addEventListener("click", () => Table.reveal(id));
    return button;
  }

  function evidenceText({ evidence, first_seen: first, last_seen: newest }) {
    const parts = Object.entries(evidence ?? {}).map(([name, value]) => `${label(name)} ${worded(name, value)}`);
    if (Number.isFinite(first) && Number.isFinite(newest)) parts.push(`seen from second ${first} to ${newest}`);
    return parts.join(" · ");
  }

  const label = (name) => WORDS[name] ?? name.replace(/_(ns|secs|percent|per_sec)$/, "").replaceAll("_", " ");

  function worded(name, value) {
    if (typeof value !== "number") return Array.isArray(value) ? value.join(", ") : String(value);
    if (name.endsWith("_percent")) return `${Format.exact(value)} %`;
    if (name.endsWith("_per_sec")) return `${name.startsWith("bytes") ? Format.bytes(value) : Format.exact(value)}/s`;
    if (name.startsWith("bytes")) return Format.bytes(value);
    if (name.endsWith("_ns")) return Format.time(value);
    return name.endsWith("_secs") ? Format.age(value) : Format.exact(value);
  }

  return { draw };
})();
