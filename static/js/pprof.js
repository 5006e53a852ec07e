"use strict";
/* Reads a profile.proto: gzip'd bytes -> a tree of frames. Pure: no DOM. */
const Pprof = (() => {
  async function unzip(buffer) {
    const stream = new Blob([buffer]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  /* One message as [field, value] pairs; a value is a number or the bytes of a field. */
  function* fields(bytes) {
    let at = 0;
    const varint = () => {
      let value = 0;
      for (let shift = 1; at < bytes.length; shift *= 128) {
        const byte = bytes[at];
        at += 1;
        value += (byte & 127) * shift;
        if (byte < 128) return value;
      }
      throw new Error("the profile is cut off");
    };
    while (at < bytes.length) {
      const key = varint();
      const kind = key & 7;
      if (kind === 0) yield [key >>> 3, varint()];
      else if (kind === 2) {
        const size = varint();
        yield [key >>> 3, bytes.subarray(at, at + size)];
        at += size;
      } else if (kind === 1 || kind === 5) at += kind === 1 ? 8 : 4;
      else throw new Error("this is not a profile");
    }
  }

  function* numbers(value) {
    if (typeof value === "number") {
      yield value;
      return;
    }
    for (let at = 0; at < value.length; at += 1) {
      let number = 0;
      for (let shift = 1; ; shift *= 128) {
        number += (value[at] & 127) * shift;
        if (value[at] < 128) break;
        at += 1;
      }
      yield number;
    }
  }

  const record = (bytes) => Object.fromEntries(fields(bytes));

  function location(bytes) {
    const found = { id: 0, lines: [] };
    for (const [field, value] of fields(bytes)) {
      if (field === 1) found.id = value;
      else if (field === 4) {
        const line = record(value);
        found.lines.push({ functionId: line[1], line: line[2] ?? 0 }); // inlined first, its caller after it
      }
    }
    return found;
  }

  function sample(bytes) {
    const found = { locations: [], values: [] };
    for (const [field, value] of fields(bytes)) {
      if (field === 1) found.locations.push(...numbers(value));
      else if (field === 2) found.values.push(...numbers(value));
    }
    return found;
  }

  function parse(bytes) {
    const [types, samples, locations, functions, strings] = [[], [], new Map(), new Map(), []];
    const text = new TextDecoder();
    for (const [field, value] of fields(bytes)) {
      if (field === 1) types.push(record(value));
      else if (field === 2) samples.push(sample(value));
      else if (field === 4) {
        const each = location(value);
        locations.set(each.id, each.lines);
      } else if (field === 5) {
        const each = record(value);
        functions.set(each[1], each);
      } else if (field === 6) strings.push(text.decode(value));
    }
    const frame = ({ functionId, line }) => {
      const found = functions.get(functionId) ?? {};
      return { name: strings[found[2] ?? 0] || "?", file: strings[found[4] ?? 0] ?? "", line };
    };
    return { unit: strings[types.at(-1)?.[2] ?? 0] ?? "", samples, frames: (id) => (locations.get(id) ?? []).map(frame) };
  }

  /* Callers contain what they call; the last sample type counts. */
  function tree({ samples, frames }) {
    const root = node({ name: "all", file: "", line: 0 });
    for (const { locations, values } of samples) {
      let at = root;
      at.value += values.at(-1);
      for (const frame of locations.flatMap(frames).reverse()) {
        if (!at.children.has(frame.name)) at.children.set(frame.name, node(frame));
        at = at.children.get(frame.name);
        at.value += values.at(-1);
      }
      at.self += values.at(-1);
    }
    return root;
  }

  const node = (frame) => ({ ...frame, value: 0, self: 0, children: new Map() });

  return { unzip, parse, tree };
})();
