"""The command line: `trackclf tag|explain|review|eval|train|taxonomy`. One function a command; errors become one line and a code."""

import argparse
import gc
import os
import signal
import sys
import threading
from collections import deque
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

    review = commands.add_parser(
        "review",
        help="choose texts worth labelling, as a page to label them on (挑选值得标注的文本,生成标注页面)",
        description="Choose the texts that are worth labelling next and write one HTML page to label them on. "
        "What it downloads is labelled text for train and eval.",
    )
    _input_options(review)
    review.add_argument("-n", type=int, default=50, metavar="N", help="how many texts (default: 50)")
    review.add_argument("--labels", metavar="ID,ID", help="only these labels are asked about (default: all)")
    review.set_defaults(run=_review)

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
    export = actions.add_parser(
        "export", help="write one file for other tools (导出)", description="Write a taxonomy as SKOS or as a table."
    )
    export.add_argument("--to", choices=("turtle", "jsonld", "csv"), required=True, help="SKOS, or one row a term")
    export.add_argument("--base", metavar="URI", help="what labels' URIs begin with (default: urn:trackclf:taxonomy:)")
    export.add_argument("-o", "--output", metavar="FILE", help="write there instead of standard output")
    export.set_defaults(run=_taxonomy_export)
    import_ = actions.add_parser(
        "import",
        help="make a folder from one file (导入)",
        description="Make a taxonomy folder from SKOS or from a table, and say what was left out.",
    )
    import_.add_argument("path", metavar="FILE", help="Turtle, JSON-LD or CSV")
    import_.add_argument("-o", "--output", metavar="FOLDER", required=True, help="a new folder")
    import_.add_argument(
        "--from", dest="format", choices=("turtle", "jsonld", "csv"), help="input format (default: by the file's name)"
    )
    _language_option(import_)
    import_.set_defaults(run=_taxonomy_import)
    export.add_argument("--taxonomy", metavar="FOLDER", help="a taxonomy folder (default: the shipped one)")
    for action in (show, check):
        action.add_argument("--taxonomy", metavar="FOLDER", help="a taxonomy folder (default: the shipped one)")
        _language_option(action)
    _authoring(actions)
    return parser


def _taxonomy_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--taxonomy", metavar="FOLDER", help="a taxonomy of your own (default: the shipped one)")


def _authoring(actions: Any) -> None:
    new = actions.add_parser("new", help="write a skeleton to start from", description="Write a commented skeleton.")
    new.add_argument("folder", metavar="FOLDER", help="made where it is missing; must be empty")
    new.set_defaults(run=_taxonomy_new)
    diff = actions.add_parser(
        "diff",
        help="what an edit changes",
        description="List what differs between two taxonomies and, with --corpus, the texts whose labels change.",
    )
    diff.add_argument("old", metavar="OLD", help="a taxonomy folder, or shipped")
    diff.add_argument("new", metavar="NEW", help="a taxonomy folder, or shipped")
    _model_options(diff)
    diff.set_defaults(run=_taxonomy_diff)
    suggest = actions.add_parser(
        "suggest",
        help="terms to add, terms to doubt",
        description="Propose terms by a corpus, and name those that are dead, clashing or over-firing there.",
    )
    suggest.add_argument("labels", nargs="*", metavar="LABEL", help="ids of labels (default: all)")
    suggest.add_argument("--taxonomy", metavar="FOLDER", help="a taxonomy folder (default: the shipped one)")
    suggest.add_argument("--top", type=int, default=20, metavar="N", help="most to name of each (default: 20)")
    suggest.add_argument(
        "--min-count", type=int, default=3, metavar="N", help="least sentences that hold a candidate (default: 3)"
    )
    suggest.set_defaults(run=_taxonomy_suggest)
    for action in (diff, suggest):
        action.add_argument(
            "--corpus",
            metavar="FILE",
            nargs="+",
            action="extend",
            default=[],
            required=action is suggest,
            help="files or folders of text; - is standard input",
        )
        action.add_argument("--to", choices=("table", "jsonl"), default="table", help="(default: table)")
        _reading_options(action)
    for action in (new, diff, suggest):
        _language_option(action)


