"""Taxonomies of one's own: kinds, parents, and what extends another."""

import json
import os
import pickle

import numpy as np
import pytest
from conftest import CLASSES, MODE, REGIONAL, TOP, TRACK, label_file
from hypothesis import given
from hypothesis import strategies as st
from strategies import share, texts
from test_oracle import agrees

from trackclf import Tagger, TaxonomyError, _compiled, load_taxonomy
from trackclf._taxonomy import check
from trackclf.cli import main

pytestmark = pytest.mark.usefixtures("short_at_once")
KINDS = """
pairs = [["field", "mode"], ["track", "field"]]
[kinds.field]
folder = "fields"
name = "领域"
name_en = "Field"
[kinds.track]
folder = "tracks"
name = "赛道"
name_en = "Track"
[kinds.mode]
folder = "modes"
name = "模式"
name_en = "Mode"
"""
PRIOR = TOP.replace('version = "t"\ndate = 2026-01-01\n', 'version = "t"\ndate = 2026-01-01\n' + KINDS) + (
    "[prior.field]\nbias = -3.0\ncore = 4.0\nstrong = 3.0\nentity = 3.5\nweak = 0.5\nthreshold = 0.0\n"
    "about = inf\nslope = 1.0\n"
)
TOP_LABEL = ['{ t = "计算", k = "core" }', '{ t = "产业链", k = "strong" }', '{ t = "量子公司", k = "not" }']
DEEP = ['{ t = "电脑机", k = "core", also = ["top"] }', '{ t = "升级…量子", k = "strong", also = ["b"] }']
HIERARCHY = {
    "taxonomy.toml": PRIOR,
    "classes.toml": CLASSES,
    "regional.toml": REGIONAL,
    "fields/x.toml": label_file("x", "field", 1, ['{ t = "加快…产品", k = "core" }', '{ t = "培育", k = "weak" }']),
    "fields/y.toml": label_file("y", "field", 2, ['{ t = "产品", k = "core" }'], parent='"x"'),
    "tracks/top.toml": label_file("top", "track", 1, TOP_LABEL),
    "tracks/a.toml": label_file("a", "track", 2, TRACK, parent='"top"'),
    "tracks/b.toml": label_file(
        "b", "track", 3, ['{ t = "芯片", k = "core" }', '{ t = "算芯片", k = "strong" }'], parent='"a"'
    ),
    "tracks/c.toml": label_file("c", "track", 4, DEEP, parent='"top"'),
    "modes/m.toml": label_file("m", "mode", 1, MODE),
    "modes/n.toml": label_file("n", "mode", 2, ['{ t = "{field}…升级", k = "core" }'], parent='"m"'),
}


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def deep(tmp_path_factory):
    folder = write(tmp_path_factory.mktemp("deep"), HIERARCHY)
    assert check(folder) == []
    return Tagger.from_taxonomy(folder)


@share(3)
@given(texts)
def test_hierarchy_agrees_with_the_oracle(deep, text):
    result = agrees(deep, text)
    bias = dict(zip([label.id for label in deep.labels], deep._model.bias.tolist(), strict=True))
    for tag in result.tags:
        assert bias[tag.id] + sum(item.contribution for item in tag.evidence) == pytest.approx(tag.score, abs=1e-6)


@share(4)
@given(st.lists(texts, max_size=4))
def test_many_labels_take_no_dense_arrays_and_nothing_changes(deep, items):
    from trackclf import _scoring

    expected = [result.to_dict() for result in deep.tag_many(items)], deep.scores(items).tolist()
    before, _scoring._DENSE = _scoring._DENSE, 0
    try:
        assert ([result.to_dict() for result in deep.tag_many(items)], deep.scores(items).tolist()) == expected
    finally:
        _scoring._DENSE = before


