"""What an edit changes, and what a corpus says about a taxonomy, as tables to read."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TextIO

from trackclf._authoring import Change, TagChange
from trackclf._records import Record
from trackclf._rows import as_text, name_of
from trackclf._suggesting import Advice, Doubt
from trackclf._taxonomy import Taxonomy
from trackclf._terminal import fit, terms_of, width
from trackclf._types import Label
from trackclf._words import WORDS

_BEFORE = 12  # characters of an example before what it shows
_SHOWN = 20  # changes of one kind, before "…"


def write_changes(changes: Iterable[Change], out: TextIO, lang: str) -> None:
    """What differs between two taxonomies: + added, - removed, ~ changed."""
    words = WORDS[lang]
    none = True
    for (part, name), group in groupby(changes, key=lambda change: (change.part, change.name)):
        none = False
        some = list(group)
        signs = Counter(map(_sign, some))
        counts = " ".join(f"{sign}{signs[sign]}" for sign in "+-~" if signs[sign])
        out.write(f"{words[part]} {name}  {counts}\n")
        out.writelines(f"  {_change(change, words)}\n" for change in some[:_SHOWN])
        if len(some) > _SHOWN:
            out.write("  " + words["more"].format(n=len(some) - _SHOWN) + "\n")
    if none:
        out.write(words["no_changes"] + "\n")


def _sign(change: Change) -> str:
    return "+" if change.old is None else "-" if change.new is None else "~"


def _change(change: Change, words: dict[str, str]) -> str:
    sign, old, new = _sign(change), change.old, change.new
    if change.part == "term":
        lines = [_term(line, words) for line in (old, new) if line]
        return f"{sign} " + " → ".join(dict.fromkeys(lines))
    shown = [as_text(value) for value in (old, new) if value is not None]
    item = "" if change.item in ("", *shown) else f"{change.item}: "
    return f"{sign} {item}" + " → ".join(shown)


def _term(line: dict[str, object], words: dict[str, str]) -> str:
    rest = {key: value for key, value in line.items() if key not in ("t", "k")}
    conditions = "".join(f" {key}={as_text(value)}" for key, value in rest.items())
    return f"{line['t']} ({words[str(line['k'])]}){conditions}"


def write_tag_changes(
    rows: Iterable[tuple[Record, list[TagChange]]], out: TextIO, lang: str, labels: Iterable[Label]
) -> None:
    """A line for each label that a text gains (+) or loses (-): its evidence, then the changed terms responsible."""
    words, labels = WORDS[lang], tuple(labels)
    texts = changed = 0
    counts: dict[str, Counter[str]] = {}
    for record, changes in rows:
        texts += 1
        changed += bool(changes)
        id = str(record.id)
        for change in changes:
            tag, sign = change.tag, "+" if change.gained else "-"
            counts.setdefault(tag.id, Counter())[sign] += 1
            why = "、".join(_change(term, words) for term in change.responsible) or words["other_cause"]
            out.write(
                f"{fit(id, 22)}  {sign} {fit(name_of(tag, lang, labels), 26)}  {tag.probability:.2f}"
                f"  {terms_of(tag)}  ← {why}\n"
            )
            id = ""
    summary = "".join(
        f"  {id} {' '.join(f'{sign}{signs[sign]}' for sign in '+-' if signs[sign])}" for id, signs in counts.items()
    )
    out.write(words["texts_changed"].format(n=changed, total=texts) + summary + "\n")


def write_advice(advice: Iterable[Advice], out: TextIO, lang: str, taxonomy: Taxonomy) -> None:
    """For each label: candidates with their counts, then doubts by reason."""
    words = WORDS[lang]
    for some in advice:
        label = taxonomy[some.label].label
        name = label.name if lang == "zh" else label.name_en
        out.write(f"{name} ({label.id})  " + words["in_sentences"].format(n=some.sentences, total=some.total) + "\n")
        if some.candidates:
            heads = (
                fit(words["candidate_term"], 24),
                *(" " * (7 - width(head)) + head for head in (words["count"], words["others"], "G2")),
            )
            out.write("  " + "  ".join(heads) + "\n")
        for item in some.candidates:
            cells = fit(item.text, 24), f"{item.count:7}", f"{item.others:7}", f"{item.association:7.1f}"
            out.write("  " + "  ".join(cells) + f"  {_around(item.text, item.examples[0])}\n")
        for reason, group in groupby(some.doubts, key=lambda doubt: doubt.reason):
            doubts = list(group)
            problem = words[doubts[0].problem]
            out.write(f"  {problem} · {words[reason]} ({some.found[reason]})\n")
            out.writelines(f"    {line}\n" for line in _doubts(doubts))
            if some.found[reason] > len(doubts):
                out.write("    " + words["more"].format(n=some.found[reason] - len(doubts)) + "\n")
        out.write("\n")


def _doubts(doubts: list[Doubt]) -> Iterator[str]:
    if doubts[0].reason == "unseen":
        yield "、".join(doubt.text for doubt in doubts)
        return
    for doubt in doubts:
        cells = [fit(doubt.text, 24), f"{doubt.count:6}/{doubt.total:<6}" if doubt.total else ""]
        cells += [f"⊂ {'、'.join(doubt.by)}" if doubt.total else f"= {'、'.join(doubt.by)}"] if doubt.by else []
        cells += [_around(doubt.text, doubt.examples[0])] if doubt.examples else []
        yield "  ".join(filter(None, cells)).rstrip()


def _around(text: str, sentence: str) -> str:
    """The part of a sentence where a string stands, for one line."""
    at = max(sentence.lower().find(text.lower()) - _BEFORE, 0)
    return ("…" if at else "") + fit(sentence[at:], 60).rstrip()
