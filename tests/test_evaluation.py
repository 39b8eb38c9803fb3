import gzip
import json

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from trackclf import InputError, Tagger
from trackclf._evaluation import counts, evaluate, f1
from trackclf._evaluation_page import page, table
from trackclf._training import labelled_rows
from trackclf.cli import main

ROWS = [
    {"id": 1, "text": "本市前瞻布局脑机接口产业。", "tracks": {"bci": 2}, "modes": {"create": 1}, "genre": "policy",
     "evidence": {"bci": ["脑机接口"], "create": ["前瞻布局"]}, "pairs": [["bci", "create"]]},
    {"id": 2, "text": "今天下了一场小雨。<b>", "tracks": {"quantum": 1}, "modes": {}, "genre": "social"},
    {"id": 3, "text": "量子计算与芯片。", "tracks": {"quantum": 1, "ic": "?"}, "modes": {}, "genre": "wire"},
    {"id": 4, "text": "脑机接口概念股走强。", "tracks": {}, "modes": {}, "genre": "wire"},
]  # fmt: skip


def test_figures(tagger):
    report = evaluate(tagger, ROWS, by="genre", resamples=50)
    quantum, bci = report["labels"]["quantum"], report["labels"]["bci"]
    assert (quantum["tp"], quantum["fp"], quantum["fn"]) == (1, 0, 1)
    assert (bci["tp"], bci["fp"], bci["fn"]) == (1, 1, 0)
    assert report["labels"]["ic"]["fp"] == 0  # not scored
    micro = report["kinds"]["track"]["micro"]
    assert micro["f1"] == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    low, high = micro["f1_interval"]
    assert 0 <= low <= micro["f1"] <= high <= 1
    assert set(report["by"]["values"]) == {"policy", "social", "wire"}
    assert report["pairs"]["tp"] == 1
    assert report["spans"]["touching"] == 1
    assert {(item["id"], item["mistake"]) for item in report["worst"] if item["label"] in ("bci", "quantum")} == {
        (2, "missed"),
        (4, "wrong"),
    }
    json.dumps(report)


def test_the_same_seed_gives_the_same_intervals(tagger):
    assert evaluate(tagger, ROWS, resamples=20) == evaluate(tagger, ROWS, resamples=20)


@given(st.data())
def test_f1_is_the_textbooks(data):
    size = data.draw(st.integers(1, 30))
    got = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)))[:, None]
    truth = np.array(data.draw(st.lists(st.sampled_from([-1, 0, 1]), min_size=size, max_size=size)), np.int8)[:, None]
    tp = sum(g and t == 1 for g, t in zip(got[:, 0], truth[:, 0], strict=True))
    fp = sum(g and t == 0 for g, t in zip(got[:, 0], truth[:, 0], strict=True))
    fn = sum(not g and t == 1 for g, t in zip(got[:, 0], truth[:, 0], strict=True))
    tally = counts(got, truth)
    assert tally[:, 0].tolist() == [tp, fp, fn]
    assert f1(tally)[0] == pytest.approx(2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 1.0)


def test_table_and_page(tagger):
    report = evaluate(tagger, ROWS, by="genre", resamples=20)
    assert "quantum" in table(report)
    html = page(report)
    assert "<b>" not in html
    assert "://" not in html
    assert html.count("<svg") == 3


def test_unknown_labels_and_missing_texts_are_named(tagger):
    with pytest.raises(InputError, match="no label 'quantums'"):
        evaluate(tagger, [{"text": "量子", "tracks": {"quantums": 1}}])
    with pytest.raises(InputError, match="row 1 has no text"):
        evaluate(tagger, [{"tracks": {}}])


