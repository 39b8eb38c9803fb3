"""Rows of text: lines, JSON Lines, CSV and TSV, streamed; no line or cell may be endless."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from trackclf._encodings import UNDECODED
from trackclf._records import Options, Record, find_field, row_record
from trackclf.errors import InputError

_MOST_COLUMNS = 16_384  # as many as a spreadsheet has


def read_lines(lines: io.TextIOWrapper, name: str, options: Options, encoding: str) -> Iterator[Record]:
    """A record a line that is not blank."""
    for number, line, error in _numbered(lines, options, encoding):
        yield Record(f"{name}#{number}", "" if error else line.rstrip("\r\n"), error=error, encoding=encoding)


def read_jsonl(lines: io.TextIOWrapper, name: str, options: Options, encoding: str) -> Iterator[Record]:
    """A record a line: an object with a text field, or a string."""
    for number, line, error in _numbered(lines, options, encoding):
        place = f"{name}#{number}"
        row: Any = None
        if error is None:
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as refused:
                error = f"not JSON: {refused}"
        if error:
            yield Record(place, "", error=error, encoding=encoding)
        elif isinstance(row, str):
            yield Record(place, row, encoding=encoding)
        elif isinstance(row, dict):
            yield row_record(row, name, place, options, encoding)
        else:
            error = f"a row must be an object with a text field, got {type(row).__name__}"
            yield Record(place, "", error=error, encoding=encoding)


def read_table(lines: io.TextIOWrapper, name: str, options: Options, encoding: str, delimiter: str) -> Iterator[Record]:
    """A record a row below the header."""
    csv.field_size_limit(options.longest)
    rows = csv.reader(_bounded(lines, options), delimiter=delimiter)
    header: list[str] | None = None
    number = 0
    while True:
        place = f"{name}#{number + 1}"
        try:
            cells = next(rows, None)
        except csv.Error as error:
            number += 1
            what = "CSV" if delimiter == "," else "TSV"
            long = options.too_long("a cell") if "field limit" in str(error) else f"not {what}: {error}"
            yield Record(place, "", error=long, encoding=encoding)
            continue
        except _EndlessError:
            number += 1
            yield Record(place, "", error=options.too_long("the line"), encoding=encoding)
            rows = csv.reader(_bounded(lines, options), delimiter=delimiter)
            continue
        if cells is None:
            break
        if header is None:
            header = cells
            if len(header) > _MOST_COLUMNS:
                raise InputError(
                    f"{name}: its header has {len(header)} columns; more than {_MOST_COLUMNS} are no table"
                )
            find_field(header, options.text_names, f"{name}: its header", "--text-field")
            continue
        if not cells:
            continue
        number += 1
        row: dict[str, Any] = dict(zip(header, [*cells, *[""] * (len(header) - len(cells))], strict=False))
        if len(cells) > len(header):
            row["more"] = cells[len(header) :]
            yield Record(place, "", row, f"the row has {len(cells)} cells, the header {len(header)}", encoding)
        elif any(map(UNDECODED.search, cells)):
            yield Record(place, "", row, f"not {encoding}; try --encoding", encoding)
        else:
            yield row_record(row, name, place, options, encoding)
    if header is None:
        raise InputError(f"{name} is empty: a header is needed")


class _EndlessError(Exception):
    """A line is longer than any may be."""


def _bounded(lines: io.TextIOWrapper, options: Options) -> Iterator[str]:
    """The lines; one that is too long raises _EndlessError, and whoever reads on gets the next."""
    most = options.longest
    while line := lines.readline(most + 1):
        if len(line) > most:
            while line and not line.endswith(("\n", "\r")):
                line = lines.readline(1 << 20)
            raise _EndlessError
        yield line


def _numbered(lines: io.TextIOWrapper, options: Options, encoding: str) -> Iterator[tuple[int, str, str | None]]:
    """Number, line and what is wrong with it, for lines that are not blank."""
    number = 0
    bounded = _bounded(lines, options)
    while True:
        number += 1
        try:
            line = next(bounded, None)
        except _EndlessError:
            yield number, "", options.too_long("the line")
            bounded = _bounded(lines, options)
            continue
        if line is None:
            return
        if line.strip():
            yield number, line, f"not {encoding}; try --encoding" if UNDECODED.search(line) else None
