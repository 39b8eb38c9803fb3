"""Files and folders to records. What cannot be read is a record with an error; the rest goes on."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import BinaryIO, cast

from trackclf._choosing import SUFFIXES, advice, chosen_names, suffix_format
from trackclf._encodings import check_encoding
from trackclf._records import Options, Record
from trackclf._streams import guarded, read_stream
from trackclf.errors import InputError

FORMATS = ("text", "lines", "jsonl", "csv", "tsv", "html", "docx", "xlsx", "pdf", "parquet")


def read(
    paths: str | PathLike[str] | Iterable[str | PathLike[str]],
    *,
    format: str = "auto",
    text_field: str | Iterable[str] | None = None,
    id_field: str | Iterable[str] | None = None,
    encoding: str | None = None,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
    max_size: int = 256,
    note: Callable[[str], None] = lambda message: None,
    opened: Callable[[Path, BinaryIO], None] | None = None,
) -> Iterator[Record]:
    """Records of files and folders, one by one: text, documents, tables, and archives of these.

    Parameters
    ----------
    paths : path, or iterable of paths
        Folders are read recursively, in the order of their names; "-" is standard input.
    format : str
        "auto" goes by the files' names and first bytes; else one of "text", "lines", "jsonl", "csv", "tsv", "html",
        "docx", "xlsx", "pdf", "parquet" for all of them.
    text_field, id_field : str or iterable of str, optional
        Columns of tables, and keys of JSON Lines, tried in this order. The usual names are looked for where none is
        given, and where several files are read in those that have none of them.
    encoding : str, optional
        Of all files; otherwise each one's is found.
    include, exclude : iterable of str
        Patterns, as the shell has them, of the path inside a folder or an archive, of a name or of a folder in it.
    max_size : int
        Most megabytes of a document, unpacked; a quarter of it for a line or a cell.
    note : callable, optional
        Is told what was decided: a guessed encoding, a title taken for the text, files passed over.
    opened : callable, optional
        Is given each file's path and stream before it is read, to follow how far reading has come.

    Returns
    -------
    iterator of Record
        What cannot be read is a record with `error`.

    Raises
    ------
    InputError
        A path does not exist, a folder holds nothing to read, the only file lacks the column, or an argument
        means nothing.
    """
    if format not in ("auto", *FORMATS):
        raise InputError(f"format must be auto or one of {', '.join(FORMATS)}; got {format!r}")
    if max_size < 1:
        raise InputError(f"max_size must be at least 1 (MB), got {max_size}")
    if encoding:
        check_encoding(encoding)
    names = [str(path) for path in ([paths] if isinstance(paths, (str, PathLike)) else paths)]
    for name in names:
        if name != "-" and not Path(name).exists():
            raise InputError(f"{name}: no such file or folder{_pattern_hint(Path(name))}")
    columns, patterns = (_tuple(text_field), _tuple(id_field)), (tuple(include), tuple(exclude))
    options = Options(format, *columns, encoding, *patterns, max_size, note, opened, are_several(names))
    return _read_paths(names, options)


def are_several(paths: Sequence[str]) -> bool:
    """Whether these may hold more than one file."""
    return len(paths) != 1 or Path(paths[0]).is_dir() or suffix_format(paths[0]) == "zip"


def _tuple(names: str | Iterable[str] | None) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names or ())


def _pattern_hint(path: Path) -> str:
    """What to do with a pattern that the shell has left as it is."""
    if not any(char in path.name for char in "*?["):
        return ""
    return f"; a pattern of names goes behind its folder: {path.parent} --include '{path.name}'"


def _read_paths(names: list[str], options: Options) -> Iterator[Record]:
    for name in names:
        if name == "-":
            if sys.stdin is None:
                raise InputError("standard input is closed; name a file")
            records = read_stream(cast(BinaryIO, sys.stdin.buffer), name, options)
        elif Path(name).is_dir():
            records = _read_folder(Path(name), options)
        else:
            records = _read_file(Path(name), name, options)
        yield from guarded(records, name, only=len(names) == 1)
    options.sum_up()


def _read_folder(folder: Path, options: Options) -> Iterator[Record]:
    files = _files_in(folder)
    chosen = chosen_names(files, str(folder), options)
    if not chosen:
        asked = " and fits the patterns" if options.include or options.exclude else ""
        raise InputError(f"{folder} holds no file that ends in {', '.join(SUFFIXES)}{asked}{advice(files, options)}")
    for name in chosen:
        yield from guarded(_read_file(files[name], name, options), name)


def _files_in(folder: Path) -> dict[str, Path]:
    """All files of a folder by their names inside it, in their order."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in paths}


def files_of(paths: Iterable[str], include: Iterable[str] = (), exclude: Iterable[str] = ()) -> Iterator[Path]:
    """The files that `read` opens, "-" left out."""
    options = Options(include=tuple(include), exclude=tuple(exclude))
    for path in map(Path, paths):
        if path.is_dir():
            files = _files_in(path)
            yield from (files[name] for name in chosen_names(files, str(path), options))
        elif path.name != "-":
            yield path


def _read_file(path: Path, name: str, options: Options) -> Iterator[Record]:
    with path.open("rb") as stream:
        if options.opened:
            options.opened(path, stream)
        yield from read_stream(stream, name, options)
