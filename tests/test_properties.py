"""What holds for any text, any taxonomy, any weights and any records. `make soak` tries many thousand of each."""

import copy
import io
import json
import os
import pickle
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from strategies import rows, share, some_weights, strings, taxonomies, texts
from test_exchange import FORMATS, read, write
from test_oracle import agrees
from test_store import same
from test_tagger import proves

import trackclf
from trackclf import Tagger, TaxonomyError, TrackClassifier, _short, load_taxonomy, normalise
from trackclf._characters import folds
from trackclf._exchange import read_folder, to_toml, write_folder
from trackclf._files import opened
from trackclf._records import Record
from trackclf._rows import as_text, without_surrogates
from trackclf._stress import _UNRELATED
from trackclf._weights import SPEC, load_weights
from trackclf._workbook import _UNFIT
from trackclf._writers import BINARY, writer_of

pytestmark = pytest.mark.usefixtures("short_at_once")
LONG = "的" * (_short._SHORT + 1)  # beside it nothing is short


@pytest.fixture(autouse=True)
def _strict():
    with np.errstate(all="raise"):
        yield


@pytest.fixture(params=["small", "tagger"])
def any_tagger(request):
    return request.getfixturevalue(request.param)


def both_ways(tagger, text):
    """What the short way and the arrays' way give."""
    result = tagger.tag(text)
    assert next(tagger.tag_many([text, LONG])) == result
    return result


def as_json(results):
    return [json.dumps(result.to_dict()) for result in results]


def sums(tagger, text, by="sentence"):
    """Label id to what counts, added up over the segments of a text."""
    total = Counter()
    for segment in tagger.tag(text, by).segments:
        assert 0 <= segment.start < segment.end <= len(text)
        total.update(segment.scores)
    return {id: score for id, score in total.items() if score}


@given(st.data())
def test_any_string_has_a_result_that_proves_itself_and_adds_up(any_tagger, data):
    text = data.draw(strings(any_tagger))
    result = both_ways(any_tagger, text)
    proves(result)
    assert json.loads(json.dumps(result.to_dict()))["abstained"] == result.abstained
    assert result.to_html(full=True).encode()
    assert repr(result).isprintable() or not text.isprintable()
    scores = dict(zip([label.id for label in any_tagger.labels], any_tagger.scores([text])[0], strict=True))
    bias = dict(zip(scores, any_tagger._model.bias.tolist(), strict=True))
    counted = sums(any_tagger, text)
    assert counted == sums(any_tagger, text, "paragraph")
    for id, units in counted.items():
        assert scores[id] == np.float32(bias[id] + units)
    for tag in result.tags:
        assert sum(item.contribution for item in tag.evidence) == counted[tag.id]
        assert tag.score == scores[tag.id]
        assert 0 <= tag.probability <= 1
        assert tag.evidence[0].start >= 0
        assert max(item.end for item in tag.evidence) <= len(text)


@given(st.data())
def test_a_text_is_the_sum_of_its_paragraphs(any_tagger, data):
    """A question apart, which an answer anywhere in a text may turn into a denial."""
    asking = {ord("?"), *(source for source, target in folds().items() if target == "?")}
    one, two = (data.draw(strings(any_tagger)).translate(dict.fromkeys(asking)) for _ in range(2))
    parts = Counter(sums(any_tagger, one))
    parts.update(sums(any_tagger, two))
    assert sums(any_tagger, f"{one}。\n\n{two}") == {id: score for id, score in parts.items() if score}


def tags_of(result, shift=0):
    def at(item):
        return None if item is None else (item.start - shift, item.end - shift, item.text)

    return [
        (tag.id, tag.score, tag.probability, [(at(e), *e[3:-1], at(e.trigger)) for e in tag.evidence])
        for tag in result.tags
    ]


@given(st.data())
def test_unrelated_text_takes_nothing_away(any_tagger, data):
    text, before, after = data.draw(strings(any_tagger)), *data.draw(st.tuples(*[st.sampled_from(_UNRELATED)] * 2))
    was = tags_of(any_tagger.tag(text))
    assert tags_of(both_ways(any_tagger, f"{text}。\n\n{after}")) == was
    assert tags_of(both_ways(any_tagger, f"{before}\n\n{text}"), len(before) + 2) == was


