"""Texts to label as one HTML page that needs nothing but a browser: evidence marked, keys to decide, labels to download."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256
from html import escape
from typing import Any

import numpy as np

from trackclf._html import Span, asset, embedded, evidence_title, head, hue, marked
from trackclf._review import ReviewItem, columns_of
from trackclf._short import FewCharacters
from trackclf._tagger import Tagger
from trackclf._types import Label, Result, Tag
from trackclf._words import REVIEW_WORDS, WORDS

_MISSES, _LEAST = 4, 0.01  # near misses shown beside the tags, and their least probability
_KEYS = (
    ("j ↓", "key_next"),
    ("k ↑", "key_back"),
    ("a", "key_a"),
    ("r", "key_r"),
    ("?", "key_unknown"),
    ("1–9", "key_digit"),
    ("⇧ 1–9", "key_level"),
    ("/", "key_find"),
    ("u", "key_undo"),
    ("s", "key_save"),
)
_LEVELS = {"track": [1, 2, "?"]}  # of the other kinds: [1, "?"]


def page(
    rows: Sequence[tuple[ReviewItem, Any]], tagger: Tagger, labels: Iterable[str] | None = None, lang: str = "zh"
) -> str:
    """One self-contained HTML page.

    Parameters
    ----------
    rows : sequence of (ReviewItem, id)
        As `rank_for_review` chose them, each with the caller's id for it.
    tagger : Tagger
        The one that they were chosen by.
    labels : iterable of str, optional
        Ids of the labels that are asked about; what is downloaded says of the others that they are unknown.
    lang : "zh" or "en"

    Returns
    -------
    str; lone surrogates in it must be escaped when it is written.
    """
    asked = {tagger.labels[column].id for column in columns_of(tagger, labels)}
    words = WORDS[lang] | REVIEW_WORDS[lang]
    texts = [item.text for item, _ in rows]
    probability = tagger.probabilities(texts)
    data: dict[str, Any] = {"rows": []}
    articles = []
    everything = zip(rows, tagger.tag_many(texts), _lenient(tagger).tag_many(texts), probability.tolist(), strict=True)
    for n, ((item, id), result, lenient, chances) in enumerate(everything):
        of_label = dict(zip((label.id for label in tagger.labels), chances, strict=True))
        tags = [tag for tag in result.tags if tag.id in asked]
        missed = _missed(item, result, lenient, of_label, asked)
        levels = {tag.id: tag.level for tag in tags}
        data["rows"].append({"id": id, "text": item.text, "reason": item.reason, "levels": levels})
        articles.append(_article(n, item, id, [*tags, *missed], len(tags), of_label, tagger.labels, words, lang))
    data |= {
        "key": "trackclf-review-" + sha256(json.dumps([data, sorted(asked)]).encode()).hexdigest()[:12],
        "asked": sorted(asked),
        "labels": [_label(n, label, lang) for n, label in enumerate(tagger.labels)],
        "words": words,
    }
    script = asset("review.js")
    top = head(f"trackclf · {words['title']}", lang, asset("review.css"), script)
    keys = "".join(f"<li><kbd>{escape(key)}</kbd> {escape(words[word])}</li>" for key, word in _KEYS)
    return f"""{top}<header id="bar"><div>
