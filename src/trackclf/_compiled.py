"""Compiled word lists and weights on disk, so that a process that tags one line need not compile them again.

One file: a line that names the format, the length and the digest of a JSON head, the head, and the arrays it speaks of,
as they lie in memory. Only the classes named here are made from it, and nothing of it is run.
"""

import hashlib
import json
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from trackclf import _resources
from trackclf._lexicon import Lexicon
from trackclf._matching import Edges, Fan, Table
from trackclf._model import Model
from trackclf._types import Label
from trackclf._version import __version__

FORMAT = b"trackclf compiled 1\n"
_ALIGN = 64
_KEPT = 4  # compiled files that stay
_CLASSES: dict[str, type] = {cls.__name__: cls for cls in (Edges, Fan, Label, Lexicon, Model, Table)}
# What a compiled file depends on beside the data: a change to these must not find an old file.
_SOURCES = ("_characters", "_compiled", "_lexicon", "_matching", "_model", "_taxonomy", "_taxonomy_files", "_text")


def cache_folder() -> Path | None:
    """Where compiled files go: TRACKCLF_CACHE, or the user's cache folder; None where TRACKCLF_CACHE is "off"."""
    chosen = os.environ.get("TRACKCLF_CACHE", "")
    if chosen.lower() in ("off", "0", "no"):
        return None
    if chosen:
        return Path(chosen)
    base = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    with suppress(RuntimeError):  # no home folder
        return (Path(base) if base else Path.home() / ".cache") / "trackclf"
    return None


def cached(weights: Path | None) -> Path | None:
    """File for what the shipped taxonomy and a model folder compile to, named by all that decides it.

    None without a cache, or where something cannot be read: whoever compiles it will say so.
    """
    folder = cache_folder()
    package = Path(__file__).parent
    files = [package / f"{name}.py" for name in _SOURCES]
    files += [*sorted(_resources.taxonomy_dir().rglob("*.toml")), package / "data" / "characters.json"]
    files += [weights / "weights.npz", weights / "manifest.json"] if weights else []
    sha = hashlib.sha256(f"{__version__} {np.__version__} {sys.byteorder}".encode())
    try:
        for path in files:
            sha.update(path.name.encode())
            sha.update(path.read_bytes())
    except OSError:
        return None
    return folder / f"{sha.hexdigest()[:32]}.bin" if folder else None


def read(path: Path) -> tuple[Any, ...] | None:
    """What `write` wrote; None where there is no whole file of this format."""
    try:
        blob = path.read_bytes()
    except OSError:
        return None
    try:
        start = len(FORMAT)
        digest, size = blob[start : start + 32], int.from_bytes(blob[start + 32 : start + 40], "little")
        if not blob.startswith(FORMAT) or hashlib.sha256(memoryview(blob)[start + 32 :]).digest() != digest:
            return None
        head = json.loads(blob[start + 40 : start + 40 + size])
        first = -(-(start + 40 + size) // _ALIGN) * _ALIGN
        arrays = [
            np.frombuffer(blob, np.dtype(kind), int(np.prod(shape)), first + offset).reshape(shape)
            for kind, shape, offset in head["arrays"]
        ]
        return tuple(_decode(item, arrays) for item in head["items"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def write(path: Path, items: tuple[Any, ...]) -> None:
    """Write beside, then rename. A folder that cannot be written to is left as it is: the file only saves time."""
    arrays: list[Any] = []
    encoded = [_encode(item, arrays) for item in items]
    specs, chunks, offset = [], [], 0
    for array in arrays:
        specs.append((array.dtype.str, array.shape, offset))
        raw = array.tobytes()
        raw += bytes(-len(raw) % _ALIGN)
        chunks.append(raw)
        offset += len(raw)
    head = json.dumps({"items": encoded, "arrays": specs}, ensure_ascii=True).encode()
    body = len(head).to_bytes(8, "little") + head
    body += bytes(-(len(FORMAT) + 32 + len(body)) % _ALIGN) + b"".join(chunks)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(FORMAT + hashlib.sha256(body).digest() + body)
            os.replace(beside, path)
        except BaseException:
            os.unlink(beside)
            raise
        for old in sorted(path.parent.glob("*.bin"), key=lambda file: file.stat().st_mtime)[:-_KEPT]:
            old.unlink()


def _encode(value: Any, arrays: list[Any]) -> Any:
    if isinstance(value, np.ndarray):
        arrays.append(np.ascontiguousarray(value))
        return {"array": len(arrays) - 1}
    if isinstance(value, np.generic):
        return {"number": [value.dtype.str, value.item()]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list) and all(type(item) is str for item in value):
        return {"strings": value}
    if isinstance(value, list | tuple | frozenset):
        items = sorted(value) if isinstance(value, frozenset) else value
        return {type(value).__name__: [_encode(item, arrays) for item in items]}
    if isinstance(value, dict):
        return {"dict": [[key, _encode(item, arrays)] for key, item in value.items()]}
    if _CLASSES.get(type(value).__name__) is not type(value):
        raise TypeError(f"{type(value).__name__} has no compiled form")
    names = getattr(value, "__slots__", None) or list(vars(value))
    fields = {name: _encode(getattr(value, name), arrays) for name in names}
    return {"object": type(value).__name__, "fields": fields}


def _decode(value: Any, arrays: list[Any]) -> Any:
    if not isinstance(value, dict):
        return value
    if "object" in value:
        made: Any = object.__new__(_CLASSES[value["object"]])
        for name, item in value["fields"].items():
            object.__setattr__(made, name, _decode(item, arrays))
        return made
    (kind, item), *_ = value.items()
    if kind == "array":
        return arrays[item]
    if kind == "number":
        return np.dtype(item[0]).type(item[1])
    if kind == "strings":
        return item
    if kind == "dict":
        return {key: _decode(part, arrays) for key, part in item}
    made_of = {"list": list, "tuple": tuple, "frozenset": frozenset}[kind]
    return made_of(_decode(part, arrays) for part in item)
