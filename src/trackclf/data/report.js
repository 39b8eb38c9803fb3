"use strict";
const $ = (id) => document.getElementById(id);
const { labels, kinds, words, folds } = JSON.parse($("facts").textContent);
const rows = [];
for (const block of document.querySelectorAll(".rows")) {
  for (const row of JSON.parse(block.textContent)) rows.push(row);
  block.remove();
}
const number = new Intl.NumberFormat(document.documentElement.lang);
const shownAs = (value) => (typeof value === "number" ? number.format(value) : value);
const fill = (word, values) => words[word].replace(/\{(\w+)\}/g, (_, key) => shownAs(values[key]));
const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);

// All text goes in as text: nothing of a row is ever parsed as HTML.
function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
const colour = (n) => `--h:${labels[n].hue};--s:${labels[n].step}`;
const lineOf = (n) => `k${Math.min(labels[n].kind, 2)}`;
const code = (n) => el("span", { class: `code ${lineOf(n)}`, style: colour(n) }, labels[n].code);
const inheritedFrom = (n) => (n == null ? "" : ` · ${words.inherited.replace("{name}", labels[n].name)}`);
const said = (voice, trigger) => (voice ? ` · ${words.spoken.replace("{voice}", words[voice]).replace("{trigger}", () => trigger)}` : "");
const onPage = (n) => (n ? ` · ${words.on_page.replace("{n}", n)}` : "");
const fullName = (n) => `${labels[n].code} ${labels[n].name}`;
const dot = (status) => el("span", { class: `dot ${status}`, role: "img", title: words[status], "aria-label": words[status] });

// What each row is, for the filters.
const varied = kinds.map((_, kind) => new Set(labels.filter((one) => one.kind === kind).map((one) => one.status)).size > 1);
for (const row of rows) {
  row.tags ??= [];
  row.has = new Set(row.tags.map((tag) => tag[0]));
  row.with = new Set((row.pairs || []).map(String));
  row.statuses = new Set(row.tags.filter((tag) => varied[labels[tag[0]].kind]).map((tag) => labels[tag[0]].status));
  row.state = row.error !== undefined ? "unread" : row.tags.length ? "tagged" : "untagged";
  row.hit = true;
}

// The time axis is as fine as most dates are, and as its length allows; a coarser date stands outside it.
const times = (() => {
  const lengths = [0, 0, 0];
  for (const { date } of rows) if (date) lengths[[4, 7, 10].indexOf(date.length)] += 1;
  let unit = lengths.indexOf(Math.max(...lengths));
  const dated = rows.filter(({ date }) => date && date.length >= [4, 7, 10][unit]).map(({ date }) => date).sort();
  if (!dated.length) return { bins: [] };
  const [first, last] = [dated[0], dated.at(-1)];
  const months = (date) => 12 * Number(date.slice(0, 4)) + Number(date.slice(5, 7) || 1) - 1;
  if (unit === 2 && (Date.parse(last) - Date.parse(first)) / 864e5 > 92) unit = 1;
  if (unit === 1 && months(last) - months(first) > 120) unit = 0;
  const bins = [], length = [4, 7, 10][unit];
  if (unit === 2) for (let t = Date.parse(first); t <= Date.parse(last); t += 864e5) bins.push(new Date(t).toISOString().slice(0, 10));
  const month = (m) => `${Math.floor(m / 12)}-${String((m % 12) + 1).padStart(2, "0")}`;
  if (unit === 1) for (let m = months(first); m <= months(last); m++) bins.push(month(m));
  if (unit === 0) for (let y = Number(first.slice(0, 4)); y <= Number(last.slice(0, 4)); y++) bins.push(String(y));
  for (const row of rows) if (row.date && row.date.length >= length) row.bin = row.date.slice(0, length);
  return { bins, word: ["by_year", "by_month", "by_day"][unit], first, last };
})();

// The filters. A facet counts the rows that all other filters let through.
const chosen = { labels: new Set(), pair: "", status: "", state: "", range: null, query: "" };
let order = "place", shown = [];

