"""Results as an Excel workbook: sheets of texts, of evidence, of counts by label, and of what else is worth knowing."""

import gc
import math
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from tempfile import gettempdir
from traceback import clear_frames
from typing import Any, BinaryIO

from trackclf._records import Record
from trackclf._rows import Row, as_json, as_text, is_one_of_several, names_of, text_field
from trackclf._types import Evidence, Kind, Label, Tag
from trackclf._words import WORDS
from trackclf.errors import InputError

# What Excel has room for.
_SHEET, _COLUMNS, _CELL = (
    1 << 20,
    1000,
    32_767,
)  # rows; the input's own columns, so that there is room for ours; UTF-16 units
_EXACT = 10**15  # a spreadsheet keeps fifteen digits
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # what XML has no way to say


def openpyxl() -> Any:
    """The package, imported only when something asks for it."""
    try:
        import openpyxl
    except ImportError as error:
        raise InputError('xlsx needs openpyxl: pip install "trackclf[docs]"') from error
    return openpyxl


@contextmanager
def _sheets() -> Iterator[None]:
    """Sheets lie in the temporary folder until they are packed: an error says so, and nothing else is said of them."""
    try:
        yield
    except BaseException as error:
        hook, sys.unraisablehook = sys.unraisablehook, lambda _: None  # openpyxl's half sheets protest when they go
        clear_frames(error.__traceback__)
        gc.collect()
        sys.unraisablehook = hook
        if type(error).__module__.startswith("lxml"):
            where = f"{gettempdir()}: a sheet could not be written ({error})"
            raise InputError(f"{where}; free some space there, or set TMPDIR") from error
        raise


@_sheets()
def write_xlsx(rows: Iterable[Row], out: BinaryIO, lang: str, stamp: dict[str, str], kinds: Sequence[Kind]) -> None:
    """Texts with their tags, evidence with its places, counts by label, and the stamp; a sheet each.

    Evidence is a row for each term at each place, denied ones too, and one for all that a tag learned; a tag's rows and its
    label's bias sum to its score.

    All cells are strings or numbers, never formulas. Rows beyond what a sheet holds go on in another. A cell holds 32,767
    characters: a longer text is cut, and the column beside it says so. Characters that a workbook cannot hold become U+FFFD,
    and a carriage return a space, so that places stay as they are.
    """
    words = WORDS[lang]
    rows = iter(rows)
    first = next(rows, None)
    fields, body = ([], None) if first is None else (list(first[0].fields)[:_COLUMNS], text_field(first[0]))
    own = [
        name
        for name in fields
        if name != body and not (first and name == "id" and first[0].fields[name] == first[0].id)
    ]
    names = [kind.name if lang == "zh" else kind.name_en for kind in kinds]
    answers = [(kind, ("", "probability", *(["level"] if kind.id == "track" else []))) for kind in kinds]
    book = _Book()
    texts = book.sheet(
        words["text"],
        [
            words["id"],
            *own,
            *(words[key] for key in ("text", "characters", "note")),
            *(
                name + (f" · {words[part]}" if part else "")
                for name, (_, parts) in zip(names, answers, strict=True)
                for part in parts
            ),
            *(words[key] for key in ("evidence", "abstained", "error", "others_columns")),
        ],
        [
            24,
            *[20] * len(own),
            60,
            8,
            10,
            *(28 if not part else 16 for _, parts in answers for part in parts),
            40,
            14,
            14,
            14,
        ],
    )
    heads = [
        words[key]
        for key in (
            "id",
            "label",
            "term",
            "as_written",
            "kind",
            "voice",
            "trigger",
            "start",
            "end",
            "page",
            "contribution",
        )
    ]
    several = first is not None and is_one_of_several(first[0])  # then ids may be the same in two files
    heads += ["source_file"] if several else []
    evidence = book.sheet(words["evidence"], heads, [24, 24, 24, 24, 14, 8, 12, 8, 8, 8, 10, *[24] * several])
    labels: tuple[Label, ...] = ()
    tagged, pieces = Counter[str](), Counter[str]()
    read = failed = 0
    for record, result in chain([] if first is None else [first], rows):
        read += 1
        failed += result is None
        shown = {"id": record.id, text_field(record): record.text}
        more = {
            name: value
            for name, value in record.fields.items()
            if name not in own and not (name in shown and value == shown[name])
        }
        text = book.string(record.text)
        cut = words["cut"].format(n=len(record.text), shown=len(text)) if len(text) < len(record.text) else None
        row = [record.id, *(record.fields.get(name) for name in own), text, len(record.text), cut]
        if result is None:
            row += [None] * (sum(len(parts) for _, parts in answers) + 2)
        else:
            labels, named = result.labels, names_of(result, lang)
            for kind, parts in answers:
                for part in parts:
                    cells = [_part(tag, part, words) or named[tag.id] for tag in result.of(kind.id)]
                    row.append("、".join(cells))
            row += ["、".join(dict.fromkeys(item.text for tag in result.tags for item in tag.terms))]
            row += [words[result.abstained] if result.abstained else None]
            for tag in result.tags:
                tagged[tag.id] += 1
                pieces[tag.id] += len(tag.terms)
            found = [
                (tag.id, cells) for tag in result.tags for cells in _evidence(record, tag.terms, tag.context, words)
            ]
            found += (
                (label.id, cells) for label in result.denied for cells in _evidence(record, label.evidence, (), words)
            )
            for label_id, cells in found:
                evidence.add([record.id, named[label_id], *cells, *[record.source_file] * several])
        texts.add([*row, record.error, as_json(more) if more else None])
    columns = ("kind", "label", "id", "status", "texts", "share", "pieces")
    counts = book.sheet(words["label"], [words[key] for key in columns], [12, 28, 24, 12, 10, 10, 18])
    of_kind = dict(zip((kind.id for kind in kinds), names, strict=True))
    for label in labels:
        name, share = label.name if lang == "zh" else label.name_en, round(tagged[label.id] / read, 4)
        counts.add(
            [of_kind[label.kind], name, label.id, words[label.status], tagged[label.id], share, pieces[label.id]]
        )
    about = book.sheet(words["about"], [words["about"], ""], [44, 70])
    for name, value in [
        (words["texts"], read),
        (words["failed_texts"], failed),
        (words["replaced"], book.replaced),
        (words["cut_cells"], book.cut),
        *stamp.items(),
    ]:
        about.add([name, value])
    book.save(out)


