"""Saved objects: a folder of `manifest.json` and one archive of arrays, without pickle.

The manifest names the archive by its digest, so a new archive lies beside the old one until the new manifest takes the
place of the old in one rename: a crash at any moment leaves either the old object or the new one, whole. Loading checks
format, files, digests and arrays in that order, each before the next is looked at, and runs nothing. The digests find
damage; they do not say who wrote a folder, so all else is checked as well.
"""

import hashlib
import io
import json
import os
import re
import stat
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from trackclf import _resources
from trackclf._files import whole
from trackclf._version import __version__
from trackclf.errors import ModelError

FORMAT = 3
MANIFEST = "manifest.json"
_HEAD = ("format", "kind", "versions", "files", "sha256")
_ARCHIVE = re.compile(r"weights-[0-9a-f]{16}\.npz")
_LARGEST_MANIFEST = 4 << 20  # bytes
_LARGEST = 512 << 20  # bytes of all arrays
_MOST_MEMBERS = 64
# The head of an array as numpy writes it; what else it reads it may warn of.
_SIZE = rb"(?:0|[1-9]\d{0,18})"
_HEADER = re.compile(
    rb"\{'descr': '[<>|=][a-zA-Z]\d{0,9}', 'fortran_order': (?:True|False), 'shape': \((?:%b,|%b(?:, %b)+)?\), \} *\n"
    % (_SIZE, _SIZE, _SIZE)
)
# Who reads which kind, for whoever takes one for the other.
_READERS = {
    "weights": "Tagger(weights=folder)",
    "tagger": "Tagger.load(folder)",
    "classifier": "TrackClassifier.load(folder)",
}
_CLOCK = (1980, 1, 1, 0, 0, 0)  # no time of writing: equal arrays are equal bytes

Arrays = dict[str, NDArray[Any]]
# By name: dtype ("U" is text of any width) and shape. A string in a shape stands for one size, the same wherever it stands.
Spec = Mapping[str, tuple[str, tuple[int | str, ...]]]


