"""What reading gives and how it is asked for: records, options, bounds."""

from bisect import bisect_right
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from trackclf.errors import InputError

TITLE_FIELDS = ("title", "标题", "题名", "题目", "新闻标题", "文章标题")
# Whole texts before what is short of them, and titles last.
TEXT_FIELDS = (
    *("text", "content", "body", "正文", "内容", "文本", "全文", "正文内容", "文本内容", "新闻内容", "新闻正文"),
    *("文章内容", "文章正文", "摘要", "内容摘要", "简介", "内容简介", "项目简介", "abstract", "summary"),
    *TITLE_FIELDS,
)
ID_FIELDS = ("id", "ID", "Id", "编号")
GUESSED = "read as {}, by how Chinese it looks; --encoding says otherwise"


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
    source_file : str or None
        The file it was read from, as ids name it; also where the row has an id of its own.
    """

    id: Any
    text: str
    fields: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    encoding: str | None = None
    pages: tuple[int, ...] = ()
    source_file: str | None = None

    def page(self, place: int) -> int | None:
        """Page, from 1, of a code point of the text; None where there are no pages."""
        return bisect_right(self.pages, place) or None


@dataclass(frozen=True, slots=True)
class Options:
    """How to read: `format` is "auto" or one of FORMATS; the others override what is found by itself.

    Attributes
    ----------
    text_field, id_field : tuple of str
        Tried in this order; the usual names after them where `several` files are read, else only where there are none.
    several : bool
        Whether more than one file is read, or may be.
    include, exclude : tuple of str
        Patterns of the files of a folder or an archive: only these, and not those.
    max_size : int
        Most megabytes of a document; a quarter of it for a line or a cell.
    note : callable
        Is told what was decided without asking.
    opened : callable, optional
        Is given each file's path and stream before it is read.
    """

    format: str = "auto"
    text_field: tuple[str, ...] = ()
    id_field: tuple[str, ...] = ()
    encoding: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_size: int = 256
    note: Callable[[str], None] = lambda message: None
    opened: Callable[[Path, BinaryIO], None] | None = None
    several: bool = False
    _told: dict[str, list[str]] = field(default_factory=dict)  # files by what was said of them

    @property
    def most_bytes(self) -> int:
        """Of a document."""
        return self.max_size << 20

    @property
    def longest(self) -> int:
        """Characters of a line or a cell."""
        return self.max_size << 18

    @property
    def text_names(self) -> tuple[str, ...]:
        """Columns that may hold the text, the best first."""
        return self.text_field + (TEXT_FIELDS if self.several or not self.text_field else ())

    def tell(self, name: str, what: str) -> None:
        """A note on a file: at once where it is the first of which it is said; `sum_up` counts the others."""
        names = self._told.setdefault(what, [])
        if not names:
            self.note(f"{name}: {what}")
        if name not in names[-1:]:
            names.append(name)

    def sum_up(self) -> None:
        """Say of how many files the notes hold, beside the first."""
        for what, (_, *names) in self._told.items():
            if names:
                shown = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
                self.note(f"{len(names)} more ({shown}): {what}")

    def too_long(self, what: str) -> str:
        """What to say of a line or a cell."""
        return f"{what} is longer than {self.max_size / 4:g} million characters; raise --max-size (MB, now {self.max_size})"


def find_field(names: Collection[str], wanted: tuple[str, ...], what: str, option: str) -> str:
    """The first of the wanted names that is there.

    Raises
    ------
    InputError
        None is.
    """
    for name in wanted:
        if name in names:
            return name
    some = ", ".join(wanted[:8]) + (" …" if len(wanted) > 8 else "")
    missing = f"no field {wanted[0]!r}" if len(wanted) == 1 else f"none of the fields {some}"
    shown = ", ".join(str(name)[:40] for name in list(names)[:20]) + (" …" if len(names) > 20 else "")
    raise InputError(f"{what} has {missing}; it has: {shown or 'nothing'}. Try {option} NAME")


def row_record(row: dict[str, Any], name: str, place: str, options: Options, encoding: str | None = None) -> Record:
    """The record of a row of the file `name`: its text and id by their columns, or why it has none."""
    try:
        if options.id_field and not options.several:
            id = row[find_field(row, options.id_field, "the row", "--id-field")]
        else:
            id = next((row[column] for column in options.id_field + ID_FIELDS if column in row), None)
        id = place if id in (None, "") else id
        column = find_field(row, options.text_names, "the row", "--text-field")
    except InputError as error:
        return Record(place, "", row, str(error), encoding, (), name)
    if column not in options.text_field:
        if column in TITLE_FIELDS:
            options.tell(name, f"text taken from {column}; --text-field names another")
        elif options.text_field:
            options.tell(name, f"no column {' or '.join(options.text_field)}; text taken from {column}")
    text = row[column]
    if not isinstance(text, str):
        reason = f"the text must be a string, got {type(text).__name__}"
        return Record(id, "", row, reason, encoding, (), name)
    return Record(id, text, row, None, encoding, (), name)


def missing_extra(extra: str, error: ImportError) -> UnreadableError:
    """What to say where the libraries of an extra are not installed, or do not load."""
    if isinstance(error, ModuleNotFoundError):
        return UnreadableError(f"reading it needs {error.name}: pip install 'trackclf[{extra}]'")
    return UnreadableError(f"a library that reading it needs does not load: {' '.join(str(error).split())}")
