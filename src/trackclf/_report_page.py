"""Any number of results as one HTML page to look at, filter and search: rows go out as they come, the page's script does the rest."""

import os
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from html import escape
from pathlib import Path
from typing import Any, TextIO

from trackclf._characters import folds
from trackclf._html import asset, codes, embedded, head, hue, pieces
from trackclf._records import Record
from trackclf._types import Denied, Evidence, Kind, Label, Result, Tag
from trackclf._words import REPORT_KEYS, REPORT_WORDS, WORDS

_SCRIPTS = ("report.js", "report_overview.js", "report_list.js")  # one after the other, one script
_BLOCK = 1000  # rows in a script element: a browser reads and forgets them block by block
_ID = ("id", "编号", "source_file")
_TITLE = ("title", "标题", "headline")
_URL = ("url", "link", "链接", "网址")
_DATE = ("date", "日期", "发布时间", "发布日期", "time", "时间", "published")
_FACTS, _FACT_LENGTH, _CONTEXT = 8, 80, 6
_DATE_FORM = re.compile(
    r"\s*((?:19|20)\d\d)(?:(?P<sep>\s*[-/.年]\s*)(\d{1,2})(?:\s*(?:(?P=sep)|[-/.月])\s*(\d{1,2}))?(?!\d)|(\d\d)(\d\d)(?!\d{1,5}$)|年?\s*$)"
)


def iso_date(value: Any) -> str | None:
    """A date as ISO 8601, to the day, month or year that it has; None where it is none. The time behind it is left out.

    >>> [iso_date(value) for value in ("2026年11月25日 08:30", "2026-11-25T08:30:00Z", "2026/1/5", "20261125", "2026年3月", 2026)]
    ['2026-11-25', '2026-11-25', '2026-01-05', '2026-11-25', '2026-03', '2026']
    >>> iso_date("2026-13-01") or iso_date("昨天") or iso_date("20261")
    """
    found = _DATE_FORM.match(str(value))
    if not found:
        return None
    year, _, month, day, month8, day8 = found.groups()
    numbers = [int(part) for part in (year, month or month8, day or day8) if part]
    try:
        return date(*[*numbers, 1, 1][:3]).isoformat()[: (4, 7, 10)[len(numbers) - 1]]
    except ValueError:
        return None


def write(
    rows: Iterable[tuple[Record, Result | None]],
    out: TextIO,
    lang: str,
    stamp: dict[str, str],
    kinds: Sequence[Kind],
    date_field: str | None = None,
    paths: Sequence[str] = (),
) -> None:
    """One self-contained page; what is kept in memory does not grow with the rows.

    Parameters
    ----------
    rows : iterable of (Record, Result or None)
        No result where the record has an error.
    out : text stream
        In UTF-8; nothing needs escaping on the way.
    lang : "zh" or "en"
    stamp : dict of str to str
        What the results can be repeated by.
    kinds : sequence of Kind
    date_field : str, optional
        Column that holds the date; otherwise the first with a usual name (date, 日期, 发布时间 …) and a date in it.
    paths : sequence of str, optional
        What was read, for the page's title.
    """
    words, script = WORDS[lang] | REPORT_WORDS[lang], "".join(map(asset, _SCRIPTS))
    out.write(head(_title(paths, words), lang, asset("report.css"), script) + _skeleton(words))
    labels: tuple[Label, ...] = ()
    column: dict[str, int] = {}
    total, seen = 0, set[str]()
    for record, result in rows:
        if result is not None and not labels:
            labels = result.labels
            column = {label.id: n for n, label in enumerate(labels)}
        if total % _BLOCK == 0:
            out.write(("\n]</script>\n" if total else "") + '<script type="application/json" class="rows">[')
        row = embedded(_row(record, result, column, date_field))
        seen.update(row)
        out.write(("," if total % _BLOCK else "") + "\n" + row)
        total += 1
    out.write("\n]</script>\n" if total else "")
    facts = {
        "labels": _labels(labels, kinds, lang),
        "kinds": [kind.name if lang == "zh" else kind.name_en for kind in kinds],
        "words": words,
        "folds": _folds(seen),
    }
    out.write(f'<script type="application/json" id="facts">{embedded(facts)}</script>\n')
    out.write(f"<footer>{escape(_foot(words, stamp))}</footer>\n<script>{script}</script>\n</body>\n</html>\n")


def _title(paths: Sequence[str], words: dict[str, str]) -> str:
    """The input's name first: tabs and bookmarks show no more of it."""
    named = [path for path in paths if path != "-"]
    what = words["inputs"].format(n=len(paths)) if len(paths) > 1 else Path(named[0]).resolve().name if named else ""
    return " · ".join([*([what] if what else []), words["title"], "trackclf"])


def _folds(seen: set[str]) -> list[str]:
    """What the search folds, and to what: the characters that come down to one of the page's, so that any way to write it finds it.

    Case is left to the browser. Both sides take one UTF-16 unit, so that folding moves no place.
    """
    table = folds()
    shown = {table.get(ord(char), char) for char in seen}
    pairs = [
        (chr(code), to)
        for code, to in table.items()
        if to in shown and max(code, ord(to)) < 1 << 16 and chr(code).lower() != to
    ]
    return ["".join(side) for side in zip(*pairs, strict=True)] or ["", ""]