def save(folder: Path, kind: str, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> None:
    """Write an object into a folder, in place of the one that is there; other files of the folder stay as they are.

    Parameters
    ----------
    folder : Path
        Made where it is missing. One process at a time may save into it; readers may come at any time.
    kind : str
        What is saved; `load` asks for the same.
    arrays : dict of str to ndarray
        Of numbers, bool or str.
    facts : dict of str to JSON
        Keys as the manifest has them; "format", "kind", "versions", "files" and "sha256" are taken.

    Raises
    ------
    ModelError
        The folder cannot be written, holds a manifest of something else, or the arrays are too large to be loaded again.
    """
    if taken := set(facts) & set(_HEAD):
        raise ValueError(f"facts must not use {', '.join(sorted(taken))}")
    blob = _pack(arrays)
    digest = hashlib.sha256(blob).hexdigest()
    manifest = {
        "format": FORMAT,
        "kind": kind,
        "versions": {"trackclf": __version__, "numpy": np.__version__},
        "files": {_archive_name(digest): digest},
        **facts,
    }
    manifest["sha256"] = _digest(manifest)
    text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    head = text.encode("utf-8", "surrogatepass")
    if sum(array.nbytes for array in arrays.values()) > _LARGEST or len(head) > _LARGEST_MANIFEST:
        raise ModelError(f"this is more than a folder may hold: {_LARGEST >> 20} MB of arrays")
    try:
        check_place(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in ((folder / _archive_name(digest), blob), (folder / MANIFEST, head)):
            with whole(path) as out:
                out.write(content)
        for path in folder.iterdir():
            if path.name != _archive_name(digest) and (_ARCHIVE.fullmatch(path.name) or _is_left_over(path.name)):
                with suppress(OSError):  # still open elsewhere, on Windows; the next save removes it
                    path.unlink()
    except OSError as error:
        raise ModelError(f"{folder} cannot be written: {error}. Choose another folder") from error


def check_place(folder: Path) -> None:
    """Ask before long work: ModelError where `save` would not write, because the place is of something else."""
    path = folder / MANIFEST
    if folder.exists() and not folder.is_dir():
        raise ModelError(f"{folder} is a file; choose another folder")
    if path.exists() and not _is_ours(path):
        raise ModelError(f"{path} is not of trackclf and stays; choose another folder")


def load(folder: Path, kind: str, spec: Spec) -> tuple[Arrays, dict[str, Any]]:
    """Read what `save` wrote: arrays as `spec` has them (writable, native byte order), and facts.

    Raises
    ------
    ModelError
        The folder is missing, damaged, of another kind or format, or holds what the spec does not allow; the message
        says what to do. Facts are only known to be JSON: whoever uses them checks them.
    """
    manifest = _manifest(folder, kind)
    while True:
        (name,) = manifest["files"]
        try:
            blob = _read(folder / name, _LARGEST)
            break
        except ModelError:
            newer = _manifest(folder, kind)  # a save may have come between the manifest and the archive
            if newer == manifest:
                raise
            manifest = newer
    if hashlib.sha256(blob).hexdigest() != manifest["files"][name]:
        _refuse(folder, f"{name} is not the file that {MANIFEST} describes")
    try:
        arrays = dict(_unpack(blob, spec))
    except Exception as error:  # zipfile and numpy answer to damage with errors of many kinds
        raise ModelError(f"{folder}: {name} cannot be read: {error}. {_AGAIN}") from error
    return arrays, {key: value for key, value in manifest.items() if key not in _HEAD}


_AGAIN = "Save or train it again, or get a whole copy; if it is the shipped model, reinstall trackclf"


def _refuse(folder: Path, why: str) -> NoReturn:
    raise ModelError(f"{folder}: {why}. {_AGAIN}")


def _manifest(folder: Path, kind: str) -> dict[str, Any]:
    """The manifest, as far as it can be checked alone."""
    if not (folder / MANIFEST).is_file():
        raise ModelError(f"{folder} is no model: it has no {MANIFEST}. {_AGAIN}")
    try:
        manifest = _parse(_read(folder / MANIFEST, _LARGEST_MANIFEST))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{folder}: {MANIFEST} cannot be read: {error}. {_AGAIN}") from error
    found = manifest.get("format") if isinstance(manifest, dict) else None
    if type(found) is int and found > FORMAT:
        raise ModelError(f"{folder} has model format {found}, this version reads {FORMAT}. Upgrade trackclf")
    if type(found) is not int or found < FORMAT:
        shown = found if type(found) is int else "unknown"
        raise ModelError(
            f"{folder} has model format {shown}, this version reads {FORMAT}. "
            "Save or train again with this version, or use the version that wrote it"
        )
    if manifest.get("kind") != kind:
        found = str(manifest.get("kind"))[:40]
        raise ModelError(f"{folder} holds a {found}, not a {kind}: read it with {_READERS.get(found, 'what wrote it')}")
    files = manifest.get("files")
    digests = list(files.values()) if isinstance(files, dict) else []
    if len(digests) != 1 or not isinstance(digests[0], str) or files != {_archive_name(digests[0]): digests[0]}:
        _refuse(folder, f"{MANIFEST} names other files than a model has")
    if not re.fullmatch("[0-9a-f]{64}", digests[0]):
        _refuse(folder, f"{MANIFEST} names no digest")
    if manifest.pop("sha256", None) != _digest(manifest):
        _refuse(folder, f"{MANIFEST} is damaged or was edited")
    return dict(manifest)


def kind_of(folder: Path) -> str | None:
    """Kind that the manifest of a folder names; None where it has none that can be read. Checks nothing else."""
    try:
        manifest = _parse(_read(folder / MANIFEST, _LARGEST_MANIFEST))
    except (ModelError, ValueError, RecursionError):
        return None
    kind = manifest.get("kind") if isinstance(manifest, dict) else None
    return kind if isinstance(kind, str) else None


def _parse(text: bytes) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(pairs) != len(out := dict(pairs)):
            raise ValueError("a key stands twice")
        return out

    return json.loads(text.decode("utf-8", "surrogatepass"), object_pairs_hook=once)


def _digest(manifest: Mapping[str, Any]) -> str:
    """Of what the manifest says, however it is laid out (a checkout may turn its line ends)."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _archive_name(digest: str) -> str:
    return f"weights-{digest[:16]}.npz"


def _is_ours(path: Path) -> bool:
    """Whether a manifest is one of ours, of any format, perhaps damaged."""
    try:
        manifest = _parse(_read(path, _LARGEST_MANIFEST))
    except (ModelError, ValueError, RecursionError):
        return any(_ARCHIVE.fullmatch(other.name) for other in path.parent.iterdir())
    return isinstance(manifest, dict) and type(manifest.get("format")) is int and "sha256" in manifest


def _read(path: Path, largest: int) -> bytes:
    """A regular file of bounded size; no link, unless an installer linked the package's own files."""
    try:
        if path.is_symlink() and path.parent != _resources.model_dir():
            raise ModelError(f"{path} is a link; copy the file itself there")
        # A pipe must not be waited for, and what is opened must be what is measured.
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_size > largest:
                raise ModelError(f"{path} is no file of at most {largest >> 20} MB. {_AGAIN}")
            return file.read(found.st_size)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}. {_AGAIN}") from error


def _is_left_over(name: str) -> bool:
    """Whether a save that was broken off left this file."""
    of, _, end = name.removeprefix(".").rpartition("-")
    return name.startswith(".") and len(end) == 8 and (of == MANIFEST or _ARCHIVE.fullmatch(of) is not None)


def _pack(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(arrays[name], order="C"), (1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _CLOCK), member.getbuffer(), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _unpack(blob: bytes, spec: Spec) -> Iterator[tuple[str, NDArray[Any]]]:
    """The arrays of an archive; all names, sizes, dtypes and shapes are checked before any is unpacked."""
    if blob.count(b"PK\x01\x02") > _MOST_MEMBERS:
        raise ValueError("it has too many members")
    with zipfile.ZipFile(io.BytesIO(blob)) as archive:
        infos = archive.infolist()
        if sorted(info.filename for info in infos) != sorted(f"{name}.npy" for name in spec):
            raise ValueError(f"it does not hold exactly {', '.join(sorted(spec))}")
        if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in infos):
            raise ValueError("it is packed in another way than saving does")  # zipfile unpacks those without bound
        if sum(info.file_size for info in infos) > _LARGEST:
            raise ValueError("its arrays are too large")
        heads: dict[str, tuple[Any, np.dtype[Any]]] = {}
        sizes: dict[int | str, int] = {}
        for info in infos:
            name = info.filename.removesuffix(".npy")
            with archive.open(info) as file:
                head = io.BytesIO(file.read(4096))
            heads[name] = shape, dtype = _header(head, name, *spec[name])
            if info.file_size != head.tell() + prod(shape) * dtype.itemsize:
                raise ValueError(f"{name} is not as long as it says")
            for size, symbol in zip(shape, spec[name][1], strict=True):
                if size != sizes.setdefault(symbol, size):
                    raise ValueError(f"{name} has shape {shape}, where {symbol} is {sizes[symbol]}")
        for info in infos:
            name = info.filename.removesuffix(".npy")
            shape, dtype = heads[name]
            with archive.open(info) as file:
                raw = file.read(info.file_size + 1)  # a member that is longer than it says is read no further
            if len(raw) != info.file_size:
                raise ValueError(f"{name} is not as long as it says")
            start = len(raw) - prod(shape) * dtype.itemsize
            flat = np.frombuffer(raw, dtype, offset=start) if start < len(raw) else np.zeros(0, dtype)
            yield name, _sound(name, flat.astype(dtype.newbyteorder("=")).reshape(shape))


def _header(head: io.BytesIO, name: str, wanted: str, symbols: tuple[int | str, ...]) -> tuple[Any, np.dtype[Any]]:
    if np.lib.format.read_magic(head) != (1, 0):
        raise ValueError(f"{name} is no array of format 1.0")
    raw = head.getvalue()
    if not _HEADER.fullmatch(raw[10 : 10 + int.from_bytes(raw[8:10], "little")]):
        raise ValueError(f"{name} has no header as numpy writes it")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(head, max_header_size=1024)
    fits = dtype.kind == "U" if wanted == "U" else dtype.newbyteorder("=") == np.dtype(wanted)
    if not fits or fortran or (dtype.itemsize == 0):
        raise ValueError(f"{name} has dtype {dtype}, not {wanted}")
    if len(shape) != len(symbols) or not all(0 <= size <= _LARGEST for size in shape):
        raise ValueError(f"{name} has shape {shape}, not {symbols}")
    for size, symbol in zip(shape, symbols, strict=True):
        if isinstance(symbol, int) and size != symbol:
            raise ValueError(f"{name} has shape {shape}, not {symbols}")
    return shape, dtype


def _sound(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """The array, if it holds only finite numbers, truth values, and characters that there are."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} is not finite")
    if array.dtype.kind == "b" and (array.view(np.uint8) > 1).any():
        raise ValueError(f"{name} holds other bytes than 0 and 1")
    if array.dtype.kind == "U" and array.size and (array.reshape(-1).view(np.uint32) > 0x10FFFF).any():
        raise ValueError(f"{name} holds what is no character")
    return array