def test_evidence_rolls_up_and_says_from_where(deep):
    result = deep.tag("芯片")
    assert [(tag.id, tag.inherited) for tag in result.tags] == [("top", True), ("a", True), ("b", False)]
    top, a, b = result.tags
    assert [(item.text, item.kind, item.inherited) for item in top.evidence] == [("芯片", "core", "b")]
    assert a.evidence[0].inherited == "b"
    assert b.evidence[0].inherited == ""
    record = result.to_dict()
    assert list(record) == ["id", "fields", "tracks", "modes", "pairs", "abstained", "stamp"]
    assert record["tracks"][0]["inherited"] is True
    assert record["tracks"][0]["evidence"][0]["inherited"] == "b"
    assert "inherited" not in json.dumps(record["tracks"][2])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("量子计算", {"top": ["量子计算"], "a": ["量子计算"]}),  # 计算 of the parent lies inside
        ("量子公司", {"a": ["量子"]}),  # the parent's own `not`
        ("大量子公司", {}),
        ("芯片的计算", {"top": ["芯片", "计算"], "a": ["芯片"], "b": ["芯片"]}),
        ("6G内存", {}),  # what a child cancels does not reach its parent
    ],
)
def test_inside_a_parent_no_word_counts_twice(deep, text, found):
    assert {tag.id: [item.text for item in tag.terms] for tag in deep.tag(text).tracks} == found


def test_what_is_denied_below_is_denied_above(deep):
    result = deep.tag("公司暂无芯片业务")
    assert result.abstained == "denied_only"


def test_what_is_denied_below_one_label_may_stand_below_another(deep):
    # A question that an answer denies: 量子ai is a term of two labels, of which only one is denied elsewhere.
    result = agrees(deep, "量子ai?不涉及业")
    assert [tag.id for tag in result.tags] == ["top", "b"]


def test_kinds_and_pairs_are_what_the_taxonomy_declares(deep):
    assert [kind.id for kind in deep.kinds] == ["field", "track", "mode"]
    assert [label.id for label in deep.labels] == ["x", "y", "top", "a", "b", "c", "m", "n"]
    result = deep.tag("产品升级，芯片")
    assert [tag.id for tag in result.of("field")] == ["x", "y"]
    assert {(pair.track, pair.mode) for pair in result.pairs} == {
        (one, two) for one, two in [*((a, b) for a in ("x", "y") for b in ("m", "n"))]
    } | {(track, field) for track in ("top", "a", "b") for field in ("x", "y")}
    assert np.array(result.pair_matrix("field", "mode")).shape == (2, 2)
    assert result.tracks == result.of("track")


