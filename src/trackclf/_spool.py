"""Records with their results as JSON Lines, and back: what a long run keeps until a format that is written whole takes it."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import IO, Any

from trackclf._records import Record
from trackclf._rows import Row, as_json
from trackclf._types import Denied, Evidence, Kind, Label, Pair, Result, Segment, Tag, Trigger
from trackclf.errors import InputError

_FIELDS = tuple(field.name for field in fields(Record))


def write_rows(rows: Iterable[Row], out: IO[str]) -> None:
    """One row a line."""
    for record, result in rows:
        row = {"record": {name: getattr(record, name) for name in _FIELDS}, "result": result and result.to_dict()}
        out.write(as_json(row) + "\n")


def read_rows(lines: Iterable[str], labels: Sequence[Label], kinds: Sequence[Kind]) -> Iterator[Row]:
    """The rows that `write_rows` wrote, one at a time.

    Raises
    ------
    InputError
        A line is damaged.
    """
    lines = iter(lines)
    while True:
        try:
            if (line := next(lines, None)) is None:
                return
            row = json.loads(line)
            record = Record(**row["record"] | {"pages": tuple(row["record"]["pages"])})
            result = row["result"] and result_of(row["result"], record.text, labels, kinds)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise InputError("what the interrupted run has left is damaged; --force begins anew") from error
        yield record, result


def result_of(found: dict[str, Any], text: str, labels: Sequence[Label], kinds: Sequence[Kind]) -> Result:
    """The result that `Result.to_dict` gave this for, equal in everything.

    Parameters
    ----------
    found : dict
        As it went in or as JSON gives it back.
    text, labels, kinds
        Those of the result, which the dict does not hold.
    """
    nearest, segments = found.get("nearest"), found.get("segments")
    return Result(
        text,
        tuple(_tag(tag, kind.id) for kind in kinds for tag in found[kind.folder]),
        tuple(Pair(**pair) for pair in found["pairs"]),
        found["abstained"],
        found["stamp"],
        None if segments is None else tuple(Segment(**segment) for segment in segments),
        nearest and (nearest["id"], nearest["distance"]),
        tuple(Denied(item["id"], item["kind"], _evidence(item)) for item in found.get("denied", ())),
        tuple(labels),
        tuple(kinds),
    )


def _tag(found: dict[str, Any], kind: str) -> Tag:
    values = {name: value for name, value in found.items() if name not in ("evidence", "inherited")}
    return Tag(**values, evidence=_evidence(found), kind=kind)


def _evidence(found: dict[str, Any]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(**item | {"trigger": Trigger(**item["trigger"])} if "trigger" in item else item)
        for item in found["evidence"]
    )
