// The list: cards in portions, made as one scrolls.
const PORTION = 20, PRINTED = 1000;
const cards = () => $("list").querySelectorAll("article");
let drawn = 0, here = -1;

function list() {
  drawn = 0;
  here = -1;
  hide();
  $("list").replaceChildren(...(shown.length ? [] : [el("p", { class: "faint" }, words.none_left)]));
  draw(PORTION);
}
function draw(count) {
  const some = shown.slice(drawn, drawn + count).map((row, n) => card(row, drawn + n));
  drawn += some.length;
  $("list").append(...some);
  fold(some);
  highlight();
}
function card(row, n) {
  const article = el("article", { tabindex: "-1", "aria-labelledby": `h${n}`, "data-id": row.id });
  article.append(el("h3", { id: `h${n}` }, el("bdi", {}, row.title || row.id)), facts(row));
  if (row.tags.length) article.append(el("ul", { class: "chips" }, ...row.tags.map((tag) => el("li", {}, chip(tag)))));
  if (row.error !== undefined) article.append(el("p", { class: "why error" }, `${words.unread} · ${row.error}`));
  if (row.why) {
    const [n, distance] = row.nearest || [];
    const near = () => words.nearest.replace("{name}", labels[n].name).replace("{distance:.2f}", distance.toFixed(2));
    article.append(el("p", { class: "why" }, [words.none, words[row.why], ...(row.nearest ? [near()] : [])].join(" · ")));
  }
  if (row.parts.length) article.append(el("div", { class: "text", lang: "zh" }, ...marked(row)));
  if (row.tags.length) {
    const why = el("details", { class: "sums" }, el("summary", {}, words.evidence));
    why.addEventListener("toggle", () => why.append(...row.tags.map((tag) => sums(row, tag))), { once: true });
    article.append(why);
  }
  return article;
}
function facts(row) {
  const parts = [];
  if (row.title) parts.push(el("bdi", { class: "id" }, row.id));
  if (row.date) parts.push(el("time", { datetime: row.date }, row.date));
  for (const [name, value] of row.facts || []) parts.push(el("span", {}, `${name} `, el("bdi", { class: "value" }, value)));
  const link = { href: row.url, target: "_blank", rel: "noopener noreferrer" };
  if (row.url) parts.push(/^https?:\/\//i.test(row.url) ? el("a", link, row.url) : el("bdi", {}, row.url));
  return el("p", { class: "facts" }, ...parts);
}
function chip([n, level, probability, score]) {
  const title = `${labels[n].id} · ${words[labels[n].status]} · ${words.score} ${score.toFixed(2)}`;
  const parts = [code(n), el("span", {}, labels[n].name)];
  if (varied[labels[n].kind]) parts.push(dot(labels[n].status));
  if (labels[n].levels) parts.push(el("span", { class: "level" }, words[`level_${level}`]));
  parts.push(el("span", { class: "p" }, probability.toFixed(2)));
  const node = el("button", { type: "button", class: "chip", title, "data-label": labels[n].id }, ...parts);
  node.addEventListener("click", () => toggle(n));
  return node;
}
// A mark is tinted by the first label that it speaks for and underlined by the last; its codes stand where its evidence ends.
function marked(row) {
  return row.parts.map((part, at) => {
    if (typeof part === "string") return part;
    const of = (some) => [...new Set((Array.isArray(some) ? some.slice(1) : []).map((m) => row.marks[m][0]))];
    const [text, ...over] = part, mine = of(part), next = of(row.parts[at + 1]);
    const ending = mine.filter((n) => !next.includes(n)).map((n) => labels[n].code);
    const last = labels[mine.at(-1)];
    const style = `${colour(mine[0])};--h2:${last.hue};--s2:${last.step}`;
    const node = el("mark", { class: lineOf(mine.at(-1)), style, "data-code": ending.join(" ") }, text);
    node.lines = over.map((m) => row.marks[m]);
    node.classList.toggle("denied", node.lines.every((one) => one[6] === "denied"));
    return node;
  });
}
function sums(row, [n, , , score, count, sum, ...telling]) {
  const mine = (row.marks || []).filter((mark) => mark[0] === n);
  const bias = score - (sum || 0) - mine.reduce((all, mark) => all + mark[3], 0);
  const line = (what, kind, value) => el("tr", {}, el("td", {}, what), el("td", {}, kind), el("td", { class: "sum" }, value));
  const lines = mine.map(([, term, kind, value, from, page, ...voice]) =>
    line(term, words[kind] + said(...voice) + inheritedFrom(from) + onPage(page), signed(value)));
  const context = telling.map(([text, value]) => `${text} ${signed(value)}`).join("  ") + (count > telling.length ? " …" : "");
  if (count) lines.push(line(context, `${words.learned} × ${count}`, signed(sum)));
  lines.push(line("", words.bias, signed(bias)));
  const caption = el("caption", {}, code(n), ` ${labels[n].name}`);
  return el("table", {}, caption, el("tbody", {}, ...lines), el("tfoot", {}, line("", words.score, score.toFixed(2))));
}
// Long texts are folded, with their first evidence in sight. Which are long is told by counting: measuring costs a layout.
function fold(some) {
  const isLong = ({ textContent: all }) => all.length > 700 || all.split("\n").length > 12;
  const long = some.flatMap((article) => [...article.querySelectorAll(".text")]).filter(isLong);
  for (const text of long) {
    const node = el("button", { type: "button", class: "more", "aria-expanded": "false" }, words.more);
    node.addEventListener("click", () => unfold(text.parentElement));
    text.classList.add("folded");
    text.tabIndex = 0;
    text.after(node);
  }
  const first = long.map((text) => text.querySelector("mark")?.offsetTop || 0);
  long.forEach((text, n) => { if (first[n] > 200) text.scrollTop = first[n] - 40; });
}
function unfold(article) {
  const node = article?.querySelector(".more");
  if (!node) return;
  const open = !article.querySelector(".text").classList.toggle("folded");
  node.textContent = open ? words.less : words.more;
  node.setAttribute("aria-expanded", String(open));
}
// What the search found, marked without touching the text's elements.
function highlight() {
  if (!window.Highlight) return;
  CSS.highlights.delete("found");
  if (!chosen.query) return;
  const ranges = [];
  for (const place of $("list").querySelectorAll("h3, .text")) {
    const nodes = [], starts = [];
    let all = "";
    for (const walk = document.createTreeWalker(place, NodeFilter.SHOW_TEXT); walk.nextNode();) {
      nodes.push(walk.currentNode);
      starts.push(all.length);
      all += plain(walk.currentNode.data);
    }
    const put = (range, side, at) => {
      const n = starts.findLastIndex((start) => start <= at);
      range[side](nodes[n], Math.min(at - starts[n], nodes[n].length));
    };
    for (const word of plain(chosen.query).split(/\s+/)) {
      for (let at = all.indexOf(word); at >= 0; at = all.indexOf(word, at + word.length)) {
        const range = document.createRange();
        put(range, "setStart", at);
        put(range, "setEnd", at + word.length);
        ranges.push(range);
      }
    }
  }
  CSS.highlights.set("found", new Highlight(...ranges));
}

// Going through the list. Only the current text's evidence is among what Tab reaches.
function mark(n) {
  if (n < 0 || n === here) return; // gone, where a filter was set from it; or there already
  for (const one of $("list").querySelectorAll("[aria-current]")) one.removeAttribute("aria-current");
  for (const one of $("list").querySelectorAll("mark[tabindex]")) one.removeAttribute("tabindex");
  here = n;
  const article = cards()[n];
  article.setAttribute("aria-current", "true");
  for (const one of article.querySelectorAll("mark")) one.tabIndex = 0;
}
function go(n) {
  if (n < 0 || n >= shown.length) return;
  if (n >= drawn) draw(PORTION);
  mark(n);
  cards()[n].focus({ preventScroll: true });
  cards()[n].scrollIntoView({ block: "start" });
}

// The tooltip: what each piece of evidence added.
let told = null;
function tell(node) {
  hide();
  told = node;
  const tip = $("tip");
  tip.replaceChildren(...node.lines.map(([n, term, kind, value, from, page, ...voice]) => el("div", {}, code(n), ` ${labels[n].name} · ${term} · ${words[kind]} `,
    el("b", {}, signed(value)), said(...voice) + inheritedFrom(from) + onPage(page))));
  tip.hidden = false;
  node.setAttribute("aria-describedby", "tip");
  const box = node.getClientRects()[0], { offsetWidth: width, offsetHeight: height } = tip;
  tip.style.left = `${Math.max(8, Math.min(box.left, document.documentElement.clientWidth - width - 8))}px`;
  tip.style.top = `${box.top > height + 12 ? box.top - height - 6 : box.bottom + 10}px`;
}
function hide() {
  $("tip").hidden = true;
  told?.removeAttribute("aria-describedby");
  told = null;
}
const evidence = (event) => (event.target instanceof Element ? event.target.closest("mark") : null);
document.addEventListener("mouseover", (event) => {
  if (evidence(event)) tell(evidence(event));
  else if (told && told !== document.activeElement) hide();
});
document.addEventListener("focusin", (event) => {
  const article = event.target.closest("article");
  if (article) mark([...cards()].indexOf(article));
  if (evidence(event)) tell(evidence(event));
  else hide();
});
document.addEventListener("scroll", () => told && (told === document.activeElement ? tell(told) : hide()), { passive: true });
$("list").addEventListener("click", (event) => {
  const article = event.target.closest("article");
  if (article) mark([...cards()].indexOf(article));
});

const typing = (node) => node.tagName === "INPUT" || node.tagName === "SELECT";
const keys = {
  j: () => go(here + 1), k: () => go(here - 1), o: () => unfold(cards()[here]),
  "/": () => { $("query").focus(); $("query").select(); },
};
function escape_() {
  if (told) hide();
  else if (document.activeElement === $("query")) {
    $("query").value = "";
    $("query").blur();
    search();
  }
  else clear();
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const run = event.key === "Escape" ? escape_ : typing(event.target) ? undefined : keys[event.key.toLowerCase()];
  if (!run) return;
  event.preventDefault();
  run();
});
$("query").addEventListener("input", (event) => event.isComposing || search());
$("query").addEventListener("compositionend", search);
$("order").addEventListener("change", () => { order = $("order").value; update(); });

// On paper: the panels open, texts whole, and as many as can be printed.
addEventListener("beforeprint", () => {
  if (drawn < Math.min(shown.length, PRINTED)) draw(PRINTED - drawn);
  for (const one of document.querySelectorAll(".panel")) one.open = true;
  $("printed").hidden = shown.length <= drawn;
  $("printed").textContent = fill("printed", { n: drawn, total: shown.length });
});
addEventListener("afterprint", () => { $("printed").hidden = true; });

overview();
update();
const below = new IntersectionObserver((seen) => {
  if (!seen.at(-1).isIntersecting || drawn >= shown.length) return;
  draw(PORTION);
  below.unobserve($("keys")); // to be told again while there is still room
  below.observe($("keys"));
}, { rootMargin: "1500px" });
below.observe($("keys"));
const clearance = () => { document.documentElement.style.scrollPaddingTop = `${$("bar").offsetHeight + 12}px`; };
new ResizeObserver(clearance).observe($("bar"));
clearance();
