"""Files and bytes to records: formats, fields, encodings. A bad row is a record with an error; the rest goes on."""

import codecs
import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from trackclf.errors import InputError

FORMATS = ("text", "lines", "jsonl", "csv", "tsv")
_BY_SUFFIX = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv"}
_FOLDER_SUFFIXES = (".txt", ".md", ".text", *_BY_SUFFIX)
_TEXT_FIELDS = ("text", "content", "body", "正文", "内容", "文本", "正文内容", "title", "标题")
_ID_FIELDS = ("id", "ID", "Id", "编号")
_SAMPLE = 1 << 20
_UNDECODED = re.compile("[\udc80-\udcff]")  # what errors="surrogateescape" leaves
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# The most frequent characters of running text, in Simplified and in Traditional writing.
_COMMON = frozenset(
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经"
    "十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形"
    "這為個國時來們動產種後學經進裡電實現體機當點從業應開還會說過發對於與關長無區軟積員議將資訊場計劃務設備網統領創術電車馬東門問間見"
    "技术新企业科市公司创项目研究展资金报告建设系统服务智能，。、：；“”（）"
)


@dataclass(frozen=True, slots=True)
class Record:
    """One text with what came with it.

    Attributes
    ----------
    id : Any
        The caller's id, or the file's path (with the line or row where a file holds several).
    text : str
    fields : dict
        All columns of the row as read, in order, the text's own included; empty for plain text.
    error : str or None
        Why the row cannot be tagged; `text` is "" then.
    """

    id: Any
    text: str
    fields: dict[str, Any] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """How to read: `format` is "auto" or one of FORMATS; the next three override what is found by itself.

    `note` is told what a reader should say, `opened` each file before it is read, with its stream.
    """

    format: str = "auto"
    text_field: str | None = None
    id_field: str | None = None
    encoding: str | None = None
    note: Callable[[str], None] = lambda message: None
    opened: Callable[[Path, BinaryIO], None] = lambda path, stream: None


def read(paths: Iterable[str], options: Options) -> Iterator[Record]:
    """Records of files, folders (recursively, in the order of their names) and "-" for standard input.

    Raises
    ------
    InputError
        A path or a format cannot be used at all; everything that concerns one row or one file of a folder
        is an error record instead.
    """
    for path in paths:
        if path == "-":
            yield from _read_stream(cast(io.BufferedIOBase, sys.stdin.buffer), "-", options)
        elif Path(path).is_dir():
            yield from _read_folder(Path(path), options)
        else:
            yield from _read_file(Path(path), path, options)


def files_of(paths: Iterable[str]) -> Iterator[Path]:
    """The files that `read` opens, "-" left out."""
    for path in map(Path, paths):
        if path.is_dir():
            yield from _files_in(path)[0]
        elif path.name != "-":
            yield path


def _files_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """Files of a folder in the order of their names: those that are read, and all."""
    inside = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    return [p for p in inside if p.suffix.lower() in _FOLDER_SUFFIXES], inside


def _read_folder(folder: Path, options: Options) -> Iterator[Record]:
    files, inside = _files_in(folder)
    if not files:
        raise InputError(f"{folder} holds no file that ends in {', '.join(_FOLDER_SUFFIXES)}")
    if len(files) < len(inside):
        skipped = sorted({p.suffix or p.name for p in inside} - {p.suffix for p in files})
        options.note(f"{folder}: {len(inside) - len(files)} files passed over ({', '.join(skipped)})")
    for path in files:
        name = path.relative_to(folder).as_posix()
        try:
            yield from _read_file(path, name, options)
        except InputError as error:
            yield Record(name, "", error=str(error))


def _read_file(path: Path, name: str, options: Options) -> Iterator[Record]:
    try:
        with path.open("rb") as stream:
            options.opened(path, stream)
            yield from _read_stream(stream, name, options)
    except OSError as error:
        raise InputError(f"{name}: {error.strerror or error}") from error


def _read_stream(stream: io.BufferedIOBase, name: str, options: Options) -> Iterator[Record]:
    # What a pipe has now is enough to guess by: waiting for more would hold up whoever writes line by line.
    piped = name == "-"
    sample = stream.read1(_SAMPLE) if piped else stream.read(_SAMPLE)
    encoding = options.encoding or _checked_guess(sample, name, options, whole=not piped and len(sample) < _SAMPLE)
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise InputError(f"no encoding is called {encoding!r}; try utf-8, gb18030, big5 or utf-16") from None
    format = options.format
    if format == "auto":
        format = _BY_SUFFIX.get(Path(name).suffix.lower(), "text")
        if name == "-" and _looks_like_jsonl(sample, encoding):
            format = "jsonl"
    joined: Any = _Joined(sample, stream)
    lines = io.TextIOWrapper(joined, encoding, errors="surrogateescape", newline="")
    try:
        yield from _READERS[format](lines, name, options, encoding)
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not {encoding}: {error.reason}. Try --encoding") from error
    finally:
        lines.detach()


class _Joined(io.RawIOBase):
    """The sample, then the rest of the stream it was taken from."""

    def __init__(self, sample: bytes, rest: io.BufferedIOBase) -> None:
        self._sample, self._rest = memoryview(sample), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._sample[: len(buffer)] if len(self._sample) else self._rest.read(len(buffer))
        self._sample = self._sample[len(part) :]
        buffer[: len(part)] = part
        return len(part)


def _read_text(lines: io.TextIOWrapper, name: str, options: Options, encoding: str) -> Iterator[Record]:
    text = lines.read()
    if bad := _UNDECODED.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        yield Record(name, "", error=f"not {encoding} at line {line}; try --encoding")
    else:
        yield Record(name, text)


