// The overview is built once; `update` writes the numbers.
const updates = [];
const pressed = (node, on) => node.setAttribute("aria-pressed", String(on));
const share = (value, most) => (value ? `max(2px, ${(100 * value) / most}%)` : "0");
const widest = (values) => Math.max(1, ...values);

function tiles() {
  $("tiles").replaceChildren(...["all", "tagged", "untagged", "unread"].map((state) => {
    const value = el("b"), node = el("button", { type: "button", class: state }, value, ` ${words[state === "all" ? "texts" : state]}`);
    node.addEventListener("click", () => choose("state", state === "all" || chosen.state === state ? "" : state));
    updates.push((counts) => {
      value.textContent = number.format(counts.state[state] || 0);
      node.classList.toggle("zero", !counts.state[state]);
      pressed(node, (chosen.state || "all") === state);
    });
    return el("li", {}, node);
  }));
  if (times.first) $("tiles").append(el("li", { class: "span" }, [...new Set([times.first, times.last])].join(" – ")));
}
function facet(name, kind) {
  const mine = labels.map((_, n) => n).filter((n) => labels[n].kind === kind);
  const listed = mine.length > 30 ? mine.filter((n) => total.label[n]) : mine;
  const most = widest(listed.map((n) => total.label[n]));
  const items = listed.map((n) => {
    const value = el("span", { class: "n" }), now = el("i", { class: "now" });
    const all = el("i", { style: `width:${share(total.label[n], most)}` });
    const node = el("button", { type: "button", "data-label": labels[n].id, style: `${colour(n)};--d:${labels[n].depth}` },
      code(n), el("span", { class: "name" }, labels[n].name, ...(varied[kind] ? [dot(labels[n].status)] : [])), value,
      el("span", { class: "track" }, all, now));
    node.addEventListener("click", () => toggle(n));
    updates.push((counts) => {
      value.textContent = number.format(counts.label[n]);
      now.style.width = share(counts.label[n], most);
      node.classList.toggle("zero", !counts.label[n]);
      pressed(node, chosen.labels.has(n));
    });
    return el("li", {}, node);
  });
  const parts = [el("ul", { class: "bars" }, ...items)];
  if (varied[kind]) {
    const statuses = [...new Set(mine.map((n) => labels[n].status))];
    parts.unshift(el("div", { class: "statuses" }, ...statuses.map((status) => {
      const value = el("span", { class: "n" });
      const node = el("button", { type: "button", "data-status": status }, dot(status), words[status], " ", value);
      node.addEventListener("click", () => choose("status", chosen.status === status ? "" : status));
      updates.push((counts) => {
        value.textContent = number.format(counts.status[status] || 0);
        pressed(node, chosen.status === status);
      });
      return node;
    })));
  }
  return panel(name, "", ...parts);
}
function panel(name, note, ...parts) {
  const open = matchMedia("(min-width: 46.01rem)").matches ? "" : undefined;
  return el("details", { class: "panel", open }, el("summary", {}, el("h2", {}, name), " ", el("small", {}, note)), ...parts);
}
function heat(first, second) {
  const side = (kind, place) => {
    const all = labels.map((_, n) => n).filter((n) => labels[n].kind === kind);
    const used = new Set(Object.keys(total.pair).map((pair) => Number(pair.split(",")[place])));
    return all.length > 30 ? all.filter((n) => used.has(n)) : all;
  };
  const columns = side(first, 0), lines = side(second, 1), most = widest(Object.values(total.pair));
  const head = (n, scope, ...inside) => el("th", { scope, title: labels[n].name }, ...inside);
  const heads = columns.map((n) => head(n, "col", el("div", {}, code(n), el("span", { class: "vertical" }, labels[n].name))));
  const body = lines.map((m) => el("tr", {}, head(m, "row", code(m), " ", el("span", { class: "name" }, labels[m].name)),
    ...columns.map((n) => {
      const pair = `${n},${m}`;
      if (!total.pair[pair]) return el("td", {}, el("span", { class: "cell", "aria-label": "0" }));
      const node = el("button", { type: "button", class: "cell", "data-pair": `${labels[n].id} ${labels[m].id}` });
      node.addEventListener("click", () => choose("pair", chosen.pair === pair ? "" : pair));
      updates.push((counts) => {
        const value = counts.pair[pair] || 0;
        const name = fill("heat_cell", { first: labels[n].name, second: labels[m].name, n: value });
        node.textContent = value ? number.format(value) : "";
        node.title = name;
        node.setAttribute("aria-label", name);
        node.style.setProperty("--heat", `${value ? Math.round(15 + 80 * value / most) : 0}%`);
        node.classList.toggle("hot", value / most > 0.45);
        pressed(node, chosen.pair === pair);
      });
      return el("td", {}, node);
    })));
  const table = el("table", { style: `--columns:${columns.length}` }, el("thead", {}, el("tr", {}, el("td"), ...heads)), el("tbody", {}, ...body));
  return panel(fill("heat", { first: kinds[first], second: kinds[second] }), words.heat_note, el("div", { class: "heat" }, table));
}
function timeline() {
  const most = widest(Object.values(total.bin)), { bins } = times;
  const undated = rows.length - Object.values(total.bin).reduce((a, b) => a + b, 0);
  const bars = bins.map((bin) => {
    const now = el("i", { class: "now" }), all = el("i", { style: `height:${share(total.bin[bin], most)}` });
    const node = el("button", { type: "button", "data-bin": bin }, all, now);
    node.addEventListener("click", () => pick(bin));
    updates.push((counts) => {
      const value = counts.bin[bin] || 0;
      node.title = fill("in_bar", { when: bin, n: value, total: total.bin[bin] || 0 });
      node.setAttribute("aria-label", node.title);
      now.style.height = share(value, most);
      pressed(node, Boolean(chosen.range) && bin >= chosen.range[0] && bin <= chosen.range[1]);
    });
    return node;
  });
  const steps = Math.min(4, bins.length - 1);
  const ticks = steps < 1 ? bins : Array.from({ length: steps + 1 }, (_, n) => bins[Math.round((n * (bins.length - 1)) / steps)]);
  const note = `${words[times.word]} · ${words.time_note}${undated ? ` · ${fill("undated", { n: undated })}` : ""}`;
  const axis = el("div", { class: "ticks", "aria-hidden": "true" }, ...ticks.map((tick) => el("span", {}, tick)));
  return panel(words.timeline, note, el("div", { class: "time" }, ...bars), axis);
}

function overview() {
  tiles();
  $("facets").append(...kinds.map((name, kind) => facet(name, kind)).filter((_, kind) => labels.some((one) => one.kind === kind)));
  const beside = new Set(Object.keys(total.pair).map((pair) => pair.split(",").map((n) => labels[n].kind).join()));
  const heats = [...beside].map((both) => heat(...both.split(",").map(Number)));
  $("charts").append(...heats, ...(times.bins.length ? [timeline()] : []));
}
