"""A file that a long run writes: FILE.part grows beside it, FILE.journal says how far that is sound, and a run goes on there.

Every second or so what was written goes to disk, and then the journal gets a line: so many records, so many bytes, and a
digest of these records. Whatever ends the run, the last such line holds. To go on, the input is read again as far as it says,
without tagging, and must have the same digest; what lies behind in FILE.part is cut off.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

from trackclf import _spool
from trackclf._files import opened, put, to_disk, whole
from trackclf._records import Record
from trackclf._rows import Row, as_json
from trackclf._types import Kind, Label
from trackclf.errors import InputError

Rows = Iterable[Row]

_EVERY = 1.0  # seconds between marks


class Mark(NamedTuple):
    """How far FILE.part is sound: records, bytes, and the digest of these records."""

    records: int = 0
    bytes: int = 0
    digest: str = ""


class LongFile:
    """The output of one run, begun or taken up again.

    Parameters
    ----------
    path : Path
    head : dict
        Whatever decides what is written, as JSON has it; to go on it must be the same.
    resume : bool
        Go on where an interrupted run stopped, if there was one.
    force : bool
        Begin anew, whatever lies there.

    Attributes
    ----------
    part : Path
        FILE.part.
    before : int
        Records that an interrupted run has left, to go on behind.
    kept : int
        Records of this run that are sound in it, those of the run before included.

    Raises
    ------
    InputError
        An interrupted run lies there and neither `resume` nor `force` is asked for, or it is one with another head; what
        lies there is of something else.
    """

    def __init__(self, path: Path, head: dict[str, Any], resume: bool, force: bool) -> None:
        self._path, self.kept = path, 0
        self.part, self._draft, self._journal = (
            path.with_name(path.name + end) for end in (".part", ".new", ".journal")
        )
        self._head = json.loads(json.dumps(head, default=str)) | {"force": force}
        self._mark = Mark() if force or not self.part.exists() else self._found(resume)
        self.before = self._mark.records

    def _found(self, resume: bool) -> Mark:
        """Where to go on."""
        head, mark = _read(self._journal)
        if head is None or self.part.stat().st_size < mark.bytes:
            raise InputError(f"{self.part} is of something else, or damaged; choose another -o, or --force")
        if not mark.records:
            return mark
        if not resume:
            raise InputError(
                f"{self.part} keeps {mark.records:,} records of an interrupted run; --resume continues it, --force begins anew"
            )
        if self._path.exists() and not head.get("force"):
            raise InputError(
                f"{self._path} has come since the run was interrupted; move it away, or --force begins anew"
            )
        before, now = _flat(head), _flat(self._head)
        names = [name for name in now | before if name != "force" and before.get(name) != now.get(name)]
        if names:
            what = "; ".join(f"{name} was {_said(before.get(name))}, now {_said(now.get(name))}" for name in names)
            raise InputError(f"the interrupted run had other options ({what}); --force begins anew")
        return mark

    def write(
        self,
        records: Iterable[Record],
        tag: Callable[[Iterable[Record]], Iterator[Row]],
        write: Callable[[Rows, Any], None],
        seen: Callable[[Record], None],
        spooled: tuple[Sequence[Label], Sequence[Kind]] | None = None,
        mode: str = "w",
        busy: Callable[[bool], None] = lambda busy: None,
    ) -> None:
        """Read, tag and write all that is not yet written.

        Parameters
        ----------
        records : iterable of Record
            The whole input, from its start.
        tag : callable
            Records to rows, in order.
        write : callable
            Writes rows to a file. It has written a row when it asks for the next one, and what it writes of a row depends on
            no other row but the first; with `spooled` it does as it likes.
        seen : callable
            Told of each record once, whether it is tagged now or was before.
        spooled : labels and kinds of the tagger, optional
            FILE.part is then a spool, and `write` gets its rows when all are there.
        mode : str
            Of the file for `write`; "wb" only with `spooled`.
        busy : callable
            Told True before a row is written and False when it is; what it then raises ends the run behind a whole row.

        Raises
        ------
        InputError
            The input is no longer that of the interrupted run; another process is writing.
        """
        records, start, digest = iter(records), self._mark, hashlib.sha256()
        with self._locked() as journal:
            first = self._pass_over(records, digest, seen)
            self.kept = start.records

            def rows() -> Iterator[Row]:
                done, due = start.records, time.monotonic() + _EVERY
                if first:  # for the sake of what comes before it: all of this stands there already, and goes again
                    yield from tag([first])
                    out.flush()
                    os.truncate(self.part, start.bytes)
                try:
                    for record, result in tag(records):
                        busy(True)
                        seen(record)
                        yield record, result
                        digest.update(_content(record))
                        done += 1
                        if time.monotonic() >= due:
                            self._note(journal, out, Mark(done, 0, digest.hexdigest()))
                            due = time.monotonic() + _EVERY
                        busy(False)
                except GeneratorExit:  # the writer failed, perhaps inside a row
                    raise
                except BaseException:
                    if done > self.kept:
                        with suppress(OSError):
                            self._note(journal, out, Mark(done, 0, digest.hexdigest()))
                    raise
                if spooled:
                    self._note(journal, out, Mark(done, 0, digest.hexdigest()))

            try:
                with opened(self.part, "a") as out:
                    os.truncate(self.part, start.bytes)
                    (_spool.write_rows if spooled else write)(rows(), out)
                    to_disk(out)
                if spooled:
                    with self.part.open(encoding="utf-8") as lines, whole(self._path, mode, self._draft) as out:
                        write(_spool.read_rows(lines, *spooled), out)
                    self.part.unlink()
                else:
                    put(self.part, self._path)
            except BaseException:
                if not self.kept:
                    for path in (self.part, self._journal):
                        with suppress(OSError):
                            path.unlink()
                raise
        self._journal.unlink()

    def _pass_over(self, records: Iterator[Record], digest: Any, seen: Callable[[Record], None]) -> Record | None:
        """Read what is written already, and hold it against the journal; returns the first record."""
        first, done = None, 0
        for record in islice(records, self._mark.records):
            first, done = first or record, done + 1
            digest.update(_content(record))
            seen(record)
        if self._mark.records and (done < self._mark.records or digest.hexdigest() != self._mark.digest):
            raise InputError(
                f"the input has changed: its first {self._mark.records:,} records are not those of the interrupted run; --force begins anew"
            )
        return first

    def _note(self, journal: IO[str], out: IO[str], mark: Mark) -> None:
        to_disk(out)
        mark = mark._replace(bytes=os.fstat(out.fileno()).st_size)
        journal.write(json.dumps(mark._asdict()) + "\n")
        to_disk(journal)
        self.kept = mark.records

    @contextmanager
    def _locked(self) -> Iterator[IO[str]]:
        """The journal, to append to; for one process at a time where the system has such locks."""
        with opened(self._journal, "a") as journal:
            with suppress(ImportError):  # Windows
                import fcntl

                try:
                    fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise InputError(
                        f"another process is writing {self._path}; wait for it, or choose another -o"
                    ) from None
            if self._mark.records:
                journal.write("\n")  # behind a line that was cut off
            else:
                self.part.unlink(missing_ok=True)
                journal.truncate(0)
                journal.write(json.dumps(self._head) + "\n")
            journal.flush()
            yield journal


def _flat(head: dict[str, Any]) -> dict[str, Any]:
    """Options by their names on the command line, and what the stamp says."""
    names = {"paths": "the input", "format": "--from", "force": "force"}
    options = {names.get(name, f"--{name.replace('_', '-')}"): head[name] for name in head if name != "stamp"}
    return options | {
        f"the {name} in use" if name != "trackclf" else name: value for name, value in head.get("stamp", {}).items()
    }


def _said(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "not given"
    return "not given" if value is None or value is False else "given" if value is True else str(value)


def _read(journal: Path) -> tuple[dict[str, Any] | None, Mark]:
    """Head and last whole mark of a journal."""
    head, mark = None, Mark()
    with suppress(OSError), journal.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            with suppress(ValueError, TypeError, RecursionError):  # a line that was cut off, or is damaged
                row = json.loads(line)
                if head is None:
                    head = row if isinstance(row, dict) and isinstance(row.get("stamp", {}), dict) else None
                elif [*map(type, found := Mark(**row))] == [int, int, str] and 0 <= min(found[:2]) <= max(
                    found[:2]
                ) < 1 << 62:
                    mark = found
    return head, mark


def _content(record: Record) -> bytes:
    """What the digest is of; the text once, where it is a column as well."""
    text = None if record.text in record.fields.values() else record.text
    row = [record.id, text, record.fields, record.error]
    return as_json(row).encode("utf-8", "surrogatepass") + b"\n"