def test_command(tmp_path, capsys):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row | {"split": "test"}) for row in ROWS), encoding="utf-8")
    assert main(["eval", str(path), "--by", "genre"]) == 0
    assert "micro precision" in capsys.readouterr().out
    assert main(["eval", str(path), "--to", "json", "--split", "test", "-o", str(tmp_path / "o.json")]) == 0
    assert json.loads((tmp_path / "o.json").read_text())["passages"] == 4
    assert main(["eval", str(path), "--split", "train"]) == 2
    assert "nothing to measure" in capsys.readouterr().err
    path.write_text("{", encoding="utf-8")
    assert main(["eval", str(path)]) == 2
    assert "not JSON" in capsys.readouterr().err


def fixtures(split):
    files = sorted((ROOT / "fixtures" / "labelled").glob("*.jsonl"))
    rows = [json.loads(line) for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if split in (None, row["split"])]


def test_fixtures_are_well_formed_and_enough():
    rows = fixtures(None)
    ids = {label.id for label in Tagger(weights=None).labels}
    assert len({row["id"] for row in rows}) == len(rows)
    present = dict.fromkeys(ids, 0)
    for row in rows:
        assert row["split"] in ("train", "test")
        labels = {**row["tracks"], **row["modes"]}
        assert set(labels) <= ids
        for id, level in labels.items():
            present[id] += level != "?"
        for id, texts in row["evidence"].items():
            assert id in labels
            assert all(text in row["text"] for text in texts), row["id"]
        assert all(track in row["tracks"] and mode in row["modes"] for track, mode in row["pairs"])
    modes = ("create", "renew", "improve")
    assert all(count >= (60 if id in modes else 40) for id, count in present.items()), present
    assert sum(not row["tracks"] and not row["modes"] for row in rows) >= 300
    assert abs(len(fixtures("train")) - len(fixtures("test"))) <= 0.02 * len(rows)
    assert len({row["genre"] for row in rows}) == 10


def test_own_public_test_holds(tagger):
    """A floor under the figures that docs/model-card.md reports, so that no change lowers them unseen."""
    report = evaluate(tagger, fixtures("test"), resamples=0)
    assert report["kinds"]["track"]["micro"]["f1"] > 0.93
    assert report["kinds"]["mode"]["micro"]["f1"] > 0.6
    assert report["spans"]["touching"] > 0.95


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": 1}, "1: text must be a string"),
        ({"tracks": ["quantum"]}, "row 1: tracks must go from label id to level"),
        ({"modes": {"create": [1]}}, "row 1: modes must go from label id to level"),
        ({"evidence": {"quantum": "量子"}}, "row 1: evidence must go from label id to strings"),
        ({"pairs": [["quantum", 1]]}, "row 1: pairs must hold couples of label ids"),
    ],
)
def test_labels_of_a_wrong_type_are_refused(tmp_path, capsys, row, message):
    path = tmp_path / "labelled.jsonl"
    path.write_text(json.dumps({"text": "量子计算"} | row), encoding="utf-8")
    assert main(["eval", str(path)]) == 2
    assert message in capsys.readouterr().err
    with pytest.raises(InputError, match=message):
        labelled_rows([path], tmp_path)


def test_damaged_labelled_files_are_refused(tmp_path, capsys):
    whole = gzip.compress(b'{"text": "' + bytes(range(48, 58)) * 50 + b'"}\n')
    for name, data in (("a.jsonl.gz", whole[:-9]), ("b.jsonl.gz", b"{}"), ("c.jsonl.gz", whole[:12] + b"\xff" * 30)):
        (tmp_path / name).write_bytes(data)
        assert main(["eval", str(tmp_path / name)]) == 2
        assert f"{name} is incomplete or damaged" in capsys.readouterr().err
    (tmp_path / "deep.jsonl").write_text("[" * 100_000, encoding="utf-8")
    assert main(["eval", str(tmp_path / "deep.jsonl")]) == 2
    (tmp_path / "place.jsonl").write_text('{"start": 1, "tracks": {}}', encoding="utf-8")
    with pytest.raises(InputError, match="neither a text nor a place"):
        labelled_rows([tmp_path / "place.jsonl"], tmp_path)
