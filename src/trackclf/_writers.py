"""Results to JSON Lines and CSV, row by row, and the way to the other formats."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from types import SimpleNamespace
from typing import Any, TextIO

from trackclf._records import Record
from trackclf._rows import Row, as_json, as_text, is_one_of_several, names_of, own_name, unused
from trackclf._types import Kind, Result

Writer = Callable[..., None]  # (rows, out, lang, stamp, kinds), and by name what a format has of its own

# Written row by row, so that an interrupted run goes on behind the last: what is written of a row depends on no other row
# but the first. A format that is not among them gets its rows when all are there.
APPENDED = ("table", "jsonl", "csv")
BINARY = ("parquet", "xlsx")  # their stream is one of bytes, open for reading too
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def writer_of(format: str) -> Writer:
    """What writes a format: `write(rows, out, lang, stamp, kinds)`. Only what it needs is imported.

    Raises
    ------
    InputError
        The package that the format needs is not installed.
    """
    if format == "parquet":
        from trackclf._arrow import pyarrow, write_parquet

        pyarrow()
        return write_parquet
    if format == "xlsx":
        from trackclf._workbook import openpyxl, write_xlsx

        openpyxl()
        return write_xlsx
    if format == "table":
        from trackclf._terminal import write_table

        return write_table
    if format == "html":
        from trackclf._report_page import write

        return write
    return write_csv if format == "csv" else write_jsonl


def to_dict(record: Record, result: Result | None, stamp: dict[str, str], kinds: Sequence[Kind]) -> dict[str, Any]:
    """The record of the JSON Lines output: id, tags, then the input's own columns.

    A column whose name the output needs itself is kept as `input_<name>`. `encoding` is there where it is not plain
    UTF-8; with `pages`, each piece of evidence and each pair has its `page`.
    """
    empty: dict[str, Any] = {"id": record.id, **{kind.folder: [] for kind in kinds}, "pairs": [], "abstained": None}
    out = result.to_dict(record.id) if result else {**empty, "error": record.error, "stamp": stamp}
    if record.encoding not in (None, "utf-8"):
        out["encoding"] = record.encoding
    if record.pages:
        out["pages"] = record.pages
        every = chain(out.get("denied", ()), *(out[kind.folder] for kind in kinds))
        evidence = (item for tag in every for item in tag["evidence"])
        for item in chain(out["pairs"], evidence):
            item["page"] = record.page(item["start"])
    for name, value in record.fields.items():
        if name == "id" and value == record.id:
            continue
        out[own_name(name, record.fields, kinds)] = value
    return out


def write_jsonl(rows: Iterable[Row], out: TextIO, lang: str, stamp: dict[str, str], kinds: Sequence[Kind]) -> None:
    """One object a line; lone surrogates are written as JSON escapes."""
    for record, result in rows:
        out.write(as_json(to_dict(record, result, stamp, kinds)) + "\n")


def write_csv(
    rows: Iterable[Row],
    out: TextIO,
    lang: str,
    stamp: dict[str, str],
    kinds: Sequence[Kind],
    bom: bool = False,
    escape: bool = False,
) -> None:
    """The input's columns, then one column for each kind of answer; lists are joined by ";".

    The columns are those of the first row; what later rows have beside them is one JSON object in `more`, without a text that
    stands in its column already. A name that the input has already gets `trackclf_` before it. `bom` puts a byte order mark
    first, without which spreadsheets take UTF-8 for something else; `escape` puts an apostrophe before cells that spreadsheets
    would take for a formula.
    """
    import csv

    rows = iter(rows)
    first = next(rows, None)
    fields = [] if first is None else list(first[0].fields)
    # Of several files some may have a column for the id, and others not.
    several = first is not None and is_one_of_several(first[0])
    named = first is not None and not several and any(value == first[0].id for value in first[0].fields.values())
    columns = _columns(kinds)
    added = [unused(name, fields, "trackclf_") for name in (*([] if named else ["id"]), *columns, "more")]
    # Line ends inside cells are quoted only where the writer's own is made of them; lines end in "\n" all the same.
    lines = SimpleNamespace(write=lambda line: out.write(line[:-2] + "\n"))
    writer = csv.writer(lines, lineterminator="\r\n")

    def write(cells: list[str]) -> None:
        writer.writerow(["'" + cell if cell.startswith(_FORMULA) else cell for cell in cells] if escape else cells)

    out.write("\ufeff" if bom else "")
    write([*([] if named else added[:1]), *fields, *added[not named :]])
    for record, result in chain([] if first is None else [first], rows):
        held = result is not None and any(record.fields.get(name) == record.text for name in fields)
        more = {
            name: value
            for name, value in record.fields.items()
            if name not in fields and not (held and value == record.text)
        }
        answers = [record.error or ""] if result is None else _answers(result, lang, kinds)
        write(
            [
                *([] if named else [as_text(record.id)]),
                *(as_text(record.fields.get(name, "")) for name in fields),
                *[""] * (len(columns) - len(answers)),
                *answers,
                as_json(more) if more else "",
            ]
        )


def _columns(kinds: Sequence[Kind]) -> list[str]:
    out = []
    for kind in kinds:
        out += [kind.folder, f"{kind.id}_names", *(["levels"] if kind.id == "track" else [])]
    return [*out, "pairs", "evidence", "denied", "abstained", "error"]


def _answers(result: Result, lang: str, kinds: Sequence[Kind]) -> list[str]:
    names = names_of(result, lang)
    pairs = dict.fromkeys(f"{pair.track}+{pair.mode}" for pair in result.pairs)
    terms = dict.fromkeys(item.text for tag in result.tags for item in tag.terms)
    out = []
    for kind in kinds:
        tags = result.of(kind.id)
        out += [";".join(tag.id for tag in tags), ";".join(names[tag.id] for tag in tags)]
        if kind.id == "track":
            out.append(";".join(str(tag.level) for tag in tags))
    denied = ";".join(label.id for label in result.denied)
    return [*out, ";".join(pairs), ";".join(terms), denied, result.abstained or "", ""]
