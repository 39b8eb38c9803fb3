"""The standard streams as they may come: closed, full, no longer read, or in an encoding that has no Chinese."""

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from typing import Any, TextIO, cast


@contextmanager
def standard_streams() -> Iterator[None]:
    """Inside, standard output is UTF-8, an error where it is closed, and standard error never stops the work."""
    # Otherwise a file opened later would get the closed stream's number. Input and output are opened the wrong way round,
    # so that using them is an error.
    for name, mode in (("stdin", os.O_WRONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, mode)
            if name != "stdin":
                setattr(sys, name, open(handle, "w", encoding="utf-8"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    if isinstance(sys.stderr, io.TextIOWrapper) and codecs.lookup(sys.stderr.encoding).name == "ascii":
        sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace")
    with redirect_stderr(cast(TextIO, _Heedless(sys.stderr))):
        yield


def silence(stream: Any) -> None:
    """Let what a stream still holds, and can no longer give, go nowhere: Python would fail to flush it at the exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def typed(value: str) -> str:
    """A word of the command line, as UTF-8 where the locale (C, POSIX) takes it for mere bytes."""
    try:
        return value.encode("ascii", "surrogateescape").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # it was read as characters
        return value


class _Heedless:
    """Standard error, which may lose what it is told: its disk is full, or its reader has gone."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        self.flush()
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            silence(self._stream)
