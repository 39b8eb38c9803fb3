"""The commands on texts: tag, explain, report, review, eval, stress, train. One function a command."""

import argparse
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from trackclf._options import (
    DONE,
    Count,
    Signals,
    check_output,
    format_of,
    ids_of,
    input_options,
    meter_of,
    model_options,
    output,
    output_options,
    output_path,
    records_of,
    tagger_of,
    taxonomy_option,
)
from trackclf._standard import typed
from trackclf.errors import InputError

_FORMATS = ("table", "jsonl", "csv", "parquet", "xlsx", "html")
_PAGE = {"": "html", ".html": "html", ".htm": "html"}
_REPORT = {"": "table", ".txt": "table", ".json": "json"}
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

    review = commands.add_parser(
        "review",
        help="choose texts worth labelling, as a page to label them on (挑选值得标注的文本，生成标注页面)",
        description="Choose the texts that are worth labelling next and write one HTML page to label them on. "
        "What it downloads is labelled text for train and eval.",
    )
    input_options(review, resume=False, to_file=True)
    review.add_argument("-n", type=int, default=50, metavar="N", help="how many texts (default: 50)")
    review.add_argument("--labels", metavar="ID,ID", help="only these labels are asked about (default: all)")
    review.set_defaults(run=_review)

    evaluate = commands.add_parser(
        "eval",
        help="measure on labelled text (在已标注的文本上评测)",
        description="Measure on labelled JSON Lines: text, and tracks and modes from label id to level (1, 2 or ?).",
    )
    evaluate.add_argument("path", metavar="FILE", nargs="+", help="labelled JSON Lines")
    evaluate.add_argument("--by", type=typed, metavar="FIELD", help="break the figures down by this field")
    evaluate.add_argument("--split", metavar="NAME", help="only rows whose field split is this")
    evaluate.add_argument(
        "--to", choices=("table", "json", "html"), help="output format (default: what -o ends in, otherwise table)"
    )
    output_options(evaluate)
    taxonomy_option(evaluate)
    model_options(evaluate)
    evaluate.set_defaults(run=_eval)

    stress = commands.add_parser(
        "stress",
        help="see whether tags hold when texts are written otherwise (换一种写法，看标签变不变)",
        description="Tag every text as it is and in ways of writing that leave its meaning as it is: the share of tags unchanged, "
        "and what changed; docs/stress.md.",
    )
    input_options(stress, resume=False)
    stress.add_argument("--seed", type=int, default=0, help="of what is drawn (default: 0)")
    stress.add_argument(
        "--to", choices=("table", "json"), help="output format (default: what -o ends in, otherwise table)"
    )
    stress.set_defaults(run=_stress)

    train = commands.add_parser(
        "train",
        help="learn the weights (训练权重)",
        description="Learn the weights of the taxonomy from a folder of text and from labelled passages.",
    )
    train.add_argument("--corpora", metavar="FOLDER", required=True, help="JSON Lines with text, subjects, keywords")
    train.add_argument("--labelled", metavar="FILE", nargs="+", required=True, help="labelled JSON Lines")
    train.add_argument("--held-out", metavar="FILE", nargs="*", default=[], help="labelled text never to learn from")
    train.add_argument(
        "--thresholds", metavar="FILE", nargs="*", default=[], help="labelled text to choose thresholds on"
    )
    train.add_argument(
        "--context", metavar="KIND", nargs="*", default=["mode"], help="kinds that learn context (default: mode)"
    )
    train.add_argument("--limit", type=int, default=60_000, help="rows read of each file (default: 60000)")
    train.add_argument("--seed", type=int, default=0, help="(default: 0)")
    train.add_argument("-o", "--output", metavar="FOLDER", required=True, help="the model's folder")
    taxonomy_option(train)
    train.set_defaults(run=_train)