def _language_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lang", choices=("zh", "en"), default="zh", help="language of the output (default: zh)")


def _model_options(parser: argparse.ArgumentParser) -> None:
    _taxonomy_option(parser)
    parser.add_argument(
        "--model", metavar="FOLDER", help="what train or Tagger.save wrote, or none (default: the shipped model)"
    )
    parser.add_argument("--threshold", metavar="PROMISE", help="a promise to keep by label, as 'precision>=0.95'")
    parser.add_argument(
        "--tracks", metavar="ID,ID", help="the tracks to look for, candidates too, or all (default: the active ones)"
    )


def _input_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files or folders; - is standard input")
    parser.add_argument("--text", action="append", metavar="TEXT", help="a text itself; may be repeated")
    _reading_options(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="write there instead of standard output")
    _language_option(parser)
    parser.add_argument("--strict", action="store_true", help="stop at the first row that fails")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes; -1 for all cores (default: 1)")
    _model_options(parser)


def _reading_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from",
        dest="format",
        choices=("auto", "text", "lines", "jsonl", "csv", "tsv", "html", "docx", "xlsx", "pdf", "parquet"),
        default="auto",
        help="input format (default: by the file's name and first bytes; a file of another kind is one text)",
    )
    parser.add_argument(
        "--text-field", metavar="NAME", help="column that holds the text (default: text, content, 正文 …)"
    )
    parser.add_argument("--id-field", metavar="NAME", help="column that holds the id (default: id)")
    parser.add_argument("--encoding", metavar="NAME", help="encoding of the input (default: found by itself)")
    for name, what in (("--include", "only"), ("--exclude", "not the")):
        help = f"{what} files of a folder or zip that fit, by path or name, as 'news/*.pdf'; may be repeated"
        parser.add_argument(name, metavar="PATTERN", action="append", default=[], help=help)
    parser.add_argument("--max-size", type=int, default=256, metavar="MB", help="largest document (default: 256)")


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
    records = _input(options)
    tagger = _tagger(options)
    count = _Count(options.lang, options.strict)

    def rows() -> Iterator[tuple[Any, Any]]:
        for record, result in _tagged(records, tagger, segments, options.jobs):
            count.add(record)
            yield record, result

    with _output(options.output) as out, nullcontext() if options.jobs == 1 else _workers_ended():
        write(rows(), out, tagger)
    return count.code()


def _review(options: argparse.Namespace) -> int:
    from trackclf._review import choose, columns_of
    from trackclf._review_page import page

    if options.n < 1:
        raise InputError(f"-n must be at least 1, got {options.n}")
    records = _input(options)
    tagger = _tagger(options)
    labels = _ids(options.labels)
    columns_of(tagger, labels)  # an unknown label before anything is read
    count = _Count(options.lang, options.strict)

    def rows() -> Iterator[tuple[str, Any]]:
        for record in records:
            count.add(record)
            if not record.error:
                yield record.text, record.id

    with nullcontext() if options.jobs == 1 else _workers_ended():
        chosen = choose(rows(), options.n, tagger, labels, options.jobs)
    with _output(options.output) as out:
        out.write(page(chosen, tagger, labels, options.lang))
    return count.code()


class _Count:
    """Records, and those among them that failed."""

    def __init__(self, lang: str, strict: bool = False) -> None:
        self._lang, self._strict = lang, strict
        self._total = self._failed = 0

    def add(self, record: Any) -> None:
        """Count a record; with --strict one that failed is an error."""
        self._total += 1
        self._failed += bool(record.error)
        if record.error and self._strict:
            raise InputError(f"{record.id}: {record.error}")

    def code(self) -> int:
        """The exit code; says how many failed."""
        from trackclf._words import WORDS

        if self._failed:
            message = WORDS[self._lang]["failed"].format(failed=self._failed, total=self._total)
            print(f"trackclf: {message}", file=sys.stderr)
        return SOME_FAILED if self._failed else DONE