def _part(tag: Tag, part: str, words: dict[str, str]) -> str:
    """Probability or level of a tag."""
    return {"probability": f"{tag.probability:.2f}", "level": words[f"level_{tag.level}"]}.get(part, "")


def _evidence(
    record: Record, terms: Sequence[Evidence], context: Sequence[Evidence], words: dict[str, str]
) -> Iterator[list[Any]]:
    """The cells of each term, from the term to its contribution, then of all that was learned."""
    for item in terms:
        said = words[item.voice], item.trigger and item.trigger.text
        place = item.start, item.end, record.page(item.start)
        yield [item.term, item.text, words[item.kind], *said, *place, round(item.contribution, 3)]
    if context:
        strings = "、".join(dict.fromkeys(item.text for item in context))
        yield [None, strings, words["learned"], *[None] * 5, round(sum(e.contribution for e in context), 3)]


class _Book:
    """A workbook that goes to disk row by row; counts what it had to change."""

    def __init__(self) -> None:
        if time.localtime().tm_year < 1980:
            raise InputError("the clock is before 1980, which no workbook can hold: set it, or choose --to csv")
        self.book = openpyxl().Workbook(write_only=True)
        self.replaced = self.cut = 0
        self._sheets: list[_Sheet] = []

    def sheet(self, title: str, heads: Sequence[str], widths: Sequence[int]) -> "_Sheet":
        self._sheets.append(_Sheet(self, title, heads, widths))
        return self._sheets[-1]

    def string(self, text: str) -> str:
        """As much of a text as a cell can hold."""
        text, replaced = _UNFIT.subn("\ufffd", text)
        self.replaced += replaced
        if len(text) > _CELL // 2 and len(units := text.encode("utf-16-le")) > 2 * _CELL:
            text = units[: 2 * _CELL].decode("utf-16-le", "ignore")
            self.cut += 1
        return text.replace("\r", " ")

    def cell(self, value: Any) -> Any:
        """A number, or a string that is never taken for a formula or an error."""
        if value is None or (isinstance(value, int | float) and math.isfinite(value) and abs(value) < _EXACT):
            return value
        text = self.string(as_text(value))
        if not text.startswith(("=", "#")):
            return text
        cell = openpyxl().cell.WriteOnlyCell(self._sheets[0].sheet, text)
        cell.data_type = "s"
        return cell

    def save(self, out: BinaryIO) -> None:
        for sheet in self._sheets:
            sheet.end()
        self.book.save(out)


class _Sheet:
    """Rows under a header that stays in view; goes on in another sheet where one is full."""

    def __init__(self, book: _Book, title: str, heads: Sequence[str], widths: Sequence[int]) -> None:
        self._book, self._title, self._heads, self._widths, self._number = book, title, heads, widths, 0
        self._begin()

    def _begin(self) -> None:
        package = openpyxl()
        self._number += 1
        self.sheet = self._book.book.create_sheet(self._title + (f" {self._number}" if self._number > 1 else ""))
        self.sheet.freeze_panes = "B2"
        heads = []
        for n, (name, size) in enumerate(zip(self._heads, self._widths, strict=True), 1):
            self.sheet.column_dimensions[package.utils.get_column_letter(n)].width = size
            head = package.cell.WriteOnlyCell(self.sheet, self._book.string(name))
            head.data_type, head.font = "s", package.styles.Font(bold=True)
            heads.append(head)
        self.sheet.append(heads)
        self._rows = 1

    def add(self, values: Sequence[Any]) -> None:
        if self._rows == _SHEET:
            self.end()
            self._begin()
        self.sheet.append([self._book.cell(value) for value in values])
        self._rows += 1

    def end(self) -> None:
        letter = openpyxl().utils.get_column_letter(len(self._heads))
        self.sheet.auto_filter.ref = f"A1:{letter}{self._rows}"