function tests() {
  const out = [];
  kinds.forEach((_, kind) => {
    const wanted = [...chosen.labels].filter((n) => labels[n].kind === kind);
    if (wanted.length) out.push([`kind${kind}`, (row) => wanted.some((n) => row.has.has(n))]);
  });
  if (chosen.pair) out.push(["pair", (row) => row.with.has(chosen.pair)]);
  if (chosen.status) out.push(["status", (row) => row.statuses.has(chosen.status)]);
  if (chosen.state) out.push(["state", (row) => row.state === chosen.state]);
  if (chosen.range) out.push(["bin", (row) => row.bin >= chosen.range[0] && row.bin <= chosen.range[1]]);
  if (chosen.query) out.push(["query", (row) => row.hit]);
  return out;
}
function counted(active) {
  const counts = { bin: {}, state: { all: 0 }, status: {}, pair: {}, label: new Uint32Array(labels.length) };
  const add = (group, key) => { group[key] = (group[key] || 0) + 1; };
  const left = [];
  for (const row of rows) {
    let fails = 0, only = "";
    for (const [name, test] of active) {
      if (test(row)) continue;
      only = name;
      if (++fails > 1) break;
    }
    if (fails > 1) continue;
    if (!fails) left.push(row);
    const counts_ = (name) => !fails || only === name;
    for (const n of row.has) if (counts_(`kind${labels[n].kind}`)) counts.label[n] += 1;
    if (counts_("pair")) for (const pair of row.with) add(counts.pair, pair);
    if (counts_("status")) for (const status of row.statuses) add(counts.status, status);
    if (counts_("bin") && row.bin) add(counts.bin, row.bin);
    if (counts_("state")) { counts.state.all += 1; add(counts.state, row.state); }
  }
  return [counts, left];
}
const [total] = counted([]);

function pick(bin) {
  const [from, to] = chosen.range || [];
  const single = from === to;
  if (!from) choose("range", [bin, bin]);
  else if (bin >= from && bin <= to) choose("range", single ? null : [bin, bin]);
  else choose("range", bin < from ? [bin, to] : [from, bin]);
}
function toggle(n) {
  if (!chosen.labels.delete(n)) chosen.labels.add(n);
  update();
}
function choose(name, value) {
  chosen[name] = value;
  update();
}
function clear() {
  Object.assign(chosen, { labels: new Set(), pair: "", status: "", state: "", range: null, query: "" });
  $("query").value = "";
  update();
}

// Search: each word must stand in the title, the id, another column or the text, whatever its case, width or script.
const folded = new Map([...folds[0]].map((from, n) => [from, folds[1][n]]));
const foldable = new RegExp(`[${folds[0]}]`, "g"); // none of them is ASCII; [] matches nothing
const plain = (text) => text.toLowerCase().replace(foldable, (from) => folded.get(from));
function search() {
  chosen.query = $("query").value.trim();
  const wanted = plain(chosen.query).split(/\s+/);
  for (const row of rows) {
    if (!chosen.query) break;
    row.hay ??= plain([row.title || "", row.id, ...(row.facts || []).map((fact) => fact[1]), textOf(row)].join("\n"));
    row.hit = wanted.every((word) => row.hay.includes(word));
  }
  update();
}
const textOf = (row) => row.parts.map((part) => (typeof part === "string" ? part : part[0])).join("");

function sort(some) {
  const wanted = ([n]) => !chosen.labels.size || chosen.labels.has(n);
  const key = {
    probability: (row) => -Math.max(0, ...row.tags.filter(wanted).map((tag) => tag[2])),
    newest: (row) => -Number((row.date || "").replaceAll("-", "").padEnd(8, "0")),
    oldest: (row) => Number((row.date || "9999").replaceAll("-", "").padEnd(8, "0")),
  }[order];
  const keys = new Map(some.map((row) => [row, key(row)]));
  some.sort((a, b) => keys.get(a) - keys.get(b));
}

function update() {
  const [counts, left] = counted(tests());
  for (const write of updates) write(counts);
  if (order !== "place") sort(left);
  shown = left;
  $("count").textContent = fill("shown", { n: shown.length, total: rows.length });
  $("chosen").replaceChildren(...chips());
  list();
}
function chips() {
  const out = [...chosen.labels].map((n) => [fullName(n), () => toggle(n)]);
  if (chosen.pair) out.push([chosen.pair.split(",").map((n) => fullName(Number(n))).join(" × "), () => choose("pair", "")]);
  if (chosen.status) out.push([words[chosen.status], () => choose("status", "")]);
  if (chosen.state) out.push([words[chosen.state], () => choose("state", "")]);
  if (chosen.range) out.push([[...new Set(chosen.range)].join(" – "), () => choose("range", null)]);
  if (chosen.query) out.push([`“${chosen.query}”`, () => { $("query").value = ""; search(); }]);
  if (out.length > 1) out.push([words.clear, clear]);
  return out.map(([name, drop]) => {
    const node = el("button", { type: "button" }, name, el("span", { "aria-hidden": "true" }, " ×"));
    node.addEventListener("click", drop);
    return node;
  });
}
