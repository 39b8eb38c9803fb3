"""Files that are there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any


def opened(path: Path, mode: str) -> IO[Any]:
    """A file of bytes, or of UTF-8 in which lone surrogates become escapes, as JSON has them."""
    if "b" in mode:
        return open(path, mode)
    return open(path, mode, encoding="utf-8", errors="backslashreplace", newline="")


@contextmanager
def whole(path: Path, mode: str = "wb", draft: Path | None = None) -> Iterator[IO[Any]]:
    """What is written goes to a draft beside the file, which at the end is flushed to disk and renamed.

    Parameters
    ----------
    path : Path
        After an error it is as it was before.
    mode : str
        As of `opened`.
    draft : Path, optional
        Where to write (default: a hidden file beside it, of a new name).
    """
    draft = draft or path.with_name(f".{path.name}-{os.urandom(4).hex()}")
    try:
        with opened(draft, mode) as out:
            yield out
            to_disk(out)
        put(draft, path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


def to_disk(out: IO[Any]) -> None:
    """Flush a file as far as the disk."""
    out.flush()
    os.fsync(out.fileno())


def put(draft: Path, path: Path) -> None:
    """Give a draft on disk its name, in place of what has it now and with its permissions."""
    with suppress(OSError):
        os.chmod(draft, path.stat().st_mode & 0o7777)
    os.replace(draft, path)
    if os.name == "posix":  # the names too
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
