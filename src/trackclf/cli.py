"""The command line: `trackclf tag|explain|eval|train|taxonomy`. One function a command; errors become one line and a code."""

import argparse
import gc
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TextIO

from trackclf._version import __version__
from trackclf.errors import InputError, TaxonomyError, TrackclfError

DONE, SOME_FAILED, USAGE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 1 some rows failed, 2 usage or input error."""
    options = _parser().parse_args(argv)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader has seen enough (| head). Leave nothing for Python to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return 130
    except TrackclfError as error:
        print(f"trackclf: {error}", file=sys.stderr)
        return USAGE
    except OSError as error:
        print(f"trackclf: {error.filename or 'output'}: {error.strerror or error}", file=sys.stderr)
        return USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trackclf",
        description="Tag Chinese text by technology track and development mode, and show why. "
        "给中文文本标注新赛道与发展模式,并给出依据。",
    )
    parser.add_argument("--version", action="version", version=f"trackclf {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    tag = commands.add_parser(
        "tag", help="tag texts (标注文本)", description="Tag texts: a file, a folder, - or --text."
    )
    _input_options(tag)
    tag.add_argument("--to", choices=("table", "jsonl", "csv"), default="table", help="output format (default: table)")
    tag.add_argument("--segments", choices=("sentence", "paragraph"), help="add the scores of each (jsonl)")
    tag.set_defaults(run=_tag)

    explain = commands.add_parser(
        "explain",
        help="show the evidence inside the text (在原文中显示依据)",
        description="Show each text with its evidence marked, and every score term by term.",
    )
    _input_options(explain)
    explain.add_argument("--colour", choices=("auto", "always", "never"), default="auto", help="(default: auto)")
    explain.set_defaults(run=_explain)

    evaluate = commands.add_parser(
        "eval",
        help="measure on labelled text (在已标注的文本上评测)",
        description="Measure on labelled JSON Lines: text, and tracks and modes from label id to level (1, 2 or ?).",
    )
    evaluate.add_argument("path", metavar="FILE", nargs="+", help="labelled JSON Lines")
    evaluate.add_argument("--by", metavar="FIELD", help="break the figures down by this field")
    evaluate.add_argument("--split", metavar="NAME", help="only rows whose field split is this")
    evaluate.add_argument("--to", choices=("table", "json", "html"), default="table", help="(default: table)")
    evaluate.add_argument("-o", "--output", metavar="FILE", help="write there instead of standard output")
    _model_options(evaluate)
    evaluate.set_defaults(run=_eval)

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
    _taxonomy_option(train)
    train.set_defaults(run=_train)

    taxonomy = commands.add_parser("taxonomy", help="show or check the taxonomy (查看或检查词表)")
    actions = taxonomy.add_subparsers(metavar="ACTION", required=True)
    show = actions.add_parser("show", help="all labels, or one with its terms", description="Show labels.")
    show.add_argument("label", nargs="?", help="a label's id")
    show.add_argument("--to", choices=("table", "json"), default="table", help="output format (default: table)")
    show.set_defaults(run=_taxonomy_show)
    check = actions.add_parser("check", help="find faults", description="Find every fault of a taxonomy folder.")
    check.add_argument("--fix", action="store_true", help="sort the term lists first")
    check.set_defaults(run=_taxonomy_check)
    for action in (show, check):
        action.add_argument("--taxonomy", metavar="FOLDER", help="a taxonomy folder (default: the shipped one)")
        action.add_argument("--lang", choices=("zh", "en"), default="zh", help="language of the output (default: zh)")
    return parser


def _taxonomy_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--taxonomy", metavar="FOLDER", help="a taxonomy of your own (default: the shipped one)")


def _model_options(parser: argparse.ArgumentParser) -> None:
    _taxonomy_option(parser)
    parser.add_argument(
        "--model", metavar="FOLDER", help="a model that train wrote, or none (default: the shipped one)"
    )
    parser.add_argument("--threshold", metavar="PROMISE", help="a promise to keep by label, as 'precision>=0.95'")


def _input_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files or folders; - is standard input")
    parser.add_argument("--text", action="append", metavar="TEXT", help="a text itself; may be repeated")
    parser.add_argument(
        "--from",
        dest="format",
        choices=("auto", "text", "lines", "jsonl", "csv", "tsv"),
        default="auto",
        help="input format (default: by the file's name; a file of another kind is one text)",
    )
    parser.add_argument(
        "--text-field", metavar="NAME", help="column that holds the text (default: text, content, 正文 …)"
    )
    parser.add_argument("--id-field", metavar="NAME", help="column that holds the id (default: id)")
    parser.add_argument("--encoding", metavar="NAME", help="encoding of the input (default: found by itself)")
    parser.add_argument("-o", "--output", metavar="FILE", help="write there instead of standard output")
    parser.add_argument("--lang", choices=("zh", "en"), default="zh", help="language of the output (default: zh)")
    parser.add_argument("--strict", action="store_true", help="stop at the first row that fails")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes; -1 for all cores (default: 1)")
    _model_options(parser)


def _tag(options: argparse.Namespace) -> int:
    from trackclf import _writers

    write = _writers.FORMATS[options.to]
    return _process(
        options, lambda rows, out, tagger: write(rows, out, options.lang, tagger.stamp, tagger.kinds), options.segments
    )


def _explain(options: argparse.Namespace) -> int:
    from trackclf import _writers

    terminal = not options.output and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    colour = options.colour == "always" or (options.colour == "auto" and terminal)
    return _process(options, lambda rows, out, tagger: _writers.write_explanation(rows, out, options.lang, colour))


def _process(options: argparse.Namespace, write: Any, segments: str | None = None) -> int:
    """Read, tag and write; count what failed."""
    from trackclf._readers import Options, Record, read
    from trackclf._words import WORDS

    if bool(options.paths) == bool(options.text):
        raise InputError("give a file, a folder, - for standard input, or --text TEXT (one of them); see --help")
    for path in options.paths:
        if path != "-" and not Path(path).exists():
            raise InputError(f"{path}: no such file or folder")
        if options.output and path != "-" and Path(options.output).exists() and Path(path).samefile(options.output):
            raise InputError(f"{path} is both input and output; choose another -o")
    if options.jobs == 0:
        raise InputError("--jobs must not be 0: 1 is one process, -1 is all cores")
    if options.text:
        records: Iterable[Record] = (
            Record(f"text{n}" if len(options.text) > 1 else "text", text) for n, text in enumerate(options.text, 1)
        )
    else:
        reading = Options(
            options.format,
            options.text_field,
            options.id_field,
            options.encoding,
            note=lambda message: print(f"trackclf: {message}", file=sys.stderr),
        )
        records = read(options.paths, reading)
    tagger = _tagger(options)
    count = {"total": 0, "failed": 0}

    def rows() -> Iterator[tuple[Record, Any]]:
        for record, result in _tagged(records, tagger, segments, options.jobs):
            count["total"] += 1
            if record.error:
                count["failed"] += 1
                if options.strict:
                    raise InputError(f"{record.id}: {record.error}")
            yield record, result

    with _output(options.output) as out, nullcontext() if options.jobs == 1 else _workers_ended():
        write(rows(), out, tagger)
    if count["failed"]:
        print("trackclf: " + WORDS[options.lang]["failed"].format(**count), file=sys.stderr)
    return SOME_FAILED if count["failed"] else DONE


def _tagger(options: argparse.Namespace) -> Any:
    # What imports leave stays to the end: looking through it for garbage, now and at the exit, takes a tenth of a short run.
    gc.disable()
    from trackclf._tagger import SHIPPED, Tagger

    gc.enable()
    gc.freeze()
    try:
        return Tagger(
            options.taxonomy,
            threshold=options.threshold,
            weights=None if options.model == "none" else options.model or SHIPPED,
        )
    except ValueError as error:
        raise InputError(str(error)) from error


def _tagged(records: Iterable[Any], tagger: Any, segments: str | None, jobs: int) -> Iterator[tuple[Any, Any]]:
    """Records with their results, in order; an error record has none and waits for its turn."""
    waiting: list[Any] = []

    def texts() -> Iterator[str]:
        for record in records:
            waiting.append(record)
            if not record.error:
                yield record.text

    done = 0
    for result in tagger.tag_many(texts(), segments, jobs):
        while waiting[done].error:
            yield waiting[done], None
            done += 1
        yield waiting[done], result
        done += 1
        if done > 10_000:
            del waiting[:done]
            done = 0
    yield from ((record, None) for record in waiting[done:])


@contextmanager
def _workers_ended() -> Iterator[None]:
    """A request to terminate ends the workers too: by itself it would leave joblib's behind for good."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _output(path: str | None) -> Iterator[TextIO]:
    """The output, in UTF-8; lone surrogates become escapes, as JSON has them."""
    if path is None:
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
        with nullcontext(sys.stdout) as out:
            yield out
    else:
        with open(path, "w", encoding="utf-8", errors="backslashreplace", newline="") as out:
            yield out


