"""Labelled text: JSON Lines with a level for each label, as an indicator matrix."""

import gzip
import json
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackclf._types import Label
from trackclf.errors import InputError

FOLDERS = ("tracks", "modes")


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of JSON Lines, gzipped or not; `text` is a string where there is one.

    Raises
    ------
    InputError
        A line is not JSON, or no such row; the message names it. The file is damaged.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as lines:
        number = 0
        while line := _next_line(lines, path):
            number += 1
            if line.strip():
                try:
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise ValueError("an object is expected")
                except (ValueError, RecursionError) as error:
                    raise InputError(
                        f"{path}:{number} is not JSON: {error}; labelled text is JSON Lines, whatever it is called"
                    ) from error
                if not isinstance(row.get("text", ""), str):
                    raise InputError(f"{path}:{number}: text must be a string")
                yield row


def _next_line(lines: Any, path: Path) -> bytes:
    try:
        return bytes(lines.readline())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path} is incomplete or damaged: {error}; save it again") from error


def read_labelled(path: Path, folders: Iterable[str] = FOLDERS) -> Iterator[dict[str, Any]]:
    """`read_rows` of labelled text: levels, evidence and pairs are of the types that they must be.

    Raises
    ------
    InputError
        As `read_rows`; or a label has no level, evidence or pair that can be read. The message names the row.
    """
    for number, row in enumerate(read_rows(path), 1):
        for name in {*folders, *FOLDERS}:
            levels = row.get(name, {})
            if not isinstance(levels, dict) or not all(isinstance(level, int | str) for level in levels.values()):
                raise InputError(f'{path}, row {number}: {name} must go from label id to level, as {{"id": 1}}')
        given, pairs = row.get("evidence", {}), row.get("pairs", [])
        if not isinstance(given, dict) or not all(map(_are_strings, given.values())):
            raise InputError(f'{path}, row {number}: evidence must go from label id to strings, as {{"id": ["词"]}}')
        if not isinstance(pairs, list) or not all(_are_strings(pair) and len(pair) == 2 for pair in pairs):
            raise InputError(f'{path}, row {number}: pairs must hold couples of label ids, as [["id", "id"]]')
        yield row


def _are_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def without(row: dict[str, Any], ids: Collection[str]) -> dict[str, Any]:
    """A labelled row that does not speak of these labels."""
    out = dict(row)
    for name in ("tracks", "modes", "evidence"):
        if name in row:
            out[name] = {id: value for id, value in row[name].items() if id not in ids}
    if "pairs" in row:
        out["pairs"] = [pair for pair in row["pairs"] if not set(pair) & set(ids)]
    return out


def labels_of(row: dict[str, Any], folders: Iterable[str] = FOLDERS) -> dict[str, Any]:
    """Levels of a labelled row by label id, of all kinds together: tracks and modes, or what is in these folders."""
    return {id: level for name in folders for id, level in row.get(name, {}).items()}


def truth_of(rows: Sequence[dict[str, Any]], ids: Sequence[str], folders: Iterable[str] = FOLDERS) -> NDArray[np.int8]:
    """int8 (n_rows, n_labels): 1 present, 0 absent, -1 not scored."""
    folders = tuple(folders)
    levels = [labels_of(row, folders) for row in rows]
    truth = [[{0: 0, "?": -1}.get(level.get(id, 0), 1) for id in ids] for level in levels]
    return np.array(truth, np.int8).reshape(len(rows), len(ids))


def with_parents(truth: NDArray[np.int8], labels: Sequence[Label]) -> NDArray[np.int8]:
    """The same where a text that carries a label carries its parents too, and where one in doubt leaves them in doubt."""
    column = {label.id: n for n, label in enumerate(labels)}
    out = truth.copy()
    for n, label in enumerate(labels):
        seen = {label.id}
        while label.parent in column and label.parent not in seen:
            label = labels[column[label.parent]]
            seen.add(label.id)
            above = out[:, column[label.id]]
            above[truth[:, n] == 1] = 1
            above[(truth[:, n] == -1) & (above == 0)] = -1
    return out
