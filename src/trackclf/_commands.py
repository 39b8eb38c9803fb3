"""The commands that show what texts carry: tag, explain, report. One function a command."""

import argparse
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from trackclf._options import (
    PAGE,
    Count,
    Signals,
    format_of,
    input_options,
    meter_of,
    output,
    output_path,
    records_of,
    tagger_of,
)
from trackclf._standard import typed
from trackclf.errors import InputError

_FORMATS = ("table", "jsonl", "csv", "parquet", "xlsx", "html")
_ENDINGS = {"": "table", ".txt": "table", **{f".{name}": name for name in _FORMATS[1:]}, ".htm": "html"}


def add(commands: Any) -> None:
    """Declare the commands."""
    tag = commands.add_parser(
        "tag", help="tag texts (标注文本)", description="Tag texts: a file, a folder, - or --text."
    )
    input_options(tag)
    tag.add_argument(
        "--to", choices=_FORMATS, help="output format (default: what -o ends in, otherwise table); docs/output.md"
    )
    tag.add_argument("--with-text", action="store_true", help="add a column text that holds the text of all")
    tag.add_argument("--bom", action="store_true", help="begin with a byte order mark, for spreadsheets (csv)")
    tag.add_argument(
        "--escape-formulas",
        action="store_true",
        help="put ' before cells that begin as formulas, for spreadsheets (csv)",
    )
    tag.add_argument("--segments", choices=("sentence", "paragraph"), help="add the scores of each (jsonl)")
    tag.set_defaults(run=_tag)

    explain = commands.add_parser(
        "explain",
        help="show the evidence inside the text (在原文中显示依据)",
        description="Show each text with its evidence marked, and every score term by term.",
    )
    input_options(explain)
    explain.add_argument("--colour", choices=("auto", "always", "never"), default="auto", help="(default: auto)")
    explain.set_defaults(run=_explain)

    report = commands.add_parser(
        "report",
        help="one page to look at, filter and search (生成可浏览、筛选、检索的网页)",
        description="Tag texts and write one HTML page that needs nothing but a browser: counts, a heat map, a timeline, and "
        "every text with its evidence marked.",
    )
    input_options(report, to_file=True)
    report.add_argument(
        "--date-field", type=typed, metavar="NAME", help="column that holds the date (default: date, 日期, 发布时间 …)"
    )
    report.set_defaults(run=_report)


def _tag(options: argparse.Namespace) -> int:
    from functools import partial

    from trackclf._rows import with_text
    from trackclf._writers import BINARY, writer_of

    format = format_of(options, _ENDINGS)
    binary = format in BINARY
    if binary and not options.output:
        raise InputError(f"--to {format} does not go to standard output: name a file with -o FILE")
    if format != "csv" and (options.bom or options.escape_formulas):
        raise InputError(f"--bom and --escape-formulas are for csv, not for {format}")
    if format != "jsonl" and options.segments:
        raise InputError(f"--segments is for jsonl, not for {format}")
    write = writer_of(format)
    if options.bom or options.escape_formulas:
        write = partial(write, bom=options.bom, escape=options.escape_formulas)
    if format == "html":
        write = partial(write, paths=options.paths)

    def written(rows: Iterator[tuple[Any, Any]], out: Any, tagger: Any) -> None:
        texts = with_text(rows, options.with_text) if options.with_text or format == "parquet" else rows
        write(texts, out, options.lang, tagger.stamp, tagger.kinds)

    return _process(options, written, format)


def _explain(options: argparse.Namespace) -> int:
    from trackclf._terminal import write_explanation

    terminal = not options.output and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    colour = options.colour == "always" or (options.colour == "auto" and terminal)
    return _process(options, lambda rows, out, tagger: write_explanation(rows, out, options.lang, colour))


def _report(options: argparse.Namespace) -> int:
    from functools import partial

    from trackclf._writers import writer_of

    format_of(options, PAGE)
    write = partial(writer_of("html"), date_field=options.date_field, paths=options.paths)
    return _process(
        options, lambda rows, out, tagger: write(rows, out, options.lang, tagger.stamp, tagger.kinds), "html"
    )


def _process(options: argparse.Namespace, write: Any, to: str = "table") -> int:
    """Read, tag and write in a format; count what failed."""
    from trackclf._writers import APPENDED, BINARY

    meter = meter_of(options)
    records = records_of(options, meter)
    tagger = tagger_of(options)
    count = Count(options.lang, options.strict, shown=not options.output)
    mode = "w+b" if to in BINARY else "w"
    path = output_path(options)

    def tag(records: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        meter.start()
        return _tagged(records, tagger, getattr(options, "segments", None), options.jobs)

    def seen(record: Any) -> None:
        count.add(record)
        meter.add(record.text)

    def rows() -> Iterator[tuple[Any, Any]]:
        for record, result in tag(records):
            seen(record)
            yield record, result

    if not path:
        with meter, Signals(), output(options, mode) as out:
            write(rows(), out, tagger)
        return count.code()
    from trackclf._resuming import LongFile
    from trackclf._words import WORDS

    file = LongFile(path, _decisive(options, tagger), options.resume, options.force)
    spooled = None if to in APPENDED else (tagger.labels, tagger.kinds)
    try:
        with meter, Signals() as signals:
            file.write(records, tag, lambda rows, out: write(rows, out, tagger), seen, spooled, mode, signals.busy)
    except BaseException as error:
        options.kept = file.kept or (file.before if isinstance(error, KeyboardInterrupt | SystemExit) else 0)
        if options.kept:
            meter.say("trackclf: " + WORDS[options.lang]["interrupted"].format(n=options.kept, part=file.part))
        raise
    return count.code()


def _decisive(options: argparse.Namespace, tagger: Any) -> dict[str, Any]:
    """All that decides the output: to go on with a run it must be the same."""
    free = ("run", "output", "quiet", "strict", "jobs", "resume", "force")
    return {name: value for name, value in vars(options).items() if name not in free} | {"stamp": tagger.stamp}


def _tagged(records: Iterable[Any], tagger: Any, segments: str | None, jobs: int) -> Iterator[tuple[Any, Any]]:
    """Records with their results, in order; an error record has none, and goes the same way for the sake of order."""
    waiting: deque[Any] = deque()

    def texts() -> Iterator[str]:
        for record in records:
            waiting.append(record)
            yield record.text

    for result in tagger.tag_many(texts(), segments, jobs):
        record = waiting.popleft()
        yield record, None if record.error else result