def test_own_kinds_on_the_command_line(deep, tmp_path, capsys):
    folder = str(deep._arguments[0])
    assert main(["tag", "--taxonomy", folder, "--to", "jsonl", "--text", "产品与芯片"]) == 0
    assert [tag["id"] for tag in json.loads(capsys.readouterr().out)["fields"]] == ["x", "y"]
    assert main(["tag", "--taxonomy", folder, "--to", "csv", "--text", "产品与芯片"]) == 0
    head = capsys.readouterr().out.splitlines()[0]
    assert head.startswith("id,fields,field_names,tracks,track_names,levels,modes,mode_names,pairs")
    assert main(["explain", "--taxonomy", folder, "--text", "芯片", "--lang", "en"]) == 0
    assert "(from 标签)" in capsys.readouterr().out.replace("(from Label)", "(from 标签)")
    assert main(["taxonomy", "show", "--taxonomy", folder]) == 0
    assert "领域" in capsys.readouterr().out
    rows = [{"text": "芯片", "tracks": {"b": 1}}, {"text": "产品", "fields": {"y": 1}}, {"text": "天气", "tracks": {}}]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert main(["eval", "--taxonomy", folder, "--to", "json", str(path)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["kinds"]["field"]["micro"]["f1"] == report["kinds"]["track"]["micro"]["f1"] == 1
    for command in (["tag", "--text", "x"], ["explain", "--text", "x"], ["eval", str(path)]):
        assert main([*command, "--taxonomy", str(tmp_path / "none")]) == 2
        assert "is no taxonomy: it has no taxonomy.toml" in capsys.readouterr().err
    train = ["train", "--corpora", str(tmp_path), "--labelled", str(path), "-o", str(tmp_path / "m")]
    assert main([*train, "--taxonomy", str(tmp_path / "none")]) == 2
    assert main([*train, "--taxonomy", folder, "--context", "period"]) == 2
    assert "no such kind of label; the taxonomy has field, track, mode" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        ("tracks/b.toml", 'parent = "a"', 'parent = "z"', "tracks/b.toml: parent 'z' is no label's id"),
        ("tracks/b.toml", 'parent = "a"', 'parent = "topp"', "parent 'topp' is no label's id; did you mean 'top'?"),
        ("tracks/b.toml", 'parent = "a"', 'parent = "x"', "parent 'x' is a field; it must be a track too"),
        ("tracks/top.toml", 'status = "named"', 'status = "retired"', "parent 'top' is retired"),
        ("tracks/top.toml", 'name = "标签"', 'name = "标签"\nparent = "b"', "parent leads in a circle: "),
        ("tracks/top.toml", 'name = "标签"', 'name = "标签"\nparent = "top"', "parent leads in a circle: top > top"),
        ("tracks/b.toml", 'parent = "a"', 'remove = ["芯片"]', "which is no term of this label in the taxonomy"),
        ("taxonomy.toml", 'folder = "fields"', 'folder = "pairs"', "folder 'pairs' is a name that records use"),
        ("taxonomy.toml", 'folder = "fields"', 'folder = "../x"', "no plain name"),
        ("taxonomy.toml", 'folder = "fields"', 'folder = "tracks"', "shares the folder 'tracks'"),
        ("taxonomy.toml", 'name = "领域"', "", "needs three strings: folder, name and name_en"),
        ("taxonomy.toml", "kinds.field", "kinds.industry", "[industry] is called like a kind"),
        ("taxonomy.toml", '["track", "field"]', '["track", "track"]', "each is two of the kinds: field, track, mode"),
        ("taxonomy.toml", 'kinds = ["track"]', 'kinds = ["tracks"]', "[denial] kinds names 'tracks'"),
        ("taxonomy.toml", "[prior.field]", "[prior.other]", "[prior.field] is missing"),
        ("taxonomy.toml", 'version = "t"', 'version = "t"\nextends = "../nowhere"', "which is no taxonomy"),
        ("taxonomy.toml", 'version = "t"', 'version = "t"\nextends = "."', "leads in a circle"),
    ],
)
def test_faults_of_kinds_and_parents(tmp_path, file, old, new, reason):
    assert old in HIERARCHY[file]
    folder = write(tmp_path, HIERARCHY | {file: HIERARCHY[file].replace(old, new, 1)})
    with pytest.raises(TaxonomyError) as error:
        load_taxonomy(folder)
    assert any(reason in fault for fault in (*error.value.faults, str(error.value))), error.value.faults


OWN = 'schema = 1\nversion = "own"\ndate = 2026-02-01\nextends = "{}"\n'


@pytest.fixture
def extended(make_taxonomy, tmp_path):
    """Writes a taxonomy that extends the small one."""
    base = make_taxonomy()

    def make(files):
        return write(tmp_path / "own", {"taxonomy.toml": OWN.format("../taxonomy")} | files)

    make.base = base
    return make


def test_one_more_term_one_less_one_more_label(extended):
    folder = extended(
        {
            "classes.toml": '[industry]\nterms = ["工业"]\n',
            "regional.toml": '[words]\n"软件" = "软体"\n',
            "tracks/a.toml": 'id = "a"\nremove = ["6G", "大量子公司"]\nterms = [\n  { t = "软件", k = "core" },\n'
            '  { t = "６Ｇ", k = "weak" },\n  { t = "量子基金", k = "not" },\n]\n',
            "tracks/new.toml": label_file("new", "track", 0, ['{ t = "新词", k = "core" }'], parent='"a"').replace(
                "order = 0\n", ""
            ),
        }
    )
    assert check(folder) == []
    base, own = load_taxonomy(extended.base), load_taxonomy(folder)
    assert base.digest != own.digest
    assert [label.id for label in own.labels] == ["a", "b", "new", "m"]
    assert own["a"].definition == base["a"].definition
    assert own.version == "own"
    tagger = Tagger.from_taxonomy(folder)
    assert [tag.id for tag in tagger.tag("软体").tags] == ["a"]
    assert [tag.id for tag in tagger.tag("新词").tags] == ["a", "new"]
    assert tagger.tag("6G").tags == tagger.tag("量子基金").tags == ()
    assert [tag.id for tag in tagger.tag("工业升级").modes] == ["m"]
    assert own.denial == base.denial