def _eval(options: argparse.Namespace) -> int:
    import json

    from trackclf import _report
    from trackclf._evaluation import evaluate, read_rows

    rows = [row for path in options.path for row in read_rows(Path(path))]
    if options.split:
        rows = [row for row in rows if row.get("split") == options.split]
    if not rows:
        raise InputError("there is nothing to measure on")
    tagger = _tagger(options)
    report = evaluate(tagger, rows, options.by)
    with _output(options.output) as out:
        if options.to == "json":
            out.write(json.dumps(report, ensure_ascii=False, indent=1) + "\n")
        else:
            out.write(_report.page(report) if options.to == "html" else _report.table(report))
    return DONE


def _train(options: argparse.Namespace) -> int:
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
    weights = train(
        corpora, labelled, held_out, thresholds, options.context, options.limit, options.seed, progress, taxonomy
    )
    weights.save(Path(options.output))
    print(f"{options.output}: {len(weights.learned)} learned strings, {weights.manifest['labelled']['train']} passages")
    return DONE


def _taxonomy_show(options: argparse.Namespace) -> int:
    import json

    from trackclf._taxonomy import load_taxonomy
    from trackclf._words import WORDS
    from trackclf._writers import fit

    taxonomy = load_taxonomy(options.taxonomy)
    words = WORDS[options.lang]
    kinds = {kind.id: kind.name if options.lang == "zh" else kind.name_en.lower() for kind in taxonomy.kinds}
    with _output(None) as out:
        if options.label is None and options.to == "table":
            for entry in taxonomy.entries:
                label = entry.label
                name = label.name if options.lang == "zh" else label.name_en
                count = sum(term.kind != "not" for term in entry.terms)
                cells = fit(kinds[label.kind], 6), fit(label.id, 22), fit(name, 34), fit(words[label.status], 12)
                depth = "  " * len(taxonomy.ancestors[label.id])
                out.write(depth + "  ".join(cells) + f"  {count:5} {words['terms']}\n")
            out.write(f"\n{taxonomy.version}  {taxonomy.digest}\n")
            return DONE
        entries = taxonomy.entries if options.label is None else (taxonomy[options.label],)
        if options.to == "json":
            out.write(json.dumps([_entry(entry) for entry in entries], ensure_ascii=False, indent=1) + "\n")
            return DONE
        for entry in entries:
            label = entry.label
            english = options.lang == "en"
            out.write(f"{label.name} · {label.name_en} ({label.id})\n")
            out.write(f"{words['status']}: {words[label.status]}\n{words['source']}: {entry.source}\n")
            out.write(f"{words['definition']}: {entry.definition_en if english else entry.definition}\n")
            if label.parent:
                out.write(f"{words['parent']}: {label.parent}\n")
            for key in ("present", "absent", "related"):
                out.write(f"{words[key]}: {'; '.join(getattr(entry, key))}\n")
            for kind in dict.fromkeys(term.kind for term in entry.terms):
                texts = [term.text for term in entry.terms if term.kind == kind]
                out.write(f"\n{words[kind]} ({len(texts)}): {'、'.join(texts)}\n")
    return DONE


