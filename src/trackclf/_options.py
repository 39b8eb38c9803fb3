"""What the commands share: groups of options, the input's records, the tagger, the output, the count of what failed."""

import argparse
import gc
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from trackclf._standard import typed
from trackclf.errors import InputError

DONE, SOME_FAILED, USAGE = 0, 1, 2
_NAMED = 3  # records that failed, on standard error


def taxonomy_option(parser: argparse.ArgumentParser) -> None:
    """--taxonomy."""
    parser.add_argument("--taxonomy", metavar="FOLDER", help="a taxonomy of your own (default: the shipped one)")


def language_option(parser: argparse.ArgumentParser) -> None:
    """--lang."""
    parser.add_argument("--lang", choices=("zh", "en"), default="zh", help="language of the output (default: zh)")


def model_options(parser: argparse.ArgumentParser) -> None:
    """What a tagger is made of, but for its taxonomy."""
    parser.add_argument(
        "--model", metavar="FOLDER", help="what train or Tagger.save wrote, or none (default: the shipped model)"
    )
    parser.add_argument("--threshold", metavar="PROMISE", help="a promise to keep by label, as 'precision>=0.95'")
    parser.add_argument(
        "--tracks", metavar="ID,ID", help="the tracks to look for, candidates too, or all (default: the active ones)"
    )


