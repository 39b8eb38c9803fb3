"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const { key, rows, labels, words } = data;
const asked = new Set(data.asked);
const byId = new Map(labels.map((label) => [label.id, label]));
const cards = [...document.querySelectorAll("article")];
const $ = (id) => document.getElementById(id);
const suggested = (n) => ({ verdict: null, levels: { ...rows[n].levels }, at: null });
const state = rows.map((_, n) => suggested(n));
const undone = [];
let here = 0;

// What was decided stays in the browser, under the page's own key, and so does what can be undone.
const read = (n, one) => Number.isInteger(Number(n)) && rows[n] && one && typeof one.levels === "object" && one.levels
  && Object.entries(one.levels).every(([id, level]) => asked.has(id) && [1, 2, "?"].includes(level))
  && ["a", "r", "?", null].includes(one.verdict)
  && { verdict: one.verdict, levels: one.levels, at: typeof one.at === "string" ? one.at : null };
try {
  const kept = JSON.parse(localStorage.getItem(key) || "{}");
  if (typeof kept.by === "string") $("by").value = kept.by;
  for (const [n, one] of Object.entries(kept.state || {})) if (read(n, one)) state[n] = read(n, one);
  for (const [n, one] of kept.undone || []) if (read(n, one)) undone.push([Number(n), read(n, one)]);
} catch { /* nothing kept, or nothing that can be read */ }

function keep() {
  try {
    localStorage.setItem(key, JSON.stringify({ state: { ...state }, undone, by: $("by").value }));
  } catch {
    $("note").textContent = words.not_kept;
  }
}

function chip(n, id) {
  let found = [...cards[n].querySelectorAll(".chip")].find((one) => one.dataset.id === id);
  if (!found) {
    const item = document.createElement("li");
    item.style.setProperty("--h", byId.get(id).hue);
    item.innerHTML = "<button type=button class=chip><span class=tick aria-hidden=true></span><span></span></button>"
      + "<button type=button class=level></button>";
    found = item.firstChild;
    found.dataset.id = id;
    found.lastChild.textContent = byId.get(id).name;
    const list = cards[n].querySelector(".chips");
    list.append(item);
    if (list.children.length < 10) found.firstChild.insertAdjacentHTML("beforebegin", `<kbd>${list.children.length}</kbd>`);
  }
  return found;
}

function show(n) {
  const { verdict, levels } = state[n];
  const card = cards[n];
  Object.keys(levels).forEach((id) => chip(n, id));
  for (const one of card.querySelectorAll(".chip")) {
    const level = verdict === "?" ? "?" : verdict === "r" ? undefined : levels[one.dataset.id];
    one.setAttribute("aria-pressed", level === undefined ? "false" : level === "?" ? "mixed" : "true");
    one.querySelector(".tick").textContent = level === undefined ? "+" : level === "?" ? "?" : "✓";
    const button = one.nextElementSibling;
    const word = level === "?" ? "level_unknown" : byId.get(one.dataset.id).levels.includes(2) ? `level_${level}` : "level_present";
    button.textContent = level === undefined ? "" : words[word];
    button.setAttribute("aria-label", `${byId.get(one.dataset.id).name}: ${words.level} ${button.textContent}`);
  }
  card.dataset.verdict = verdict || "";
  card.querySelector(".verdict").textContent = verdict ? words[`verdict_${verdict}`] : "";
  const done = state.filter((one) => one.verdict).length;
  $("done").textContent = `${done} / ${rows.length}`;
  document.querySelector("progress").value = done;
  $("undo").disabled = !undone.length;
}

function change(n, next) {
  undone.push([n, state[n]]);
  if (undone.length > 500) undone.shift();
  state[n] = { ...state[n], ...next, at: new Date().toISOString() };
  show(n);
  keep();
}

function go(n) {
  if (n < 0 || n >= cards.length) return;
  mark(n);
  cards[n].focus({ preventScroll: true });
  cards[n].scrollIntoView({ block: "start" });
}

function mark(n) {
  cards[here].removeAttribute("aria-current");
  here = n;
  cards[n].setAttribute("aria-current", "true");
}

function decide(verdict) {
  change(here, { verdict });
  for (let step = 1; step < rows.length; step++) {
    const n = (here + step) % rows.length;
    if (!state[n].verdict) return go(n);
  }
  $("note").textContent = words.all_done;
}

function put(n, id, level) {
  const levels = state[n].verdict === "r" || state[n].verdict === "?" ? {} : { ...state[n].levels };
  if (level === undefined) delete levels[id];
  else levels[id] = level;
  change(n, { levels, verdict: state[n].verdict === "a" ? "a" : null });
}

const shown = (n, id) => (["r", "?"].includes(state[n].verdict) ? undefined : state[n].levels[id]);
const toggle = (n, id) => put(n, id, shown(n, id) === undefined ? rows[n].levels[id] || 1 : undefined);
const turn = (n, id) => {
  const round = byId.get(id).levels;
  put(n, id, round[(round.indexOf(shown(n, id)) + 1) % round.length]);
};

