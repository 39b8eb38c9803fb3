"""Results as an Arrow table in memory, or as a Parquet file written in row groups, with evidence as lists of structs."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from trackclf._records import Record
from trackclf._rows import Row, as_json, own_name, unused, without_surrogates
from trackclf._types import Denied, Kind, Result, Tag
from trackclf.errors import InputError

_ROWS, _CHARACTERS = 4_000, 1 << 23  # of a row group, at most
_COLUMNS = 1000  # of the input's own, at most


def pyarrow() -> Any:
    """The package, imported only when something asks for it."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise InputError('Parquet and Arrow need pyarrow: pip install "trackclf[arrow]"') from error
    return pyarrow


def to_table(results: Iterable[Result], ids: Iterable[Any] | None = None) -> Any:
    """Results of one tagger as a `pyarrow.Table`, with the columns of `trackclf tag --to parquet`.

    Parameters
    ----------
    results : iterable of Result
        As `tag_many` gives them.
    ids : iterable, optional
        As many as there are results; the default is to count from 0.

    Returns
    -------
    pyarrow.Table
        One row a result: `id`, `text`, a list of structs for each kind of label (`tracks`, `modes`), `pairs`, `abstained`,
        `nearest`, `error` (null) and `more` (null). Offsets are code points in `text`. `.to_pandas()` makes a DataFrame of it.
        Without any result there are no kinds of label.

    Raises
    ------
    InputError
        pyarrow is not installed, there are more or fewer ids than results, or they are of different taggers.
    TypeError
        `results` is one Result.

    Examples
    --------
    >>> from trackclf import tag_many, to_table
    >>> table = to_table(tag_many(["首台量子计算机下线。", "今天下雨。"]), ids=["a", "b"])
    >>> table.select(["id", "abstained"]).to_pylist()
    [{'id': 'a', 'abstained': None}, {'id': 'b', 'abstained': 'no_evidence'}]
    >>> [tag["id"] for tag in table["tracks"][0].as_py()]
    ['quantum']

    """
    pyarrow()
    if isinstance(results, Result):
        raise TypeError("results must be an iterable of Result, got one Result; wrap it: to_table([result])")
    results = list(results)
    ids = range(len(results)) if ids is None else list(ids)
    if len(ids) != len(results):
        raise InputError(f"there are {len(results)} results, but {len(ids)} ids")
    kinds, stamp = (results[0].kinds, results[0].stamp) if results else ((), {})
    if any(result.stamp != stamp for result in results):
        raise InputError("the results are of different taggers; make a table of each")
    texts = zip(ids, results, strict=True)
    rows: list[Row] = [(Record(id, result.text, {"text": result.text}), result) for id, result in texts]
    return _Columns(rows, kinds, stamp).table(rows)