def _row(record: Record, result: Result | None, column: dict[str, int], date_field: str | None) -> dict[str, Any]:
    """What the page's script knows of a text; what is empty is left out."""
    row: dict[str, Any] = {"id": str(record.id)} | _columns(record, date_field)
    if result is None:
        return row | {"error": record.error or "", "parts": []}
    evidence: list[tuple[Tag | Denied, Evidence]] = [(tag, item) for tag in result.tags for item in tag.terms]
    evidence += ((label, item) for label in result.denied for item in label.evidence)
    row["parts"] = [
        [piece, *over] if over else piece for piece, over in pieces(result.text, [item for _, item in evidence])
    ]
    tags = [_tag(tag, column) for tag in result.tags]
    marks = [_mark(tag, item, column, record) for tag, item in evidence]
    pairs = dict.fromkeys((column[pair.track], column[pair.mode]) for pair in result.pairs)
    row |= {name: value for name, value in (("tags", tags), ("marks", marks), ("pairs", list(pairs))) if value}
    if not tags:
        row["why"] = result.abstained or "none"
        if result.nearest is not None:
            row["nearest"] = [column[result.nearest[0]], round(result.nearest[1], 2)]
    return row


def _tag(tag: Tag, column: dict[str, int]) -> list[Any]:
    """Label, level, probability, score and, where anything was learned: how many strings, their sum, the most telling."""
    context = tag.context
    learned = [len(context), round(sum(item.contribution for item in context), 2)] if context else []
    telling = [[item.text, round(item.contribution, 2)] for item in context[:_CONTEXT]]
    return [column[tag.id], tag.level, round(tag.probability, 3), round(tag.score, 2), *learned, *telling]


def _mark(tag: Tag | Denied, item: Evidence, column: dict[str, int], record: Record) -> list[Any]:
    """Label, term, kind and contribution; where there are any, the label below that it is from, the page, voice and trigger."""
    out = [column[tag.id], item.cue or item.term, item.kind, round(item.contribution, 2)]
    said = [item.voice, item.trigger.text] if item.trigger else []
    more = [column[item.inherited] if item.inherited else None, record.page(item.start), *said]
    while more and more[-1] is None:
        more.pop()
    return out + more


def _columns(record: Record, date_field: str | None) -> dict[str, Any]:
    """Title, date, address and the other columns of the row."""
    out: dict[str, Any] = {}
    facts: list[list[str]] = []
    for name, value in record.fields.items():
        shown = "" if value is None else " ".join(str(value).split())
        key = str(name).strip().lower()
        if not shown or value == record.text or (value == record.id and key in _ID):
            continue
        if key in _TITLE and "title" not in out:
            out["title"] = shown
        elif key in _URL and "url" not in out:
            out["url"] = shown
        elif "date" not in out and (name == date_field or (not date_field and key in _DATE)) and iso_date(value):
            out["date"] = iso_date(value)
        elif len(facts) < _FACTS:
            facts.append([str(name), shown if len(shown) <= _FACT_LENGTH else shown[: _FACT_LENGTH - 1] + "…"])
    return out | ({"facts": facts} if facts else {})


def _labels(labels: Sequence[Label], kinds: Sequence[Kind], lang: str) -> list[dict[str, Any]]:
    order = [kind.id for kind in kinds]
    parent = {label.id: label.parent for label in labels}

    def depth(id: str) -> int:
        return 1 + depth(parent[id]) if parent.get(id) in parent else 0

    return [
        {
            "id": label.id,
            "code": code,
            "name": label.name if lang == "zh" else label.name_en,
            "kind": order.index(label.kind),
            "status": label.status,
            "hue": hue(n),
            "step": n % 3,
            "depth": depth(label.id),
            "levels": label.kind == "track",
        }
        for n, (label, code) in enumerate(zip(labels, codes(label.kind for label in labels), strict=True))
    ]


def _foot(words: dict[str, str], stamp: dict[str, str]) -> str:
    # SOURCE_DATE_EPOCH is what builds that can be repeated to the byte set.
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    when = datetime.fromtimestamp(int(epoch), UTC) if epoch and epoch.isdecimal() else datetime.now().astimezone()
    made = words["made_at"].format(when=f"{when:%Y-%m-%d %H:%M}")
    return " · ".join([made, *(f"{key} {value}" for key, value in stamp.items())])


def _skeleton(words: dict[str, str]) -> str:
    word = {key: escape(value) for key, value in words.items()}
    orders = "".join(
        f'<option value="{key}">{word[f"by_{key}"]}</option>' for key in ("place", "probability", "newest", "oldest")
    )
    keys = "".join(f"<li><kbd>{key}</kbd> {word[name]}</li>" for key, name in REPORT_KEYS)
    return f"""<header><h1>{word["title"]}</h1><ul id="tiles" aria-label="{word["overview"]}"><li>{word["loading"]}</li></ul></header>
<noscript><p>{word["no_script"]}</p></noscript>
<div id="page">
<nav id="facets" aria-label="{word["tag"]}"></nav>
<div id="middle">
<div id="charts"></div>
<div id="bar" role="search">
<input id="query" type="search" autocomplete="off" aria-label="{word["search"]}" placeholder="{word["search"]}  /">
<label><span>{word["order"]}</span> <select id="order">{orders}</select></label>
<output id="count" aria-live="polite"></output>
<div id="chosen"></div>
</div>
<main id="list" aria-label="{word["texts"]}"></main>
<p id="printed" hidden></p>
<details id="keys"><summary>{word["keys"]}</summary><ul>{keys}</ul></details>
</div>
</div>
<div id="tip" role="tooltip" hidden></div>
"""