@given(st.data())
def test_a_normalised_text_has_the_same_tags(any_tagger, data):
    text = data.draw(strings(any_tagger))
    closed = normalise(text)
    assert normalise(closed) == closed

    def seen(result):
        tags = [(tag.id, tag.score, tag.probability, tag.level, tag.inherited) for tag in result.tags]
        evidence = [
            (normalise(e.text), *e[3:-1], e.trigger and normalise(e.trigger.text))
            for tag in result.tags
            for e in tag.evidence
        ]
        return (
            tags,
            evidence,
            [(pair.track, pair.mode, pair.score) for pair in result.pairs],
            result.abstained,
            result.nearest,
        )

    assert seen(both_ways(any_tagger, closed)) == seen(any_tagger.tag(text))
    assert np.array_equal(any_tagger.scores([closed]), any_tagger.scores([text]))


@share(2)
@given(st.data())
def test_batches_order_and_threads_do_not_matter(any_tagger, data):
    items = data.draw(st.lists(strings(any_tagger), max_size=6))
    scores = any_tagger.scores(items)
    assert scores.dtype == np.float32
    assert scores.shape == (len(items), len(any_tagger.labels))
    alone = [any_tagger.scores([item]) for item in items]
    assert np.array_equal(np.concatenate([*alone, scores[:0]]), scores)
    expected = as_json(map(any_tagger.tag, items))
    for some in (items, [*items, LONG]):
        assert as_json(any_tagger.tag_many(some))[: len(items)] == expected
    order = data.draw(st.permutations(range(len(items))))
    assert as_json(any_tagger.tag_many(items[n] for n in order)) == [expected[n] for n in order]
    with ThreadPoolExecutor(4) as threads:
        assert as_json(threads.map(any_tagger.tag, items)) == expected


RUN = """
import json, random, sys
from trackclf import Tagger, _parallel
from _strings import Strings

def run(count, jobs):
    tagger = Tagger()
    make = Strings(tagger)
    results = tagger.tag_many((make(random.Random(f"{n}")) for n in range(count)), jobs=jobs)
    return [json.dumps(result.to_dict()) for result in results]

if __name__ == "__main__":
    _parallel._WORTH = 0
    print(*run(int(sys.argv[1]), int(sys.argv[2])), sep="\\n")
"""


def test_processes_and_restarts_do_not_matter(tmp_path, tagger):
    count = 2 * settings.default.max_examples
    (tmp_path / "run.py").write_text(RUN, encoding="utf-8")
    here = {"__name__": "here"}
    exec(compile(RUN, "run.py", "exec"), here)  # noqa: S102  # the same program, in this process
    expected = here["run"](count, 1)
    env = os.environ | {"PYTHONPATH": str(ROOT / "benchmarks"), "PYTHONWARNINGS": "error"}
    caches = [tmp_path / "one", tmp_path / "two"]
    for jobs, cache in enumerate(caches, 1):
        command = [sys.executable, str(tmp_path / "run.py"), str(count), str(jobs)]
        more = {"PYTHONHASHSEED": str(jobs), "TRACKCLF_CACHE": str(cache)}
        done = subprocess.run(command, env=env | more, stdout=subprocess.PIPE, encoding="utf-8", check=True)
        assert done.stdout.splitlines() == expected
    one, two = ({path.name: path.read_bytes() for path in cache.iterdir()} for cache in caches)
    assert one == two


def written(format, found, tagger, path):
    """A file of results, and its records as `read` gives them."""
    with opened(path, "w+b" if format in BINARY else "w") as out:
        writer_of(format)(iter(found), out, "zh", tagger.stamp, tagger.kinds)
    return list(trackclf.read(path, text_field="文本" if format == "xlsx" else "text"))


@share(6)
@given(st.data())
def test_records_come_back_from_every_format(small, data):
    """As far as each can hold them: see docs/output.md."""
    items = data.draw(st.lists(rows(strings(small)), min_size=1, max_size=4))
    found = [(Record(item["id"], item["text"], item), small.tag(item["text"])) for item in items]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out"
        back = written("jsonl", found, small, path.with_suffix(".jsonl"))
        for (record, result), got in zip(found, back, strict=True):
            assert (got.id, got.text, got.error) == (record.id, record.text, None)
            assert got.fields.items() >= result.to_dict(record.id).items()
            assert [value for name, value in got.fields.items() if name not in result.to_dict()] == [
                value for name, value in record.fields.items() if name != "id"
            ]
        back = written("parquet", found, small, path.with_suffix(".parquet"))
        for (record, result), got in zip(found, back, strict=True):
            assert got.text == without_surrogates(record.text)
            assert as_text(got.id) == as_text(record.id)
            assert [tag["id"] for tag in got.fields["tracks"]] == [tag.id for tag in result.tracks]
        plain = [(replace(record, text=text, fields=record.fields | {"text": text}), small.tag(text))
                 for record, text in ((record, without_surrogates(record.text)) for record, _ in found)]  # fmt: skip
        back = written("csv", plain, small, path.with_suffix(".csv"))
        for (record, _), got in zip(plain, back, strict=True):
            assert (got.text, got.id) == (record.text, as_text(record.id))
        back = written("xlsx", found, small, path.with_suffix(".xlsx"))
        for (record, _), got in zip(found, back, strict=True):
            assert got.text == _UNFIT.sub("\ufffd", record.text).replace("\r", " ")


