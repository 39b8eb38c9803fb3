"""Compiled word lists and weights on disk, so that a process that tags one line need not compile them again.

One file: a line that names the format, a checksum, the lengths of the head and of the whole, a JSON head, and the arrays
it speaks of, as they lie in memory. The arrays are mapped, not read: what a text does not touch is never loaded. Only the
classes named here are made from it, and nothing of it is run.

A file is trusted as Python trusts its bytecode: by path, size and time of all that decides it, by its own length, and by
a checksum of its head. It is on disk before it gets its name, so a crash leaves no half of one.
"""

import json
import math
import mmap
import os
import sys
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from trackclf import _resources
from trackclf._lexicon import Lexicon
from trackclf._matching import Edges, Fan, Table
from trackclf._model import Model
from trackclf._types import Kind, Label
from trackclf._version import __version__
from trackclf.errors import TaxonomyError

FORMAT = b"trackclf compiled 2\n"
_START = len(FORMAT) + 20  # where the head begins
_ALIGN = 64
_KEPT = 6  # compiled files that stay
_CLASSES: dict[str, type] = {cls.__name__: cls for cls in (Edges, Fan, Kind, Label, Lexicon, Model, Table)}
_SUFFIXES = (".json", ".npz", ".py", ".toml")


class Strings(Sequence[str]):
    """A list of strings as it lies in the file: each is made when it is first asked for.

    Parameters
    ----------
    text : uint8 (n_bytes,)
        All of them in UTF-8, end to end.
    ends : int64 (n_strings + 1,)
        Where each starts, and the last one ends.
    """

    def __init__(self, text: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
        self._text, self._ends = text.data, ends.data
        self._made: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return [self[n] for n in range(*at.indices(len(self)))]
        made = self._made.get(at)
        if made is None:
            n = range(len(self))[at]
            made = str(self._text[self._ends[n] : self._ends[n + 1]], "utf-8", "surrogatepass")
            self._made[at] = made
        return made


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


def key_of(weights: Path | None, taxonomy: Path | None = None) -> str | None:
    """Key of what a taxonomy's folder and a model's compile to: versions, and every file that decides it.

    Without a folder the taxonomy is the shipped one. None where something cannot be read: whoever compiles it will say so.
    """
    parts = [f"{__version__} {np.__version__} {sys.byteorder} {taxonomy and taxonomy.absolute()}"]
    try:
        every = [*_resources.folders(), *_own(taxonomy), *([weights.absolute()] if weights else [])]
        for folder in every:
            with os.scandir(folder) as entries:
                files = sorted((entry.name, entry.stat()) for entry in entries if entry.name.endswith(_SUFFIXES))
            parts.append(str(folder))
            parts += [f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in files]
    except (OSError, TaxonomyError):
        return None
    return "\n".join(parts)


def _own(taxonomy: Path | None) -> list[Path]:
    """The folders of a taxonomy and of what it extends, with those inside them."""
    if taxonomy is None:
        return []
    from trackclf._layers import folders

    out = []
    for folder in folders(taxonomy.absolute()):
        out += [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    return out


def _path(key: str) -> Path | None:
    folder = cache_folder()
    return folder / f"{zlib.crc32(key.encode('utf-8', 'surrogateescape')):08x}.bin" if folder else None


def read(key: str) -> tuple[Any, ...] | None:
    """What `write` wrote under the key; None where there is no cache, or no whole file of this format and key."""
    path = _path(key)
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            blob = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        size, total = (int.from_bytes(blob[at : at + 8], "little") for at in (_START - 16, _START - 8))
        if blob[: len(FORMAT)] != FORMAT or len(blob) != total:
            return None
        if zlib.crc32(blob[_START - 16 : _START + size]) != int.from_bytes(blob[_START - 20 : _START - 16], "little"):
            return None
        head = json.loads(blob[_START : _START + size])
        if head["key"] != key:
            return None
        first = _aligned(_START + size)
        arrays = [
            np.frombuffer(blob, np.dtype(kind), math.prod(shape), first + offset).reshape(shape)
            for kind, shape, offset in head["arrays"]
        ]
        return tuple(_decode(item, arrays) for item in head["items"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write(key: str, items: tuple[Any, ...]) -> None:
    """Write beside, then rename. A folder that cannot be written to is left as it is: the file only saves time."""
    import tempfile

    path = _path(key)
    if path is None:
        return
    arrays: list[Any] = []
    encoded = [_encode(item, arrays) for item in items]
    specs, chunks, offset = [], [], 0
    for array in arrays:
        specs.append((array.dtype.str, array.shape, offset))
        raw = array.tobytes()
        chunks.append(raw.ljust(_aligned(len(raw)), b"\0"))
        offset += len(chunks[-1])
    head = json.dumps({"key": key, "items": encoded, "arrays": specs}, ensure_ascii=True).encode()
    first = _aligned(_START + len(head))
    start = len(head).to_bytes(8, "little") + (first + offset).to_bytes(8, "little") + head
    start = FORMAT + zlib.crc32(start).to_bytes(4, "little") + start
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as out:
                out.writelines([start.ljust(first, b"\0"), *chunks])
                out.flush()
                os.fsync(handle)
            os.replace(beside, path)
        except BaseException:
            os.unlink(beside)
            raise
        others = (other for other in path.parent.glob("*.bin") if other != path)  # the oldest, if a clock was set back
        for old in sorted(others, key=lambda file: file.stat().st_mtime)[: 1 - _KEPT]:
            old.unlink()


def _aligned(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN


def _encode(value: Any, arrays: list[Any]) -> Any:
    if isinstance(value, np.ndarray):
        known = [n for n, array in enumerate(arrays) if array is value]
        if not known:
            arrays.append(value)
        return {"array": known[0] if known else len(arrays) - 1}
    if isinstance(value, np.generic):
        return {"number": [value.dtype.str, value.item()]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list) and all(type(item) is str for item in value):
        parts = [item.encode("utf-8", "surrogatepass") for item in value]
        ends = np.cumsum([0, *map(len, parts)], dtype=np.int64)
        return {"strings": [_encode(np.frombuffer(b"".join(parts), np.uint8), arrays), _encode(ends, arrays)]}
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
        return Strings(*(_decode(part, arrays) for part in item))
    if kind == "dict":
        return {key: _decode(part, arrays) for key, part in item}
    made_of = {"list": list, "tuple": tuple, "frozenset": frozenset}[kind]
    return made_of(_decode(part, arrays) for part in item)
