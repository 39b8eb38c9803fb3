"""Results to jsonl, csv, a table, or an explanation in the terminal; one row source, many formats, streamed."""

import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, TextIO

from trackclf._readers import Record
from trackclf._taxonomy_files import parse_cue
from trackclf._types import Evidence, Kind, Label, Result, Tag
from trackclf._words import WORDS

Row = tuple[Record, Result | None]  # no result where the record has an error

_RESERVED = ("id", "pairs", "abstained", "segments", "error", "stamp", "nearest")
_SHOWN_TERMS = 6
_PALETTE = (32, 36, 33, 35, 34, 31)  # green, cyan, yellow, magenta, blue, red


def name_of(item: Tag | Label, lang: str, labels: Iterable[Label]) -> str:
    """Name of a tag in the language asked for."""
    if lang == "zh":
        return item.name
    return next((label.name_en for label in labels if label.id == item.id), item.name)


def to_dict(record: Record, result: Result | None, stamp: dict[str, str], kinds: Sequence[Kind]) -> dict[str, Any]:
    """The record of the JSON Lines output: id, tags, then the input's own columns.

    A column whose name the output needs itself is kept as `input_<name>`.
    """
    folders = [kind.folder for kind in kinds]
    empty: dict[str, Any] = {"id": record.id, **{name: [] for name in folders}, "pairs": [], "abstained": None}
    out = result.to_dict(record.id) if result else {**empty, "error": record.error, "stamp": stamp}
    for name, value in record.fields.items():
        if name == "id" and value == record.id:
            continue
        out[f"input_{name}" if name in _RESERVED or name in folders else name] = value
    return out


def write_jsonl(rows: Iterable[Row], out: TextIO, lang: str, stamp: dict[str, str], kinds: Sequence[Kind]) -> None:
    """One object a line; lone surrogates are written as JSON escapes."""
    for record, result in rows:
        out.write(json.dumps(to_dict(record, result, stamp, kinds), ensure_ascii=False) + "\n")


def write_csv(rows: Iterable[Row], out: TextIO, lang: str, stamp: dict[str, str], kinds: Sequence[Kind]) -> None:
    """The input's columns, then one column for each kind of answer; lists are joined by ";"."""
    import csv

    rows = iter(rows)
    first = next(rows, None)
    fields = [] if first is None else list(first[0].fields)
    named = first is not None and any(value == first[0].id for value in first[0].fields.values())
    id_column = [] if named else ["trackclf_id" if "id" in fields else "id"]
    columns = _columns(kinds)
    added = [f"trackclf_{name}" if name in fields else name for name in columns]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*id_column, *fields, *added, "more"])
    for record, result in chain([] if first is None else [first], rows):
        more = {name: value for name, value in record.fields.items() if name not in fields}
        cells = [_cell(record.fields.get(name, "")) for name in fields]
        answers = [record.error or ""] if result is None else _answers(result, lang, kinds)
        answers = [""] * (len(columns) - len(answers)) + answers
        writer.writerow(
            [
                *([record.id] if id_column else []),
                *cells,
                *answers,
                json.dumps(more, ensure_ascii=False) if more else "",
            ]
        )


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _columns(kinds: Sequence[Kind]) -> list[str]:
    out = []
    for kind in kinds:
        out += [kind.folder, f"{kind.id}_names", *(["levels"] if kind.id == "track" else [])]
    return [*out, "pairs", "evidence", "abstained", "error"]


def _answers(result: Result, lang: str, kinds: Sequence[Kind]) -> list[str]:
    names = {label.id: name_of(label, lang, result.labels) for label in result.labels}
    pairs = dict.fromkeys(f"{pair.track}+{pair.mode}" for pair in result.pairs)
    terms = dict.fromkeys(item.text for tag in result.tags for item in tag.terms)
    out = []
    for kind in kinds:
        tags = result.of(kind.id)
        out += [";".join(tag.id for tag in tags), ";".join(names[tag.id] for tag in tags)]
        if kind.id == "track":
            out.append(";".join(str(tag.level) for tag in tags))
    return [*out, ";".join(pairs), ";".join(terms), result.abstained or "", ""]