def _input(options: argparse.Namespace) -> Iterable[Any]:
    """The records of the input that the options name."""
    from trackclf._records import Record

    if bool(options.paths) == bool(options.text):
        raise InputError("give a file, a folder, - for standard input, or --text TEXT (one of them); see --help")
    for path in options.paths:
        if options.output and path != "-" and Path(options.output).exists() and Path(path).samefile(options.output):
            raise InputError(f"{path} is both input and output; choose another -o")
    if options.jobs == 0:
        raise InputError("--jobs must not be 0: 1 is one process, -1 is all cores")
    if options.text:
        return (Record(f"text{n}" if len(options.text) > 1 else "text", text) for n, text in enumerate(options.text, 1))
    return _records(options.paths, options)


def _records(paths: Sequence[str], options: argparse.Namespace) -> Iterator[Any]:
    """Records of files and folders, all of which must exist."""
    from trackclf._readers import read

    return read(
        paths,
        format=options.format,
        text_field=options.text_field,
        id_field=options.id_field,
        encoding=options.encoding,
        include=options.include,
        exclude=options.exclude,
        max_size=options.max_size,
        note=lambda message: print(f"trackclf: {message}", file=sys.stderr),
    )


def _tagger(options: argparse.Namespace, taxonomy: Any = None) -> Any:
    # What imports leave stays to the end: looking through it for garbage, now and at the exit, takes a tenth of a short run.
    gc.disable()
    from trackclf._tagger import SHIPPED, Tagger

    gc.enable()
    gc.freeze()
    try:
        if options.model not in (None, "none"):
            from trackclf._store import kind_of

            if kind_of(Path(options.model)) == "tagger":
                if getattr(options, "taxonomy", None) or getattr(options, "tracks", None):
                    raise InputError(
                        f"--model {options.model} is a saved tagger with its own taxonomy; leave out --taxonomy and --tracks"
                    )
                return Tagger.load(options.model, options.threshold)
        own = getattr(options, "taxonomy", None)
        return Tagger(
            taxonomy if taxonomy is not None else own,
            threshold=options.threshold,
            weights=None if options.model == "none" else options.model or SHIPPED,
            tracks=_tracks(getattr(options, "tracks", None)),
        )
    except ValueError as error:
        raise InputError(str(error)) from error


def _tracks(value: str | None) -> Any:
    return value if value == "all" else _ids(value)


def _ids(value: str | None) -> list[str] | None:
    return None if value is None else [id.strip() for id in value.split(",") if id.strip()]


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
    from trackclf._evaluation import evaluate, read_rows, without
    from trackclf._taxonomy import load_taxonomy

    rows = [row for path in options.path for row in read_rows(Path(path))]
    if options.split:
        rows = [row for row in rows if row.get("split") == options.split]
    if not rows:
        raise InputError("there is nothing to measure on")
    tagger = _tagger(options)
    if options.tracks:
        waiting = {label.id for label in load_taxonomy(options.taxonomy, "all").labels} - {
            label.id for label in tagger.labels
        }
        rows = [without(row, waiting) for row in rows]
    report = evaluate(tagger, rows, options.by)
    with _output(options.output) as out:
        if options.to == "json":
            out.write(json.dumps(report, ensure_ascii=False, indent=1) + "\n")
        else:
            out.write(_report.page(report) if options.to == "html" else _report.table(report))
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


def _taxonomy_show(options: argparse.Namespace) -> int:
    import json

    from trackclf._taxonomy import load_taxonomy
    from trackclf._words import WORDS
    from trackclf._writers import fit

    taxonomy = load_taxonomy(options.taxonomy, tracks="all" if options.label else None)
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


def _taxonomy_new(options: argparse.Namespace) -> int:
    from trackclf._authoring import new_taxonomy
    from trackclf._words import WORDS

    print(WORDS[options.lang]["made"].format(folder=new_taxonomy(options.folder, options.lang)))
    return DONE


