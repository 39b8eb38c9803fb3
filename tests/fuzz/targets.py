"""What is fuzzed: by name, what is done with some bytes, and what to begin with.

Only what the docs promise may come of them: records, error records, TrackclfError. Anything else, a warning or a line
of log among it, is a finding. Folders come as zips of their files.
"""

import io
import json
import logging
import re
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterable
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
from fuzz import seeds
from fuzz.mutating import members
from fuzz.seeds import TEXT, long_run, small_tagger
from fuzz_store import TEXTS, sign, use
from strategies import PIECES
from test_oracle import agrees

import trackclf
from trackclf import (
    ModelError,
    Tagger,
    TrackclfError,
    _evaluation,
    _evaluation_page,
    _exchange,
    _labelled,
    _short,
    _spool,
    _spreadsheet,
    _streams,
    load_taxonomy,
)
from trackclf._encodings import check_encoding, guess_encoding
from trackclf._records import Options
from trackclf._skos_reading import from_skos
from trackclf._taxonomy import check
from trackclf._taxonomy_files import sort_terms
from trackclf._training import labelled_rows

OWN = str(Path(trackclf.__file__).parent)
HINTS = (None, "gb2312", "big5", "utf-16", "utf-16-be", "base64", "idna", "undefined", "utf-7", "unicode_escape", "甲")
NAME = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)?(\.[a-z]+)+")  # of a file that is written


class Finding(BaseException):
    """What must not be; no reader makes an error record of it."""


class Target(NamedTuple):
    """What to do with bytes, and which bytes to begin with; how long they may be, and strings that mean something."""

    run: Callable[[bytes], bool]
    seeds: Callable[[], Iterable[bytes]]
    longest: int = 60_000
    words: Callable[[], Iterable[str]] = tuple


class Log(logging.Handler):
    """A line of log that nobody asked for ends up on standard error."""

    def emit(self, record):
        """Refuse it."""
        raise Finding(f"log: {record.getMessage()}")


def run(name, data):
    """Do it, and raise what is a finding; whether the bytes were sound, and not refused."""
    log = patch.multiple(logging, lastResort=Log(logging.WARNING)), patch.multiple(logging.root, handlers=[])
    with log[0], log[1], warnings.catch_warnings(record=True) as said:
        warnings.resetwarnings()
        for quiet in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", quiet)  # as Python does
        sound = TARGETS[name].run(data)
    if said:
        raise Finding(f"warning: {said[0].message} ({said[0].filename}:{said[0].lineno})")
    return sound


@contextmanager
def folder_of(data):
    """A folder with the files of a zip, as far as their names are plain."""
    with tempfile.TemporaryDirectory() as place:
        for name, raw in members(data) or ():
            if NAME.fullmatch(name):
                path = Path(place, "in", name)
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.exists():
                    path.write_bytes(raw)
        yield Path(place, "in")


# Reading


def guarded(real, records, name, only=False):
    """As readers guard themselves, but errors that are trackclf's own come out."""

    def told():
        try:
            yield from records
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            if frame.filename.startswith(OWN) and not isinstance(error, TrackclfError):
                raise Finding(f"{error!r} at {frame.filename}:{frame.lineno}") from error
            raise

    return real(told(), name, only)


def read(name, data, **options):
    """The records of some bytes, each as it must be."""
    with patch.object(_streams, "guarded", partial(guarded, _streams.guarded)):
        options = Options(max_size=1, **options)
        found = list(_streams.guarded(_streams.read_stream(io.BytesIO(data), name, options), name))
    options.sum_up()
    for record in found:
        assert isinstance(record.text, str)
        assert not (record.error and record.text), record
        assert record.error is None or record.error.strip(), record
        assert list(record.pages) == sorted(record.pages), record
        assert all(0 <= at <= len(record.text) for at in record.pages), record
        if record.encoding:
            check_encoding(record.encoding)
    out = io.StringIO()
    _spool.write_rows([(record, None) for record in found], out)
    again = [record for record, _ in _spool.read_rows(io.StringIO(out.getvalue()), (), ())]
    assert [(r.text, r.error, r.pages) for r in again] == [(r.text, r.error, r.pages) for r in found]
    return [record for record in found if not record.error]


