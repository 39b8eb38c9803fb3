"""Which tracks are active, and the candidates that may stand in for a provisional one."""

import json
import pickle
import shutil

import numpy as np
import pytest
from conftest import ROOT, TOP, label_file

from trackclf import Tagger, TaxonomyError, load_taxonomy
from trackclf._evaluation import evaluate
from trackclf._labelled import read_rows
from trackclf._taxonomy import check
from trackclf._taxonomy_files import KINDS, parse
from trackclf.cli import main

CANDIDATES = ["connected-ev", "cell-gene-therapy", "medical-equipment", "metaverse", "new-display"]
FIXTURES = ROOT / "fixtures" / "candidates.jsonl"
DEMO = (ROOT / "fixtures" / "demo.txt").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def candidates():
    return Tagger(tracks=CANDIDATES)


@pytest.fixture(scope="module")
def every():
    return Tagger(tracks="all")


def tracks_of(taxonomy):
    return [label.id for label in taxonomy.labels if label.kind == "track"]


def test_candidates_wait(tagger, every):
    standard = [label.id for label in tagger.labels]
    assert not set(CANDIDATES) & set(standard)
    assert [label.id for label in every.labels] == standard[:15] + CANDIDATES + standard[15:]
    assert {label.status for label in every.labels if label.id in CANDIDATES} == {"candidate"}


def test_candidates_are_complete():
    for entry in load_taxonomy(tracks=CANDIDATES).entries:
        assert sum(term.kind != "not" for term in entry.terms) >= 300
        assert {term.kind for term in entry.terms} == set(KINDS), entry.label.id
        assert entry.present
        assert entry.absent


def test_one_line_puts_a_candidate_in_the_place_of_a_provisional_track(tmp_path):
    folder = tmp_path / "taxonomy"
    shutil.copytree(ROOT / "taxonomy", folder)
    top = folder / "taxonomy.toml"
    before = top.read_text(encoding="utf-8")
    after = before.replace('"frontier-materials",', '"metaverse",')
    assert sum(a != b for a, b in zip(before.split("\n"), after.split("\n"), strict=True)) == 1
    top.write_text(after, encoding="utf-8")
    assert check(folder) == []
    taxonomy = load_taxonomy(folder)
    assert tracks_of(taxonomy) == [*tracks_of(load_taxonomy())[:-1], "metaverse"]
    result = Tagger(taxonomy).tag("工业元宇宙与石墨烯两个产业园同日开工。")
    assert [(tag.id, tag.status) for tag in result.tracks] == [("metaverse", "candidate")]


def test_chosen_tracks_stand_in_the_order_asked_for_and_modes_stay():
    taxonomy = load_taxonomy(tracks=["metaverse", "bci", "metaverse"])
    assert [label.id for label in taxonomy.labels] == ["metaverse", "bci", "create", "renew", "improve"]
    assert taxonomy.digest != load_taxonomy().digest == load_taxonomy(tracks=tracks_of(load_taxonomy())).digest


def test_a_track_scores_the_same_whatever_else_is_active(every, candidates):
    """Terms that another track's file lends it come along."""
    texts = [DEMO, "EDA 工具与智能座舱芯片。", *(row["text"] for row in read_rows(FIXTURES))]
    whole = every.scores(texts)
    for chosen, some in ((CANDIDATES, candidates), (["core-software"], Tagger(tracks=["core-software"]))):
        columns = [[label.id for label in every.labels].index(id) for id in chosen]
        assert np.array_equal(some.scores(texts)[:, : len(chosen)], whole[:, columns])


def test_a_tagger_with_chosen_tracks_can_be_pickled(candidates):
    again = pickle.loads(pickle.dumps(candidates))  # noqa: S301
    assert again.labels == candidates.labels
    assert again.stamp == candidates.stamp
    assert again.taxonomy.digest == candidates.stamp["taxonomy"]