def input_options(parser: argparse.ArgumentParser, resume: bool = True, to_file: bool = False) -> None:
    """Options of the commands that tag texts; --resume for those whose output holds all of them."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files or folders; - is standard input")
    parser.add_argument("--text", type=typed, action="append", metavar="TEXT", help="a text itself; may be repeated")
    reading_options(parser)
    group = output_options(parser, to_file)
    if resume:
        group.add_argument("--resume", action="store_true", help="continue an interrupted run that wrote to FILE")
    parser.add_argument("--quiet", action="store_true", help="no progress and no notes on standard error, only errors")
    language_option(parser)
    parser.add_argument("--strict", action="store_true", help="stop at the first row that fails")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes; -1 for all cores (default: 1)")
    taxonomy_option(parser)
    model_options(parser)


def output_options(parser: argparse.ArgumentParser, required: bool = False) -> Any:
    """-o and --force; returns the group of what excludes --force."""
    there = "write there" if required else "write there instead of standard output"
    parser.add_argument("-o", "--output", metavar="FILE", required=required, help=there)
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--force", action="store_true", help="write over FILE, or over what an interrupted run left")
    return group


def reading_options(parser: argparse.ArgumentParser) -> None:
    """How files are read."""
    parser.add_argument(
        "--from",
        dest="format",
        choices=("auto", "text", "lines", "jsonl", "csv", "tsv", "html", "docx", "xlsx", "pdf", "parquet"),
        default="auto",
        help="input format (default: by the file's name and first bytes; a file of another kind is one text)",
    )
    for name, what, usual in (("--text-field", "text", "text, content, 正文 …"), ("--id-field", "id", "id, 编号")):
        help = f"column that holds the {what} (default: {usual}); may be repeated: the first that is there"
        parser.add_argument(name, type=typed, metavar="NAME", action="append", help=help)
    parser.add_argument("--encoding", metavar="NAME", help="encoding of the input (default: found by itself)")
    for name, what in (("--include", "only"), ("--exclude", "not the")):
        help = f"{what} files of a folder or zip that fit, by path or name, as 'news/*.pdf'; may be repeated"
        parser.add_argument(name, metavar="PATTERN", action="append", default=[], help=help)
    parser.add_argument("--max-size", type=int, default=256, metavar="MB", help="largest document (default: 256)")


def records_of(options: argparse.Namespace, meter: Any = None) -> Iterable[Any]:
    """The records of the input that the options name; a meter is told what is read."""
    from trackclf._records import Record

    if bool(options.paths) == bool(options.text):
        raise InputError("give a file, a folder, - for standard input, or --text TEXT (one of them); see --help")
    for path in options.paths:
        if options.output and path != "-" and Path(options.output).exists() and Path(path).samefile(options.output):
            raise InputError(f"{path} is both input and output; choose another -o")
    if options.jobs == 0:
        raise InputError("--jobs must not be 0: 1 is one process, -1 is all cores")
    check_output(options)
    if options.text:
        return (Record(f"text{n}" if len(options.text) > 1 else "text", text) for n, text in enumerate(options.text, 1))
    return records_in(options.paths, options, meter)


def records_in(paths: Sequence[str], options: argparse.Namespace, meter: Any = None) -> Iterator[Any]:
    """Records of files and folders, all of which must exist."""
    from trackclf._readers import are_several, read
    from trackclf._rows import with_source

    say = meter.say if meter else partial(print, file=sys.stderr)
    quiet = getattr(options, "quiet", False)
    records = read(
        paths,
        format=options.format,
        text_field=options.text_field,
        id_field=options.id_field,
        encoding=options.encoding,
        max_size=options.max_size,
        note=lambda message: None if quiet else say(f"trackclf: {message}"),
        opened=meter.opened if meter else None,
        **_patterns(paths, options),
    )
    return map(with_source, records) if are_several(paths) else records


def _patterns(paths: Sequence[str], options: argparse.Namespace) -> dict[str, list[str]]:
    """Which files are read; never the output and what lies beside it while it is written, in a folder of the input."""
    exclude = list(options.exclude)
    if output := getattr(options, "output", None):
        from glob import escape

        for path in paths:
            if path != "-" and Path(output).resolve().is_relative_to(Path(path).resolve()):
                own = "/" + escape(Path(output).resolve().relative_to(Path(path).resolve()).as_posix())
                exclude += [own, *(own + end for end in (".part", ".new", ".journal"))]
    return {"include": options.include, "exclude": exclude}


def meter_of(options: argparse.Namespace) -> Any:
    """Progress on standard error; not where the terminal shows the output."""
    from trackclf._progress import Meter

    def files() -> Any:
        from trackclf._readers import files_of

        return (
            None
            if options.text or "-" in options.paths
            else files_of(options.paths, **_patterns(options.paths, options))
        )

    return Meter(options.lang, files, options.quiet, bar=bool(options.output) or not sys.stdout.isatty())


def tagger_of(options: argparse.Namespace, taxonomy: Any = None) -> Any:
    """The tagger that the options ask for, of `taxonomy` where it is given."""
    # What imports leave stays to the end: looking through it for garbage, now and at the exit, takes a tenth of a short run.
    gc.disable()
    from trackclf._tagger import SHIPPED, Tagger

    gc.enable()
    gc.freeze()
    tracks = tracks_of(options)
    try:
        if options.model not in (None, "none"):
            from trackclf._store import kind_of

            if kind_of(Path(options.model)) == "tagger":
                if taxonomy is not None or options.taxonomy or tracks:
                    raise InputError(
                        f"--model {options.model} is a saved tagger with its own taxonomy; a taxonomy or --tracks cannot go with it"
                    )
                return Tagger.load(options.model, options.threshold)
        weights = None if options.model == "none" else options.model or SHIPPED
        if taxonomy is not None:
            return Tagger(taxonomy, threshold=options.threshold, weights=weights)
        return Tagger(options.taxonomy, threshold=options.threshold, weights=weights, tracks=tracks)
    except ValueError as error:
        raise InputError(str(error)) from error


def tracks_of(options: argparse.Namespace) -> Any:
    """What --tracks says: ids, "all" or None."""
    return options.tracks if options.tracks == "all" else ids_of(options.tracks)


def ids_of(value: str | None) -> list[str] | None:
    """Ids between commas."""
    return None if value is None else [id.strip() for id in value.split(",") if id.strip()]


class Count:
    """Records, and those among them that failed.

    Parameters
    ----------
    lang : str
    strict : bool
        Stop at the first that failed.
    shown : bool
        Whether the output on the screen says already which failed, and why.
    """

    def __init__(self, lang: str, strict: bool = False, shown: bool = False) -> None:
        self._lang, self._strict, self._shown = lang, strict, shown
        self._total = self._failed = 0
        self._first: list[str] = []

    def add(self, record: Any) -> None:
        """Count a record; with --strict one that failed is an error."""
        self._total += 1
        if not record.error:
            return
        reason = " ".join(f"{record.id}: {record.error}".split())
        if self._strict:
            raise InputError(reason)
        self._failed += 1
        if len(self._first) < _NAMED:
            self._first.append(reason)

    def code(self) -> int:
        """The exit code; says how many failed, and of the first which and why."""
        from trackclf._words import WORDS

        if self._failed:
            sys.stdout.flush()  # what was said of each stands before it
            message = WORDS[self._lang]["failed"].format(failed=self._failed, total=self._total)
            print(f"trackclf: {message}", file=sys.stderr)
            for reason in () if self._shown else self._first:
                print(f"  {reason}", file=sys.stderr)
            if self._failed > _NAMED and not self._shown:
                print("  …", file=sys.stderr)
        return SOME_FAILED if self._failed else DONE


class Signals:
    """Ctrl-C and requests to terminate as KeyboardInterrupt and SystemExit, put off while something must not be cut in two.

    So workers end, which joblib would leave behind, and what is kept can be said.
    """

    def __init__(self) -> None:
        self._busy, self._asked, self._before = False, 0, dict[int, Any]()

    def __enter__(self) -> "Signals":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) != signal.SIG_IGN:  # as a shell's background jobs have it
                    self._before[number] = signal.signal(number, self._signalled)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def busy(self, busy: bool) -> None:
        """Whether signals wait from now on; those that have waited are raised."""
        self._busy = busy
        if not busy and self._asked:
            self._raise(self._asked)

    def _signalled(self, number: int, _: object) -> None:
        if not self._busy or self._asked:  # who asks twice will not wait
            self._raise(number)
        self._asked = number

    def _raise(self, number: int) -> None:
        self._busy, self._asked = False, 0
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + number)


def output_path(options: argparse.Namespace) -> Path | None:
    """The file of -o, where links lead; None for standard output and for what is no file, as a pipe or /dev/null."""
    if options.output is None or (os.path.exists(options.output) and not os.path.isfile(options.output)):
        return None
    return Path(os.path.realpath(options.output) if os.path.islink(options.output) else options.output)


def format_of(options: argparse.Namespace, endings: dict[str, str]) -> str:
    """The output's format: what --to says, otherwise what -o ends in, for which `endings` has the format of each ending."""
    if asked := getattr(options, "to", None):
        return str(asked)
    ending = Path(options.output or "").suffix.lower()
    if ending not in endings:
        known = ", ".join(filter(None, endings))
        also = ", or say --to" if hasattr(options, "to") else ""
        raise InputError(f"{options.output}: no format is known by {ending}; let -o end in {known} or in nothing{also}")
    return endings[ending]


