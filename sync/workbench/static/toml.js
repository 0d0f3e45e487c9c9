// Draws what a TOML file says: its parts in colours, and marks under what is wrong.
import { escaped } from "./patching.js";

const COLOURED = 200_000; // characters of a file up to which it is coloured

const TOKENS = new RegExp(
  [
    /(?<string>"""[\s\S]*?(?:"""|$(?![\s\S]))|'''[\s\S]*?(?:'''|$(?![\s\S]))|"(?:[^"\\\n]|\\.)*"?|'[^'\n]*'?)/.source,
    /(?<comment>#[^\n]*)/.source,
    /(?<header>^[ \t]*\[\[?[^\]\n]*\]\]?)/.source,
    /(?<key>(?:^[ \t]*|(?<=[{,][ \t]*))[\w.-]+(?=[ \t]*=))/.source,
    /(?<value>\b(?:true|false|\d[\w:.+-]*))/.source,
  ].join("|"),
  "gm",
);

export function coloured(text) {
  if (text.length > COLOURED) return escaped(text);
  let html = "";
  let end = 0;
  for (const found of text.matchAll(TOKENS)) {
    const sort = Object.keys(found.groups).find((name) => found.groups[name] !== undefined);
    html += `${escaped(text.slice(end, found.index))}<span class="wb-${sort}">${escaped(found[0])}</span>`;
    end = found.index + found[0].length;
  }
  return html + escaped(text.slice(end));
}

// The keys of the table whose header stands at a line, as they are written there; without its own name.
export function keysAt(text, line) {
  const kept = [];
  let quoted = false;
  for (const one of text.split("\n").slice(line)) {
    if (!quoted && /^(\[|#)/.test(one)) break;
    if (quoted || !/^(id|name|needs)\s*=/.test(one)) kept.push(one);
    if ((one.match(/"""|'''/g) || []).length % 2) quoted = !quoted;
  }
  return kept.join("\n").trim();
}

// The server counts characters, a textarea UTF-16 units.
export function offsets(text, problem) {
  let start = 0;
  for (let line = 1; line < problem.line; line += 1) {
    const next = text.indexOf("\n", start);
    if (next < 0) break;
    start = next + 1;
  }
  const stop = text.indexOf("\n", start);
  const characters = Array.from(text.slice(start, stop < 0 ? text.length : stop));
  const column = Math.max(0, (problem.column || 1) - 1);
  const begin = start + characters.slice(0, column).join("").length;
  const length = characters.slice(column, column + Math.max(1, problem.length)).join("").length;
  return [begin, begin + length];
}

export function marked(text, problems) {
  let html = "";
  let end = 0;
  const places = problems.filter((one) => one.line).map((one) => [...offsets(text, one), one]);
  for (const [from, to, one] of places.sort((a, b) => a[0] - b[0])) {
    if (from < end) continue;
    html += `${escaped(text.slice(end, from))}<span class="wb-mark wb-is-${one.level}">${escaped(text.slice(from, to)) || "&nbsp;"}</span>`;
    end = to;
  }
  return html + escaped(text.slice(end));
}