@share(8)
@given(st.data())
def test_saved_taggers_are_what_they_were(small, data):
    items = data.draw(st.lists(strings(small), max_size=4))
    weights = data.draw(st.none() | some_weights("abm", items))
    promise = data.draw(st.sampled_from([None, "precision>=0.5", "recall>=0.9"])) if weights else None
    made = Tagger(small.taxonomy, promise, weights)
    with tempfile.TemporaryDirectory() as folder:
        made.save(folder)
        loaded = Tagger.load(folder)
    same(made, loaded, items)
    for other in (pickle.loads(pickle.dumps(loaded)), copy.deepcopy(made)):  # noqa: S301
        assert as_json(other.tag_many(items)) == as_json(made.tag_many(items))
    if weights:
        with tempfile.TemporaryDirectory() as folder:
            weights.save(Path(folder))
            back = load_weights(Path(folder))
        assert back.manifest.items() >= weights.manifest.items()
        for name in SPEC:
            assert np.array_equal(getattr(back, name), getattr(weights, name))
            assert len(getattr(weights, name)) == 0 or getattr(back, name).dtype == getattr(weights, name).dtype


@share(10)
@given(st.data())
def test_saved_classifiers_are_what_they_were(small, data):
    items = data.draw(st.lists(texts, min_size=1, max_size=8))
    y = [data.draw(st.sets(st.sampled_from(["a", "new"]))) for _ in items]
    made = TrackClassifier(small.taxonomy, None, labels=["a", "new"], cv=2).fit(items, y)
    items = [data.draw(strings(small)) for _ in range(3)]
    with tempfile.TemporaryDirectory() as folder:
        made.save(folder)
        loaded = TrackClassifier.load(folder)
    assert np.array_equal(loaded.decision_function(items), made.decision_function(items))
    assert np.array_equal(loaded.predict_proba(items), made.predict_proba(items))
    assert np.array_equal(np.concatenate([made.predict_proba([item]) for item in items]), made.predict_proba(items))


@share(6)
@given(st.data())
def test_any_taxonomy_comes_back_from_every_format_and_agrees_with_the_oracle(data):
    content, words = data.draw(taxonomies())
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "first"
        try:
            write_folder(content, folder)
        except TaxonomyError:
            reject()
        taxonomy = load_taxonomy(folder)
        held = read_folder(folder)
        for to in FORMATS:
            write_folder(read(write(held, to), to), Path(place) / to)
            assert load_taxonomy(Path(place) / to) == taxonomy, to
        for path in folder.glob("*/*.toml"):
            label = tomllib.loads(path.read_text("utf-8"))
            assert tomllib.loads(to_toml(label)) == label
            assert label in held.labels
    made = Tagger(taxonomy, weights=None)
    pieces = st.sampled_from(
        [*words, "电脑", "晶", "的", "，", "。", "？", "《", "》", "\n\n", "片! 片. 片"]
    ) | st.text(max_size=3)
    for _ in range(4):
        proves(agrees(made, "".join(data.draw(st.lists(pieces, max_size=12)))))


def test_the_same_bytes_are_written_again(small, tmp_path):
    found = [
        (Record(n, text, {"id": n, "text": text}), small.tag(text)) for n, text in enumerate(["芯片升级", "", "6G"])
    ]
    for format in ("jsonl", "csv", "parquet", "table", "html"):
        once, again = (io.BytesIO() if format in BINARY else io.StringIO() for _ in range(2))
        for out in (once, again):
            writer_of(format)(iter(found), out, "zh", small.stamp, small.kinds)
        assert once.getvalue() == again.getvalue(), format


def test_soak_counts_differences(monkeypatch, capsys):
    import soak

    monkeypatch.setattr(sys, "argv", ["soak.py", "--seconds", "0.2"])
    assert soak.main() == 0
    assert ": 0 differences" in capsys.readouterr().out
    monkeypatch.setattr(soak, "agrees", lambda tagger, text: 1 / 0)
    assert soak.main() == 1
    assert "division by zero" in capsys.readouterr().out