<h1>{escape(words["title"])}</h1>
<progress max="{len(rows)}" value="0" aria-label="{escape(words["progress"])}"></progress>
<output id="done" aria-live="polite">0 / {len(rows)}</output>
<input id="by" autocomplete="off" aria-label="{escape(words["by"])}" placeholder="{escape(words["by"])}">
<button type="button" id="undo" data-key="u">{escape(words["key_undo"])}</button>
<button type="button" class="main" data-key="s">{escape(words["key_save"])}</button>
<div id="note" role="status"></div>
</div></header>
<main>
<details id="help"><summary>{escape(words["keys"])}</summary><ul>{keys}</ul><p class="faint">{escape(words["meaning"])}</p></details>
<noscript><p>{escape(words["no_script"])}</p></noscript>
{"".join(articles) or f"<p>{escape(words['nothing'])}</p>"}
</main>
<footer class="faint"><small>{escape(" · ".join(f"{key} {value}" for key, value in tagger.stamp.items()))}</small></footer>
<dialog aria-labelledby="ask"><label id="ask" for="wanted">{escape(words["key_find"])}</label>
<input id="wanted" role="combobox" aria-expanded="true" aria-controls="found" aria-autocomplete="list" autocomplete="off">
<ul id="found" role="listbox" aria-labelledby="ask"></ul></dialog>
<script type="application/json" id="data">{embedded(data)}</script>
<script>{script}</script>
</body>
</html>
"""


def _label(column: int, label: Label, lang: str) -> dict[str, Any]:
    return {
        "id": label.id,
        "name": label.name if lang == "zh" else label.name_en,
        "names": f"{label.name} {label.name_en}",
        "field": f"{label.kind}s",
        "levels": _LEVELS.get(label.kind, [1, "?"]),
        "hue": hue(column),
    }


def _lenient(tagger: Tagger) -> Tagger:
    """The same tagger with every label present that has any evidence: it shows what near misses rest on."""
    model, lexicon = tagger._model, tagger._resolver.lexicon
    size = len(lexicon.labels)
    least = np.full(size, np.iinfo(np.int64).min)
    model = replace(model, gate=least, gate_alone=least, threshold=np.full(size, -np.inf))
    out = object.__new__(type(tagger))
    for name in tagger.__slots__:
        object.__setattr__(out, name, getattr(tagger, name))
    object.__setattr__(out, "_model", model)
    object.__setattr__(out, "_few", FewCharacters(lexicon, model, tagger._resolver.straddles))
    return out


def _missed(
    item: ReviewItem, result: Result, lenient: Result, of_label: dict[str, float], asked: set[str]
) -> list[Tag]:
    """Labels with evidence that are not present: the one in question, then the most probable."""
    present = {tag.id for tag in result.tags}
    likely = {id for id, chance in of_label.items() if chance >= _LEAST or id == item.label}
    missed = [tag for tag in lenient.tags if tag.id in asked & likely - present and tag.terms]
    return sorted(missed, key=lambda tag: (tag.id != item.label, -of_label[tag.id]))[:_MISSES]


def _article(
    n: int,
    item: ReviewItem,
    id: Any,
    tags: Sequence[Tag],
    present: int,
    of_label: dict[str, float],
    labels: Sequence[Label],
    words: dict[str, str],
    lang: str,
) -> str:
    column = {label.id: n for n, label in enumerate(labels)}
    name = {label.id: label.name if lang == "zh" else label.name_en for label in labels}
    question = f"{name[item.label]} {item.probability:.2f}" if item.label else ""
    chips, why = [], []
    for number, tag in enumerate(tags, 1):
        key = f"<kbd>{number}</kbd>" if number < 10 else ""
        on = number <= present
        chips.append(
            f'<li style="--h:{hue(column[tag.id])}"><button type="button" class="chip" data-id="{escape(tag.id)}" '
            f'aria-pressed="{str(on).lower()}" title="{escape(words["suggested" if on else "near_miss"])}">'
            f'<span class="tick" aria-hidden="true">{"✓" if on else "+"}</span>{key}<span>{escape(name[tag.id])}</span>'
            f'<span class="p">{of_label[tag.id]:.2f}</span></button><button type="button" class="level"></button></li>'
        )
        why += [
            f"<tr><td>{escape(name[tag.id])}<td>{escape(piece.text)}<td>{escape(words[piece.kind])}"
            f'<td class="sum">{piece.contribution:+.2f}'
            for piece in tag.terms
        ]
        if tag.context:
            total = sum(piece.contribution for piece in tag.context)
            why.append(
                f'<tr><td>{escape(name[tag.id])}<td>{len(tag.context)} ×<td>{escape(words["learned"])}<td class="sum">{total:+.2f}'
            )
    spans = [
        Span(piece.start, piece.end, f"--h:{hue(column[tag.id])}", evidence_title(name[tag.id], piece, words))
        for tag in tags
        for piece in tag.terms
    ]
    buttons = "".join(
        f'<button type="button" class="{kind}" data-key="{key}">{escape(words[word])} <kbd>{key}</kbd></button>'
        for key, word, kind in (
            ("a", "key_a", "yes"),
            ("r", "key_r", "no"),
            ("?", "key_unknown", "unsure"),
            ("/", "key_find", "find"),
        )
    )
    return (
        f'<article id="t{n}" tabindex="-1" aria-labelledby="h{n}"><div class="head">'
        f'<h2 id="h{n}">{n + 1}. <bdi>{escape(str(id))}</bdi></h2>'
        f'<span class="reason {item.reason}">{escape(words[item.reason])}</span><span class="faint">{escape(question)}</span>'
        f'<span class="verdict" role="status"></span></div>'
        f'<div class="text" lang="zh">{marked(item.text, spans)}</div>'
        f'<ul class="chips" aria-label="{escape(words["tag"])}">{"".join(chips)}</ul>'
        + (
            f'<details class="why"><summary>{escape(words["evidence"])}</summary><table>{"".join(why)}</table></details>'
            if why
            else ""
        )
        + f'<div class="acts">{buttons}</div></article>\n'
    )