def _read_lines(lines: io.TextIOWrapper, name: str, options: Options, encoding: str) -> Iterator[Record]:
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\r\n")
        if line.strip():
            if _UNDECODED.search(line):
                yield Record(f"{name}:{number}", "", error=f"not {encoding}; try --encoding")
            else:
                yield Record(f"{name}:{number}", line)


def _read_jsonl(lines: io.TextIOWrapper, name: str, options: Options, encoding: str) -> Iterator[Record]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{name}:{number}"
        if _UNDECODED.search(line):
            yield Record(place, "", error=f"not {encoding}; try --encoding")
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield Record(place, "", error=f"not JSON: {error}")
            continue
        if isinstance(row, str):
            yield Record(place, row)
        elif isinstance(row, dict):
            yield _row(row, place, options)
        else:
            yield Record(place, "", error=f"a row must be an object with a text field, got {type(row).__name__}")


def _read_table(
    lines: io.TextIOWrapper, name: str, options: Options, encoding: str, delimiter: str
) -> Iterator[Record]:
    import csv

    csv.field_size_limit(sys.maxsize)
    rows = csv.reader(lines, delimiter=delimiter)
    header: list[str] | None = None
    number = 0
    while True:
        try:
            cells = next(rows, None)
        except csv.Error as error:
            number += 1
            yield Record(f"{name}#{number}", "", error=f"not {'CSV' if delimiter == ',' else 'TSV'}: {error}")
            continue
        if cells is None:
            break
        if header is None:
            header = cells
            _field(header, options.text_field, _TEXT_FIELDS, f"{name}: its header", "--text-field")
            continue
        if not cells:
            continue
        number += 1
        place = f"{name}#{number}"
        row: dict[str, Any] = dict(zip(header, [*cells, *[""] * (len(header) - len(cells))], strict=False))
        if len(cells) > len(header):
            row["more"] = cells[len(header) :]
            yield Record(place, "", row, f"the row has {len(cells)} cells, the header {len(header)}")
        elif any(map(_UNDECODED.search, cells)):
            yield Record(place, "", row, f"not {encoding}; try --encoding")
        else:
            yield _row(row, place, options)
    if header is None:
        raise InputError(f"{name} is empty: a header is needed")


_READERS: dict[str, Callable[[io.TextIOWrapper, str, Options, str], Iterator[Record]]] = {
    "text": _read_text,
    "lines": _read_lines,
    "jsonl": _read_jsonl,
    "csv": partial(_read_table, delimiter=","),
    "tsv": partial(_read_table, delimiter="\t"),
}


def _field(names: Iterable[str], asked: str | None, usual: tuple[str, ...], what: str, option: str) -> str:
    names = list(names)
    for name in (asked,) if asked else usual:
        if name in names:
            return name
    missing = f"no field {asked!r}" if asked else f"none of the fields {', '.join(usual)}"
    raise InputError(f"{what} has {missing}; it has: {', '.join(map(str, names)) or 'nothing'}. Try {option} NAME")


def _row(row: dict[str, Any], place: str, options: Options) -> Record:
    try:
        id_field = _field(row, options.id_field, _ID_FIELDS, "the row", "--id-field") if options.id_field else None
        id_field = id_field or next((name for name in _ID_FIELDS if name in row), None)
        id = row[id_field] if id_field and row[id_field] not in (None, "") else place
        text = row[_field(row, options.text_field, _TEXT_FIELDS, "the row", "--text-field")]
    except InputError as error:
        return Record(place, "", row, str(error))
    if not isinstance(text, str):
        return Record(id, "", row, f"the text must be a string, got {type(text).__name__}")
    return Record(id, text, row)


def _looks_like_jsonl(sample: bytes, encoding: str) -> bool:
    first = sample.decode(encoding, "replace").lstrip().partition("\n")[0]
    try:
        return isinstance(json.loads(first), dict)
    except ValueError:
        return False


def _checked_guess(sample: bytes, name: str, options: Options, whole: bool) -> str:
    encoding, sure = guess_encoding(sample, whole)
    if not sure:
        options.note(f"{name}: read as {encoding}, by how Chinese it looks; --encoding says otherwise")
    return encoding


def guess_encoding(sample: bytes, whole: bool = True) -> tuple[str, bool]:
    """Name of the encoding of a sample, and whether it is sure (a byte order mark, or strict UTF-8).

    Otherwise GB18030, Big5 and UTF-16 are tried, and the one whose result looks most like Chinese is taken.

    Raises
    ------
    InputError
        Nothing fits.
    """
    for mark, encoding in _BOMS:
        if sample.startswith(mark):
            return encoding, True
    if _decode(sample, "utf-8", whole) is not None and sample.count(0) * 10 <= len(sample):
        return "utf-8", True
    looks = {}
    for encoding in ("gb18030", "big5hkscs", "utf-16-le", "utf-16-be"):
        text = _decode(sample, encoding, whole)
        if text:
            looks[encoding] = sum(char in _COMMON for char in text) / len(text)
    best = max(looks, key=lambda encoding: looks[encoding], default="")
    if not best or looks[best] < 0.02:
        # Mostly UTF-8 with a damaged byte: its rows say so, one by one.
        replaced = sample.decode("utf-8", "replace")
        if replaced.count("\ufffd") * 20 < len(replaced):
            return "utf-8", False
        raise InputError("its encoding was not recognised. Try --encoding gb18030, big5 or utf-16")
    return best, False


def _decode(sample: bytes, encoding: str, whole: bool) -> str | None:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        return decoder.decode(sample, final=whole)
    except UnicodeDecodeError:
        return None