def check_output(options: argparse.Namespace) -> None:
    """Ask before anything is read: InputError where -o would write over a file, or is in no folder."""
    path, resume = output_path(options), getattr(options, "resume", False)
    if options.output and os.path.isdir(options.output):
        raise InputError(f"{options.output} is a folder; name a file in it")
    if path and not path.parent.is_dir():
        what = "is no folder" if path.parent.exists() else "does not exist; make it first"
        raise InputError(f"{options.output}: the folder {path.parent} {what}")
    if resume and not path:
        raise InputError("--resume goes with -o FILE: it continues what an interrupted run wrote there")
    if path and path.exists() and not options.force:
        if not resume:
            raise InputError(f"{options.output} exists; choose another -o, or --force to write over it")
        if not path.with_name(path.name + ".part").exists():
            raise InputError(f"{options.output} exists, and no interrupted run beside it: there is nothing to resume")


@contextmanager
def output(options: argparse.Namespace | None = None, mode: str = "w") -> Iterator[Any]:
    """The file of -o, whole or not at all, or standard output; text is UTF-8 with lone surrogates as escapes."""
    if options is None or options.output is None:
        yield sys.stdout if mode == "w" else sys.stdout.buffer
        return
    from trackclf._files import opened, whole

    path = output_path(options)
    with whole(path, mode) if path else opened(Path(options.output), mode) as out:
        yield out
