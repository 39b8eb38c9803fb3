"""Results in the terminal: a table, or the text with its evidence marked; widths of Chinese there."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TextIO

from trackclf._records import Record
from trackclf._rows import Row, is_one_of_several, name_of, names_of
from trackclf._taxonomy_files import parse_cue
from trackclf._types import Evidence, Kind, Result, Tag
from trackclf._words import WORDS, spoken

_SHOWN_TERMS = 6
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # a text does not steer the terminal
_PALETTE = (32, 36, 33, 35, 34, 31)  # green, cyan, yellow, magenta, blue, red
_GAP = "  "
_ID, _NAME = 22, 26  # columns that an id and a name may take
_LEAST_ID, _LEAST_NAME = 10, 12  # what they shrink to, so that evidence has some
_EVIDENCE, _LEAST_EVIDENCE = 24, 8


def _columns_of(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def width(text: str) -> int:
    """Columns that a string takes in a terminal: Chinese characters and emoji take two, what joins or is invisible none."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def _one_line(text: str) -> str:
    """The text on one line: white space is one space, control and invisible characters are left out."""
    if text.isascii() and text.isprintable():
        return text
    kept = (char for char in text if char.isspace() or (char.isprintable() and not "\ufe00" <= char <= "\ufe0f"))
    return " ".join("".join(kept).split())


def _cut(text: str, columns: int) -> str:
    """As much of the text as fits into a number of columns."""
    for at, char in enumerate(text):
        columns -= _columns_of(char)
        if columns < 0:
            return text[:at]
    return text


def fit(text: str, columns: int, tail: bool = False) -> str:
    """A string padded, or cut with "…", to a number of terminal columns; on one line. `tail` keeps its end."""
    text = _one_line(text)
    if width(text) > columns:
        text = "…" + _cut(text[::-1], columns - 1)[::-1] if tail else _cut(text, columns - 1) + "…"
    return text + " " * (columns - width(text))


def _room(out: TextIO) -> int | None:
    """The terminal's width, or what COLUMNS says of it; None where the output is no terminal."""
    if not out.isatty():
        return None
    from shutil import get_terminal_size  # which imports what compresses

    return get_terminal_size().columns


def _sizes(words: dict[str, str], names: Iterable[str], room: int | None) -> list[int]:
    """Columns of id, name, status, level and probability: 0 for one that a narrow terminal has no room for."""
    groups = ("status", "named", "headline", "provisional", "candidate"), ("level", "level_1", "level_2")
    longest = max(map(width, names), default=_NAME)
    id, name = _ID, max(width(words["tag"]), longest if room is None else min(_NAME, longest))
    rest = [*(max(width(words[key]) for key in keys) for keys in groups), max(4, width(words["probability"]))]
    if room is None:
        return [id, name, *rest]
    free = room - id - name - sum(rest) - 5 * len(_GAP)
    id, free = _shrunk(id, _LEAST_ID, free)
    name, free = _shrunk(name, _LEAST_NAME, free)
    return [id, name, *rest] if free >= _LEAST_EVIDENCE else [id, name, 0, 0, rest[-1]]


def _shrunk(size: int, least: int, free: int) -> tuple[int, int]:
    given = max(0, min(_EVIDENCE - free, size - least))
    return size - given, free + given


def write_table(rows: Iterable[Row], out: TextIO, lang: str, stamp: dict[str, str], kinds: Sequence[Kind]) -> None:
    """One line a tag, aligned for Chinese widths; a text without tags has a line with the reason.

    In a terminal a line is as wide as the terminal; elsewhere nothing is cut.
    """
    words, room = WORDS[lang], _room(out)
    rows = iter(rows)
    first = next(rows, None)
    names = names_of(first[1], lang).values() if first and first[1] else ()
    sizes = _sizes(words, names, room)

    def line(id: str, cells: Sequence[str], last: str) -> str:
        sized = [(cell, size) for cell, size in zip((id, *cells), sizes, strict=False) if size]
        if room is None:  # a longer cell moves what stands behind it
            sized = [(cell, max(size, width(_one_line(cell)))) for cell, size in sized]
        shown = [fit(cell, size, tail=n == 0) for n, (cell, size) in enumerate(sized)]
        before = _GAP.join(shown) + _GAP
        if room is not None:
            free = room - width(before)
            last = fit(last, free) if free >= _LEAST_EVIDENCE else ""
        return (before + last).rstrip() + "\n"

    out.write(line(words["id"], [words[key] for key in ("tag", "status", "level", "probability")], words["evidence"]))
    for record, result in chain([] if first is None else [first], rows):
        id = str(record.id)
        if result is None:
            out.write(line(id, (), f"{words['error']}: {_one_line(str(record.error))}"))
            continue
        if not result.tags:
            out.write(
                line(id, (), f"({words[result.abstained or 'none']}{_nearest(result, lang)}{_denied(result, lang)})")
            )
        for tag in result.tags:
            level = words[f"level_{tag.level}"] if tag.kind == "track" else ""
            cells = (name_of(tag, lang, result.labels), words[tag.status], level, f"{tag.probability:.2f}")
            out.write(line(id, cells, terms_of(tag, _SHOWN_TERMS if room else None)))
            id = ""


