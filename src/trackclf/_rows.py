"""Rows on their way out, and what all output formats share: names, free columns, JSON, the text itself."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from trackclf._records import Record
from trackclf._types import Kind, Label, Result, Tag

Row = tuple[Record, Result | None]  # no result where the record has an error

# The keys of a record, beside the folder of each kind of label.
RESERVED = ("id", "pairs", "abstained", "segments", "error", "stamp", "nearest", "denied", "encoding", "pages")

_SURROGATES = re.compile("[\ud800-\udfff]")
_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode  # json.dumps would make one for each value


def name_of(item: Tag | Label, lang: str, labels: Iterable[Label]) -> str:
    """Name of a tag in the language asked for."""
    if lang == "zh":
        return item.name
    return next((label.name_en for label in labels if label.id == item.id), item.name)


def names_of(result: Result, lang: str) -> dict[str, str]:
    """Label id to name, of all labels, in the language asked for."""
    return {label.id: label.name if lang == "zh" else label.name_en for label in result.labels}


def as_json(value: Any) -> str:
    """A value as one line of JSON; what JSON has no word for, as a date, as its string."""
    return _encode(value)


def as_text(value: Any) -> str:
    """A string as it is, anything else as JSON."""
    return value if isinstance(value, str) else as_json(value)


def without_surrogates(text: str) -> str:
    """The text with U+FFFD for each lone surrogate, which UTF-8 has no bytes for; places stay as they are."""
    return _SURROGATES.sub("\ufffd", text)


def unused(name: str, taken: Collection[str], prefix: str) -> str:
    """`name` with `prefix` before it as often as it takes to be none of `taken`."""
    while name in taken:
        name = prefix + name
    return name


def with_source(record: Record) -> Record:
    """The same record, with its file as a column `source_file`: ids of rows may be the same in several files."""
    fields = record.fields
    return replace(record, fields={unused("source_file", fields, "trackclf_"): record.source_file, **fields})


def is_one_of_several(record: Record) -> bool:
    """Whether the record is one that `with_source` gave."""
    return record.source_file is not None and record.fields.get("source_file") == record.source_file


def own_name(name: str, fields: Collection[str], kinds: Sequence[Kind], *more: str) -> str:
    """What the input's column `name`, one of `fields`, is called where the output has columns of its own."""
    reserved = {*RESERVED, *more, *(kind.folder for kind in kinds)}
    return name if name not in reserved else unused(f"input_{name}", {*reserved, *fields}, "input_")


def text_field(record: Record) -> str | None:
    """The input's column that holds the text, or None where the text was a document."""
    return next((name for name, value in record.fields.items() if value == record.text), None)


def with_text(rows: Iterable[Row], always: bool = False) -> Iterator[Row]:
    """The same rows, with a column `text` that holds the text: where no column of the input's own does, or `always`."""
    for record, result in rows:
        fields = record.fields
        if (
            (fields.get("text") != record.text)
            if always
            else text_field(record) is None and not (record.error and fields)
        ):
            record = replace(record, fields={**fields, unused("text", fields, "trackclf_"): record.text})
        yield record, result