def read_rows(*names):
    """A target that reads rows, and again in small pieces."""

    def target(data):
        sound = []
        for name in names:
            sound += read(name, data)
            found = read(name, data, encoding="utf-8")
            with patch.object(_streams, "_SAMPLE", 16):
                assert repr(read(name, data, encoding="utf-8")) == repr(found)
        return sound

    return target


def encodings(data):
    """The first byte says what the document says of itself, and whether there is more of it."""
    first, data = data[:1] or b"\0", data[1:]
    hint = HINTS[first[0] // 2 % len(HINTS)]
    try:
        found, _ = guess_encoding(data, bool(first[0] % 2), [hint] if hint else [])
    except TrackclfError:
        found = "utf-8"
    check_encoding(found)
    data.decode(found, "replace")
    return [read(name, data, encoding=encoding) for encoding in (None, found) for name in ("a.csv", "a.txt")][-1]


# Taxonomies


def taxonomy(data):
    """Refused with its faults, or it tags as the oracle says and stays itself through CSV."""
    with folder_of(data) as folder:
        try:
            found = check(folder)
            made = load_taxonomy(folder)
        except TrackclfError:
            return False
        assert all("order" in fault for fault in found), found
        for path in [path for path in folder.glob("*/*.toml") if path.is_file()]:
            with suppress(ValueError, KeyError):  # as --fix does: a line holds more than one term
                sort_terms(path)
        assert load_taxonomy(folder).labels == made.labels
        said = folder / "text.txt"
        if sum(len(entry.terms) for entry in made.entries) < 200:
            with patch.object(_short, "_FIRST", 0):
                agrees(
                    Tagger(made, weights=None),
                    said.read_bytes().decode("utf-8", "surrogateescape")[:60] if said.is_file() else TEXT,
                )
        content = _exchange.read_folder(folder)
        again = _exchange.complete(_spreadsheet.from_csv(_spreadsheet.to_csv(content).encode(), "a.csv"), "a.csv")
        _exchange.write_folder(again, folder.parent / "again")
        assert load_taxonomy(folder.parent / "again").digest == load_taxonomy(folder).digest
        return True


def imported(reader):
    """A target that imports a taxonomy from one file."""

    def target(data):
        with tempfile.TemporaryDirectory() as place, patch.object(_exchange, "read_folder", shipped):
            try:
                _exchange.write_folder(_exchange.complete(reader(data, "a.file"), "a.file"), Path(place, "made"))
            except TrackclfError:
                assert not list(Path(place).iterdir())
                return False
            assert not check(Path(place, "made"))
            return True

    return target


shipped = cache(_exchange.read_folder)


# Models and results


def model(data):
    """A manifest and an archive, signed whatever they hold."""
    parts = dict(members(data) or ())
    if len(parts) != 2 or "manifest.json" not in parts:
        return False
    with tempfile.TemporaryDirectory() as place:
        folder, kind = Path(place, "model"), "tagger"
        try:
            manifest = json.loads(parts.pop("manifest.json"))
            kind = manifest["kind"]
            sign(folder, manifest, next(iter(parts.values())))
        except (ValueError, TypeError, KeyError, RecursionError):
            folder.mkdir(exist_ok=True)
            (folder / "manifest.json").write_bytes(dict(members(data))["manifest.json"])
        try:
            return bool(use(folder, "classifier" if kind == "classifier" else "tagger"))
        except ModelError as error:
            assert str(folder) in str(error)
            return False


def resumed(data):
    """It goes on, or says why not."""
    with folder_of(data) as folder:
        folder.mkdir(exist_ok=True)
        try:
            long_run(folder, (folder / "spooled.txt").exists(), True)
        except TrackclfError:
            return False
        return not list(folder.glob("*.part")) + list(folder.glob("*.journal"))


def labelled(data):
    """Labels that people gave, as they are measured on and learned from."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "labelled.jsonl.gz" if data.startswith(b"\x1f\x8b") else "labelled.jsonl")
        path.write_bytes(data)
        try:
            found = list(_labelled.read_labelled(path))
            report = _evaluation.evaluate(small_tagger(), found, "by", resamples=2)
            learned = labelled_rows([path], Path(place))
        except TrackclfError:
            return False
        assert len(learned) <= len(found)
        json.dumps(report)
        _evaluation_page.table(report)
        return _evaluation_page.page(report) != ""


# Texts


def tagged(data):
    """Both ways and the oracle agree, and evidence stands where it says."""
    text = data.decode("utf-8", "surrogateescape")
    with patch.object(_short, "_FIRST", 0):
        return placed(agrees(small_tagger(), text), text)


def tagged_as_shipped(data):
    """Both ways agree on the shipped taxonomy and model."""
    text, tagger = data.decode("utf-8", "surrogateescape"), shipped_tagger()
    with patch.object(_short, "_FIRST", 0):
        alone, beside = tagger.tag(text), next(tagger.tag_many([text, "的" * (_short._SHORT + 1)]))
        assert alone == beside
        assert np.array_equal(tagger.scores([text]), tagger.scores([text, "的" * (_short._SHORT + 1)])[:1])
        for segment in tagger.tag(text, "sentence").segments:
            assert 0 <= segment.start <= segment.end <= len(text)
    return json.dumps(alone.to_dict()) and placed(alone, text)


shipped_tagger = cache(Tagger)


def placed(result, text):
    """Evidence is the text at its place."""
    for tag in result.tags:
        assert 0 <= tag.probability <= 1
        for item in tag.evidence:
            assert item.text == text[item.start : item.end] != "", item
    return True


TARGETS = {
    "encoding": Target(encodings, lambda: [bytes([n]) + t for n, t in enumerate(seeds.texts())], 4000),
    "lines": Target(read_rows("a.jsonl"), lambda: [seeds.rows(), *seeds.sample(".jsonl")], 8000),
    "table": Target(
        read_rows("a.csv", "a.tsv"),
        lambda: [seeds.formats.table([TEXT]).encode(), b'a\ttext\n"1\t2', *seeds.sample(".csv")],
        8000,
    ),
    "html": Target(
        partial(read, "a.html"), lambda: [seeds.formats.html(TEXT).encode(), *seeds.sample(".html")], 8000, seeds.tags
    ),
    "docx": Target(partial(read, "a.docx"), lambda: [seeds.formats.word(TEXT, "二", title="题")], words=seeds.tags),
    "xlsx": Target(partial(read, "a.xlsx"), seeds.workbooks, words=seeds.tags),
    "pdf": Target(partial(read, "a.pdf"), seeds.pdfs),
    "parquet": Target(partial(read, "a.parquet"), lambda: list(seeds.parquets())),
    "archive": Target(
        lambda data: read("a.jsonl.gz" if data.startswith(b"\x1f") else "a.zip", data), seeds.archives, words=seeds.tags
    ),
    "taxonomy": Target(taxonomy, seeds.folders, words=seeds.toml),
    "taxonomy-csv": Target(imported(_spreadsheet.from_csv), seeds.exported("csv"), words=seeds.toml),
    "turtle": Target(imported(partial(from_skos, to="turtle")), seeds.exported("turtle")),
    "jsonld": Target(imported(partial(from_skos, to="jsonld")), seeds.exported("jsonld")),
    "model": Target(model, seeds.folder_bytes),
    "resume": Target(resumed, lambda: list(seeds.interrupted())),
    "labelled": Target(labelled, seeds.labels, 8000),
    "tagger": Target(
        tagged, lambda: [text.encode("utf-8", "surrogateescape") for text in [*TEXTS, TEXT]], 300, lambda: PIECES
    ),
    "shipped": Target(
        tagged_as_shipped, lambda: [TEXT.encode()], 900, lambda: shipped_tagger()._resolver.lexicon.strings[::20]
    ),
}
