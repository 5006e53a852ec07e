"use strict";
/* What the program itself says looks wrong, each with its evidence and a link to its actor. Hidden without the API. */
const Findings = (() => {
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
    const parts = Object.entries(evidence ?? {}).map(([name, value]) => `${name.replace(/_(ns|secs)$/, "").replaceAll("_", " ")} ${worded(name, value)}`);
    if (Number.isFinite(first) && Number.isFinite(newest)) parts.push(`seen from second ${first} to ${newest}`);
    return parts.join(" · ");
  }

  function worded(name, value) {
    if (typeof value !== "number") return Array.isArray(value) ? value.join(", ") : String(value);
    if (name.startsWith("bytes") || name.endsWith("bytes")) return Format.bytes(value);
    if (name.endsWith("_ns")) return Format.time(value);
    return name.endsWith("_secs") ? Format.age(value) : Format.exact(value);
  }

  return { draw };
})();