def test_extending_a_taxonomy_that_extends(extended, tmp_path):
    middle = extended({"tracks/a.toml": 'id = "a"\nname = "改名"\nterms = [{ t = "中词", k = "core" }]\n'})
    upper = write(
        tmp_path / "upper",
        {
            "taxonomy.toml": OWN.format(middle) + "[prior.track]\nbias = -1.0\n[denial]\nbefore = ['绝无']\n",
            "tracks/b.toml": 'id = "b"\nstatus = "retired"\n',
            "tracks/a.toml": 'id = "a"\nremove = ["中词", "量子ai"]\n',
        },
    )
    assert check(upper) == []
    taxonomy = load_taxonomy(upper)
    assert [label.name for label in taxonomy.labels] == ["改名", "标签"]
    assert taxonomy.prior["track"]["bias"] == -1
    assert taxonomy.prior["track"]["core"] == 4
    assert taxonomy.denial["before"][-1] == "绝无"
    assert Tagger(taxonomy).tag("中词").tags == ()
    (middle / "tracks/a.toml").write_text('id = "a"\nterms = [{ t = "中，词", k = "core" }]\n', encoding="utf-8")
    (fault,) = check(upper)
    assert fault.startswith(f"{upper / middle}: tracks/a.toml")
    assert "punctuation" in fault


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("tracks/a.toml", 'id = "a"\nterms = [\n  { t = "６g", k = "weak" },\n]\n', "equals one that is inherited"),
        ("tracks/a.toml", 'id = "a"\nterms = [\n  { t = "6G", k = "not" },\n]\n', "both positive and not"),
        ("tracks/a.toml", 'id = "a"\nterms = [\n  { t = "芯片", k = "core" },\n]\n', "stands in tracks/b.toml too"),
        ("tracks/a.toml", 'id = "a"\nremove = ["没有"]\n', "remove = \"没有\", which is no term of this label"),
        ("tracks/c.toml", 'id = "c"\nterms = []\n', "name is missing"),
        ("tracks/c.toml", label_file("c", "track", 1, []), "order 1 is used by tracks/a.toml of the taxonomy"),
        ("modes/a.toml", 'id = "a"\n', "kind must be 'track'"),
        ("taxonomy.toml", OWN.format("../taxonomy") + '[kinds.track]\nfolder = "t"\nname = "t"\nname_en = "t"\n',
         "[kinds.track] is inherited; its folder stays 'tracks'"),
    ],
)  # fmt: skip
def test_faults_across_both(extended, file, text, reason):
    found = check(extended({file: text}))
    assert any(reason in fault for fault in found), found


def test_a_parent_that_an_extension_retires(tmp_path):
    write(tmp_path / "deep", HIERARCHY)
    files = {"taxonomy.toml": OWN.format("../deep"), "tracks/a.toml": 'id = "a"\nstatus = "retired"\n'}
    (fault,) = check(write(tmp_path / "own", files))
    assert fault.startswith("tracks/a.toml: retired, but it is the parent of 'b'")
    write(tmp_path / "own", {"tracks/b.toml": 'id = "b"\nparent = "top"\n'})
    assert check(tmp_path / "own") == []
    assert load_taxonomy(tmp_path / "own").ancestors["b"] == ("top",)


def test_extending_the_shipped_taxonomy(tmp_path):
    folder = write(
        tmp_path / "own",
        {
            "taxonomy.toml": OWN.format("shipped"),
            "tracks/bci.toml": 'id = "bci"\nterms = [{ t = "神机接口", k = "core" }]\n',
            "tracks/new.toml": label_file("new", "track", 99, ['{ t = "智慧渔光", k = "core" }']),
        },
    )
    assert check(folder) == []
    shipped, own = Tagger(), Tagger.from_taxonomy(folder)
    texts = ["园区前瞻布局脑机接口，推动纺织业转型升级。", "首台量子计算机下线"]
    mine = [n for n, label in enumerate(own.labels) if label in shipped.labels]
    assert np.array_equal(own.scores(texts)[:, mine], shipped.scores(texts))  # the learned weights hold
    assert [tag.id for tag in own.tag("神机接口与智慧渔光").tags] == ["bci", "new"]


