"""Bytes to records: what a stream holds, by its first bytes and its name, and what lies in archives."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, BinaryIO, cast

from trackclf._choosing import SUFFIXES, advice, chosen_names, suffix_format
from trackclf._encodings import UNDECODED, check_encoding, guess_encoding
from trackclf._records import GUESSED, Options, Record, UnreadableError
from trackclf.errors import InputError

_BINARY = ("docx", "xlsx", "pdf", "parquet", "gz", "zip")
_CALLED = {"docx": "Word file", "xlsx": "workbook", "pdf": "PDF", "parquet": "Parquet file", "html": "page"}
_CALLED |= {"gz": "gzip file", "zip": "zip archive"}
_MAGIC = (
    (b"\x1f\x8b", "gz"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),  # an empty one
    (b"%PDF-", "pdf"),
    (b"PAR1\x15", "parquet"),
    (b"\xd0\xcf\x11\xe0", "ole"),
)
_SAMPLE = 1 << 20
_DEEPEST = 2  # archives inside each other
_MOST_MEMBERS = 100_000
_MOST_RATIO = 200  # of unpacked to packed bytes; text packs to a tenth or so


def guarded(records: Iterator[Record], name: str, only: bool = False) -> Iterator[Record]:
    """The records of a file, and one with the error that ends them; what is wrong with the only file asked for is raised."""
    try:
        for record in records:
            yield record if record.source_file else replace(record, source_file=name)
        return
    except InputError as error:
        if only and not isinstance(error, UnreadableError):
            raise
        reason = str(error)
    except MemoryError:
        reason = "too large for this machine's memory; split it"
    except Exception as error:  # whatever a library makes of a damaged file
        system = error.strerror if isinstance(error, OSError) else None
        what = _CALLED.get(suffix_format(name) or "", "file")
        said = " ".join(str(error).split())[:200] or type(error).__name__
        reason = system or f"the {what} is incomplete or damaged; fetch or save it again ({said})"
    yield Record(name, "", error=reason, source_file=name)


def read_stream(stream: BinaryIO, name: str, options: Options, inner: str = "", depth: int = 0) -> Iterator[Record]:
    """Records of what a stream of bytes holds.

    Parameters
    ----------
    stream : file object
    name : str
        The file's id, "-" for standard input.
    options : Options
    inner : str
        The name to go by, where it is not the id.
    depth : int
        How many archives the stream lies in.
    """
    # What a pipe has now is enough to guess by: waiting for more would hold up whoever writes line by line.
    piped = name == "-" and not inner
    sample = cast(io.BufferedReader, stream).read1(_SAMPLE) if piped else stream.read(_SAMPLE)
    format = _format(sample, inner or name, options)
    joined = _Joined(sample, stream)
    if format == "gz":
        import gzip

        _check_depth(depth)
        unpacked = _Unpacked(gzip.GzipFile(fileobj=cast(BinaryIO, joined)), lambda: joined.taken, options)
        plain = (inner or name).removesuffix(".gz").removesuffix(".GZ")
        yield from read_stream(cast(BinaryIO, io.BufferedReader(unpacked)), name, options, plain, depth + 1)
    elif format in ("zip", "docx", "xlsx", "parquet"):
        whole = stream if not piped and not depth and stream.seekable() else io.BytesIO(_whole(joined, options))
        yield from _read_package(whole, format, name, options, depth)
    elif format in ("lines", "jsonl", "csv", "tsv"):
        yield from _read_rows(
            joined, format, name, options, _encoding(sample, name, options, whole=len(sample) < _SAMPLE and not piped)
        )
    else:
        data = _whole(joined, options)
        if format == "text":
            yield _read_text(data, name, options)
        else:
            yield _read_document(data, format, name, options)


def _format(sample: bytes, name: str, options: Options) -> str:
    """What a file is: by its first bytes where they tell, else as asked for, else by its name."""
    magic = next((kind for mark, kind in _MAGIC if sample.startswith(mark)), None)
    named = suffix_format(name)
    if magic == "ole":
        raise UnreadableError(
            "an old Word or Excel file, or one with a password; save it as .docx or .xlsx without one"
        )
    if magic in ("gz", "zip"):
        return magic
    if options.format != "auto":
        return options.format
    if magic:
        return magic
    if named == "pdf" and b"%PDF-" in sample[:1024]:
        return "pdf"
    if named in (None, *_BINARY) and sample.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower().startswith(
        (b"<!doctype html", b"<html")
    ):
        return "html"  # what is called a document, or nothing, is often a page
    if named in _BINARY:
        what = f"it is named as {named}, but is no {_CALLED[named]}; fetch or save it again"
        raise UnreadableError(what if sample else "it is empty")
    return named or ("jsonl" if name == "-" and _looks_like_jsonl(sample) else "text")


def _looks_like_jsonl(sample: bytes) -> bool:
    import json

    try:
        first = sample.decode(guess_encoding(sample, whole=False)[0], "replace").lstrip("\ufeff \t\r\n")
        return isinstance(json.loads(first.partition("\n")[0]), dict)
    except (ValueError, InputError, RecursionError):
        return False


def _encoding(sample: bytes, name: str, options: Options, whole: bool) -> str:
    if options.encoding:
        check_encoding(options.encoding)
        return options.encoding
    try:
        encoding, sure = guess_encoding(sample, whole)
    except InputError as error:
        raise UnreadableError(str(error)) from error
    if not sure:
        options.tell(name, GUESSED.format(encoding))
    return encoding


class _Joined(io.RawIOBase):
    """The sample, then the rest of the stream it was taken from; `taken` is how many bytes have been read."""

    def __init__(self, sample: bytes, rest: BinaryIO) -> None:
        self._sample, self._rest = memoryview(sample), rest
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._sample[: len(buffer)] if len(self._sample) else self._rest.read(len(buffer))
        self._sample = self._sample[len(part) :]
        buffer[: len(part)] = part
        self.taken += len(part)
        return len(part)


class _Unpacked(io.RawIOBase):
    """What comes out of an archive, as long as it is not far more than went in."""

    def __init__(self, stream: Any, packed: Callable[[], int], options: Options) -> None:
        self._stream, self._packed, self._options = stream, packed, options
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._stream.read(len(buffer))
        self._given += len(part)
        if self._given > self._options.most_bytes and self._given > _MOST_RATIO * self._packed():
            raise UnreadableError(
                f"unpacks to more than {_MOST_RATIO} times its size (a zip bomb?); raise --max-size (MB)"
            )
        buffer[: len(part)] = part
        return len(part)


def _whole(stream: io.RawIOBase, options: Options) -> bytes:
    """All bytes of a document."""
    data = io.BufferedReader(stream).read(options.most_bytes + 1)
    if len(data) > options.most_bytes:
        raise UnreadableError(f"larger than {options.max_size} MB; raise --max-size, or read it by --from lines")
    return data


def _read_text(data: bytes, name: str, options: Options) -> Record:
    encoding = _encoding(data[:_SAMPLE], name, options, whole=len(data) <= _SAMPLE)
    text = _decoded(data, encoding)
    if bad := UNDECODED.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        return Record(name, "", error=f"not {encoding} at line {line}; try --encoding", encoding=encoding)
    return Record(name, text, encoding=encoding)


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding, "surrogateescape")
    except UnicodeError as error:
        raise UnreadableError(f"not {encoding}: {error}. Try --encoding") from error


def _read_rows(stream: io.RawIOBase, format: str, name: str, options: Options, encoding: str) -> Iterator[Record]:
    from trackclf import _lines

    readers: dict[str, Callable[[io.TextIOWrapper, str, Options, str], Iterator[Record]]] = {
        "lines": _lines.read_lines,
        "jsonl": _lines.read_jsonl,
        "csv": partial(_lines.read_table, delimiter=","),
        "tsv": partial(_lines.read_table, delimiter="\t"),
    }
    lines = io.TextIOWrapper(cast(Any, stream), encoding, errors="surrogateescape", newline="")
    try:
        yield from readers[format](lines, name, options, encoding)
    except UnicodeError as error:
        raise UnreadableError(f"not {encoding}: {error}. Try --encoding") from error
    finally:
        lines.detach()


def _read_document(data: bytes, format: str, name: str, options: Options) -> Record:
    if format == "pdf":
        from trackclf._pdf import read_pdf as reader
    elif format == "docx":
        from trackclf._documents import read_docx as reader
    else:
        from trackclf._documents import read_html as reader
    document = reader(data, name, options)
    fields = {**document.fields, "text": document.text}  # places in it would mean nothing without it
    return Record(name, document.text, fields, None, document.encoding, document.pages)


def _read_package(stream: BinaryIO, format: str, name: str, options: Options, depth: int) -> Iterator[Record]:
    """Records of what a reader must be able to seek in: parquet, and zips of all kinds."""
    stream.seek(0)
    if format == "parquet":
        from trackclf._tables import read_parquet

        yield from read_parquet(stream, name, options)
        return
    import zipfile

    archive = zipfile.ZipFile(stream)
    members = {_member_name(item): item for item in archive.infolist() if not item.is_dir()}
    if len(members) > _MOST_MEMBERS:
        raise UnreadableError(f"it holds {len(members)} files, more than {_MOST_MEMBERS}; unpack it first")
    if "word/document.xml" in members or "xl/workbook.xml" in members:
        stream.seek(0)
        data = _whole(_Joined(b"", stream), options)
        if "word/document.xml" in members:
            yield _read_document(data, "docx", name, options)
        else:
            from trackclf._tables import read_xlsx

            yield from read_xlsx(data, name, options)
        return
    _check_depth(depth)
    chosen = sorted(chosen_names(members, name, options))
    if not chosen:
        raise UnreadableError(f"holds no file that ends in {', '.join(SUFFIXES)}{advice(members, options)}")
    for inner in chosen:
        yield from guarded(_read_member(archive, members[inner], f"{name}/{inner}", options, depth), f"{name}/{inner}")


def _check_depth(depth: int) -> None:
    if depth == _DEEPEST:
        raise UnreadableError(f"more than {_DEEPEST} archives inside each other; unpack it first")


def _read_member(archive: Any, item: Any, name: str, options: Options, depth: int) -> Iterator[Record]:
    if item.flag_bits & 1:
        raise UnreadableError("it has a password; unpack it first")
    with archive.open(item) as member:
        unpacked = _Unpacked(member, lambda: item.compress_size, options)
        yield from read_stream(cast(BinaryIO, io.BufferedReader(unpacked)), name, options, name, depth + 1)


def _member_name(item: Any) -> str:
    """A member's name; where the archive does not say that it is UTF-8, it may be that or GB18030, as Windows writes it."""
    name: str = item.filename
    if not item.flag_bits & 0x800:
        raw = name.encode("cp437", "replace")
        for encoding in ("utf-8", "gb18030"):
            try:
                return raw.decode(encoding)
            except UnicodeDecodeError:
                pass
    return name