def _tag(options: argparse.Namespace) -> int:
    from functools import partial

    from trackclf._rows import with_text
    from trackclf._writers import BINARY, write_csv, writer_of

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
        write = partial(write_csv, bom=options.bom, escape=options.escape_formulas)
    if format == "html":
        from trackclf._report_page import write as write_page

        write = partial(write_page, paths=options.paths)

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
    from trackclf._report_page import write

    format_of(options, _PAGE)
    return _process(
        options,
        lambda rows, out, tagger: write(
            rows, out, options.lang, tagger.stamp, tagger.kinds, options.date_field, options.paths
        ),
        "html",
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


def _review(options: argparse.Namespace) -> int:
    from trackclf._review import choose, columns_of
    from trackclf._review_page import page

    format_of(options, _PAGE)
    if options.n < 1:
        raise InputError(f"-n must be at least 1, got {options.n}")
    meter = meter_of(options)
    records = records_of(options, meter)
    tagger = tagger_of(options)
    labels = ids_of(options.labels)
    columns_of(tagger, labels)  # an unknown label before anything is read
    count = Count(options.lang, options.strict)
    with meter, Signals():
        chosen = choose(_texts_of(records, count, meter), options.n, tagger, labels, options.jobs)
    with output(options) as out:
        out.write(page(chosen, tagger, labels, options.lang))
    return count.code()


def _texts_of(records: Iterable[Any], count: Count, meter: Any) -> Iterator[tuple[str, Any]]:
    """Texts with their ids, of the records without error; all of them are counted."""
    for record in records:
        count.add(record)
        meter.add(record.text)
        if not record.error:
            yield record.text, record.id


def _stress(options: argparse.Namespace) -> int:
    import json

    from trackclf._stress import stress, write_table

    format = format_of(options, _REPORT)
    meter = meter_of(options)
    records = records_of(options, meter)
    tagger = tagger_of(options)
    count = Count(options.lang, options.strict)
    with meter, Signals():
        report = stress(_texts_of(records, count, meter), tagger, options.seed, options.jobs)
    with output(options) as out:
        if format == "json":
            out.write(json.dumps(report, ensure_ascii=False, indent=1, default=str) + "\n")
        else:
            write_table(report, out, options.lang, tagger)
    return count.code()


def _eval(options: argparse.Namespace) -> int:
    import json

    from trackclf import _evaluation_page
    from trackclf._evaluation import evaluate, read_rows, without
    from trackclf._taxonomy import load_taxonomy

    format = format_of(options, _PAGE | _REPORT)
    check_output(options)
    rows = [row for path in options.path for row in read_rows(Path(path))]
    if options.split:
        rows = [row for row in rows if row.get("split") == options.split]
    if not rows:
        raise InputError("there is nothing to measure on")
    tagger = tagger_of(options)
    if options.tracks:
        waiting = {label.id for label in load_taxonomy(options.taxonomy, "all").labels} - {
            label.id for label in tagger.labels
        }
        rows = [without(row, waiting) for row in rows]
    report = evaluate(tagger, rows, options.by)
    with output(options) as out:
        if format == "json":
            out.write(json.dumps(report, ensure_ascii=False, indent=1) + "\n")
        else:
            out.write(_evaluation_page.page(report) if format == "html" else _evaluation_page.table(report))
    return DONE


def _train(options: argparse.Namespace) -> int:
    from trackclf._store import check_place
    from trackclf._taxonomy import load_taxonomy
    from trackclf._training import train

    def progress(what: str, done: int, total: int) -> None:
        if sys.stderr.isatty():
            filled = 30 * done // max(total, 1)
            print(f"\r{'█' * filled}{'·' * (30 - filled)} {what:32}", end="\n" * (what == "done"), file=sys.stderr)
        elif done == 0 or what == "done":
            print(f"trackclf: {what}", file=sys.stderr)

    labelled, held_out = [Path(p) for p in options.labelled], [Path(p) for p in options.held_out]
    thresholds = [Path(p) for p in options.thresholds]
    corpora = Path(options.corpora)
    taxonomy = load_taxonomy(options.taxonomy)
    known = [kind.id for kind in taxonomy.kinds]
    if unknown := [kind for kind in options.context if kind not in known]:
        raise InputError(f"--context {unknown[0]}: no such kind of label; the taxonomy has {', '.join(known)}")
    check_place(Path(options.output))
    weights = train(
        corpora, labelled, held_out, thresholds, options.context, options.limit, options.seed, progress, taxonomy
    )
    weights.save(Path(options.output))
    print(f"{options.output}: {len(weights.learned)} learned strings, {weights.manifest['labelled']['train']} passages")
    return DONE