def write_parquet(rows: Iterable[Row], out: BinaryIO, lang: str, stamp: dict[str, str], kinds: Sequence[Kind]) -> None:
    """The columns of `to_table`, with the input's own after the id; the stamp in the schema's metadata.

    A column of the input has the type that all its values have: bool, int64, double or string; where they have several, each
    value is JSON. The file begins anew where a later value asks for another type, so that the order of the rows changes nothing.
    Columns are those of the first row group; what later rows have beside them is one JSON object in `more`.
    """
    parquet = pyarrow().parquet
    groups = _groups(rows)
    first = next(groups, [])
    columns = _Columns(first, kinds, stamp)
    writer = None
    for group in chain([first], groups):
        table = columns.table(group)
        if writer is not None and table.schema != writer.schema:
            writer.close()
            writer = _again(out, columns, table.schema)
        writer = writer or parquet.ParquetWriter(out, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _again(out: BinaryIO, columns: "_Columns", schema: Any) -> Any:
    """A new file in place of the one written so far, which it starts with, in the types of `schema`."""
    parquet = pyarrow().parquet
    with TemporaryFile(dir=Path(out.name).parent if hasattr(out, "name") else None) as old:
        out.seek(0)
        shutil.copyfileobj(out, old)
        out.seek(0)
        out.truncate()
        writer = parquet.ParquetWriter(out, schema, compression="zstd")
        with parquet.ParquetFile(old) as file:
            for number in range(file.num_row_groups):
                group = file.read_row_group(number)
                for at, field in enumerate(schema):
                    if group.schema.field(at).type != field.type:
                        values = columns.array(field.name, group.column(at).to_pylist())
                        group = group.set_column(at, field, values)
                writer.write_table(group)
    return writer


def _groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    group: list[Row] = []
    characters = 0
    for row in rows:
        group.append(row)
        characters += len(row[0].text)
        if len(group) == _ROWS or characters >= _CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group


class _Columns:
    """The columns of an output: those of the rows that come first, and the types that the values so far ask for."""

    def __init__(self, rows: Sequence[Row], kinds: Sequence[Kind], stamp: dict[str, str]) -> None:
        self._kinds, self._stamp = kinds, stamp
        fields = list(dict.fromkeys(name for record, _ in rows for name in _own(record)))[:_COLUMNS]
        self._names: dict[str, str] = {}  # column to field
        for name in fields:
            shown = without_surrogates(own_name(name, fields, kinds, "more"))
            self._names[unused(shown, self._names, "input_")] = name
        self._types = dict.fromkeys(["id", *self._names], "null")

    def table(self, rows: Sequence[Row]) -> Any:
        """A table of rows; their values may widen the types."""
        pa = pyarrow()
        own = [_own(record) for record, _ in rows]
        cells: dict[str, list[Any]] = {"id": [record.id for record, _ in rows]}
        cells |= {shown: [fields.get(name) for fields in own] for shown, name in self._names.items()}
        for name, values in cells.items():
            self._types[name] = reduce(_joined, set(map(_type, values)), self._types[name])
        if self._types["id"] not in ("null", "int", "long"):
            self._types["id"] = "str"
        columns = {name: self.array(name, values) for name, values in cells.items()}
        known = {*self._names.values()}
        more = [{name: value for name, value in fields.items() if name not in known} for fields in own]
        answers = _answers(rows, self._kinds) | {"more": [as_json(some) if some else None for some in more]}
        columns |= {name: _array(answers[name], type) for name, type in _types(self._kinds).items()}
        return pa.table(columns).replace_schema_metadata({"trackclf": as_json(self._stamp)} if self._stamp else None)

    def array(self, name: str, values: list[Any]) -> Any:
        """Values of the column `name`, which is the id or one of the input's own, in the type that it has now."""
        pa, type = pyarrow(), self._types[name]
        if type in ("str", "json"):
            asis = str if type == "str" else ()
            values = [value if value is None or isinstance(value, asis) else as_json(value) for value in values]
        types = {"bool": pa.bool_(), "int": pa.int64(), "long": pa.int64(), "float": pa.float64()}
        return _array(values, types.get(type, pa.string()))


def _own(record: Record) -> dict[str, Any]:
    """The input's columns but for the id."""
    return {name: value for name, value in record.fields.items() if name != "id" or value != record.id}


def _type(value: Any) -> str:
    """Name of the type of one value; an int that no double holds is "long"."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if abs(value) <= 1 << 53 else "long" if -(1 << 63) <= value < 1 << 63 else "json"
    return "float" if isinstance(value, float) else "str" if isinstance(value, str) else "json"


def _joined(one: str, two: str) -> str:
    """The type that holds the values of both."""
    if one == two or "null" in (one, two):
        return two if one == "null" else one
    return {frozenset(("int", "float")): "float", frozenset(("int", "long")): "long"}.get(frozenset((one, two)), "json")


def _array(values: list[Any], type: Any) -> Any:
    try:
        return pyarrow().array(values, type)
    except UnicodeEncodeError:
        return pyarrow().array(_sound(values), type)


def _sound(value: Any) -> Any:
    if isinstance(value, str):
        return without_surrogates(value)
    return type(value)(map(_sound, value)) if type(value) in (list, tuple) else value


def _types(kinds: Sequence[Kind]) -> dict[str, Any]:
    """Name and type of each column of the answers."""
    pa = pyarrow()
    string, place, number = pa.string(), pa.int32(), pa.float64()
    evidence = {"start": place, "end": place, "text": string, "term": string, "kind": string, "contribution": number}
    trigger = pa.struct({"start": place, "end": place, "text": string})
    evidence |= {"cue": string, "inherited": string, "voice": string, "trigger": trigger, "page": place}
    tag = {"id": string, "name": string, "status": string, "score": number, "probability": number, "level": pa.int8()}
    tag |= {"evidence": pa.list_(pa.struct(evidence))}
    pair = {"track": string, "mode": string, "start": place, "end": place, "score": number, "page": place}
    nearest = {"id": string, "distance": number}
    return {
        **{kind.folder: pa.list_(pa.struct(tag)) for kind in kinds},
        "pairs": pa.list_(pa.struct(pair)),
        "abstained": string,
        "nearest": pa.struct(nearest),
        "denied": pa.list_(pa.struct({"id": string, "kind": string, "evidence": tag["evidence"]})),
        "error": string,
        "encoding": string,
        "pages": pa.list_(place),
        "more": string,
    }


def _answers(rows: Sequence[Row], kinds: Sequence[Kind]) -> dict[str, list[Any]]:
    """The values of each column of the answers; structs are tuples in the order of their fields."""

    def evidence(record: Record, tag: Tag | Denied) -> list[Any]:
        return [(*item, record.page(item.start)) for item in tag.evidence]

    def tags(record: Record, result: Result, kind: str) -> list[Any]:
        return [
            (
                *(tag.id, tag.name, tag.status, tag.score, tag.probability, tag.level),
                evidence(record, tag),
            )
            for tag in result.of(kind)
        ]

    def pairs(record: Record, result: Result) -> list[Any]:
        return [(*pair.to_dict().values(), record.page(pair.start)) for pair in result.pairs]

    def denied(record: Record, result: Result) -> list[Any]:
        return [(label.id, label.kind, evidence(record, label)) for label in result.denied]

    results = [result for _, result in rows]
    return {
        **{kind.folder: [r and tags(record, r, kind.id) for record, r in rows] for kind in kinds},
        "pairs": [r and pairs(record, r) for record, r in rows],
        "abstained": [r and r.abstained for r in results],
        "nearest": [r and r.nearest for r in results],
        "denied": [r and denied(record, r) for record, r in rows],
        "error": [record.error for record, _ in rows],
        "encoding": [record.encoding for record, _ in rows],
        "pages": [list(record.pages) or None for record, _ in rows],
    }