def test_unknown_tracks_are_refused_with_the_known_ones(capsys):
    with pytest.raises(TaxonomyError, match=r"no track 'metavers'.*quantum.*metaverse"):
        Tagger(tracks=["metavers"])
    with pytest.raises(TaxonomyError, match="no track 'create'"):
        load_taxonomy(tracks=["create"])
    with pytest.raises(TaxonomyError, match="no track is chosen"):
        load_taxonomy(tracks=[])
    with pytest.raises(TypeError, match=r"tracks=\['bci'\]"):
        Tagger(tracks="bci")
    with pytest.raises(ValueError, match="load_taxonomy"):
        Tagger(load_taxonomy(), tracks=["bci"])
    assert main(["tag", "--tracks", "bci,metavers", "--text", "元宇宙"]) == 2
    assert "metaverse" in capsys.readouterr().err
    assert main(["tag", "--tracks", ",", "--text", "元宇宙"]) == 2


@pytest.mark.parametrize(("active", "reason"), [('["a", "z"]', '"z", which is no'), ('["a", "a"]', '"a" twice')])
def test_faults_of_the_active_list(make_taxonomy, active, reason):
    folder = make_taxonomy({"taxonomy.toml": f"active = {active}\n{TOP}"})
    assert any(fault.startswith("taxonomy.toml: active") and reason in fault for fault in check(folder))


def test_candidates_of_a_taxonomy_of_ones_own(make_taxonomy):
    spare = label_file("c", "track", 3, ['{ t = "芯片", k = "core" }'], status='"candidate"')  # repeats a term of b
    folder = make_taxonomy({"candidates/c.toml": spare})
    assert check(folder) == []
    assert tracks_of(load_taxonomy(folder)) == ["a", "b"]  # without a list, what lies in tracks/
    assert tracks_of(load_taxonomy(folder, tracks="all")) == ["a", "b", "c"]
    (folder / "taxonomy.toml").write_text(f'active = ["c", "a"]\n{TOP}', encoding="utf-8")
    assert tracks_of(load_taxonomy(folder)) == ["c", "a"]
    (folder / "candidates" / "d.toml").write_text("broken", encoding="utf-8")
    assert check(folder)
    files, broken = parse(folder, waiting=False)
    assert not broken  # not read, as it is not active
    assert "c.toml" in {path.name for path in files}


def test_command_line(capsys):
    text = "两家细胞治疗企业落户元宇宙产业园,配套建设量子计算中心。"
    assert main(["tag", "--to", "jsonl", "--tracks", "metaverse, quantum", "--text", text]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [tag["id"] for tag in record["tracks"]] == ["metaverse", "quantum"]
    assert main(["explain", "--tracks", "metaverse", "--text", text]) == 0
    out = capsys.readouterr().out
    assert "[元宇宙产业园]" in out
    assert "细胞治疗]" not in out
    assert "候选" in out


def test_show_knows_candidates(capsys):
    assert main(["taxonomy", "show", "metaverse"]) == 0
    assert "地位: 候选" in capsys.readouterr().out


def test_eval_measures_chosen_tracks_and_leaves_out_the_labels_of_others(capsys, tmp_path):
    path = tmp_path / "rows.jsonl"
    row = {"text": "元宇宙与量子计算。", "tracks": {"metaverse": 1, "quantum": 1}, "modes": {}, "pairs": []}
    path.write_text(json.dumps(row), encoding="utf-8")
    assert main(["eval", "--to", "json", "--tracks", "metaverse", str(path)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["labels"]["metaverse"]["tp"] == 1
    assert "quantum" not in report["labels"]


def test_fixtures_are_well_formed_and_enough(candidates):
    rows = list(read_rows(FIXTURES))
    about = dict.fromkeys(CANDIDATES, 0)
    for row in rows:
        assert set(row["tracks"]) <= set(CANDIDATES)
        assert {text in row["text"] for texts in row["evidence"].values() for text in texts} <= {True}, row["id"]
        about[row["id"].rsplit("-", 1)[0]] += 1
    assert min(about.values()) >= 25
    assert len({row["id"] for row in rows}) == len(rows)
    report = evaluate(candidates, rows, resamples=0)
    assert report["kinds"]["track"]["macro_f1"] > 0.9
