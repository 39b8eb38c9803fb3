"""The commands on taxonomies: `trackclf taxonomy show|check|new|diff|suggest|export|import`. One function a command."""

import argparse
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from trackclf._options import (
    DONE,
    Count,
    check_output,
    language_option,
    model_options,
    output,
    output_options,
    reading_options,
    records_in,
    tagger_of,
    taxonomy_option,
    tracks_of,
)
from trackclf.errors import InputError, TaxonomyError


def add(commands: Any) -> None:
    """Declare the commands."""
    taxonomy = commands.add_parser("taxonomy", help="show, check or edit the taxonomy (查看、检查或修改词表)")
    actions = taxonomy.add_subparsers(metavar="ACTION", required=True)
    show = actions.add_parser("show", help="all labels, or one with its terms", description="Show labels.")
    show.add_argument("label", nargs="?", help="a label's id")
    show.add_argument("--to", choices=("table", "json"), default="table", help="output format (default: table)")
    show.set_defaults(run=_show)
    check = actions.add_parser("check", help="find faults", description="Find every fault of a taxonomy folder.")
    check.add_argument("--fix", action="store_true", help="sort the term lists first")
    check.set_defaults(run=_check)
    new = actions.add_parser("new", help="write a skeleton to start from", description="Write a commented skeleton.")
    new.add_argument("folder", metavar="FOLDER", help="made where it is missing; must be empty")
    new.set_defaults(run=_new)
    diff = actions.add_parser(
        "diff",
        help="what an edit changes",
        description="List what differs between two taxonomies and, with --corpus, the texts whose labels change.",
    )
    diff.add_argument("old", metavar="OLD", help="a taxonomy folder, or shipped")
    diff.add_argument("new", metavar="NEW", help="a taxonomy folder, or shipped")
    model_options(diff)
    diff.set_defaults(run=_diff)
    suggest = actions.add_parser(
        "suggest",
        help="terms to add, terms to doubt",
        description="Propose terms by a corpus, and name those that are dead, clashing or over-firing there.",
    )
    suggest.add_argument("labels", nargs="*", metavar="LABEL", help="ids of labels (default: all)")
    suggest.add_argument("--top", type=int, default=20, metavar="N", help="most to name of each (default: 20)")
    suggest.add_argument(
        "--min-count", type=int, default=3, metavar="N", help="least sentences that hold a candidate (default: 3)"
    )
    suggest.set_defaults(run=_suggest)
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
        reading_options(action)
    export = actions.add_parser(
        "export", help="write one file for other tools (导出)", description="Write a taxonomy as SKOS or as a table."
    )
    export.add_argument("--to", choices=("turtle", "jsonld", "csv"), required=True, help="SKOS, or one row a term")
    export.add_argument("--base", metavar="URI", help="what labels' URIs begin with (default: urn:trackclf:taxonomy:)")
    output_options(export)
    export.set_defaults(run=_export)
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
    import_.set_defaults(run=_import)
    for action in (show, check, suggest, export):
        taxonomy_option(action)
    for action in (show, check, new, diff, suggest, import_):
        language_option(action)


def _show(options: argparse.Namespace) -> int:
    import json

    from trackclf._taxonomy import load_taxonomy
    from trackclf._terminal import fit
    from trackclf._words import WORDS

    taxonomy = load_taxonomy(options.taxonomy, tracks="all" if options.label else None)
    words = WORDS[options.lang]
    kinds = {kind.id: kind.name if options.lang == "zh" else kind.name_en.lower() for kind in taxonomy.kinds}
    with output() as out:
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


def _check(options: argparse.Namespace) -> int:
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


def _new(options: argparse.Namespace) -> int:
    from trackclf._authoring import new_taxonomy
    from trackclf._words import WORDS

    print(WORDS[options.lang]["made"].format(folder=new_taxonomy(options.folder, options.lang)))
    return DONE


def _diff(options: argparse.Namespace) -> int:
    from trackclf._authoring import tag_changes, taxonomy_changes
    from trackclf._authoring_tables import write_changes, write_tag_changes
    from trackclf._rows import as_json
    from trackclf._taxonomy import load_taxonomy

    chosen = tracks_of(options)
    old, new = (load_taxonomy(None if name == "shipped" else name, chosen) for name in (options.old, options.new))
    corpus = _Corpus(options)
    with output() as out:
        changes = taxonomy_changes(old, new)
        if options.to == "jsonl":
            out.writelines(as_json(change.to_dict()) + "\n" for change in changes)
        else:
            write_changes(changes, out, options.lang)
        if not options.corpus:
            return DONE
        taggers = tagger_of(options, old), tagger_of(options, new)
        rows = corpus.beside(tag_changes(*taggers, corpus.texts()))
        if options.to == "jsonl":
            for record, found in rows:
                lines = ({"id": record.id} | change.to_dict() for change in found)
                out.writelines(as_json(line) + "\n" for line in lines)
        else:
            out.write("\n")
            write_tag_changes(rows, out, options.lang, (*new.labels, *old.labels))
    return corpus.code()


def _suggest(options: argparse.Namespace) -> int:
    from trackclf._authoring_tables import write_advice
    from trackclf._rows import as_json
    from trackclf._suggesting import suggest_terms
    from trackclf._taxonomy import load_taxonomy

    taxonomy = load_taxonomy(options.taxonomy)
    corpus = _Corpus(options)
    advice = suggest_terms(taxonomy, corpus.texts(keep=False), options.labels or None, options.top, options.min_count)
    with output() as out:
        if options.to == "jsonl":
            out.writelines(as_json(some.to_dict()) + "\n" for some in advice)
        else:
            write_advice(advice, out, options.lang, taxonomy)
    return corpus.code()


class _Corpus:
    """The rows of --corpus: those that cannot be read are named on standard error, counted and passed over."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._records, self._count = records_in(options.corpus, options), Count(options.lang)
        self._waiting: deque[Any] = deque()

    def texts(self, keep: bool = True) -> Iterator[str]:
        record = None
        for record in self._records:
            self._count.add(record)
            if record.error:
                print(f"trackclf: {record.id}: {record.error}", file=sys.stderr)
            else:
                if keep:
                    self._waiting.append(record)
                yield record.text
        if record is None:
            raise InputError("the corpus holds no text; give a file with texts")

    def beside(self, answers: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """The records that the answers to `texts` belong to, with them."""
        return ((self._waiting.popleft(), answer) for answer in answers)

    def code(self) -> int:
        return self._count.code()


def _export(options: argparse.Namespace) -> int:
    from trackclf import _exchange, _skos, _spreadsheet

    check_output(options)
    content, base = _exchange.read_folder(options.taxonomy), options.base or _skos.BASE
    text = _spreadsheet.to_csv(content) if options.to == "csv" else _skos.to_skos(content, options.to, base)
    with output(options) as out:
        out.write(text)
    return DONE


def _import(options: argparse.Namespace) -> int:
    from trackclf._exchange import complete, note_lines, write_folder
    from trackclf._skos_reading import from_skos
    from trackclf._spreadsheet import from_csv
    from trackclf._words import WORDS

    path, folder, words = Path(options.path), Path(options.output), WORDS[options.lang]
    formats = {".ttl": "turtle", ".jsonld": "jsonld", ".json": "jsonld", ".csv": "csv"}
    format = options.format or formats.get(path.suffix.lower())
    if format is None:
        raise InputError(
            f"{path}: its name does not tell the format; give --from turtle, jsonld or csv, or save a spreadsheet as CSV"
        )
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
