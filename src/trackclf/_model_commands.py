"""The commands around a model: review, eval, stress, train. One function a command."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from trackclf._options import (
    DONE,
    PAGE,
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
    records_of,
    tagger_of,
    taxonomy_option,
)
from trackclf._standard import typed
from trackclf.errors import InputError

_REPORT = {"": "table", ".txt": "table", ".json": "json"}


def add(commands: Any) -> None:
    """Declare the commands."""
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


def _review(options: argparse.Namespace) -> int:
    from trackclf._review import choose, columns_of
    from trackclf._review_page import page

    format_of(options, PAGE)
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
    from trackclf._evaluation import evaluate
    from trackclf._labelled import read_labelled, without
    from trackclf._taxonomy import load_taxonomy

    format = format_of(options, PAGE | _REPORT)
    check_output(options)
    tagger = tagger_of(options)
    folders = [kind.folder for kind in tagger.kinds]
    rows = [row for path in options.path for row in read_labelled(Path(path), folders)]
    if options.split:
        rows = [row for row in rows if row.get("split") == options.split]
    if not rows:
        raise InputError("there is nothing to measure on")
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