def _entry(entry: Any) -> dict[str, Any]:
    label = entry.label
    out = {name: getattr(label, name) for name in ("id", "kind", "name", "name_en", "status")}
    out |= {"parent": label.parent} if label.parent else {}
    out |= {name: getattr(entry, name) for name in ("source", "definition", "definition_en", "present", "absent")}
    terms = [{"t": term.text, "k": term.kind} | ({"also": term.also} if term.also else {}) for term in entry.terms]
    return out | {"related": entry.related, "terms": terms}


def _taxonomy_check(options: argparse.Namespace) -> int:
    from trackclf import _resources
    from trackclf._layers import read
    from trackclf._taxonomy import check, load_taxonomy
    from trackclf._taxonomy_files import label_files, sort_terms
    from trackclf._words import WORDS

    words = WORDS[options.lang]
    folder = Path(options.taxonomy) if options.taxonomy else _resources.taxonomy_dir()
    if options.fix:
        for path in (path for path, _ in label_files(read(folder)[0]) if folder in path.parents):
            try:
                if sort_terms(path):
                    print(words["sorted"].format(path=path))
            except (ValueError, KeyError):
                continue  # check says what is wrong with it
    found = check(folder)
    for fault in found:
        print(fault)
    if found:
        raise TaxonomyError(words["faults"].format(n=len(found)), tuple(found))
    taxonomy = load_taxonomy(folder)
    terms = sum(len(entry.terms) for entry in taxonomy.entries)
    print(words["sound"].format(labels=len(taxonomy.entries), terms=terms))
    return DONE


if __name__ == "__main__":
    sys.exit(main())