function undo() {
  const last = undone.pop();
  if (!last) return;
  state[last[0]] = last[1];
  show(last[0]);
  keep();
  go(last[0]);
}

// A row for each decision, as `trackclf train --labelled` and `trackclf eval` read them. What was not asked is unknown, not absent.
function row(n) {
  const { verdict, levels, at } = state[n];
  const out = { id: rows[n].id, text: rows[n].text };
  for (const { id, field } of labels) {
    out[field] ??= {};
    const level = verdict === "?" || !asked.has(id) ? "?" : verdict === "r" ? undefined : levels[id];
    if (level !== undefined) out[field][id] = level;
  }
  Object.assign(out, { drawn: "uncertain", reason: rows[n].reason, labelled_at: at });
  const by = $("by").value.trim();
  return by ? Object.assign(out, { labelled_by: by }) : out;
}

function download() {
  const lines = rows.map((_, n) => n).filter((n) => state[n].verdict).map((n) => JSON.stringify(row(n)) + "\n");
  if (!lines.length) {
    $("note").textContent = words.nothing_yet;
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(lines, { type: "application/x-ndjson" }));
  link.download = `labelled-${key.split("-").pop()}.jsonl`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  $("note").textContent = words.downloaded.replace("{n}", lines.length);
}

const dialog = document.querySelector("dialog");
let options = [], picked = 0;
function search() {
  const wanted = $("wanted").value.trim().toLowerCase();
  options = labels.filter((one) => asked.has(one.id) && `${one.id} ${one.names}`.toLowerCase().includes(wanted)).slice(0, 50);
  picked = Math.min(picked, Math.max(options.length - 1, 0));
  $("found").replaceChildren(...options.map((one, n) => {
    const item = document.createElement("li");
    const id = document.createElement("span");
    id.className = "faint";
    id.textContent = ` ${one.id}`;
    item.append(one.name, id);
    item.id = `option${n}`;
    item.role = "option";
    item.ariaSelected = String(n === picked);
    item.addEventListener("click", () => add(one.id));
    return item;
  }));
  $("wanted").setAttribute("aria-activedescendant", options.length ? `option${picked}` : "");
  $("found").children[picked]?.scrollIntoView({ block: "nearest" });
}
function add(id) {
  dialog.close();
  if (shown(here, id) === undefined) put(here, id, 1);
  chip(here, id).focus();
}
function ask() {
  $("wanted").value = "";
  picked = 0;
  search();
  dialog.showModal();
}
$("wanted").addEventListener("input", () => { picked = 0; search(); });
dialog.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) picked = Math.min(Math.max(picked + step, 0), Math.max(options.length - 1, 0));
  else if (event.key !== "Enter") return;
  event.preventDefault();
  if (step) search();
  else if (options.length) add(options[picked].id);
});

const keys = {
  j: () => go(here + 1), ArrowDown: () => go(here + 1), k: () => go(here - 1), ArrowUp: () => go(here - 1),
  a: () => decide("a"), r: () => decide("r"), "?": () => decide("?"), "？": () => decide("?"), u: undo, s: download, "/": ask,
};
document.addEventListener("keydown", (event) => {
  if (dialog.open || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.target.tagName === "INPUT") return;
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code);
  const run = digit ? () => {
    const one = cards[here].querySelectorAll(".chip")[digit[1] - 1];
    if (one && event.shiftKey && shown(here, one.dataset.id) !== undefined) turn(here, one.dataset.id);
    else if (one) toggle(here, one.dataset.id);
  } : keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!run) return;
  event.preventDefault();
  run();
});
document.addEventListener("focusin", (event) => {
  const card = event.target.closest("article");
  if (card) mark(cards.indexOf(card));
});
document.addEventListener("click", (event) => {
  const card = event.target.closest("article");
  if (card) mark(cards.indexOf(card));
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.key) keys[button.dataset.key]();
  else if (button.classList.contains("chip")) toggle(here, button.dataset.id);
  else if (button.classList.contains("level")) turn(here, button.previousElementSibling.dataset.id);
});
$("by").addEventListener("change", keep);

// What is scrolled to stays clear of the bar, however it wraps.
const clear = () => { document.documentElement.style.scrollPaddingTop = `${$("bar").offsetHeight + 10}px`; };
new ResizeObserver(clear).observe($("bar"));
clear();
rows.forEach((_, n) => show(n));
for (const text of document.querySelectorAll(".text")) {
  const first = text.querySelector("mark");
  if (first && text.scrollHeight > text.clientHeight) text.scrollTop = first.offsetTop - 48;
}
const start = state.findIndex((one) => !one.verdict);
if (cards.length) {
  mark(Math.max(start, 0));
  if (start > 0) go(start);
}