def _nearest(result: Result, lang: str) -> str:
    if result.nearest is None:
        return ""
    names = names_of(result, lang)
    id, distance = result.nearest
    return "; " + WORDS[lang]["nearest"].format(name=names[id], distance=distance)


def _denied(result: Result, lang: str) -> str:
    names = names_of(result, lang)
    return ": " + "、".join(names[label.id] for label in result.denied) if result.abstained == "denied_only" else ""


def terms_of(tag: Tag, most: int | None = _SHOWN_TERMS) -> str:
    """The terms, the most telling first, and no more than `most`; a cue with gaps as the pieces that it matched first."""
    counts: dict[str, int] = {}
    pieces: dict[str, list[str]] = {}
    for item in tag.terms:
        pieces.setdefault(item.cue, []).append(_one_line(item.text))
    for item in sorted(tag.terms, key=lambda item: (-item.contribution, item.start)):
        name = "…".join(pieces[item.cue][: len(parse_cue(item.cue))]) if item.cue else _one_line(item.text)
        counts[name] = 1 if item.cue else counts.get(name, 0) + 1
    shown = [f"{name}×{n}" if n > 1 else name for name, n in counts.items()]
    return "、".join(shown[:most]) + ("…" if most and len(shown) > most else "")


def write_explanation(rows: Iterable[Row], out: TextIO, lang: str, colour: bool) -> None:
    """The text with its evidence marked, then each tag's sum, term by term."""
    for record, result in rows:
        out.writelines(_explain(record, result, lang, colour))


def _explain(record: Record, result: Result | None, lang: str, colour: bool) -> Iterator[str]:
    words, id = WORDS[lang], _one_line(str(record.id))
    if is_one_of_several(record) and not id.startswith(str(record.source_file)):
        id += f" · {_one_line(str(record.source_file))}"
    yield f"── {id} " + "─" * max(3, 70 - width(id)) + "\n"
    if result is None:
        yield f"{words['error']}: {_one_line(str(record.error))}\n\n"
        return
    names = names_of(result, lang)
    paint = {tag.id: _PALETTE[n % len(_PALETTE)] for n, tag in enumerate(result.tags)}
    for start, end, tags in result.marks():
        part = _CONTROL.sub("\ufffd", result.text[start:end])
        if tags and colour:
            yield f"\x1b[1;{paint[tags[0].id]}m{part}\x1b[0m"
        else:
            yield f"[{part}]" if tags else part
    yield "\n"
    if not result.tags:
        yield f"\n{words['none']}: {words[result.abstained or 'none']}{_nearest(result, lang)}\n"
    for tag in result.tags:
        name = names[tag.id]
        title = f"\x1b[1;{paint[tag.id]}m{name}\x1b[0m" if colour else name
        level = f" · {words[f'level_{tag.level}']}" if tag.kind == "track" else ""
        bias = tag.score - sum(item.contribution for item in tag.evidence)
        yield (
            f"\n{title} ({tag.id}) · {words[tag.status]}{level} · {words['probability']} {tag.probability:.2f}"
            f" · {words['score']} {tag.score:.2f} = {words['bias']} {bias:+.2f}\n"
        )
        for item in tag.terms:
            yield _evidence_line(item, words, names)
        if tag.context:
            yield _context_line(tag.context, words)
    for label in result.denied:
        yield f"\n{names[label.id]} ({label.id}) · {words['denied']}\n"
        for item in label.evidence:
            yield _evidence_line(item, words, names)
    if result.pairs:
        yield f"\n{words['pairs']}:\n"
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
    voice = f"  {_one_line(spoken(item, words))}" if item.trigger else ""
    place = f"[{item.start}:{item.end}]"
    return (
        f"  {item.contribution:+6.2f}  {fit(item.text, 24)}  {fit(words[item.kind], 10)}  {place}{voice}{cue}{below}\n"
    )