def width(text: str) -> int:
    """Columns that a string takes in a terminal: Chinese characters take two, combining marks none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def fit(text: str, columns: int) -> str:
    """A string padded, or cut with "…", to a number of terminal columns; on one line."""
    text = _one_line(text)
    if width(text) > columns:
        while width(text) > columns - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (columns - width(text))


def write_table(rows: Iterable[Row], out: TextIO, lang: str, stamp: dict[str, str], kinds: Sequence[Kind]) -> None:
    """One line a tag, aligned for Chinese widths; a text without tags has a line with the reason."""
    words = WORDS[lang]
    sizes = (22, 26, 12, 7, 6)
    heads = (words[key] for key in ("id", "tag", "status", "level", "probability"))
    out.write(
        "  ".join(fit(head, size) for head, size in zip(heads, sizes, strict=True)) + "  " + words["evidence"] + "\n"
    )
    for record, result in rows:
        id = fit(str(record.id), sizes[0])
        if result is None:
            out.write(f"{id}  {words['error']}: {record.error}\n")
            continue
        if not result.tags:
            out.write(f"{id}  ({words[result.abstained or 'none']}{_nearest(result, lang)})\n")
        for tag in result.tags:
            level = words[f"level_{tag.level}"] if tag.kind == "track" else ""
            cells = (name_of(tag, lang, result.labels), words[tag.status], level, f"{tag.probability:.2f}")
            body = "  ".join(fit(cell, size) for cell, size in zip(cells, sizes[1:], strict=True))
            out.write(f"{id}  {body}  {terms_of(tag)}\n")
            id = " " * sizes[0]


def _nearest(result: Result, lang: str) -> str:
    if result.nearest is None:
        return ""
    names = {label.id: name_of(label, lang, result.labels) for label in result.labels}
    id, distance = result.nearest
    return "; " + WORDS[lang]["nearest"].format(name=names[id], distance=distance)


def terms_of(tag: Tag) -> str:
    """The most telling terms; a cue with gaps as the pieces that it matched first."""
    counts: dict[str, int] = {}
    pieces: dict[str, list[str]] = {}
    for item in tag.terms:
        pieces.setdefault(item.cue, []).append(_one_line(item.text))
    for item in sorted(tag.terms, key=lambda item: (-item.contribution, item.start)):
        name = "…".join(pieces[item.cue][: len(parse_cue(item.cue))]) if item.cue else _one_line(item.text)
        counts[name] = 1 if item.cue else counts.get(name, 0) + 1
    shown = [f"{name}×{n}" if n > 1 else name for name, n in counts.items()]
    return "、".join(shown[:_SHOWN_TERMS]) + ("…" if len(shown) > _SHOWN_TERMS else "")


FORMATS: dict[str, Callable[[Iterable[Row], TextIO, str, dict[str, str], Sequence[Kind]], None]] = {
    "table": write_table,
    "jsonl": write_jsonl,
    "csv": write_csv,
}
# Written row by row, so that an interrupted run goes on behind the last: what is written of a row depends on no other row
# but the first. A format that is not among them gets its rows when all are there.
APPENDED = frozenset(("table", "jsonl", "csv"))
BINARY: frozenset[str] = frozenset()  # written to a file of bytes


def write_explanation(rows: Iterable[Row], out: TextIO, lang: str, colour: bool) -> None:
    """The text with its evidence marked, then each tag's sum, term by term."""
    for record, result in rows:
        out.writelines(_explain(record, result, lang, colour))


def _explain(record: Record, result: Result | None, lang: str, colour: bool) -> Iterator[str]:
    words = WORDS[lang]
    yield f"── {record.id} " + "─" * max(3, 70 - width(str(record.id))) + "\n"
    if result is None:
        yield f"{words['error']}: {record.error}\n\n"
        return
    paint = {tag.id: _PALETTE[n % len(_PALETTE)] for n, tag in enumerate(result.tags)}
    for start, end, tags in result.marks():
        part = result.text[start:end]
        if tags and colour:
            yield f"\x1b[1;{paint[tags[0].id]}m{part}\x1b[0m"
        else:
            yield f"[{part}]" if tags else part
    yield "\n"
    if not result.tags:
        yield f"\n{words['none']}: {words[result.abstained or 'none']}{_nearest(result, lang)}\n"
    for tag in result.tags:
        name = name_of(tag, lang, result.labels)
        title = f"\x1b[1;{paint[tag.id]}m{name}\x1b[0m" if colour else name
        level = f" · {words[f'level_{tag.level}']}" if tag.kind == "track" else ""
        bias = tag.score - sum(item.contribution for item in tag.evidence)
        yield (
            f"\n{title} ({tag.id}) · {words[tag.status]}{level} · {words['probability']} {tag.probability:.2f}"
            f" · {words['score']} {tag.score:.2f} = {words['bias']} {bias:+.2f}\n"
        )
        names = {label.id: name_of(label, lang, result.labels) for label in result.labels}
        for item in tag.terms:
            yield _evidence_line(item, words, names)
        if tag.context:
            yield _context_line(tag.context, words)
    if result.pairs:
        yield f"\n{words['pairs']}:\n"
        names = {label.id: name_of(label, lang, result.labels) for label in result.labels}
        for pair in result.pairs:
            span = fit(result.text[pair.start : pair.end], 60).rstrip()
            yield f"  {names[pair.track]} + {names[pair.mode]}  {pair.score:.2f}  [{pair.start}:{pair.end}] {span}\n"
    yield "\n"


def _context_line(context: Sequence[Evidence], words: dict[str, str]) -> str:
    """What was learned as one sum, with the most telling strings."""
    total = sum(item.contribution for item in context)
    shown = "  ".join(f"{_one_line(item.text)} {item.contribution:+.2f}" for item in context[:_SHOWN_TERMS])
    more = " …" if len(context) > _SHOWN_TERMS else ""
    return f"  {total:+6.2f}  {words['learned']} × {len(context)}: {shown}{more}\n"


def _evidence_line(item: Evidence, words: dict[str, str], names: dict[str, str]) -> str:
    below = f"  ({words['inherited'].format(name=names[item.inherited])})" if item.inherited else ""
    cue = f"  ({words['cue']}: {item.cue})" if item.cue else ""
    place = f"[{item.start}:{item.end}]"
    return f"  {item.contribution:+6.2f}  {fit(item.text, 24)}  {fit(words[item.kind], 10)}  {place}{cue}{below}\n"
