"use strict";
/* What log2 buckets gained from second to second, per handler, for five minutes. No DOM.

   GET /api/handlers?buckets=1 gives [{ type, handler, count, work, mailbox }], where work and mailbox are
   { total_ns, p50_ns, p99_ns, max_ns, buckets } and buckets[i] counts what took 2^i to 2^(i+1) ns. */
const Buckets = (() => {
  const KEEP = 300; // columns
  const histories = new Map(); // name -> { before, columns: [{ t, gained }] }

  const nameOf = (row) => `${row.type}.${row.handler}`;

  function take(rows, t) {
    for (const row of rows) {
      const counts = row.mailbox.buckets;
      const history = histories.get(nameOf(row)) ?? { before: null, columns: [] };
      histories.set(nameOf(row), history);
      const { before, columns } = history;
      if (before !== null && counts.some((count, i) => count < before[i])) columns.length = 0; // another program
      const last = columns.at(-1);
      if (last !== undefined && last.t >= t) continue;
      if (before !== null) columns.push({ t, gained: counts.map((count, i) => Math.max(0, count - before[i])) });
      if (columns.length > KEEP) columns.shift();
      history.before = counts;
    }
  }

  const columns = (name) => histories.get(name)?.columns ?? [];

  /* The buckets that hold anything, with one beyond on each side: [first, last]. */
  function span(all) {
    const used = Array.from({ length: 64 }, (_, i) => i).filter((i) => all.some(({ gained }) => gained[i] > 0));
    return used.length === 0 ? [7, 14] : [Math.max(0, used[0] - 1), Math.min(63, used.at(-1) + 1)];
  }

  const sums = (all) => Array.from({ length: 64 }, (_, i) => all.reduce((sum, { gained }) => sum + (gained[i] ?? 0), 0));

  return { KEEP, nameOf, take, columns, span, sums };
})();