def _taxonomy_diff(options: argparse.Namespace) -> int:
    import json

    from trackclf._authoring import tag_changes, taxonomy_changes
    from trackclf._authoring_tables import write_changes, write_tag_changes
    from trackclf._taxonomy import load_taxonomy

    old, new = (load_taxonomy(None if name == "shipped" else name) for name in (options.old, options.new))
    corpus = _Corpus(options)
    with _output(None) as out:
        changes = taxonomy_changes(old, new)
        if options.to == "jsonl":
            out.writelines(json.dumps(change.to_dict(), ensure_ascii=False, default=str) + "\n" for change in changes)
        else:
            write_changes(changes, out, options.lang)
        if not options.corpus:
            return DONE
        taggers = _tagger(options, old), _tagger(options, new)
        rows = corpus.beside(tag_changes(*taggers, corpus.texts()))
        if options.to == "jsonl":
            for record, found in rows:
                lines = ({"id": record.id} | change.to_dict() for change in found)
                out.writelines(json.dumps(line, ensure_ascii=False, default=str) + "\n" for line in lines)
        else:
            out.write("\n")
            write_tag_changes(rows, out, options.lang, (*new.labels, *old.labels))
    return corpus.code()


def _taxonomy_suggest(options: argparse.Namespace) -> int:
    import json

    from trackclf._authoring_tables import write_advice
    from trackclf._suggesting import suggest_terms
    from trackclf._taxonomy import load_taxonomy

    taxonomy = load_taxonomy(options.taxonomy)
    corpus = _Corpus(options)
    advice = suggest_terms(taxonomy, corpus.texts(keep=False), options.labels or None, options.top, options.min_count)
    with _output(None) as out:
        if options.to == "jsonl":
            out.writelines(json.dumps(some.to_dict(), ensure_ascii=False) + "\n" for some in advice)
        else:
            write_advice(advice, out, options.lang, taxonomy)
    return corpus.code()


class _Corpus:
    """The rows of --corpus: those that cannot be read are named on standard error, counted and passed over."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._records, self._count = _records(options.corpus, options), _Count(options.lang)
        self._waiting: deque[Any] = deque()

    def texts(self, keep: bool = True) -> Iterator[str]:
        for record in self._records:
            self._count.add(record)
            if record.error:
                print(f"trackclf: {record.id}: {record.error}", file=sys.stderr)
            else:
                if keep:
                    self._waiting.append(record)
                yield record.text

    def beside(self, answers: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """The records that the answers to `texts` belong to, with them."""
        return ((self._waiting.popleft(), answer) for answer in answers)

    def code(self) -> int:
        return self._count.code()


def _taxonomy_export(options: argparse.Namespace) -> int:
    from trackclf import _exchange, _skos, _spreadsheet

    content, base = _exchange.read_folder(options.taxonomy), options.base or _skos.BASE
    text = _spreadsheet.to_csv(content) if options.to == "csv" else _skos.to_skos(content, options.to, base)
    with _output(options.output) as out:
        out.write(text)
    return DONE


def _taxonomy_import(options: argparse.Namespace) -> int:
    from trackclf._exchange import complete, note_lines, write_folder
    from trackclf._skos_reading import from_skos
    from trackclf._spreadsheet import from_csv
    from trackclf._words import WORDS

    path, folder, words = Path(options.path), Path(options.output), WORDS[options.lang]
    formats = {".ttl": "turtle", ".jsonld": "jsonld", ".json": "jsonld", ".csv": "csv"}
    format = options.format or formats.get(path.suffix.lower())
    if format is None:
        raise InputError(f"{path}: its name does not tell the format; give --from turtle, jsonld or csv")
    data = path.read_bytes()
    read = from_csv(data, path.name) if format == "csv" else from_skos(data, path.name, format)
    content = complete(read, path.name)
    try:
        write_folder(content, folder)
    except TaxonomyError as error:
        for fault in error.faults:
            print(fault)
        raise
    for line in note_lines(content.notes, words):
        print(line)
    terms = sum(len(label["terms"]) for label in content.labels)
    print(words["imported"].format(folder=folder, labels=len(content.labels), terms=terms))
    return DONE


if __name__ == "__main__":
    sys.exit(main())