def test_the_cache_serves_own_folders(extended, tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKCLF_CACHE", str(tmp_path / "cache"))
    folder = extended({"tracks/a.toml": 'id = "a"\nterms = [{ t = "中词", k = "core" }]\n'})
    first = Tagger.from_taxonomy(folder)
    with monkeypatch.context() as patch:
        patch.setattr("trackclf._tagger.Lexicon", None)  # the second is not compiled again
        second = Tagger.from_taxonomy(folder)
        assert second.stamp == first.stamp
        assert second.tag("中词").to_dict() == first.tag("中词").to_dict()
    keys = {_compiled.key_of(None, folder), _compiled.key_of(None, extended.base), _compiled.key_of(None)}
    for path in (extended.base / "tracks/b.toml", folder / "tracks/a.toml", folder / "taxonomy.toml"):
        stat = path.stat()
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
        keys.add(_compiled.key_of(None, folder))
    assert len(keys) == 6
    assert _compiled.key_of(None, tmp_path / "none") is None
    (folder / "tracks/a.toml").write_text('id = "a"\nterms = [{ t = "新词", k = "core" }]\n', encoding="utf-8")
    assert [tag.id for tag in Tagger.from_taxonomy(folder).tag("新词").tags] == ["a"]
    with pytest.raises(TaxonomyError, match="has changed since this tagger was made"):
        _ = first.taxonomy


def test_a_tagger_of_a_folder_travels(extended, monkeypatch, tmp_path):
    folder = extended({})
    monkeypatch.chdir(folder.parent)
    blob = pickle.dumps(Tagger.from_taxonomy(folder.name, weights=None))
    monkeypatch.chdir(tmp_path.parent)
    other = pickle.loads(blob)  # noqa: S301
    assert [tag.id for tag in other.tag("芯片").tags] == ["b"]
    assert other.taxonomy.version == "own"


def test_training_an_own_taxonomy(deep, tmp_path, capsys):
    words = {"芯片": ("tracks", "b"), "产品": ("fields", "y"), "天算": ("tracks", "a"), "天气": None}
    rows = []
    for n in range(120):
        word = list(words)[n % len(words)]
        told = words[word]
        rows.append({"id": n, "text": f"第{n}条{word}。", told[0] if told else "tracks": {told[1]: 1} if told else {}})
    labelled, corpora = tmp_path / "labelled.jsonl", tmp_path / "corpora"
    corpora.mkdir()
    for path in (labelled, corpora / "a.jsonl"):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    folder, out = deep._arguments[0], tmp_path / "model"
    command = ["train", "--corpora", str(corpora), "--labelled", str(labelled), "--context", "--taxonomy", str(folder)]
    assert main([*command, "-o", str(out)]) == 0
    assert json.loads((out / "manifest.json").read_text())["labels"] == [label.id for label in deep.labels]
    tagger = Tagger.from_taxonomy(folder, weights=out)
    assert [tag.id for tag in tagger.tag("芯片").tracks] == ["top", "a", "b"]
    chances = tagger.probabilities(["芯片", "天气"])[:, [label.id for label in tagger.labels].index("b")]
    assert chances[0] > 0.5 > chances[1]


def test_which_labels_are_active_above(make_taxonomy, tmp_path):
    """What an extension adds is active beside what is active below, unless it says itself what is."""
    waits = label_file("c", "track", 3, ['{ t = "新词", k = "core" }'])
    make_taxonomy({"taxonomy.toml": f'active = ["b"]\n{TOP}', "candidates/c.toml": waits})
    new = {
        "tracks/new.toml": label_file("new", "track", 9, ['{ t = "智慧渔光", k = "core" }']),
        "candidates/late.toml": label_file("late", "track", 10, ['{ t = "智慧牧场", k = "core" }']),
    }
    own, top = tmp_path / "own", OWN.format("../taxonomy")
    write(own, new | {"taxonomy.toml": top})
    assert [label.id for label in load_taxonomy(own).labels] == ["b", "new", "m"]
    write(own, {"taxonomy.toml": 'active = ["late", "a"]\n' + top})
    assert [label.id for label in load_taxonomy(own).labels] == ["late", "a", "m"]


def test_words_of_both_regions_hold(extended):
    own = Tagger.from_taxonomy(extended({"regional.toml": '[words]\n"量子" = "量粒"\n"芯" = "蕊"\n'}))
    found = own.tag("量粒领域电脑，蕊片，晶片").tracks
    assert [[item.text for item in tag.terms] for tag in found] == [["量粒", "电脑"], ["蕊片"]]
