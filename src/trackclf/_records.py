"""What reading gives and how it is asked for: records, options, bounds."""

import re
from bisect import bisect_right
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from trackclf.errors import InputError

TEXT_FIELDS = ("text", "content", "body", "正文", "内容", "文本", "正文内容", "title", "标题")
ID_FIELDS = ("id", "ID", "Id", "编号")
_SYLLABLE = "[(（][a-zāáǎàēéěèīíǐìōóǒòūúǔùüǖǘǚǜɡ]{1,6}[)）]"
_READINGS = f"(?:[㐀-鿿]{_SYLLABLE})+"  # compiled when first met: a short run should not wait for it
_TONES = frozenset("āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜ")


class UnreadableError(InputError):
    """A file, or the rest of one, cannot be read; never more than an error record."""


@dataclass(frozen=True, slots=True)
class Record:
    """One text with what came with it.

    Attributes
    ----------
    id : Any
        The caller's id, or the file's path, relative to the folder that was given; `#n` behind it
        where a file holds several: the number of the line or the row.
    text : str
        Every character at the place where the input has it; in text taken out of a document, the document's.
    fields : dict
        All columns of the row as read, in order, the text's own included; of a document what it says of itself
        (title, date) and its text; empty for plain text.
    error : str or None
        Why the row or the file cannot be tagged; `text` is "" then.
    encoding : str or None
        Of the bytes, as found or as asked for: "utf-8", "utf-8-sig" (with a mark), "gb18030", "big5hkscs", "utf-16" …;
        None where the format has its own.
    pages : tuple of int
        Code point of `text` where each page starts; empty where there are no pages.
    """

    id: Any
    text: str
    fields: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    encoding: str | None = None
    pages: tuple[int, ...] = ()

    def page(self, place: int) -> int | None:
        """Page, from 1, of a code point of the text; None where there are no pages."""
        return bisect_right(self.pages, place) or None


@dataclass(frozen=True, slots=True)
class Options:
    """How to read: `format` is "auto" or one of FORMATS; the others override what is found by itself.

    Attributes
    ----------
    include, exclude : tuple of str
        Patterns of the files of a folder or an archive: only these, and not those.
    max_size : int
        Most megabytes of a document; a quarter of it for a line or a cell.
    note : callable
        Is told what was decided without asking.
    opened : callable
        Is told of each file before it is read, with its stream.
    """

    format: str = "auto"
    text_field: str | None = None
    id_field: str | None = None
    encoding: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_size: int = 256
    note: Callable[[str], None] = lambda message: None
    opened: Callable[[Path, BinaryIO], None] = lambda path, stream: None

    @property
    def most_bytes(self) -> int:
        """Of a document."""
        return self.max_size << 20

    @property
    def longest(self) -> int:
        """Characters of a line or a cell."""
        return self.max_size << 18

    def too_long(self, what: str) -> str:
        """What to say of a line or a cell."""
        return f"{what} is longer than {self.max_size / 4:g} million characters; raise --max-size (MB, now {self.max_size})"


def without_readings(record: Record) -> Record:
    """The record with zero-width characters in place of the readings that scraped pages put behind characters.

    产(chǎn)业(yè) is matched as 产业, and every other character stays where it is.
    """
    text = record.text
    if not ("(" in text or "（" in text):
        return record
    cleaned = re.sub(_READINGS, _hidden, text)
    return record if cleaned == text else replace(record, text=cleaned)


def _hidden(run: re.Match[str]) -> str:
    if _TONES.isdisjoint(run.group()):
        return run.group()
    return re.sub(_SYLLABLE, lambda reading: "\u200b" * len(reading.group()), run.group())


def find_field(names: Collection[str], asked: str | None, usual: tuple[str, ...], what: str, option: str) -> str:
    """The first of the usual names that is there, or the one asked for.

    Raises
    ------
    InputError
        None is.
    """
    for name in (asked,) if asked else usual:
        if name in names:
            return name
    missing = f"no field {asked!r}" if asked else f"none of the fields {', '.join(usual)}"
    shown = ", ".join(str(name)[:40] for name in list(names)[:20]) + (" …" if len(names) > 20 else "")
    raise InputError(f"{what} has {missing}; it has: {shown or 'nothing'}. Try {option} NAME")


def row_record(row: dict[str, Any], place: str, options: Options, encoding: str | None = None) -> Record:
    """The record of a row: its text and id by name, or why it has none."""
    try:
        if options.id_field:
            id = row[find_field(row, options.id_field, ID_FIELDS, "the row", "--id-field")]
        else:
            id = next((row[name] for name in ID_FIELDS if name in row), None)
        id = place if id in (None, "") else id
        text = row[find_field(row, options.text_field, TEXT_FIELDS, "the row", "--text-field")]
    except InputError as error:
        return Record(place, "", row, str(error), encoding)
    if not isinstance(text, str):
        return Record(id, "", row, f"the text must be a string, got {type(text).__name__}", encoding)
    return Record(id, text, row, None, encoding)


def missing_extra(extra: str, error: ImportError) -> UnreadableError:
    """What to say where the libraries of an extra are not installed."""
    return UnreadableError(f"reading it needs {error.name}: pip install 'trackclf[{extra}]'")
