"""HTML that cannot act: text escaped and marked, data embedded, a page that runs its own script and fetches nothing."""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any, NamedTuple

from trackclf._words import REPORT_WORDS, WORDS, spoken

_LINES = ("solid", "dashed", "dotted")  # under the evidence of the first kind of label, the second, all others
_DENIED = "color:inherit;background:none;text-decoration:line-through"
_SURROGATES = re.compile("[\ud800-\udfff]")
_STYLE = """:root { color-scheme: light dark }
body { font: 16px/1.7 system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif; max-width: 48rem; margin: 2rem auto;
  padding: 0 1rem }
footer { opacity: .7; font-size: .8rem; overflow-wrap: anywhere }"""


class Span(NamedTuple):
    """A stretch of a text to mark, in code points, with the mark's inline style and tooltip."""

    start: int
    end: int
    style: str
    title: str


def pieces(text: str, spans: Sequence[Any]) -> Iterator[tuple[str, list[int]]]:
    """The text in pieces, without gap, each with the numbers of the spans (anything with `start` and `end`) that cover it."""
    begin: dict[int, list[int]] = {}
    end: dict[int, list[int]] = {}
    for n, span in enumerate(spans):
        begin.setdefault(span.start, []).append(n)
        end.setdefault(span.end, []).append(n)
    last, over = 0, set[int]()
    for at in sorted({*begin, *end, len(text)}):
        if at > last:
            yield text[last:at], sorted(over)
        over = (over | set(begin.get(at, ()))) - set(end.get(at, ()))
        last = at


def marked(text: str, spans: Sequence[Span]) -> str:
    """The text, escaped, with spans marked; where several lie over each other, in the style of the first and with all tooltips."""
    out = []
    for piece, over in pieces(text, spans):
        if over:
            title = "\n".join(dict.fromkeys(spans[n].title for n in over))
            style = f' style="{escape(spans[over[0]].style)}"' if spans[over[0]].style else ""
            out.append(f'<mark{style} title="{escape(title)}">{escape(piece)}</mark>')
        else:
            out.append(escape(piece))
    return "".join(out)


def hue(column: int) -> int:
    """A label's hue by its column, in degrees.

    Of all steps and starts this one, together with the three steps of lightness of `_report_page`, keeps fifteen tracks and three
    modes furthest apart for normal vision, protanopes, deuteranopes and tritanopes alike (a test has the simulation).
    """
    return (15 + column * 74) % 360


def codes(kinds: Iterable[str]) -> list[str]:
    """A short code for each label, given their kinds in order: 1, 2, 3 for the first kind, A, B for the second, then c1.

    Colour alone would not tell fifteen labels apart, and to some readers not three.
    """
    counts: dict[str, int] = {}
    out = []
    for kind in kinds:
        n = counts[kind] = counts.get(kind, 0) + 1
        place = list(counts).index(kind)
        letters = place == 1 and n <= 26
        out.append(str(n) if place == 0 else chr(64 + n) if letters else f"{chr(97 + place % 26)}{n}")
    return out


def fragment(result: Any, lang: str = "zh") -> str:
    """One `Result`: its tags, then the text with its evidence marked.

    Styles are inline and let any background through; lone surrogates, which no notebook can send, are shown as U+FFFD.
    """
    words = WORDS[lang] | REPORT_WORDS[lang]
    column = {label.id: n for n, label in enumerate(result.labels)}
    name = {label.id: label.name if lang == "zh" else label.name_en for label in result.labels}
    code = dict(zip(column, codes(label.kind for label in result.labels), strict=True))
    kinds = list(dict.fromkeys(label.kind for label in result.labels))

    def style(tag: Any) -> str:
        h, line = hue(column[tag.id]), _LINES[min(kinds.index(tag.kind), 2)]
        return f"color:inherit;background:oklch(.65 .15 {h}/.2);border-bottom:2px {line} oklch(.6 .15 {h})"

    def level(tag: Any) -> str:
        return f" {words[f'level_{tag.level}']}" if tag.kind == "track" else ""

    chips = "".join(
        f'<span title="{escape(tag.id)} · {escape(words[tag.status])} · {words["score"]} {tag.score:.2f}" '
        f'style="{style(tag)};border-radius:4px;padding:1px 6px;margin-right:6px;white-space:nowrap"><b>{code[tag.id]}</b> '
        f"{escape(name[tag.id])}{level(tag)} {tag.probability:.2f}</span> "
        for tag in result.tags
    )
    spans = [
        Span(item.start, item.end, style(tag), evidence_title(f"{code[tag.id]} {name[tag.id]}", item, words))
        for tag in result.tags
        for item in tag.terms
    ]
    head = chips or f"<em>{escape(without_tags(result, name, words))}</em>"
    denied = [
        Span(item.start, item.end, _DENIED, evidence_title(f"{code[label.id]} {name[label.id]}", item, words))
        for label in result.denied
        for item in label.evidence
    ]
    body = marked(result.text, [*spans, *denied])
    html = (
        f'<div class="trackclf"><p style="line-height:2">{head}</p><p style="white-space:pre-wrap;'
        f'overflow-wrap:anywhere;unicode-bidi:isolate;line-height:1.9" lang="zh">{body}</p></div>\n'
    )
    return _SURROGATES.sub("\ufffd", html)


def evidence_title(name: str, item: Any, words: dict[str, str]) -> str:
    """A tooltip's line for one `Evidence`: label, cue or term, kind and contribution, and its voice."""
    voice = f" · {spoken(item, words)}" if item.trigger else ""
    return f"{name} · {item.cue or item.term} · {words[item.kind]} {item.contribution:+.2f}{voice}"


def without_tags(result: Any, name: dict[str, str], words: dict[str, str]) -> str:
    """Why a `Result` has no tags, and what came nearest."""
    why = words[result.abstained or "none"]
    if result.nearest is None:
        return why
    id, distance = result.nearest
    return f"{why} · {words['nearest'].format(name=name.get(id, id), distance=distance)}"


def document(result: Any, lang: str = "zh") -> str:
    """One `Result` as a whole page."""
    title = f"trackclf · {REPORT_WORDS[lang]['title']}"
    stamp = " · ".join(f"{key} {value}" for key, value in result.stamp.items())
    return head(title, lang, _STYLE) + fragment(result, lang) + f"<footer>{escape(stamp)}</footer>\n</body>\n</html>\n"


def head(title: str, lang: str, style: str, script: str = "") -> str:
    """A page up to its body. Of all scripts only this very one will run; nothing is fetched, wherever the page is opened."""
    source = f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" if script else "'none'"
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src {source}; form-action 'none'; base-uri 'none'"
    return f"""<!doctype html>
<html lang="{"zh-CN" if lang == "zh" else "en"}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
"""


def embedded(data: Any) -> str:
    """JSON without a character that HTML knows, for a script element that holds data; lone surrogates as escapes."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    text = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return _SURROGATES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def asset(name: str) -> str:
    """A style sheet or a script of the package."""
    return (files("trackclf") / "data" / name).read_text(encoding="utf-8")
