"""An evaluation as a table or as one self-contained HTML page with plots."""

from collections.abc import Sequence
from html import escape
from typing import Any

from trackclf._html import Span, head, marked

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --faint: #6a737d; --line: #d0d7de; --bar: #2f6fd0; --bad: #c0392b; --page: #fff }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --faint: #9aa4ae; --line: #30363d; --bar: #6ea8fe; --bad: #ff7b72;
  --page: #0d1117 } }
body { font: 15px/1.6 system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif; color: var(--ink);
  background: var(--page); max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: .5rem 0 1.5rem } th, td { padding: .2rem .8rem .2rem 0; text-align: right;
  border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums } th:first-child, td:first-child { text-align: left }
svg text { fill: var(--ink); font-size: 12px } .faint { color: var(--faint) } mark { background: color-mix(in srgb, var(--bar) 30%,
  transparent); color: inherit } .missed, .wrong { font-weight: 600; color: var(--bad) } details { border-bottom: 1px solid var(--line) }
summary { cursor: pointer; padding: .3rem 0 } pre { white-space: pre-wrap; font: inherit; margin: .3rem 0 1rem }
"""


def table(measured: dict[str, Any]) -> str:
    """Plain text for the terminal."""
    lines = [f"{'label':22}{'present':>8}{'precision':>11}{'recall':>8}{'F1':>8}  95 % interval"]
    for id, row in measured["labels"].items():
        low, high = row["f1_interval"] or (float("nan"),) * 2
        lines.append(
            f"{id:22}{row['present']:8}{row['precision']:11.3f}{row['recall']:8.3f}{row['f1']:8.3f}  {low:.3f}-{high:.3f}"
        )
    for kind, row in measured["kinds"].items():
        micro, low_high = row["micro"], row["micro"]["f1_interval"] or (float("nan"),) * 2
        lines.append(
            f"\n{kind}s: micro precision {micro['precision']:.3f}, recall {micro['recall']:.3f}, F1 {micro['f1']:.3f} "
            f"({low_high[0]:.3f}-{low_high[1]:.3f}), macro F1 {row['macro_f1']:.3f}, "
            f"expected calibration error {row['calibration']['expected_error']:.3f}"
        )
    if "by" in measured:
        lines.append(f"\nby {measured['by']['field']}:")
        for value, row in measured["by"]["values"].items():
            figures = "".join(f"  {kind}s {row[kind]['f1']:.3f}" for kind in measured["kinds"])
            lines.append(f"  {value:20}{row['passages']:6}{figures}")
    auc = measured["levels"]["auc"]
    lines.append(
        f"\npassages {measured['passages']}" + (f"; level 2 above level 1: AUC {auc:.3f}" if auc is not None else "")
    )
    if measured["spans"]:
        spans = measured["spans"]
        lines.append(
            f"evidence: touches the labellers' in {spans['touching']:.3f} of {spans['tags']} right tags; "
            f"characters: precision {spans['character_precision']:.3f}, recall {spans['character_recall']:.3f}"
        )
    if measured["pairs"]:
        pairs = measured["pairs"]
        lines.append(f"pairs: precision {pairs['precision']:.3f}, recall {pairs['recall']:.3f}, F1 {pairs['f1']:.3f}")
    lines.append(f"\nthe surest mistakes (of {len(measured['worst'])}; all of them in the JSON and the page):")
    for item in measured["worst"][:10]:
        text = " ".join(item["text"].split())[:60]
        lines.append(f"  {item['mistake']:7}{item['label']:21}{item['probability']:.2f}  {item['id']}  {text}")
    return "\n".join(lines) + "\n"


def page(measured: dict[str, Any]) -> str:
    """One HTML page, with nothing fetched from anywhere; all text escaped."""
    labels = measured["labels"]
    parts = [
        head("trackclf · evaluation", "en", _STYLE) + "<h1>Evaluation</h1>",
        f"<p class=faint>{measured['passages']} passages · {escape(' · '.join(f'{k} {v}' for k, v in measured['stamp'].items()))}",
        "<h2>F1 by label</h2>",
        _bars([(id, row["f1"], row["f1_interval"]) for id, row in labels.items()]),
        "<table><tr><th>label<th>present<th>precision<th>recall<th>F1<th>95 % interval",
    ]
    for id, row in labels.items():
        parts.append(
            f"<tr><td>{escape(id)}<td>{row['present']}<td>{row['precision']:.3f}<td>{row['recall']:.3f}"
            f"<td>{row['f1']:.3f}<td>{_range(row['f1_interval'])}"
        )
    for kind, row in measured["kinds"].items():
        micro = row["micro"]
        parts.append(
            f"<tr><td>{kind}s, micro<td><td>{micro['precision']:.3f}<td>{micro['recall']:.3f}<td>{micro['f1']:.3f}"
            f"<td>{_range(micro['f1_interval'])}"
            f"<tr><td>{kind}s, macro<td><td><td><td>{row['macro_f1']:.3f}<td>{_range(row['macro_f1_interval'])}"
        )
    parts.append("</table><h2>Calibration</h2>")
    for kind, row in measured["kinds"].items():
        parts.append(
            f"<figure style='display:inline-block;margin:0 2rem 0 0'><figcaption>{kind}s: expected error "
            f"{row['calibration']['expected_error']:.3f}</figcaption>{_reliability(row['calibration']['bins'])}</figure>"
        )
    if "by" in measured:
        heads = "".join(f"<th>{kind}s F1" for kind in measured["kinds"])
        parts.append(f"<h2>By {escape(measured['by']['field'])}</h2><table><tr><th>value<th>passages{heads}")
        for value, row in measured["by"]["values"].items():
            figures = "".join(f"<td>{row[kind]['f1']:.3f}" for kind in measured["kinds"])
            parts.append(f"<tr><td>{escape(value)}<td>{row['passages']}{figures}")
        parts.append("</table>")
    parts.append("<h2>The surest mistakes</h2>")
    parts += [_mistake(item) for item in measured["worst"]]
    return "\n".join(parts) + "\n</body>\n</html>\n"


def _range(interval: Sequence[float] | None) -> str:
    return f"{interval[0]:.3f}–{interval[1]:.3f}" if interval else ""


def _bars(rows: list[tuple[str, float, Sequence[float] | None]]) -> str:
    height = 22 * len(rows) + 24
    out = [f"<svg viewBox='0 0 640 {height}' width=640 role=img aria-label='F1 by label'>"]
    for tick in range(0, 11, 2):
        x = 180 + 40 * tick
        out.append(f"<line x1={x} x2={x} y1=0 y2={height - 20} stroke='var(--line)'/>")
        out.append(f"<text x={x} y={height - 4} text-anchor=middle>{tick / 10}</text>")
    for n, (id, value, interval) in enumerate(rows):
        y = 22 * n + 4
        out.append(f"<text x=172 y={y + 12} text-anchor=end>{escape(id)}</text>")
        out.append(f"<rect x=180 y={y} width={400 * value:.1f} height=14 rx=2 fill='var(--bar)'/>")
        if interval:
            a, b = (180 + 400 * end for end in interval)
            out.append(f"<line x1={a:.1f} x2={b:.1f} y1={y + 7} y2={y + 7} stroke='var(--ink)' stroke-width=2 />")
        out.append(f"<text x=590 y={y + 12}>{value:.3f}</text>")
    return "".join(out) + "</svg>"


def _reliability(bins: list[dict[str, Any]]) -> str:
    out = ["<svg viewBox='0 0 260 260' width=260 role=img aria-label='observed share by probability'>"]
    out.append(
        "<path d='M40 220 L240 20' stroke='var(--line)'/><path d='M40 20 V220 H240' stroke='var(--ink)' fill=none />"
    )
    points = [(40 + 200 * row["probability"], 220 - 200 * row["observed"], row["count"]) for row in bins]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    out.append(f"<polyline points='{line}' fill=none stroke='var(--bar)'/>")
    out += [
        f"<circle cx={x:.1f} cy={y:.1f} r=4 fill='var(--bar)'><title>{n} cases</title></circle>" for x, y, n in points
    ]
    out.append("<text x=140 y=250 text-anchor=middle>probability</text><text x=40 y=12>observed</text>")
    return "".join(out) + "</svg>"


def _mistake(item: dict[str, Any]) -> str:
    terms = [piece for piece in item["evidence"] if piece["kind"] != "learned"]
    spans = [
        Span(piece["start"], piece["end"], "", f"{piece['term']} · {piece['kind']} {piece['contribution']:+.2f}")
        for piece in terms
    ]
    return (
        f"<details><summary><span class={item['mistake']}>{item['mistake']}</span> {escape(item['label'])} "
        f"<span class=faint>{item['probability']:.2f} · {escape(str(item['id']))}</span></summary>"
        f"<pre>{marked(item['text'], spans)}</pre></details>"
    )
