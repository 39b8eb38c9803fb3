"""Rows of workbooks and parquet files: values as the strings that a person would write."""

import datetime
import decimal
import io
import warnings
from collections.abc import Iterator
from typing import Any, BinaryIO

from trackclf._documents import check_package
from trackclf._records import Options, Record, UnreadableError, find_field, missing_extra, row_record
from trackclf.errors import InputError

_HEADER_ROWS = 20  # among the first of a sheet that hold anything, one is the header
_BATCH = 1000  # rows of a parquet file that are in memory at once


def read_xlsx(data: bytes, name: str, options: Options) -> Iterator[Record]:
    """A record a row below each sheet's header, numbered as the sheet numbers its rows.

    The header is the first row with a cell that names the text. A sheet without one is passed over with a note.

    Raises
    ------
    InputError
        No sheet has a header, or the file is none, or larger than it may be.
    """
    try:
        import openpyxl
    except ImportError as error:
        raise missing_extra("docs", error) from error
    check_package(data, options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and validation, which do not matter here
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    sheets = list(book.worksheets)
    without: list[str] = []
    for sheet in sheets:
        sheet.reset_dimensions()  # what a file says of its own size need not be so
        rows = _filled(sheet)
        found = _header(rows, options)
        if found is None:
            without.append(sheet.title)
            continue
        place = name + (f"#{sheet.title}!" if len(sheets) > 1 else "#")
        for number, cells in rows:
            row = dict(zip(found, [*cells, *[""] * (len(found) - len(cells))], strict=False))
            if any(row.values()):
                long = any(len(cell) > options.longest for cell in cells)
                record = row_record(row, name, f"{place}{number}", options)
                yield Record(record.id, "", error=options.too_long("a cell")) if long else record
    if len(without) == len(sheets):
        names = ", ".join(options.text_names[:8]) + (" …" if len(options.text_names) > 8 else "")
        raise InputError(f"{name}: no sheet has a header with {names}. Try --text-field NAME")
    if without:
        options.note(f"{name}: no header, so passed over: {', '.join(without)}")


def _filled(sheet: Any) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of the rows that hold anything."""
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        if any(cell is not None for cell in cells):
            yield number, [written(cell) for cell in cells]


def _header(rows: Iterator[tuple[int, list[str]]], options: Options) -> list[str] | None:
    for _ in range(_HEADER_ROWS):
        header = [cell.strip() for cell in next(rows, (0, []))[1]]
        try:
            find_field(header, options.text_names, "", "")
        except InputError:
            continue
        while header and not header[-1]:
            header.pop()
        return [cell or f"column{number}" for number, cell in enumerate(header, 1)]
    return None


def written(value: Any) -> str:
    """A cell's value as a person would write it: no needless `.0`, no midnight."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(" ").removesuffix(":00")
    return str(value)


def read_parquet(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """A record a row, numbered from 1; only a batch of rows is ever in memory.

    Parameters
    ----------
    stream : file object
        One that can seek.

    Raises
    ------
    InputError
        No column holds text, the file is none, or the library is not installed.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise missing_extra("arrow", error) from error
    file = parquet.ParquetFile(stream)
    if len(set(file.schema_arrow.names)) < len(file.schema_arrow.names):
        raise UnreadableError("two of its columns have one name")
    find_field(file.schema_arrow.names, options.text_names, f"{name}: its schema", "--text-field")
    number = 0
    for batch in file.iter_batches(batch_size=_BATCH):
        for row in batch.to_pylist():
            number += 1
            yield row_record({key: _plain(value) for key, value in row.items()}, name, f"{name}#{number}", options)


def _plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, bytes)):
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else written(value)
    return None if value != value else value  # a table's NaN is an empty cell
